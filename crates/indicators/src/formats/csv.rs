//! CSV (RFC 4180): an entry in one column of each record.

use std::borrow::Cow;

use anomal_spec::{ListMatch, ListSettings, ListType};

use super::{date_in_comment, line_count, plain::COMMENT, time};
use crate::{builder::Builder, list::ListError, periods::Period, statistics::Refusal};

pub(crate) fn read(
    bytes: &[u8],
    settings: &ListSettings,
    builder: &mut Builder,
) -> Result<(), ListError> {
    let entry_type = settings.entry_type.unwrap_or(ListType::Text);
    let comment = settings.comment.as_deref().unwrap_or(COMMENT);
    let mut records = Records::new(bytes, comment.as_bytes());
    builder.reserve(entry_type, ListMatch::Exact, line_count(bytes), bytes.len());
    let (column, expires) = columns(settings, &mut records)?;
    while let Some(record) = records.next_record() {
        let Some(cell) = record.cells.get(column) else {
            builder.refuse(record.line, record.text, Refusal::ColumnMissing);
            continue;
        };
        let period = match expires.map(|expires| record.cells.get(expires)) {
            None => Period::default(),
            Some(None) => {
                builder.refuse(record.line, record.text, Refusal::ColumnMissing);
                continue;
            }
            // Without a time, an entry does not expire.
            Some(Some(until)) if until.trim_ascii().is_empty() => Period::default(),
            Some(Some(until)) => match std::str::from_utf8(until).ok().and_then(time) {
                Some(until) => Period { from: None, until: Some(until) },
                None => {
                    builder.refuse(record.line, record.text, Refusal::TimeInvalid);
                    continue;
                }
            },
        };
        match std::str::from_utf8(cell) {
            Ok(text) => {
                builder.add_matching(record.line, text, entry_type, ListMatch::Exact, period);
            }
            Err(_) => builder.refuse(record.line, record.text, Refusal::NotUtf8),
        }
    }
    builder.set_date(records.date);
    Ok(())
}

/// The positions of the columns of the entries and of the times.
fn columns(
    settings: &ListSettings,
    records: &mut Records<'_>,
) -> Result<(usize, Option<usize>), ListError> {
    let column = settings.column.as_deref().unwrap_or("1");
    let names = [Some(column), settings.expires.as_deref()];
    let mut header: Option<Vec<String>> = None;
    let mut position = |name: &str| {
        if let Some(number) = name.parse::<usize>().ok().filter(|number| *number > 0) {
            return Ok(number - 1);
        }
        let header = header.get_or_insert_with(|| records.header(name));
        header.iter().position(|known| known == name).ok_or_else(|| {
            let known = header.join(", ");
            ListError(format!(
                "the list has no column `{name}`; its header is: {known}. A column without a header is set by its number, \
                 such as \"2\""
            ))
        })
    };
    let [column, expires] = names.map(|name| name.map(&mut position).transpose());
    Ok((column?.unwrap_or_default(), expires?))
}

struct Record<'a> {
    line: u64,
    text: &'a [u8],
    cells: Vec<Cow<'a, [u8]>>,
}

