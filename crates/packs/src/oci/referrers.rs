//! Signatures in a registry: beside what they sign by its digest, or by tags that name the digest.

use bytes::Bytes;
use reqwest::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::{Repository, http, pull::Index};
use crate::{
    Digest, Result,
    artifact::Signature,
    image::{Descriptor, IMAGE_INDEX, IMAGE_MANIFEST, ImageManifest, MAX_MANIFEST},
    signature_image::{self, BUNDLE},
};

/// More signatures than a pack has; the rest is not looked at.
const MAX_SIGNATURES: usize = 32;

/// The index of referrers of a registry without that API.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenIndex {
    schema_version: u32,
    media_type: String,
    manifests: Vec<Descriptor>,
}

impl Repository {
    /// The signatures of a manifest, of cosign 2 and 3.
    ///
    /// # Errors
    /// `REGISTRY_UNAVAILABLE`, `REGISTRY_DENIED`, and manifests of signatures that are not valid.
    pub async fn signatures(&self, digest: Digest) -> Result<Vec<Signature>> {
        let mut found = Vec::new();
        for descriptor in self.referrers(digest).await?.into_iter().take(MAX_SIGNATURES) {
            if let Some(bytes) = self.find_manifest(&descriptor.digest.to_string()).await? {
                self.read_signatures(&bytes, &mut found).await?;
            }
        }
        if let Some(bytes) = self.find_manifest(&format!("sha256-{}.sig", digest.hex())).await? {
            self.read_signatures(&bytes, &mut found).await?;
        }
        Ok(found)
    }

    async fn read_signatures(&self, manifest: &Bytes, found: &mut Vec<Signature>) -> Result<()> {
        let image = ImageManifest::parse(manifest)?;
        for layer in signature_image::layers(&image).take(MAX_SIGNATURES) {
            let bytes = self.blob(layer).await?;
            found.extend(signature_image::read(layer, bytes));
        }
        Ok(())
    }

    /// The manifests of bundles that refer to a manifest.
    async fn referrers(&self, digest: Digest) -> Result<Vec<Descriptor>> {
        let mut url = self.url(&format!("referrers/{digest}"))?;
        url.query_pairs_mut().append_pair("artifactType", BUNDLE);
        let response =
            self.request(|http| http.get(url.clone()).header(header::ACCEPT, IMAGE_INDEX)).await?;
        let bytes = match response.status() {
            StatusCode::OK => Some(http::read(response, &self.place(), MAX_MANIFEST).await?),
            _ => self.find_manifest(&fallback_tag(digest)).await?,
        };
        let index = bytes.and_then(|bytes| serde_json::from_slice::<Index>(&bytes).ok());
        let mut manifests = index.map(|index| index.manifests).unwrap_or_default();
        // A registry may leave the filter out; an absent type is looked at.
        manifests.retain(|one| one.artifact_type.is_empty() || one.artifact_type == BUNDLE);
        Ok(manifests)
    }

    /// Pushes the signatures of a manifest.
    ///
    /// # Errors
    /// `REGISTRY_UNAVAILABLE`, `REGISTRY_DENIED`.
    pub async fn push_signatures(
        &self,
        subject: &Descriptor,
        signatures: &[Signature],
    ) -> Result<()> {
        for signature in signatures {
            let written = signature_image::write(subject, signature);
            for (digest, bytes) in &written.blobs {
                self.push_blob(*digest, bytes).await?;
            }
            let target = written
                .tag
                .clone()
                .unwrap_or_else(|| Digest::from_content(&written.manifest).to_string());
            let response = self.push_manifest(&target, &written.manifest, IMAGE_MANIFEST).await?;
            if written.tag.is_none() && !response.headers().contains_key("oci-subject") {
                self.add_referrer(subject.digest, &written.manifest).await?;
            }
        }
        Ok(())
    }

    /// Adds a manifest to the index that stands for the API of referrers.
    async fn add_referrer(&self, subject: Digest, manifest: &Bytes) -> Result<()> {
        let tag = fallback_tag(subject);
        let before = self.find_manifest(&tag).await?;
        let before = before.and_then(|bytes| serde_json::from_slice::<WrittenIndex>(&bytes).ok());
        let mut manifests = before.map(|index| index.manifests).unwrap_or_default();
        let mut descriptor = Descriptor::new(IMAGE_MANIFEST, manifest);
        BUNDLE.clone_into(&mut descriptor.artifact_type);
        manifests.retain(|one| one.digest != descriptor.digest);
        manifests.push(descriptor);
        let index =
            WrittenIndex { schema_version: 2, media_type: IMAGE_INDEX.to_owned(), manifests };
        let bytes = serde_json::to_vec(&index).unwrap_or_default().into();
        self.push_manifest(&tag, &bytes, IMAGE_INDEX).await.map(drop)
    }
}

fn fallback_tag(digest: Digest) -> String {
    format!("sha256-{}", digest.hex())
}
