//! A table on the terminal.

mod connector;
mod sink;

use std::fmt::Write;

pub(crate) use connector::TerminalConnector;

/// Escapes control characters and bidirectional marks, which a terminal would interpret, and truncates the text to
/// `limit` characters and an ellipsis.
pub fn harmless(text: &str, limit: usize) -> String {
    let mut harmless = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == limit {
            harmless.push('…');
            break;
        }
        let turns = matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        );
        if character.is_control() || turns {
            // Writing to a string cannot fail.
            let _ = write!(harmless, "{}", character.escape_unicode());
        } else {
            harmless.push(character);
        }
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(harmless("ä\u{1b}[31m\u{202e}x", 99), "ä\\u{1b}[31m\\u{202e}x");
        assert_eq!(harmless("abcdef", 3), "abc…");
    }
}
