//! Finds out the dialect of a CSV file.
//!
//! A file that the default reads without a bad record, in at least two columns, keeps the default. Otherwise the records
//! of every dialect that is possible are compared ([`super::score`]). Two dialects that differ and fit alike are no
//! finding.

use super::{
    header::looks_like_data,
    notes::{self, Note},
    reading::Reading,
    score::{Fit, OpenParts},
};
use crate::dialect::{CellBlanks, Dialect, GivenDialect, Separator, character};

/// Bytes of a file that are looked at.
pub(crate) const PREFIX: usize = 1 << 20;
/// Bytes and records that every possible dialect cuts.
const CANDIDATE_BYTES: usize = 1 << 18;
const CANDIDATE_RECORDS: usize = 2_000;
/// How much better than the next a dialect must fit.
const MARGIN: f64 = 1.15;
/// The share of records that have the same number of cells.
const UNIFORM: f64 = 0.95;

/// The dialect of a file.
#[derive(Clone, Debug)]
pub(crate) struct DialectFinding {
    pub dialect: Dialect,
    pub skip_lines: usize,
    pub header: bool,
    /// The cells of the first record that is not skipped.
    pub first: Vec<String>,
    /// The dialects that were compared, the best first; none if the default was clean.
    pub candidates: Vec<Candidate>,
    /// What was found out: reasons and messages.
    pub notes: Vec<Note>,
}

/// A dialect that was compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub dialect: Dialect,
    /// Cells in a record.
    pub width: usize,
    /// Lines above the header.
    pub skip_lines: usize,
    /// Records with that number of cells, and all.
    pub records: (usize, usize),
    /// From 0 to 1.
    pub score: f64,
    uniform: f64,
    /// Whether the first record has as many cells as the others, and no title precedes it.
    header_fits: bool,
    header: bool,
}

/// Finds out what `given` leaves open. `complete`: the prefix is the whole file.
pub(crate) fn sniff(prefix: &[u8], complete: bool, given: &GivenDialect) -> DialectFinding {
    let mut given = *given;
    let mut notes = Vec::new();
    let mut skipped = 0;
    let mut text = prefix;
    if given.skip_lines.is_none()
        && let Some((separator, rest)) = separator_line(prefix)
    {
        (skipped, text) = (1, rest);
        if given.separator.is_none() {
            notes.push((
                "DIALECT",
                format!(
                    "the first line names the separator; `separator: {}, skipLines: 1` sets it",
                    character(separator)
                ),
            ));
        }
        given.separator.get_or_insert(Separator::Byte(separator));
        given.skip_lines = Some(0);
    } else if let Some(lines) = given.skip_lines {
        skipped = lines;
        text = behind_lines(prefix, lines, given.line_end);
    }
    let base = with_line_end(text, &given, given.with_defaults());
    let least = if given.separator.is_some() { 1 } else { 2 };
    let reading = Reading::new(text, complete, base, usize::MAX);
    let open =
        OpenParts { preamble: given.skip_lines.is_none(), trailing: given.trailing != Some(false) };
    let clean = reading.is_clean(least) || reading.records.is_empty();
    let mut sniffed = if clean {
        DialectFinding::clean(&reading, &given)
    } else {
        let mut sniffed = compare(text, complete, &given, base, open);
        if sniffed.candidates.is_empty() {
            sniffed = DialectFinding::clean(&reading, &given);
        }
        if given.separator.is_none() && sniffed.dialect == base && sniffed.notes.is_empty() {
            notes.extend(notes::one_column(&reading));
        }
        sniffed
    };
    notes.append(&mut sniffed.notes);
    sniffed.skip_lines += skipped;
    sniffed.notes = notes;
    sniffed
}

