//! Printable text from data: shortened, with invisible and direction-changing characters escaped.

use super::super::fonts;

/// Limit of a value, in characters.
pub const VALUE: usize = 200;
/// Limit of a description, message or explanation, in characters.
const SENTENCE: usize = 1_000;
/// Limit of a name in a heading, in characters.
const NAME: usize = 80;
/// Words of at most this many characters get no break opportunity.
const WORD: usize = 12;
/// Longer words break after punctuation only, up to this length in values.
const VALUE_WORD: usize = 16;
/// The same in sentences.
const SENTENCE_WORD: usize = 24;
/// Characters between break opportunities in words longer than that.
const PART: usize = 8;
/// Combining marks on one letter; further ones are escaped.
const MARKS: usize = 3;
/// A break opportunity, never drawn. In data the character is escaped, so all occurrences are from this module.
pub const BREAK: char = '\u{200b}';

/// A value of a record: unseen characters as escapes, cut at [`VALUE`], long words with places to break at.
pub fn value(text: &str) -> String {
    breaks(&cut(text, VALUE), VALUE_WORD)
}

/// A sentence, with line breaks and repeated spaces as one space.
pub fn sentence(text: &str) -> String {
    breaks(&cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), SENTENCE), SENTENCE_WORD)
}

/// A name for a heading, a bookmark, or the document's title.
pub fn name(text: &str) -> String {
    cut(text, NAME)
}

/// The first `limit` characters as [`visible`] shows them, with an ellipsis where there are more.
pub fn cut(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut marks = 0;
    for (place, character) in text.chars().enumerate() {
        if place == limit {
            out.push('…');
            break;
        }
        marks = if is_mark(character) { marks + 1 } else { 0 };
        visible(character, marks > MARKS, &mut out);
    }
    out
}

/// Adds the character, or an escape for control characters, direction marks, other invisible characters and
/// characters that no font has.
fn visible(character: char, escape: bool, out: &mut String) {
    match character {
        ' ' | '\u{a0}' => out.push(' '),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ if escape || is_unseen(character) || !fonts::has(character) => {
            // As Rust writes it: `\u{202e}`.
            out.extend(character.escape_unicode());
        }
        _ => out.push(character),
    }
}

/// Control and format characters, fillers and variation selectors, even where a font has a glyph for them.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{e000}'..='\u{f8ff}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffc}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{10ffff}'
        )
}

/// Combining marks of the scripts that the fonts cover.
pub fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}'
            | '\u{483}'..='\u{489}'
            | '\u{591}'..='\u{5c7}'
            | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}'
            | '\u{670}'
            | '\u{6d6}'..='\u{6ed}'
            | '\u{900}'..='\u{903}'
            | '\u{93a}'..='\u{94f}'
            | '\u{951}'..='\u{957}'
            | '\u{962}'..='\u{963}'
            | '\u{e31}'
            | '\u{e34}'..='\u{e3a}'
            | '\u{e47}'..='\u{e4e}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

/// The text with [`BREAK`] in long words: after punctuation, and every few characters in words longer than
/// `longest`.
fn breaks(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (place, word) in text.split(' ').enumerate() {
        if place > 0 {
            out.push(' ');
        }
        let length = word.chars().count();
        if length <= WORD {
            out.push_str(word);
            continue;
        }
        let long = length > longest;
        let mut part = 0;
        let mut characters = word.chars().peekable();
        while let Some(character) = characters.next() {
            out.push(character);
            part += 1;
            let Some(next) = characters.peek() else { break };
            // Backslash and brace begin an escape.
            let after = character.is_ascii_punctuation() && character != '\\' && character != '{';
            let within =
                long && (part >= 2 * PART || (part >= PART && !next.is_ascii_punctuation()));
            if (within || (part > 2 && after)) && !is_mark(*next) && character != '\u{94d}' {
                out.push(BREAK);
                part = 0;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unseen_characters_are_escaped() {
        assert_eq!(
            cut("a\u{202e}b\u{200b}\0\u{1b}[31m\n\t", 99),
            "a\\u{202e}b\\u{200b}\\u{0}\\u{1b}[31m\\n\\t"
        );
        assert_eq!(cut("漢", 99), "\\u{6f22}");
        assert_eq!(
            cut("<b>\"#eval(1)\" $x$ *y* _z_ 'q' -- ... ~", 99),
            "<b>\"#eval(1)\" $x$ *y* _z_ 'q' -- ... ~"
        );
        assert_eq!(cut("שלום مرحبا", 99), "שלום مرحبا");
        assert_eq!(
            cut(&format!("e{}", "\u{301}".repeat(5)), 99),
            "e\u{301}\u{301}\u{301}\\u{301}\\u{301}"
        );
    }

    #[test]
    fn long_text_is_cut() {
        let long = value(&"x".repeat(100_000)).replace(BREAK, "");
        assert_eq!(long, format!("{}…", "x".repeat(VALUE)));
        assert_eq!(cut("abc", 3), "abc");
    }

    #[test]
    fn long_words_may_break() {
        assert_eq!(value("short words only"), "short words only");
        assert_eq!(
            value("mail.updates.example.org"),
            "mail.\u{200b}updates.\u{200b}example.\u{200b}org"
        );
        assert_eq!(value(&"x".repeat(20)), "xxxxxxxx\u{200b}xxxxxxxx\u{200b}xxxx");
        assert_eq!(value("dns.question.name"), "dns.\u{200b}question.\u{200b}name");
        assert_eq!(value("client.bytes"), "client.bytes");
        assert_eq!(
            sentence("classification counterproductive"),
            "classification counterproductive"
        );
        assert_eq!(sentence(" one\n\ntwo\t three "), "one two three");
    }

    proptest! {
        #[test]
        fn all_is_printable(text in any::<String>()) {
            let shown = value(&text);
            prop_assert!(shown.chars().all(|c| c == ' ' || c == BREAK || fonts::has(c)));
            prop_assert!(shown.chars().filter(|c| *c != BREAK).count() <= (VALUE + 1) * 10);
        }
    }
}
