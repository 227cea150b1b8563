//! Text logs. The first byte chooses the format and the treatment of bad lines, or has it found out.
#![no_main]

use anomal_fuzz::read_all;
use anomal_spec::Input;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const FORMATS: [&str; 10] = [
    "auto",
    "common",
    "combined",
    "vhostCombined",
    "zeek",
    "w3c",
    "syslog",
    "logfmt",
    "regex",
    "lines",
];
/// With an optional part and names with dots.
const PATTERN: &str = r#"(?<source__ip>\S+) \[(?<t>[^\]]*)\](?: "(?<rest>.*)")?"#;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else { return };
    let format = FORMATS[usize::from(choice & 0x1f) % FORMATS.len()];
    let bad_lines = if choice & 0x20 == 0 { "skip" } else { "error" };
    read_all(text, |path| {
        let mut log = json!({
            "path": path,
            "format": format,
            "badLines": bad_lines,
            "raw": choice & 0x40 == 0,
            "columns": if choice & 0x80 == 0 { "union" } else { "same" },
            "times": {"year": 2024},
        });
        if format == "regex" {
            log["pattern"] = PATTERN.into();
        }
        serde_json::from_value::<Input>(json!({"log": log})).expect("an input")
    });
});
