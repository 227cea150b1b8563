//! Manifests of images with one blob, and signatures: verified, or refused.
#![no_main]

use std::collections::BTreeMap;

use anomal_packs::{Artifact, Digest, Policy, Signature};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The manifest, the blob and the signature stand apart by form feeds.
    let mut parts = bytes.splitn(3, |byte| *byte == 12);
    let mut part = || parts.next().unwrap_or_default().to_vec();
    let (manifest, blob, signature) = (part(), part(), part());
    let artifact = Artifact {
        manifest: manifest.into(),
        blobs: BTreeMap::from([(Digest::from_content(&blob), blob.into())]),
        signatures: vec![
            Signature::Bundle(signature.clone().into()),
            Signature::Simple { payload: signature.into(), signature: "AAAA".into() },
        ],
    };
    let _ = artifact.kind();
    if artifact.verify().is_ok() {
        assert!(artifact.files().is_ok());
        let _ = artifact.contents_digest();
    }
    // No policy trusts what is not signed by its keys.
    assert!(Policy::default().check(&artifact, None, true).is_err());
});