/// The records of a file, without comments and empty lines.
struct Records<'a> {
    rest: &'a [u8],
    comment: &'a [u8],
    line: u64,
    /// The comment before the first record: some lists have their header in it.
    last_comment: Option<&'a [u8]>,
    date: Option<i64>,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8], comment: &'a [u8]) -> Self {
        let rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        Self { rest, comment, line: 0, last_comment: None, date: None }
    }

    /// The cells of the header: the first record, or the comment before it if that has the column.
    fn header(&mut self, name: &str) -> Vec<String> {
        self.skip_comments();
        if let Some(comment) = self.last_comment {
            let comment = comment.get(self.comment.len()..).unwrap_or_default();
            let cells = text_cells(&Record::parse(comment.trim_ascii(), 0).0);
            if cells.iter().any(|cell| cell == name) {
                return cells;
            }
        }
        self.next_record().map(|record| text_cells(&record)).unwrap_or_default()
    }

    fn skip_comments(&mut self) {
        loop {
            let end = memchr::memchr(b'\n', self.rest).map_or(self.rest.len(), |end| end + 1);
            let line = self.rest[..end].trim_ascii();
            if self.rest.is_empty() || !(line.is_empty() || line.starts_with(self.comment)) {
                return;
            }
            self.line += 1;
            self.rest = &self.rest[end..];
            if !line.is_empty() {
                self.last_comment = Some(line);
                self.date = self.date.or_else(|| date_in_comment(self.line, line));
            }
        }
    }

    fn next_record(&mut self) -> Option<Record<'a>> {
        self.skip_comments();
        if self.rest.is_empty() {
            return None;
        }
        let (record, length) = Record::parse(self.rest, self.line + 1);
        self.line += line_count(&self.rest[..length]) as u64 - 1;
        if length == self.rest.len() {
            self.line += 1;
        }
        self.rest = &self.rest[length..];
        Some(record)
    }
}

impl<'a> Record<'a> {
    /// The first record of a text, and its length with the line end.
    fn parse(text: &'a [u8], line: u64) -> (Self, usize) {
        let (mut cells, mut at) = (Vec::new(), 0);
        loop {
            let (cell, length) = cell(&text[at..]);
            cells.push(cell);
            at += length;
            match text.get(at) {
                Some(b',') => at += 1,
                Some(_) => {
                    at += 1;
                    break;
                }
                None => break,
            }
        }
        (Self { line, text: text[..at].trim_ascii(), cells }, at)
    }
}

/// The cell at the beginning of a text, and its length up to the comma or line end.
fn cell(text: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    if text.get(blanks) != Some(&b'"') {
        let end = memchr::memchr2(b',', b'\n', text).unwrap_or(text.len());
        return (Cow::Borrowed(text[..end].trim_ascii()), end);
    }
    let start = blanks + 1;
    let (mut unquoted, mut at) = (Vec::new(), start);
    let closed = loop {
        let Some(quote) = memchr::memchr(b'"', &text[at..]).map(|quote| at + quote) else {
            break text.len();
        };
        unquoted.extend_from_slice(&text[at..quote]);
        if text.get(quote + 1) != Some(&b'"') {
            break quote;
        }
        unquoted.push(b'"');
        at = quote + 2;
    };
    if closed == text.len() {
        // The quote is not closed: it is text, up to the line end.
        let end = memchr::memchr2(b',', b'\n', text).unwrap_or(text.len());
        return (Cow::Borrowed(text[..end].trim_ascii()), end);
    }
    let end = memchr::memchr2(b',', b'\n', &text[closed..]).map_or(text.len(), |end| closed + end);
    (Cow::Owned(unquoted), end)
}

fn text_cells(record: &Record<'_>) -> Vec<String> {
    record.cells.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut records = Records::new(text.as_bytes(), b"#");
        std::iter::from_fn(|| records.next_record())
            .map(|record| (record.line, text_cells(&record)))
            .collect()
    }

    #[test]
    fn records_are_those_of_rfc_4180() {
        let text = "# head\n\na,b\r\n\"x,\"\"y\"\"\nz\" , 2\n,\nlast";
        let expected = [
            (3, vec!["a", "b"]),
            (4, vec!["x,\"y\"\nz", "2"]),
            (6, vec!["", ""]),
            (7, vec!["last"]),
        ];
        let found = records(text);
        let found: Vec<(u64, Vec<&str>)> = found
            .iter()
            .map(|(line, cells)| (*line, cells.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_quote_that_is_not_closed_ends_with_its_line() {
        assert_eq!(
            records("\"a,b\nc,d\n"),
            [(1, vec!["\"a".into(), "b".into()]), (2, vec!["c".into(), "d".into()])]
        );
    }
}
