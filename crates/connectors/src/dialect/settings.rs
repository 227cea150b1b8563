//! The parts of a dialect that the settings give, and how dialects are written as settings.

use std::fmt::Write;

use anomal_core::{Error, Result};
use anomal_spec::{Blanks, CsvDialect, CsvInput, DuplicateNames, Escape, LineEnd, Trailing};

use super::{CellBlanks, Dialect, Separator};

/// A character with a meaning, or none with that meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    Byte(u8),
}

impl Mark {
    pub fn byte(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::Byte(byte) => Some(byte),
        }
    }
}

impl From<Option<u8>> for Mark {
    fn from(byte: Option<u8>) -> Self {
        byte.map_or(Self::None, Self::Byte)
    }
}

/// The parts of a dialect that the settings give; the others are found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GivenDialect {
    pub separator: Option<Separator>,
    pub quote: Option<Mark>,
    pub backslash: Option<bool>,
    pub blanks: Option<CellBlanks>,
    pub comment: Option<Mark>,
    pub line_end: Option<u8>,
    pub trailing: Option<bool>,
    pub skip_lines: Option<usize>,
    pub header: Option<bool>,
    pub duplicates_are_errors: bool,
}

impl GivenDialect {
    /// # Errors
    /// `InvalidSettings` for characters that are none, or have two meanings.
    pub fn from_settings(input: &CsvInput) -> Result<Self> {
        let mut given = input.dialect.map(Self::preset).unwrap_or_default();
        given.separator = match input.separator.as_str() {
            "auto" => given.separator,
            "tab" => Some(Separator::Byte(b'\t')),
            "pipe" => Some(Separator::Byte(b'|')),
            "whitespace" => Some(Separator::Whitespace),
            other => Some(Separator::Byte(ascii("separator", other)?)),
        };
        given.quote = mark("quote", &input.quote)?.or(given.quote);
        given.comment = mark("comment", &input.comment)?.or(given.comment);
        given.backslash = match input.escape {
            Escape::Auto => given.backslash,
            escape => Some(escape == Escape::Backslash),
        };
        given.blanks = match input.blanks {
            Blanks::Auto => given.blanks,
            Blanks::Keep => Some(CellBlanks::Keep),
            Blanks::BeforeQuote => Some(CellBlanks::BeforeQuote),
            Blanks::All => Some(CellBlanks::All),
        };
        given.trailing = match input.trailing {
            Trailing::Auto => given.trailing,
            trailing => Some(trailing == Trailing::Drop),
        };
        given.line_end = match input.line_end {
            LineEnd::Auto => given.line_end,
            LineEnd::Lf => Some(b'\n'),
            LineEnd::Cr => Some(b'\r'),
        };
        given.skip_lines = input.skip_lines.map(|lines| lines as usize).or(given.skip_lines);
        given.header = input.header.or(given.header);
        given.duplicates_are_errors |= input.duplicate_names == DuplicateNames::Error;
        if let (Some(Separator::Byte(separator)), Some(Mark::Byte(quote))) =
            (given.separator, given.quote)
            && separator == quote
        {
            return Err(invalid("quote", "the quote and the separator differ"));
        }
        Ok(given)
    }

    fn preset(dialect: CsvDialect) -> Self {
        let (separator, quote, backslash) = match dialect {
            CsvDialect::Rfc4180 | CsvDialect::Excel | CsvDialect::Unix => (b',', Some(b'"'), false),
            CsvDialect::ExcelSemicolon => (b';', Some(b'"'), false),
            CsvDialect::Tsv => (b'\t', Some(b'"'), false),
            CsvDialect::Mysql | CsvDialect::Postgres => (b'\t', None, true),
        };
        let rfc = dialect == CsvDialect::Rfc4180;
        let excel = matches!(dialect, CsvDialect::Excel | CsvDialect::ExcelSemicolon);
        Self {
            separator: Some(Separator::Byte(separator)),
            quote: Some(quote.into()),
            backslash: Some(backslash),
            blanks: Some(CellBlanks::Keep),
            comment: Some(Mark::None),
            line_end: (!excel).then_some(b'\n'),
            trailing: Some(false),
            // Excel's files may begin with a line `sep=;`.
            skip_lines: (!excel).then_some(0),
            header: rfc.then_some(true),
            duplicates_are_errors: rfc,
        }
    }

