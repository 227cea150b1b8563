//! Cells whose text differs from what was read, as where characters are escaped. Outputs have cells as they were read; the
//! text is what features, filters and flags see.

use std::{borrow::Cow, sync::Arc};

use memchr::memchr;
use polars::prelude::StringChunked;

/// How the text of a cell is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum CellText {
    #[default]
    AsRead,
    /// Characters are escaped by backslashes, as C has them.
    Escaped,
    /// `+` stands for a blank.
    Plus,
    Zeek(Arc<ZeekText>),
}

/// How a column of Zeek's logs is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ZeekText {
    /// The text of a field without a value.
    pub unset: String,
    /// The text of an empty one.
    pub empty: String,
    pub kind: ZeekKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ZeekKind {
    Text,
    /// `T` and `F`.
    Boolean,
    Number,
}

impl CellText {
    /// The text of a cell; nothing if that says that there is no value.
    pub fn read<'a>(&self, cell: &'a str) -> Option<Cow<'a, str>> {
        match self {
            Self::Escaped => Some(unescape(cell)),
            Self::Plus if cell.contains('+') => Some(cell.replace('+', " ").into()),
            Self::AsRead | Self::Plus => Some(cell.into()),
            Self::Zeek(zeek) => zeek.read(cell),
        }
    }

    /// Whether a cell has a value.
    pub fn has_value(&self, cell: &str) -> bool {
        match self {
            Self::Zeek(zeek) => zeek.read(cell).is_some(),
            _ => true,
        }
    }

    /// The texts of a column.
    pub fn read_column<'a>(&self, cells: &'a StringChunked) -> Cow<'a, StringChunked> {
        let mark = match self {
            Self::AsRead => return Cow::Borrowed(cells),
            Self::Escaped => b'\\',
            Self::Plus => b'+',
            Self::Zeek(_) => {
                let read = |cell: Option<&'a str>| cell.and_then(|cell| self.read(cell));
                return Cow::Owned(cells.iter().map(read).collect());
            }
        };
        if !cells.iter().flatten().any(|cell| memchr(mark, cell.as_bytes()).is_some()) {
            return Cow::Borrowed(cells);
        }
        Cow::Owned(cells.iter().map(|cell| cell.and_then(|cell| self.read(cell))).collect())
    }
}

impl ZeekText {
    fn read<'a>(&self, cell: &'a str) -> Option<Cow<'a, str>> {
        if cell == self.unset {
            return None;
        }
        match self.kind {
            ZeekKind::Text if cell == self.empty => Some("".into()),
            ZeekKind::Text => Some(unescape(cell)),
            ZeekKind::Boolean => Some(match cell {
                "T" => "true".into(),
                "F" => "false".into(),
                other => other.into(),
            }),
            ZeekKind::Number => (!cell.is_empty() && cell != self.empty).then(|| cell.into()),
        }
    }
}

/// The text without backslashes that escape something: `\"`, `\\`, `\/`, `\n`, `\t`, `\xHH`, `\uHHHH`. One that escapes
/// nothing stays, and so does the whole if its bytes would be no UTF-8.
pub(crate) fn unescape(cell: &str) -> Cow<'_, str> {
    let bytes = cell.as_bytes();
    let Some(first) = memchr(b'\\', bytes) else { return cell.into() };
    let mut text = bytes[..first].to_vec();
    let mut place = first;
    while place < bytes.len() {
        let rest = &bytes[place..];
        if rest[0] != b'\\' {
            let length = memchr(b'\\', rest).unwrap_or(rest.len());
            text.extend_from_slice(&rest[..length]);
            place += length;
            continue;
        }
        let byte = match rest.get(1).copied() {
            Some(byte @ (b'"' | b'\\' | b'/' | b'\'' | b']')) => byte,
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'v') => 11,
            Some(b'x') if digits(rest, 2..4).is_some() => {
                text.extend(digits(rest, 2..4).and_then(|code| u8::try_from(code).ok()));
                place += 4;
                continue;
            }
            Some(b'u') if digits(rest, 2..6).is_some() => {
                let (character, length) = unicode(rest);
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                place += length;
                continue;
            }
            _ => {
                text.push(b'\\');
                place += 1;
                continue;
            }
        };
        text.push(byte);
        place += 2;
    }
    match String::from_utf8(text) {
        Ok(text) => text.into(),
        Err(_) => cell.into(),
    }
}

/// The character of `\uHHHH`, which may be half of a pair of surrogates, and the length of its text.
fn unicode(bytes: &[u8]) -> (char, usize) {
    let first = digits(bytes, 2..6).unwrap_or_default();
    let second = bytes.get(6..8).filter(|next| *next == b"\\u").and(digits(bytes, 8..12));
    match (first, second) {
        (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
            let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
    }
}

fn digits(bytes: &[u8], range: std::ops::Range<usize>) -> Option<u32> {
    let digits = bytes.get(range)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes() {
        for (cell, text) in [
            (r"a", "a"),
            (r#"say \"x\" \\"#, r#"say "x" \"#),
            (r"\x16\x03\x01", "\u{16}\u{3}\u{1}"),
            (r"caf\xC3\xA9", "café"),
            (r"caf\xe9", r"caf\xe9"),
            (r"\u00e9\ud83d\ude00 \ud83d", "é\u{1f600} \u{fffd}"),
            (r"C:\Users \q \x1 \", r"C:\Users \q \x1 \"),
            (r"l1\nl2", "l1\nl2"),
        ] {
            assert_eq!(unescape(cell), text, "{cell}");
        }
    }

    #[test]
    fn zeek_fields() {
        let zeek = |kind| {
            CellText::Zeek(Arc::new(ZeekText { unset: "-".into(), empty: "(empty)".into(), kind }))
        };
        let read = |kind, cell| zeek(kind).read(cell).map(Cow::into_owned);
        assert_eq!(read(ZeekKind::Text, "-"), None);
        assert_eq!(read(ZeekKind::Text, "(empty)").as_deref(), Some(""));
        assert_eq!(read(ZeekKind::Text, r"\x2d").as_deref(), Some("-"));
        assert_eq!(read(ZeekKind::Boolean, "T").as_deref(), Some("true"));
        assert_eq!(read(ZeekKind::Number, "(empty)"), None);
    }

    proptest! {
        #[test]
        fn what_servers_escape_comes_back(text in "\\PC{0,20}|[\u{0}-\u{7f}]{0,20}") {
            let escaped: String = text
                .bytes()
                .map(|byte| match byte {
                    b'"' | b'\\' | 0..=0x1f | 0x7f.. => format!("\\x{byte:02X}"),
                    other => char::from(other).to_string(),
                })
                .collect();
            prop_assert_eq!(unescape(&escaped), text);
        }
    }
}
