//! Pushes blobs and manifests.

use bytes::Bytes;
use reqwest::{Response, StatusCode, Url, header};

use super::{Repository, http};
use crate::{Artifact, Digest, PackError, Result, image::IMAGE_MANIFEST};

/// Larger blobs are uploaded in parts of this size, since proxies refuse large requests.
const PART: usize = 16 << 20;

impl Repository {
    /// Pushes an artifact: the blobs that the registry lacks, then the manifest, by its digest and under a tag.
    ///
    /// # Errors
    /// `REGISTRY_UNAVAILABLE`, `REGISTRY_DENIED`.
    pub async fn push(&self, artifact: &Artifact, tag: Option<&str>) -> Result<()> {
        for (digest, bytes) in &artifact.blobs {
            self.push_blob(*digest, bytes).await?;
        }
        let target = tag.map_or_else(|| artifact.digest().to_string(), str::to_owned);
        self.push_manifest(&target, &artifact.manifest, IMAGE_MANIFEST).await.map(drop)
    }

    pub(super) async fn push_manifest(
        &self,
        target: &str,
        bytes: &Bytes,
        media_type: &str,
    ) -> Result<Response> {
        let url = self.url(&format!("manifests/{target}"))?;
        let response = self
            .request(|http| {
                http.put(url.clone()).header(header::CONTENT_TYPE, media_type).body(bytes.clone())
            })
            .await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused("the manifest", response).await)
    }

    pub(super) async fn push_blob(&self, digest: Digest, bytes: &Bytes) -> Result<()> {
        let existing = self.url(&format!("blobs/{digest}"))?;
        if self.request(|http| http.head(existing.clone())).await?.status().is_success() {
            return Ok(());
        }
        let mut pauses = http::new_pauses();
        loop {
            // An upload that broke off is of unknown length: the next one starts anew.
            let error = match self.upload(digest, bytes).await {
                Err(error) if error.reason == "REGISTRY_UNAVAILABLE" => error,
                done => return done,
            };
            let Some(pause) = pauses.next() else { return Err(error) };
            tokio::time::sleep(pause).await;
        }
    }

    async fn upload(&self, digest: Digest, bytes: &Bytes) -> Result<()> {
        let start = self.url("blobs/uploads/")?;
        let response =
            self.request(|http| http.post(start.clone()).header(header::CONTENT_LENGTH, 0)).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.refused("an upload", response).await);
        }
        let mut location = self.location(&response)?;
        let mut rest = bytes.clone();
        if bytes.len() > PART {
            let mut from = 0;
            while !rest.is_empty() {
                let part = rest.split_to(PART.min(rest.len()));
                location = self.upload_part(&location, from, part.clone()).await?;
                from += part.len();
            }
        }
        location.query_pairs_mut().append_pair("digest", &digest.to_string());
        let response = self
            .request(|http| {
                let request = http
                    .put(location.clone())
                    .header(header::CONTENT_TYPE, "application/octet-stream");
                request.header(header::CONTENT_LENGTH, rest.len()).body(rest.clone())
            })
            .await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.refused("a blob", response).await)
    }

    async fn upload_part(&self, location: &Url, from: usize, part: Bytes) -> Result<Url> {
        let range = format!("{from}-{}", from + part.len() - 1);
        let response = self
            .request(|http| {
                let request = http
                    .patch(location.clone())
                    .header(header::CONTENT_TYPE, "application/octet-stream");
                request
                    .header(header::CONTENT_RANGE, &range)
                    .header(header::CONTENT_LENGTH, part.len())
                    .body(part.clone())
            })
            .await?;
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::CREATED | StatusCode::NO_CONTENT => {
                self.location(&response)
            }
            // A part that arrived before its answer was lost is refused when it comes again.
            StatusCode::RANGE_NOT_SATISFIABLE => {
                Err(PackError::unavailable(format!("{}: the upload broke off", self.place())))
            }
            _ => Err(self.refused("a part of a blob", response).await),
        }
    }

    /// The registry's answer, and what it says why.
    async fn refused(&self, what: &str, response: Response) -> PackError {
        let status = response.status();
        let body = http::read(response, &self.place(), 4096).await.unwrap_or_default();
        let body: String = String::from_utf8_lossy(&body).escape_debug().take(300).collect();
        let message = format!("{}: the registry answers {status} to {what}: {body}", self.place());
        if status.is_server_error() {
            return PackError::unavailable(message);
        }
        PackError::denied(message)
    }
}
