//! Values in YAML's flow style, on one line.

use std::fmt::Write;

use serde_json::Value as Json;

/// Words that a plain scalar must not be, since some reader of YAML takes them for something else than text.
const RESERVED: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// A value as one line that is the same inside and outside of flow collections.
pub fn to_flow(value: &Json) -> String {
    match value {
        Json::Object(members) => {
            let members =
                members.iter().map(|(key, value)| format!("{}: {}", scalar(key), to_flow(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Json::Array(items) => {
            format!("[{}]", items.iter().map(to_flow).collect::<Vec<_>>().join(", "))
        }
        Json::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// Text as a plain scalar where that is beyond doubt, else between double quotes.
pub(super) fn scalar(text: &str) -> String {
    let mut characters = text.chars();
    let starts = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let is_reserved = RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text));
    if starts && characters.all(is_plain) && !is_reserved {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // What YAML does not print, or takes for the end of a line.
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