    /// The dialect with the given parts, and those of RFC 4180.
    pub fn with_defaults(&self) -> Dialect {
        let default = Dialect::rfc4180(b',');
        Dialect {
            separator: self.separator.unwrap_or(default.separator),
            quote: self.quote.map_or(default.quote, Mark::byte),
            backslash: self.backslash.unwrap_or(default.backslash),
            blanks: self.blanks.unwrap_or(default.blanks),
            comment: self.comment.map_or(default.comment, Mark::byte),
            line_end: self.line_end.unwrap_or(default.line_end),
            trailing: self.trailing.unwrap_or(default.trailing),
        }
    }

    /// All parts of a dialect given, but for what differs between the files of an input.
    pub fn for_next_file(dialect: &Dialect, header: bool, skip_lines: Option<usize>) -> Self {
        Self {
            separator: Some(dialect.separator),
            quote: Some(dialect.quote.into()),
            backslash: Some(dialect.backslash),
            blanks: Some(dialect.blanks),
            comment: Some(dialect.comment.into()),
            line_end: Some(dialect.line_end),
            trailing: Some(dialect.trailing),
            skip_lines,
            header: Some(header),
            duplicates_are_errors: false,
        }
    }
}

fn invalid(key: &str, message: &str) -> Error {
    Error::settings(format!("input.csv.{key}"), "BAD_DIALECT", message)
}

fn ascii(key: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(*byte),
        _ => Err(invalid(key, &format!("a {key} is one ASCII character"))),
    }
}

/// Nothing for `auto`.
fn mark(key: &str, text: &str) -> Result<Option<Mark>> {
    Ok(match text {
        "auto" => None,
        "none" => Some(Mark::None),
        other => Some(Mark::Byte(ascii(key, other)?)),
    })
}

/// A character as a value in settings.
pub(crate) fn character(byte: u8) -> String {
    match byte {
        b'\t' => "tab".to_owned(),
        b'"' => "'\"'".to_owned(),
        b' '..=b'~' if byte != b'\\' => format!("\"{}\"", char::from(byte)),
        _ => format!("\"\\x{byte:02x}\""),
    }
}

/// The settings for the parts of a dialect that differ from those of `base`, as they stand in a flow mapping.
pub(crate) fn describe(dialect: &Dialect, base: &Dialect) -> String {
    let mut settings = String::new();
    let mut add = |key: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(settings, "{}{key}: {value}", if settings.is_empty() { "" } else { ", " });
    };
    if dialect.separator != base.separator {
        match dialect.separator {
            Separator::Whitespace => add("separator", "whitespace"),
            Separator::Byte(byte) => add("separator", &character(byte)),
        }
    }
    if dialect.quote != base.quote {
        add("quote", &dialect.quote.map_or("none".to_owned(), character));
    }
    if dialect.backslash != base.backslash {
        add("escape", if dialect.backslash { "backslash" } else { "double" });
    }
    if dialect.blanks != base.blanks {
        add(
            "blanks",
            match dialect.blanks {
                CellBlanks::Keep => "keep",
                CellBlanks::BeforeQuote => "beforeQuote",
                CellBlanks::All => "all",
            },
        );
    }
    if dialect.trailing != base.trailing {
        add("trailing", if dialect.trailing { "drop" } else { "keep" });
    }
    if dialect.line_end != base.line_end {
        add("lineEnd", if dialect.line_end == b'\r' { "cr" } else { "lf" });
    }
    settings
}
