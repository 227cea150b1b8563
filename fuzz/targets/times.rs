//! Columns of times. The first byte chooses the format, the zone and what becomes of bad records; the rest is a CSV file.
#![no_main]

use anomal_fuzz::read_all;
use anomal_spec::{Input, TimeFormat};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// Beside the formats with a name.
const CONVERSIONS: [&str; 4] = ["%d.%m.%y %H:%M", "%b %e %T%.f", "%Y-%j", "%s"];

fuzz_target!(|bytes: &[u8]| {
    let [format, choice, text @ ..] = bytes else { return };
    let named = TimeFormat::NAMED.map(|format| format.name().to_owned());
    let formats: Vec<String> =
        named.into_iter().chain(CONVERSIONS.map(str::to_owned)).collect();
    let format = formats.get(usize::from(*format) % (formats.len() + 2));
    let zone = ["UTC", "Europe/Vienna", "America/New_York", "Pacific/Apia"][usize::from(choice % 4)];
    let bad_lines = if choice & 4 == 0 { "skip" } else { "error" };
    let column = match format {
        Some(format) => json!({"type": "datetime", "format": format, "zone": zone}),
        None => json!({"type": "datetime", "zone": zone}),
    };
    let types = if choice & 8 == 0 { json!({"t": column}) } else { json!({}) };
    let file = [b"t\n", text].concat();
    read_all(&file, |path| {
        let csv = json!({
            "path": path,
            "types": types,
            "times": {"year": 2023, "zone": zone},
            "badLines": bad_lines,
        });
        serde_json::from_value::<Input>(json!({"csv": csv})).expect("an input")
    });
});
