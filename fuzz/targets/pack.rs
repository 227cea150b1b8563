//! Manifests of packs: whatever the bytes, a message or components.

#![no_main]

use anomal_spec::{PackDetails, PackSetting, load_pack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = load_pack(bytes, "pack.yaml") {
        let inline = Some(manifest.contents());
        let details = PackDetails { name: manifest.name, inline, ..PackDetails::default() };
        let _ = anomal_feature::declared_components(&[PackSetting::Detailed(Box::new(details))]);
    }
});
