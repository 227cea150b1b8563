//! CSV files. The first byte chooses the separator and the treatment of bad lines.
#![no_main]

use anomal_fuzz::read_all;
use anomal_spec::Input;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else { return };
    let separator = [",", ";", "\t", "|"][usize::from(choice % 4)];
    let bad_lines = if choice & 4 == 0 { "skip" } else { "error" };
    read_all(text, |path| {
        let csv = json!({"csv": {"path": path, "separator": separator, "badLines": bad_lines}});
        serde_json::from_value::<Input>(csv).expect("an input")
    });
});
