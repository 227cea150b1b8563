//! Pulls manifests and blobs.

use bytes::Bytes;
use reqwest::{StatusCode, header};
use serde::Deserialize;

use super::{
    Repository,
    http::{self, Length},
};
use crate::{
    Digest, PackError, Result,
    image::{Descriptor, IMAGE_INDEX, IMAGE_MANIFEST, MAX_MANIFEST},
};

/// An index of images.
#[derive(Deserialize)]
pub struct Index {
    pub manifests: Vec<Descriptor>,
}

impl Repository {
    /// The exact bytes of a manifest. `target`: a digest or a tag. An index with one image counts as that image.
    ///
    /// # Errors
    /// `PACK_NOT_FOUND`, `PACK_DIGEST` where the bytes have another digest, `REGISTRY_UNAVAILABLE`, `REGISTRY_DENIED`.
    pub async fn manifest(&self, target: &str) -> Result<Bytes> {
        let bytes = self.manifest_bytes(target).await?;
        match serde_json::from_slice::<Index>(&bytes).ok() {
            Some(Index { manifests }) => match manifests.as_slice() {
                [only] => self.manifest_bytes(&only.digest.to_string()).await,
                _ => Err(PackError::reference(format!(
                    "{} {target} is an index of {} images; name one of them by its digest",
                    self.place(),
                    manifests.len()
                ))),
            },
            None => Ok(bytes),
        }
    }

    async fn manifest_bytes(&self, target: &str) -> Result<Bytes> {
        match self.find_manifest(target).await? {
            Some(bytes) => Ok(bytes),
            None => Err(PackError::not_found(format!(
                "{} has no {target}; check the name and the tag",
                self.place()
            ))),
        }
    }

    /// As [`Self::manifest`], without following an index; absent where the registry has none.
    pub(super) async fn find_manifest(&self, target: &str) -> Result<Option<Bytes>> {
        let url = self.url(&format!("manifests/{target}"))?;
        let accept = format!("{IMAGE_MANIFEST}, {IMAGE_INDEX}");
        let response =
            self.request(|http| http.get(url.clone()).header(header::ACCEPT, &accept)).await?;
        let name = format!("{} {target}", self.place());
        match response.status() {
            StatusCode::NOT_FOUND => return Ok(None),
            status if !status.is_success() => {
                return Err(PackError::unavailable(format!(
                    "{name}: the registry answers {status}"
                )));
            }
            _ => {}
        }
        let bytes = http::read(response, &name, MAX_MANIFEST).await?;
        if let Ok(expected) = target.parse::<Digest>() {
            let found = Digest::from_content(&bytes);
            if found != expected {
                return Err(PackError::digest(format!(
                    "{name}: the registry sends bytes with the digest {found}"
                )));
            }
        }
        Ok(Some(bytes))
    }

    /// A blob.
    ///
    /// # Errors
    /// `PACK_DIGEST`: other bytes than the manifest names. `REGISTRY_UNAVAILABLE`, `REGISTRY_DENIED`.
    pub async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes> {
        let name = format!("{}, blob {}", self.place(), descriptor.digest);
        let url = self.url(&format!("blobs/{}", descriptor.digest))?;
        let bytes = http::download(&name, Length::Exactly(descriptor.size), async |from| {
            let range = (from > 0).then(|| format!("bytes={from}-"));
            let response = self
                .request(|http| match &range {
                    Some(range) => http.get(url.clone()).header(header::RANGE, range),
                    None => http.get(url.clone()),
                })
                .await?;
            match response.status() {
                StatusCode::NOT_FOUND => Err(PackError::not_found(format!(
                    "{name}: the registry does not have it; was it deleted?"
                ))),
                status if !status.is_success() => {
                    Err(PackError::unavailable(format!("{name}: the registry answers {status}")))
                }
                _ => Ok(response),
            }
        })
        .await?;
        let found = Digest::from_content(&bytes);
        if found != descriptor.digest {
            return Err(PackError::digest(format!(
                "{name}: the registry sends bytes with the digest {found}"
            )));
        }
        Ok(bytes)
    }
}
