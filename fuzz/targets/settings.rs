//! Settings in their three forms: loaded, or refused with an error.
#![no_main]

use anomal_spec::{Source, load, to_manifest_yaml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The original's form refers to a second file: the bytes after a form feed.
    let (first, second) = match bytes.iter().position(|byte| *byte == 12) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, bytes),
    };
    let source = Source { file: "job.yaml", name: "job" };
    match load(first, source, &|_| Ok(second.to_vec())) {
        Ok(loaded) => {
            let manifest = to_manifest_yaml(&loaded.job).expect("a job as a manifest");
            let again = load(manifest.as_bytes(), source, &|_| Ok(Vec::new()));
            let again = again.unwrap_or_else(|error| panic!("{error}\n{manifest}"));
            assert_eq!(again.job.spec, loaded.job.spec);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
