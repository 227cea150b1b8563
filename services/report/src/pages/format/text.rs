//! Values from records, shortened and with deceptive characters made visible.

use std::fmt::Write;

use anomal_core::words;

use super::markup::{Markup, escape};

/// Characters of a value in a table.
pub const CELL: usize = 120;
/// Characters of a value on the page of its row.
pub const ROW_PAGE: usize = 100_000;

/// Whether a character is invisible or changes the order of its neighbours.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with hidden characters as escapes such as ⟨U+202E⟩.
pub fn make_visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            // Writing to a string does not fail.
            let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a name is short and has no hidden character, so that it can be the value of a form's field.
pub fn is_plain(name: &str) -> bool {
    name.len() <= 500 && !name.chars().any(is_hidden)
}

/// The first `limit` characters of the text, and whether there are more.
pub fn truncate(text: &str, limit: usize) -> (&str, bool) {
    match text.char_indices().nth(limit) {
        Some((end, _)) => (text.get(..end).unwrap_or(text), true),
        None => (text, false),
    }
}

/// Plain text of at most `limit` characters, with an ellipsis in the middle if there are more.
pub fn shorten(text: &str, limit: usize) -> String {
    make_visible(&words::shortened(text, limit))
}

/// Text isolated from the writing direction around it.
pub fn bdi(text: &str, limit: usize) -> Markup {
    Markup::trusted(format!("<bdi>{}</bdi>", escape(&shorten(text, limit))))
}

/// A name of a job, feature or column.
pub fn name(text: &str) -> Markup {
    if text.is_empty() {
        return Markup::trusted("<span class=\"missing\">no name</span>");
    }
    bdi(text, CELL)
}

/// A name; none if it is empty.
pub fn optional_name(text: &str) -> Option<Markup> {
    (!text.is_empty()).then(|| name(text))
}

/// A value in a table.
pub fn cell(value: Option<&str>) -> Markup {
    value_or_placeholder(value, CELL)
}

/// A value of at most `limit` characters.
pub fn short_cell(value: Option<&str>, limit: usize) -> Markup {
    value_or_placeholder(value, limit)
}

/// The longest value, in bytes, by which a cell filters.
const FILTER: usize = 300;

/// The attribute of a cell whose value is not shown as it is, for filters by it: none where it is, `data-value`, or `data-long`
/// where it is too long, or has characters that are not seen, to filter by.
pub fn filter_attribute(value: Option<&str>, limit: usize) -> Markup {
    let text = value.unwrap_or_default();
    let is_ordinary = |c: char| c.is_alphanumeric() || matches!(c, ' '..='~');
    let is_plain = |text: &str| {
        text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
            && text.trim() == text
            && !text.contains("  ")
            && text.len() <= limit
    };
    match value {
        // Empty text and a missing value differ on the page, not in filters.
        Some("") => Markup::trusted(" data-long"),
        Some(_) if is_plain(text) => Markup::default(),
        Some(_) if text.len() > FILTER || !text.chars().all(is_ordinary) => {
            Markup::trusted(" data-long")
        }
        _ => Markup::trusted(format!(" data-value=\"{}\"", escape(text))),
    }
}

/// A value on the page of its row.
pub fn full_value(value: Option<&str>) -> Markup {
    value_or_placeholder(value, ROW_PAGE)
}

fn value_or_placeholder(value: Option<&str>, limit: usize) -> Markup {
    match value {
        None => Markup::trusted("<span class=\"missing\">missing</span>"),
        Some("") => Markup::trusted("<span class=\"missing\">empty</span>"),
        Some(text) => bdi(text, limit),
    }
}

/// Percent-encodes text for the query or path of a URL.
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
    fn hidden_characters_are_made_visible() {
        assert_eq!(make_visible("a\u{202e}exe.\u{0}\n"), "a⟨U+202E⟩exe.⟨U+0000⟩⟨U+000A⟩");
        assert_eq!(make_visible("grüße 中文 👩‍💻"), "grüße 中文 👩‍💻");
    }

    #[test]
    fn long_values_are_shortened_in_the_middle() {
        assert_eq!(shorten("äöüß", 3), "ä…ß");
        assert_eq!(shorten("äöü", 3), "äöü");
        let long = "é".repeat(100_000);
        assert_eq!(cell(Some(&long)).as_str().chars().count(), CELL + "<bdi></bdi>".len());
        assert!(full_value(Some(&long)).as_str().len() > 200_000);
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
    fn urls_contain_plain_characters_only() {
        assert_eq!(encode("a b&c=ü/<"), "a%20b%26c%3D%C3%BC%2F%3C");
    }
}
