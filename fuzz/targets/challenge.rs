//! The header of a registry that wants credentials, references and policies: read, or refused.
#![no_main]

use std::path::Path;

use anomal_packs::{OciReference, Policy, Reference, oci::challenge::parse_challenges};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for challenge in parse_challenges(&text) {
        assert!(!challenge.scheme.is_empty());
    }
    if let Ok(reference) = text.parse::<OciReference>() {
        assert_eq!(reference.to_string().parse::<OciReference>().expect("its own text"), reference);
    }
    let _ = text.parse::<Reference>();
    let _ = Policy::parse(bytes, Path::new("."));
});
