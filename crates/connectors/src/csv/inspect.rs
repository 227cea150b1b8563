//! What a CSV file shows of its dialect, and the settings that give the same.

use anomal_spec::{Blanks, CsvInput, DuplicateNames, Escape, LineEnd, TextEncoding, Trailing};

use super::start::TableStart;
use crate::{
    dialect::{CellBlanks, Dialect, GivenDialect, Separator, describe},
    inspect::{DialectInspection, DialectScore},
};

/// Dialects that are shown.
const SHOWN: usize = 3;

/// The encoding and dialect of the first file of an input.
#[derive(Clone, Debug)]
pub(crate) struct TableInspection {
    pub encoding: String,
    /// Nothing for a text log with header lines.
    pub dialect: Option<DialectInspection>,
    /// What was found out, as settings in a flow mapping.
    pub found: String,
    /// The settings that give the same without a guess.
    pub input: CsvInput,
}

/// What the start of the first file shows. `encoding`: the label of its encoding.
pub(super) fn inspect(
    input: &CsvInput,
    given: &GivenDialect,
    start: &TableStart,
    encoding: String,
) -> TableInspection {
    let sniffed = start.sniffed();
    let base = Dialect::rfc4180(b',');
    let candidates = sniffed.candidates.iter().take(SHOWN).map(|candidate| {
        let mut settings = describe(&candidate.dialect, &base);
        if candidate.skip_lines > 0 {
            let comma = if settings.is_empty() { "" } else { ", " };
            settings = format!("{settings}{comma}skipLines: {}", candidate.skip_lines);
        }
        DialectScore {
            settings,
            score: candidate.score,
            columns: candidate.width,
            uniform_records: candidate.records.0,
            records: candidate.records.1,
        }
    });
    let dialect = DialectInspection {
        plain: sniffed.dialect == base,
        header: sniffed.header,
        skip_lines: sniffed.skip_lines,
        candidates: candidates.collect(),
    };
    let mut found = vec![describe(&sniffed.dialect, &given.with_defaults())];
    if sniffed.skip_lines > 0 && given.skip_lines.is_none() {
        found.push(format!("skipLines: {}", sniffed.skip_lines));
    }
    if !sniffed.header && given.header.is_none() {
        found.push("header: false".to_owned());
    }
    if encoding != "utf-8" && input.encoding == TextEncoding::Auto {
        found.push(format!("encoding: {encoding}"));
    }
    found.retain(|part| !part.is_empty());
    let found = found.join(", ");
    let settings = settings(input, &sniffed.dialect);
    let by_label = |known: &&TextEncoding| known.label() == Some(encoding.as_str());
    let input = CsvInput {
        encoding: TextEncoding::ALL.iter().find(by_label).copied().unwrap_or(input.encoding),
        header: Some(sniffed.header),
        skip_lines: u32::try_from(sniffed.skip_lines).ok(),
        duplicate_names: if start.has_duplicates() {
            DuplicateNames::Number
        } else {
            DuplicateNames::Error
        },
        ..settings
    };
    TableInspection { encoding, dialect: Some(dialect), found, input }
}

/// The settings with all parts of a dialect.
fn settings(input: &CsvInput, dialect: &Dialect) -> CsvInput {
    let mark =
        |byte: Option<u8>| byte.map_or("none".to_owned(), |byte| char::from(byte).to_string());
    CsvInput {
        dialect: None,
        separator: match dialect.separator {
            Separator::Byte(b'\t') => "tab".to_owned(),
            Separator::Byte(byte) => char::from(byte).to_string(),
            Separator::Whitespace => "whitespace".to_owned(),
        },
        quote: mark(dialect.quote),
        escape: if dialect.backslash { Escape::Backslash } else { Escape::Double },
        comment: mark(dialect.comment),
        blanks: match dialect.blanks {
            CellBlanks::Keep => Blanks::Keep,
            CellBlanks::BeforeQuote => Blanks::BeforeQuote,
            CellBlanks::All => Blanks::All,
        },
        trailing: if dialect.trailing { Trailing::Drop } else { Trailing::Keep },
        line_end: if dialect.line_end == b'\r' { LineEnd::Cr } else { LineEnd::Lf },
        ..input.clone()
    }
}
