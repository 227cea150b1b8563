//! Artifacts on their way to an engine.

use anomal_core::{
    PackUpload,
    proto::{PackHeader, PackSignature},
};
use bytes::Bytes;

use crate::{Artifact, Digest, PackError, Result, Signature};

const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

impl Artifact {
    /// An artifact as it was sent, verified.
    ///
    /// # Errors
    /// Those of [`Artifact::verify`]; a signature of another type.
    pub fn from_upload(pack: &PackUpload) -> Result<Self> {
        let blobs = pack.blobs.iter().map(|blob| (Digest::from_content(blob), blob.clone()));
        let signatures =
            pack.header.signatures.iter().map(signature).collect::<Result<Vec<_>>>()?;
        let artifact =
            Self { manifest: pack.header.manifest.clone(), blobs: blobs.collect(), signatures };
        artifact.verify()?;
        Ok(artifact)
    }

    pub fn to_upload(&self) -> PackUpload {
        let signatures = self.signatures.iter().map(message).collect();
        let header =
            PackHeader { manifest: self.manifest.clone(), signatures, blob_sizes: Vec::new() };
        PackUpload { header, blobs: self.blobs.values().cloned().collect() }
    }

    /// The digest by which settings name it: that of a list's bytes, otherwise that of the manifest.
    pub fn pin(&self) -> Digest {
        self.list().map_or_else(|| self.digest(), |list| Digest::from_content(&list))
    }

    /// The bytes of the manifest and the blobs.
    pub fn size(&self) -> usize {
        self.blobs.values().fold(self.manifest.len(), |size, blob| size + blob.len())
    }
}

fn signature(message: &PackSignature) -> Result<Signature> {
    match message.media_type.as_str() {
        SIMPLE_SIGNING => Ok(Signature::Simple {
            payload: message.payload.clone(),
            signature: message.signature.clone(),
        }),
        BUNDLE => Ok(Signature::Bundle(message.payload.clone())),
        _ => Err(PackError::invalid("a signature of an unknown type")),
    }
}

fn message(signature: &Signature) -> PackSignature {
    match signature {
        Signature::Simple { payload, signature } => PackSignature {
            media_type: SIMPLE_SIGNING.into(),
            payload: payload.clone(),
            signature: signature.clone(),
        },
        Signature::Bundle(payload) => PackSignature {
            media_type: BUNDLE.into(),
            payload: Bytes::clone(payload),
            signature: String::new(),
        },
    }
}
