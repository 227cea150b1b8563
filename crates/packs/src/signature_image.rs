//! Signatures as OCI images: of cosign 2 under a tag, of cosign 3 with the signed manifest as their subject.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{
    Digest,
    artifact::Signature,
    image::{Descriptor, EMPTY, IMAGE_MANIFEST, ImageManifest},
};

/// The type of a Sigstore bundle, and of the image that has one.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIMPLE_SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The largest signature in bytes.
const MAX_SIGNATURE: u64 = 1 << 20;

/// A signature to write.
pub struct WrittenImage {
    pub manifest: Bytes,
    pub blobs: BTreeMap<Digest, Bytes>,
    /// Its tag; absent where it has a subject.
    pub tag: Option<String>,
}

/// The layers of an image that are signatures.
pub fn layers(image: &ImageManifest) -> impl Iterator<Item = &Descriptor> {
    let known = |layer: &&Descriptor| {
        layer.size <= MAX_SIGNATURE
            && (layer.media_type == SIMPLE
                || layer.media_type.starts_with("application/vnd.dev.sigstore.bundle"))
    };
    image.layers.iter().filter(known)
}

/// The signature in a layer.
pub fn read(layer: &Descriptor, bytes: Bytes) -> Option<Signature> {
    if layer.media_type != SIMPLE {
        return Some(Signature::Bundle(bytes));
    }
    let signature = layer.annotations.get(SIMPLE_SIGNATURE)?.clone();
    Some(Signature::Simple { payload: bytes, signature })
}

/// The image of a signature of `subject`.
pub fn write(subject: &Descriptor, signature: &Signature) -> WrittenImage {
    let (mut layer, bytes) = match signature {
        Signature::Simple { payload, signature } => {
            let mut layer = Descriptor::new(SIMPLE, payload);
            layer.annotations.insert(SIMPLE_SIGNATURE.to_owned(), signature.clone());
            (layer, payload)
        }
        Signature::Bundle(bytes) => (Descriptor::new(BUNDLE, bytes), bytes),
    };
    layer.artifact_type = String::new();
    let simple = matches!(signature, Signature::Simple { .. });
    let image = ImageManifest {
        schema_version: 2,
        media_type: IMAGE_MANIFEST.to_owned(),
        artifact_type: if simple { String::new() } else { BUNDLE.to_owned() },
        config: Descriptor::new(EMPTY, b"{}"),
        subject: (!simple).then(|| subject.clone()),
        annotations: BTreeMap::new(),
        layers: vec![layer],
    };
    let tag = simple.then(|| format!("sha256-{}.sig", subject.digest.hex()));
    let blobs = [Bytes::from_static(b"{}"), bytes.clone()];
    let blobs = blobs.into_iter().map(|bytes| (Digest::from_content(&bytes), bytes)).collect();
    WrittenImage { manifest: image.to_bytes().into(), blobs, tag }
}
