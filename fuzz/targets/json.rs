//! JSON files in any frame. The first byte chooses the treatment of bad records, where the records are, and what is done
//! with them.
#![no_main]

use anomal_fuzz::read_all;
use anomal_spec::Input;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else { return };
    let bad_lines = if choice & 1 == 0 { "skip" } else { "error" };
    let duplicates = if choice & 2 == 0 { "last" } else { "error" };
    let records = ["auto", "", "r", "r.s"][usize::from(choice >> 2 & 3)];
    let mut json = json!({"records": records, "badLines": bad_lines, "duplicateNames": duplicates});
    if choice & 16 != 0 {
        json["unwrap"] = "u".into();
    }
    if choice & 32 != 0 {
        json["attach"] = json!(["a", "r.b"]);
    }
    read_all(text, |path| {
        let mut json = json.clone();
        json["path"] = path.into();
        serde_json::from_value::<Input>(json!({ "json": json })).expect("an input")
    });
});