impl DialectFinding {
    /// The default dialect, which fits or is not improved by another one.
    fn clean(reading: &Reading, given: &GivenDialect) -> Self {
        let first: Vec<String> = match reading.records.first() {
            Some(_) => reading.cells(0).map(str::to_owned).collect(),
            None => Vec::new(),
        };
        let mut notes = Vec::new();
        let data = !first.is_empty() && given.header.is_none() && looks_like_data(reading, 0);
        // Names that are there twice were an error before there was `header`.
        let header = given.header.unwrap_or(!data || !has_duplicates(&first));
        if data {
            notes.push(notes::no_header(header, first.len()));
        }
        if reading.dialect.line_end == b'\r' && given.line_end.is_none() {
            let message = "lines end in carriage returns alone; `lineEnd: cr` sets that";
            notes.push(("DIALECT", message.to_owned()));
        }
        if given.separator.is_none() && first.first().is_some_and(|cell| cell.starts_with("{\"")) {
            notes.push(notes::json());
        }
        if given.backslash.is_none() && has_escaped_quotes(reading) {
            let message = "quotes with a backslash in front are read as the ends of cells; `escape: backslash` reads them \
                           as text";
            notes.push(("ESCAPES", message.to_owned()));
        }
        let skip_lines = match reading.records.first() {
            Some(record) if record.width > 1 && given.skip_lines.is_none() => record.line - 1,
            _ => 0,
        };
        if skip_lines > 0 {
            let message = format!(
                "blank lines above the header are skipped; `skipLines: {skip_lines}` sets that"
            );
            notes.push(("DIALECT", message));
        }
        Self { dialect: reading.dialect, skip_lines, header, first, candidates: Vec::new(), notes }
    }
}

/// Whether a quote with a backslash in front may have ended a cell too early.
fn has_escaped_quotes(reading: &Reading) -> bool {
    let escaped = |cell: &str| cell.starts_with('\\') && cell.contains('"');
    reading.behind_quotes() > 0.0
        && (0..reading.records.len()).any(|record| reading.cells(record).any(escaped))
}

