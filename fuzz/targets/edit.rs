//! Changes of settings: any text is edited or refused, and what is edited has exactly the change.
#![no_main]

use anomal_spec::edit::{Change, Step, edit, entries, value};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let Some(([kind, index, split], text)) = bytes.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let key = ["features", "input", "a", "classification"][usize::from(*split % 4)];
    let list = [Step::from(key)];
    let item = [Step::from(key), Step::from(usize::from(*index % 8))];
    let text_value = String::from_utf8_lossy(&bytes[..bytes.len().min(12)]).into_owned();
    let (path, change): (&[Step], Change) = match kind % 6 {
        0 => (&list, Change::Set(json!(text_value))),
        1 => (&item, Change::Set(json!({"name": text_value}))),
        2 => (&list, Change::Insert(usize::from(*index % 8), json!(text_value))),
        3 => (&item, Change::Remove),
        4 => (&item, Change::SwapWithNext),
        _ => (&item, Change::SwitchOff),
    };
    let Ok(edited) = edit(text, path, &change) else { return };
    if change == Change::SwitchOff {
        let off = entries(&edited, &list).unwrap_or_default();
        if let Some(entry) = off.iter().find(|entry| !entry.on) {
            let _ = edit(&edited, &list, &Change::SwitchOn(entry.line));
        }
    } else if let Change::Set(new) = &change {
        assert_eq!(value(&edited, path).unwrap().as_ref(), Some(new));
    }
});
