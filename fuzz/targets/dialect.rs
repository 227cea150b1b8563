//! CSV files whose dialect and encoding are found out. The first byte chooses which parts the settings give.
#![no_main]

use anomal_fuzz::read_all;
use anomal_spec::Input;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else { return };
    let part = |shift: u8, values: [&'static str; 4]| values[usize::from(choice >> shift & 3)];
    let separator = part(0, ["auto", "auto", "whitespace", ";"]);
    let quote = part(2, ["auto", "auto", "'", "none"]);
    let escape = part(4, ["auto", "auto", "backslash", "double"]);
    let blanks = part(6, ["auto", "auto", "all", "beforeQuote"]);
    read_all(text, |path| {
        let csv = json!({"csv": {"path": path, "separator": separator, "quote": quote, "escape": escape,
                                 "blanks": blanks, "badLines": "skip"}});
        serde_json::from_value::<Input>(csv).expect("an input")
    });
});