fn has_duplicates(names: &[String]) -> bool {
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// The separator of a line such as `sep=;`, as spreadsheets write it, and the text behind.
fn separator_line(prefix: &[u8]) -> Option<(u8, &[u8])> {
    let end = memchr::memchr2(b'\n', b'\r', prefix)?;
    let line = &prefix[..end];
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let [separator] = line.strip_prefix(b"sep=")? else { return None };
    let end = end + usize::from(prefix[end..].starts_with(b"\r\n"));
    let usable = separator.is_ascii() && !separator.is_ascii_alphanumeric() && *separator != b'"';
    usable.then(|| (*separator, &prefix[end + 1..]))
}

fn behind_lines(prefix: &[u8], lines: usize, line_end: Option<u8>) -> &[u8] {
    let mut text = prefix;
    let line_end = line_end.unwrap_or(if prefix.contains(&b'\n') { b'\n' } else { b'\r' });
    for _ in 0..lines {
        text = memchr::memchr(line_end, text).map_or(&[], |end| &text[end + 1..]);
    }
    text
}

/// The dialect with a carriage return as line end if there is no line feed outside quotes, except at the end of the text,
/// and at least two of them.
fn with_line_end(text: &[u8], given: &GivenDialect, dialect: Dialect) -> Dialect {
    let shown = &text[..text.len().min(CANDIDATE_BYTES)];
    let ends_before = |(end, _): (usize, u64)| !text[end..].trim_ascii().is_empty();
    if given.line_end.is_some() || dialect.record_end(shown).is_some_and(ends_before) {
        return dialect;
    }
    let returns = Dialect { line_end: b'\r', ..dialect };
    let next = returns.record_end(shown).map(|(end, _)| end + 1);
    let second = next.and_then(|next| returns.record_end(&shown[next..]));
    if second.is_some() { returns } else { dialect }
}

/// Compares all dialects that are possible.
fn compare(
    text: &[u8],
    complete: bool,
    given: &GivenDialect,
    base: Dialect,
    open: OpenParts,
) -> DialectFinding {
    let shown = &text[..text.len().min(CANDIDATE_BYTES)];
    let complete = complete && shown.len() == text.len();
    let mut candidates = Vec::new();
    for dialect in possible(shown, given, base) {
        let reading = Reading::new(shown, complete, dialect, CANDIDATE_RECORDS);
        if dialect.quote.is_none() && given.quote.is_none() && !reading.has_open_quotes() {
            continue;
        }
        let Some(fit) = Fit::new(&reading, open) else { continue };
        let first = reading.records[fit.first];
        let header = given.header.unwrap_or_else(|| !looks_like_data(&reading, fit.first));
        candidates.push(Candidate {
            dialect: Dialect { trailing: dialect.trailing || fit.trailing, ..dialect },
            width: fit.width,
            skip_lines: if open.preamble { first.line - 1 } else { 0 },
            records: fit.records,
            score: fit.score,
            uniform: fit.uniform,
            header_fits: first.width == fit.width && !fit.titles,
            header,
        });
    }
    // Stable: of equal ones the first stays.
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let chosen = match choose(&candidates, &base) {
        Ok(chosen) => chosen,
        Err(note) => {
            let fallback = Reading::new(shown, complete, base, 1);
            let mut sniffed = DialectFinding::clean(&fallback, given);
            sniffed.notes.extend(note);
            return DialectFinding { candidates, ..sniffed };
        }
    };
    let reading = Reading::new(
        behind_lines(shown, chosen.skip_lines, Some(chosen.dialect.line_end)),
        complete,
        chosen.dialect,
        1,
    );
    let mut first: Vec<String> = if reading.records.is_empty() {
        Vec::new()
    } else {
        reading.cells(0).map(str::to_owned).collect()
    };
    if chosen.dialect.trailing
        && !chosen.header
        && first.last().is_some_and(|cell| cell.trim().is_empty())
    {
        first.pop();
    }
    let mut notes = Vec::from_iter(notes::found(&chosen, &given.with_defaults()));
    if !chosen.header && given.header.is_none() {
        notes.push(notes::no_header(false, first.len()));
    }
    DialectFinding {
        dialect: chosen.dialect,
        skip_lines: chosen.skip_lines,
        header: chosen.header,
        first,
        candidates,
        notes,
    }
}

/// The best candidate, if it fits well and better than all with another separator or number of columns; of those that fit
/// alike, one whose header has as many cells as the records. Else perhaps a note.
fn choose(candidates: &[Candidate], base: &Dialect) -> Result<Candidate, Option<Note>> {
    let score = candidates.first().ok_or(None)?.score;
    let mut alike: Vec<&Candidate> =
        candidates.iter().filter(|other| other.score * MARGIN > score).collect();
    if alike.iter().any(|candidate| candidate.header_fits) {
        alike.retain(|candidate| candidate.header_fits);
    }
    let best = *alike.first().ok_or(None)?;
    let rival = alike.iter().find(|other| {
        other.width != best.width || other.dialect.separator != best.dialect.separator
    });
    if let Some(rival) = rival {
        return Err((best.dialect != *base).then(|| notes::ambiguous(best, rival)));
    }
    let enough = best.records.0 >= if best.header { 2 } else { 3 };
    if enough && best.uniform >= UNIFORM { Ok(*best) } else { Err(None) }
}

/// All dialects with the given parts that the text makes possible; the default is the first.
fn possible(text: &[u8], given: &GivenDialect, base: Dialect) -> Vec<Dialect> {
    let has = |byte: u8| memchr::memchr(byte, text).is_some();
    let separators: Vec<Separator> = match given.separator {
        Some(separator) => vec![separator],
        None => b",;\t|".iter().copied().filter(|byte| has(*byte)).map(Separator::Byte).collect(),
    };
    let quotes: Vec<Option<u8>> = match given.quote {
        Some(quote) => vec![quote.byte()],
        None if has(b'"') => vec![Some(b'"'), None],
        None if has(b'\'') => vec![Some(b'"'), Some(b'\'')],
        None => vec![Some(b'"')],
    };
    let escapes = match given.backslash {
        Some(backslash) => vec![backslash],
        None if has(b'\\') => vec![false, true],
        None => vec![false],
    };
    let blanks = match given.blanks {
        Some(blanks) => vec![blanks],
        None if has(b' ') || has(b'\t') => vec![CellBlanks::Keep, CellBlanks::BeforeQuote],
        None => vec![CellBlanks::Keep],
    };
    let line_ends = match given.line_end {
        Some(line_end) => vec![line_end],
        None if has_lone_returns(text) => b"\n\r".to_vec(),
        None => vec![b'\n'],
    };
    let mut dialects = Vec::new();
    for separator in separators {
        for quote in &quotes {
            for backslash in &escapes {
                for blanks in blanks.iter().take(if quote.is_some() { 2 } else { 1 }) {
                    for line_end in &line_ends {
                        dialects.push(Dialect {
                            separator,
                            quote: *quote,
                            backslash: *backslash,
                            blanks: *blanks,
                            line_end: *line_end,
                            ..base
                        });
                    }
                }
            }
        }
    }
    dialects
}

/// Whether there are at least two carriage returns without a line feed behind.
fn has_lone_returns(text: &[u8]) -> bool {
    let lone = |place: &usize| text.get(place + 1) != Some(&b'\n');
    memchr::memchr_iter(b'\r', text).filter(lone).nth(1).is_some()
}
