//! Values from records: shortened, and with what would deceive the eye made visible.

use std::fmt::Write;

use super::markup::{Markup, escape};

/// Characters of a value that a table shows.
pub const CELL: usize = 120;
/// Characters of a value that the page of a row shows.
pub const WHOLE: usize = 100_000;

/// Whether a character is not seen, or turns the order of those around it.
fn hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with hidden characters as visible escapes such as ⟨U+202E⟩.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if hidden(character) {
            // Writing to a string does not fail.
            let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// At most `most` characters of the text, and whether there are more.
pub fn cut(text: &str, most: usize) -> (&str, bool) {
    match text.char_indices().nth(most) {
        Some((end, _)) => (text.get(..end).unwrap_or(text), true),
        None => (text, false),
    }
}

/// As plain text of at most `most` characters, with an ellipsis where there is more.
pub fn short(text: &str, most: usize) -> String {
    let (start, more) = cut(text, most);
    let mut shown = visible(start);
    if more {
        shown.push('…');
    }
    shown
}

/// A name or value, isolated from the direction of the text around it.
pub fn bdi(text: &str, most: usize) -> Markup {
    Markup::trusted(format!("<bdi>{}</bdi>", escape(&short(text, most))))
}

/// A name of a job, feature or column.
pub fn name(text: &str) -> Markup {
    if text.is_empty() {
        return Markup::trusted("<span class=\"missing\">no name</span>");
    }
    bdi(text, CELL)
}

/// A value in a table.
pub fn cell(value: Option<&str>) -> Markup {
    sized(value, CELL)
}

/// A value on its own page.
pub fn whole(value: Option<&str>) -> Markup {
    sized(value, WHOLE)
}

fn sized(value: Option<&str>, most: usize) -> Markup {
    match value {
        None => Markup::trusted("<span class=\"missing\">missing</span>"),
        Some("") => Markup::trusted("<span class=\"missing\">empty</span>"),
        Some(text) => bdi(text, most),
    }
}

/// For the query or path of an address.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_the_order_is_seen() {
        assert_eq!(visible("a\u{202e}exe.\u{0}\n"), "a⟨U+202E⟩exe.⟨U+0000⟩⟨U+000A⟩");
        assert_eq!(visible("grüße 中文 👩‍💻"), "grüße 中文 👩‍💻");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(short("äöü", 2), "äö…");
        assert_eq!(short("äöü", 3), "äöü");
        let long = "é".repeat(100_000);
        assert_eq!(cell(Some(&long)).as_str().chars().count(), CELL + 1 + "<bdi></bdi>".len());
        assert!(whole(Some(&long)).as_str().len() > 200_000);
    }

    #[test]
    fn hostile_values_are_escaped() {
        assert_eq!(
            cell(Some("<script>\"'&")).as_str(),
            "<bdi>&lt;script&gt;&quot;&#39;&amp;</bdi>"
        );
        assert!(cell(None).as_str().contains("missing"));
        assert!(cell(Some("")).as_str().contains("empty"));
    }

    #[test]
    fn addresses_hold_plain_characters_only() {
        assert_eq!(encode("a b&c=ü/<"), "a%20b%26c%3D%C3%BC%2F%3C");
    }
}
