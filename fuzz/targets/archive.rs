//! Archives of packs: read whole and within the limits, or refused.
#![no_main]

use anomal_packs::Artifact;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Artifact::from_archive(bytes) {
        Ok(artifact) => {
            assert!(artifact.verify().is_ok());
            for path in artifact.files().expect("files of a pack").keys() {
                assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."), "{path}");
            }
        }
        Err(error) => assert!(!error.message.is_empty()),
    }
});
