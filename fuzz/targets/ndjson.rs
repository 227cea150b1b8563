//! NDJSON files. The first byte chooses the treatment of bad lines.
#![no_main]

use anomal_fuzz::read_all;
use anomal_spec::Input;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else { return };
    let bad_lines = if choice & 1 == 0 { "skip" } else { "error" };
    read_all(text, |path| {
        let ndjson = json!({"ndjson": {"path": path, "badLines": bad_lines}});
        serde_json::from_value::<Input>(ndjson).expect("an input")
    });
});
