//! Text from data, made fit for cells of a terminal.

use std::fmt::Display;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// Where text is cut off.
pub const CUT: char = '>';

/// Text that has one character for each cluster, each of one or two cells: nothing in it acts on a terminal or changes the
/// direction of what follows. Control characters are spelt out, tabs become spaces.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_plain(&mut out, text, usize::MAX);
    out
}

/// Appends text that is [`plain`], and no more of it than what shows that it is longer than `cells`.
fn push_plain(out: &mut String, text: &str, cells: usize) {
    let (mut rest, mut used) = (text, 0);
    while !rest.is_empty() && used <= cells {
        // Letters of ASCII before others of it are clusters, which most text is made of.
        let letters =
            ascii_clusters(rest.as_bytes()).min(cells.saturating_sub(used).saturating_add(1));
        let (head, tail) = rest.split_at(letters);
        out.push_str(head);
        (rest, used) = (tail, used + letters);
        let Some(cluster) = rest.graphemes(true).next().filter(|_| used <= cells) else { break };
        rest = &rest[cluster.len()..];
        let before = out.len();
        push_cluster(out, cluster);
        used += width(&out[before..]);
    }
}

/// Printable characters of ASCII at the beginning, each followed by another character of ASCII or the end.
fn ascii_clusters(text: &[u8]) -> usize {
    let printable = text.iter().take_while(|byte| matches!(byte, b' '..=b'~')).count();
    match text.get(printable) {
        Some(next) if !next.is_ascii() => printable.saturating_sub(1),
        _ => printable,
    }
}

fn push_cluster(out: &mut String, cluster: &str) {
    let Some(first) = cluster.chars().next() else { return };
    match first {
        '\t' => out.push(' '),
        '\n' | '\r' => out.push_str("\\n"),
        c if c.is_control() || is_direction(c) => out.extend(c.escape_unicode()),
        c => match c.width() {
            Some(1 | 2) => out.push(c),
            // A mark without a letter to stand on.
            _ => out.push('\u{fffd}'),
        },
    }
}

/// Marks that change the direction of text, or are invisible.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
}

/// Cells of text that is [`plain`].
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.bytes().filter(|byte| !byte.is_ascii_control()).count();
    }
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Text of at most `cells`, with a mark where it is cut off.
pub fn clip(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut out = first_cells(text, cells.saturating_sub(1)).to_owned();
    if cells > 0 {
        out.push(CUT);
    }
    out
}

/// As much of the beginning as fits.
pub fn first_cells(text: &str, cells: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > cells {
            return &text[..at];
        }
    }
    text
}

/// Text of exactly `cells`.
pub fn cell(text: &str, cells: usize) -> String {
    let mut out = fit(text, cells);
    let missing = cells.saturating_sub(width(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// As [`cell`], at the right.
pub fn right(text: &str, cells: usize) -> String {
    let out = fit(text, cells);
    let missing = cells.saturating_sub(width(&out));
    " ".repeat(missing) + &out
}

/// Text of at most `cells`, however long it is.
pub fn fit(text: &str, cells: usize) -> String {
    let mut out = String::new();
    push_plain(&mut out, text, cells);
    clip(&out, cells)
}

/// Words in lines of at most `cells`.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in plain(paragraph).split(' ') {
            let mut word = word;
            if !line.is_empty() && width(&line) + 1 + width(word) > cells {
                lines.push(std::mem::take(&mut line));
            } else if !line.is_empty() {
                line.push(' ');
            }
            while width(word) > cells {
                let head = first_cells(word, cells);
                // A wide character in a single cell.
                if head.is_empty() {
                    break;
                }
                lines.push(head.to_owned());
                word = &word[head.len()..];
            }
            line.push_str(first_cells(word, cells));
        }
        lines.push(line);
    }
    lines
}

/// A number with commas between its thousands.
pub fn grouped(number: impl Display) -> String {
    let digits = format!("{number}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digit.is_ascii_digit() {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_spelt_out() {
        assert_eq!(plain("a\u{1b}[31mb\tc\nd"), "a\\u{1b}[31mb c\\nd");
        assert_eq!(plain("\u{202e}x\u{200b}"), "\\u{202e}x\\u{200b}");
        assert_eq!(plain("e\u{301}👩\u{200d}🔧"), "e👩");
    }

    #[test]
    fn cells_have_their_width() {
        assert_eq!(cell("ab", 4), "ab  ");
        assert_eq!(cell("abcdef", 4), "abc>");
        assert_eq!(cell("日本語", 4), "日> ");
        assert_eq!(right("12", 4), "  12");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    /// The clusters of a text, one after the other.
    fn slowly(text: &str) -> String {
        let mut out = String::new();
        text.graphemes(true).for_each(|cluster| push_cluster(&mut out, cluster));
        out
    }

    #[test]
    fn letters_keep_what_belongs_to_them() {
        for text in ["abe\u{301}f", "a\r\nb\r", "x\u{200d}y", "\u{600}ab", "🇩🇪🇫🇷a", "~\u{7f}é"]
        {
            assert_eq!(plain(text), slowly(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_made_as_the_whole(text in any::<String>(), cells in 0_usize..40) {
            prop_assert_eq!(plain(&text), slowly(&text));
            prop_assert_eq!(fit(&text, cells), clip(&slowly(&text), cells));
        }

        #[test]
        fn a_part_of_letters_is_made_as_the_whole(text in "[ -~\r\n\t\u{301}\u{200d}é👩]{0,60}", cells in 0_usize..40) {
            prop_assert_eq!(plain(&text), slowly(&text));
            prop_assert_eq!(fit(&text, cells), clip(&slowly(&text), cells));
        }

        #[test]
        fn a_cell_is_as_wide_as_asked(text in any::<String>(), cells in 0_usize..40) {
            prop_assert_eq!(width(&cell(&text, cells)), cells);
            prop_assert_eq!(width(&right(&text, cells)), cells);
            prop_assert!(plain(&text).chars().all(|c| !c.is_control()));
        }

        #[test]
        fn wrapped_lines_fit(text in any::<String>(), cells in 1_usize..40) {
            prop_assert!(wrap(&text, cells).iter().all(|line| width(line) <= cells));
        }
    }
}
