//! What a CSV file shows of its dialect, and the settings that give the same.

use anomal_core::{Error, Result};
use anomal_spec::{Blanks, CsvInput, DuplicateNames, Escape, LineEnd, TextEncoding, Trailing};

use super::start::TableStart;
use crate::{
    dialect::{CellBlanks, Dialect, GivenDialect, Separator, describe},
    files::Files,
    inspect::{DialectInspection, DialectScore},
    lines::Shape,
    log::with_header_lines,
    records::Records,
    remote::Access,
    source::OpenOptions,
};

/// Dialects that are shown.
const SHOWN: usize = 3;

/// The encoding and dialect of the first file of an input.
pub(crate) struct TableInspection {
    pub encoding: String,
    /// Nothing for a text log with header lines.
    pub dialect: Option<DialectInspection>,
    /// What was found out, as settings in a flow mapping.
    pub found: String,
    /// The settings that give the same without a guess.
    pub input: CsvInput,
}

/// # Errors
/// Those of reading the start of the file.
pub(crate) fn inspect(input: &CsvInput, options: &OpenOptions) -> Result<TableInspection> {
    let access =
        Access { place: "input.csv", auth: input.auth.as_ref(), secrets: &options.secrets };
    let files = Files::find(&input.path, &[".csv"], &access)?;
    let given = GivenDialect::from_settings(input)?;
    let shape = Shape::for_dialect(given.with_defaults());
    let mut records = Records::new(files, "CSV", shape, input.encoding, false, options);
    let mut opened = None;
    records.open(&mut |file| {
        let encoding = file.encoding.encoding.name().to_ascii_lowercase();
        let log = with_header_lines(file, &given, &input.names)?.is_some();
        let start = if log { None } else { Some(TableStart::read(file, &given, &input.names)?) };
        opened = Some((encoding, start));
        Ok(())
    })?;
    let (encoding, start) = opened.ok_or_else(|| Error::internal("no file was opened"))?;
    let Some(start) = start else {
        let (found, input) = (String::new(), input.clone());
        return Ok(TableInspection { encoding, dialect: None, found, input });
    };
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
    Ok(TableInspection { encoding, dialect: Some(dialect), found, input })
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
