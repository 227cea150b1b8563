//! CSV records as columns of text, beside the columns that were asked for by type.

use std::path::PathBuf;

use anomal_core::{Error, Result, Table, proto::Column};
use anomal_spec::{BadLines, ColumnType, CsvInput};
use polars::prelude::{
    BooleanChunked, DataFrame, IntoColumn, NewChunkedArray, StringChunkedBuilder,
};

use crate::{
    OpenOptions,
    files::Files,
    lines::{Lines, Shape},
    source::{Batch, Rejected, Source, raw_text, type_named},
    typing::{self, INFER_FROM, Nulls},
};

pub(crate) struct CsvSource {
    files: Files,
    options: OpenOptions,
    separator: u8,
    skip: bool,
    nulls: Nulls,
    schema: Vec<Column>,
    selected: Vec<Column>,
    /// The file that is being read.
    file: usize,
    lines: Option<Lines>,
    next_row: u64,
    /// The first records, read to learn the types.
    first: Option<Raw>,
    header: Vec<String>,
}

/// Records cut into cells.
struct Raw {
    rows: Vec<u64>,
    lines: Vec<u64>,
    file: String,
    cells: DataFrame,
    rejected: Vec<Rejected>,
}

impl CsvSource {
    pub fn open(input: &CsvInput, options: &OpenOptions) -> Result<Self> {
        let files = Files::find(&input.path, &[".csv", ".tsv", ".txt"])?;
        let mut source = Self {
            files,
            options: *options,
            separator: input.separator.bytes().next().unwrap_or(b','),
            skip: input.bad_lines == BadLines::Skip,
            nulls: Nulls::new(&input.null_values),
            schema: Vec::new(),
            selected: Vec::new(),
            file: 0,
            lines: None,
            next_row: 0,
            first: None,
            header: Vec::new(),
        };
        source.header = source.open_file()?;
        let first = source.read()?;
        source.schema = source.infer(first.as_ref(), input)?;
        source.first = first;
        Ok(source)
    }

    fn infer(&self, first: Option<&Raw>, input: &CsvInput) -> Result<Vec<Column>> {
        if let Some(name) = input.types.keys().find(|name| !self.header.contains(name)) {
            return Err(Error::settings(
                format!("input.csv.types.{name}"),
                "COLUMN_MISSING",
                format!("there is no column `{name}`; there are {}", self.header.join(", ")),
            ));
        }
        let column = |name: &String| -> Result<Column> {
            let data_type = match (input.types.get(name), first) {
                (Some(given), _) => type_named(*given),
                (None, Some(raw)) => {
                    let cells = raw.cells.column(name)?.str()?;
                    let cells: Vec<&str> = cells.iter().take(INFER_FROM).flatten().collect();
                    typing::infer(cells.iter().copied(), &self.nulls)
                }
                (None, None) => type_named(ColumnType::String),
            };
            Ok(Column { name: name.clone(), data_type: data_type.into() })
        };
        self.header.iter().map(column).collect()
    }

    /// Opens the current file and reads its header.
    fn open_file(&mut self) -> Result<Vec<String>> {
        let name = self.files.name(self.file);
        let shape = Shape::Quoted { separator: self.separator };
        let mut lines = Lines::new(self.files.open(self.file)?, shape, self.options.block_bytes);
        let record = lines.next().map_err(|error| self.files.failed(self.file, &error))?;
        let Some(record) = record else {
            return Err(Error::input(
                "EMPTY_FILE",
                format!("{name} is empty; a CSV file begins with a line of column names"),
            ));
        };
        let bytes = record.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record.bytes);
        let bad = |why: &str| Error::input("BAD_HEADER", format!("{name}:{}: {why}", record.line));
        if let Some(why) = record.bad {
            return Err(bad(why));
        }
        let text = simdutf8::basic::from_utf8(bytes).map_err(|_| bad("the header is not UTF-8"))?;
        let mut header: Vec<String> = Vec::new();
        cells(text, record.quotes, self.separator, &mut |cell| {
            let place = header.len() + 1;
            header.push(if cell.trim().is_empty() { format!("column_{place}") } else { cell.to_owned() });
        });
        for (place, column) in header.iter().enumerate() {
            if let Some(before) = header[..place].iter().position(|known| known == column) {
                return Err(bad(&format!(
                    "the column name `{column}` is there twice, as column {} and {}; rename one of them",
                    before + 1,
                    place + 1
                )));
            }
        }
        self.lines = Some(lines);
        Ok(header)
    }

    /// The next records of the current file, or of the one after it.
    fn read(&mut self) -> Result<Option<Raw>> {
        loop {
            if self.lines.is_none() {
                if self.file + 1 >= self.files.count() {
                    return Ok(None);
                }
                self.file += 1;
                let header = self.open_file()?;
                if header != self.header {
                    return Err(Error::input(
                        "HEADERS_DIFFER",
                        format!(
                            "{} has other columns than {}: {} and not {}",
                            self.files.name(self.file),
                            self.files.name(0),
                            header.join(", "),
                            self.header.join(", ")
                        ),
                    ));
                }
            }
            let raw = self.read_file()?;
            if !raw.rows.is_empty() || !raw.rejected.is_empty() {
                return Ok(Some(raw));
            }
            self.lines = None;
        }
    }

    fn read_file(&mut self) -> Result<Raw> {
        let file = self.files.name(self.file);
        let width = self.header.len();
        let capacity = self.options.batch_rows;
        let mut columns: Vec<StringChunkedBuilder> = self
            .header
            .iter()
            .map(|name| StringChunkedBuilder::new(name.as_str().into(), capacity))
            .collect();
        let (mut rows, mut places, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
        let mut borders: Vec<usize> = Vec::with_capacity(width + 1);
        let mut unquoted: Vec<String> = Vec::new();
        let Some(lines) = &mut self.lines else {
            return Err(Error::internal("no file is open"));
        };
        while rows.len() + rejected.len() < capacity {
            let record = lines.next().map_err(|error| self.files.failed(self.file, &error))?;
            let Some(record) = record else { break };
            if record.bytes.is_empty() && width > 1 {
                // A blank line is no record.
                continue;
            }
            let row = self.next_row;
            self.next_row += 1;
            let why = match (record.bad, simdutf8::basic::from_utf8(record.bytes)) {
                (Some(why), _) => why.to_owned(),
                (None, Err(_)) => "the record is not UTF-8".to_owned(),
                (None, Ok(text)) if !record.quotes => {
                    borders.clear();
                    borders.extend(memchr::memchr_iter(self.separator, text.as_bytes()));
                    borders.push(text.len());
                    if borders.len() == width {
                        let mut start = 0;
                        for (column, end) in columns.iter_mut().zip(&borders) {
                            column.append_value(&text[start..*end]);
                            start = end + 1;
                        }
                        rows.push(row);
                        places.push(record.line);
                        continue;
                    }
                    ragged(borders.len(), width)
                }
                (None, Ok(text)) => {
                    unquoted.clear();
                    cells(text, true, self.separator, &mut |cell| unquoted.push(cell.to_owned()));
                    if unquoted.len() == width {
                        for (column, cell) in columns.iter_mut().zip(&unquoted) {
                            column.append_value(cell);
                        }
                        rows.push(row);
                        places.push(record.line);
                        continue;
                    }
                    ragged(unquoted.len(), width)
                }
            };
            let raw = raw_text(record.bytes);
            let bad = Rejected { file: file.clone(), line: record.line, row, column: None, reason: why, raw };
            if !self.skip {
                return Err(bad.into_error("CSV"));
            }
            rejected.push(bad);
        }
        let columns = columns.into_iter().map(|column| column.finish().into_column()).collect();
        let cells = DataFrame::new(rows.len(), columns)?;
        Ok(Raw { rows, lines: places, file, cells, rejected })
    }

    /// Types the selected columns; rows with a cell that is not of its type are bad ones.
    fn typed(&self, raw: Raw) -> Result<Batch> {
        let Raw { rows, lines, file, cells, mut rejected } = raw;
        let typed = typing::typed(&cells, &self.selected, &self.nulls)?;
        if typed.misfits.is_empty() {
            return Ok(Batch { source: Table::new(rows, cells)?, typed: typed.columns, rejected });
        }
        let mut fits = vec![true; rows.len()];
        for misfit in typed.misfits {
            let index = misfit.index;
            fits[index] = false;
            let bad = Rejected {
                file: file.clone(),
                line: lines[index],
                row: rows[index],
                reason: format!("`{}` is not {}", misfit.text, misfit.wanted),
                column: Some(misfit.column),
                raw: raw_text(record_text(&cells, index, self.separator).as_bytes()),
            };
            if !self.skip {
                return Err(bad.into_error("CSV"));
            }
            rejected.push(bad);
        }
        rejected.sort_by_key(|bad| bad.row);
        let mask = BooleanChunked::from_slice("fits".into(), &fits);
        let typed = typed.columns.filter(&mask)?;
        Ok(Batch { source: Table::new(rows, cells)?.filter(&mask)?, typed, rejected })
    }
}

fn ragged(found: usize, wanted: usize) -> String {
    format!("the record has {found} cells and not {wanted} as the header")
}

/// A record as it could have stood in the file.
fn record_text(cells: &DataFrame, index: usize, separator: u8) -> String {
    let cell = |column: &polars::prelude::Column| {
        let text = column.str().ok().and_then(|column| column.get(index)).unwrap_or_default();
        if text.bytes().any(|byte| byte == separator || byte == b'"' || byte == b'\n') {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let cells: Vec<String> = cells.columns().iter().map(cell).collect();
    cells.join(&char::from(separator).to_string())
}

/// The cells of a record, quotes taken away.
fn cells(record: &str, quotes: bool, separator: u8, take: &mut dyn FnMut(&str)) {
    let separator = char::from(separator);
    if !quotes {
        record.split(separator).for_each(take);
        return;
    }
    let mut rest = record;
    loop {
        let after = if let Some(quoted) = rest.strip_prefix('"') {
            let (cell, after) = unquote(quoted, separator);
            take(&cell);
            after
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            take(&rest[..end]);
            &rest[end..]
        };
        match after.strip_prefix(separator) {
            Some(next) => rest = next,
            None => return,
        }
    }
}

/// The text of a cell behind its opening quote, and what follows the cell. Text behind the closing quote
/// belongs to the cell.
fn unquote(quoted: &str, separator: char) -> (String, &str) {
    let mut cell = String::new();
    let mut rest = quoted;
    loop {
        let Some(end) = rest.find('"') else {
            cell.push_str(rest);
            return (cell, "");
        };
        cell.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        if let Some(next) = rest.strip_prefix('"') {
            cell.push('"');
            rest = next;
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            cell.push_str(&rest[..end]);
            return (cell, &rest[end..]);
        }
    }
}

impl Source for CsvSource {
    fn schema(&self) -> &[Column] {
        &self.schema
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        self.selected = columns.to_vec();
        Ok(())
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let raw = match self.first.take() {
            Some(raw) => Some(raw),
            None => self.read()?,
        };
        raw.map(|raw| self.typed(raw)).transpose()
    }

    fn retype(&self) -> Box<dyn Fn(&DataFrame) -> Result<DataFrame> + Send + Sync> {
        let (selected, nulls) = (self.selected.clone(), self.nulls.clone());
        Box::new(move |frame| Ok(typing::typed(frame, &selected, &nulls)?.columns))
    }

    fn empty(&self) -> DataFrame {
        let column = |name: &String| {
            StringChunkedBuilder::new(name.as_str().into(), 0).finish().into_column()
        };
        DataFrame::new(0, self.header.iter().map(column).collect()).unwrap_or_default()
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.files.progress()
    }

    fn files(&self) -> &[PathBuf] {
        &self.files.paths
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn open(text: &[u8], change: impl FnOnce(&mut CsvInput), options: &OpenOptions) -> Result<CsvSource> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.csv");
        std::fs::write(&path, text).unwrap();
        let mut input = CsvInput::new(path.to_str().unwrap());
        change(&mut input);
        CsvSource::open(&input, options)
    }

    fn all(source: &mut CsvSource) -> Result<(Vec<u64>, Vec<Vec<String>>, Vec<Rejected>)> {
        let (mut rows, mut records, mut rejected) = (vec![], vec![], vec![]);
        while let Some(batch) = source.next_batch()? {
            rows.extend(batch.source.rows());
            let columns = batch.source.columns();
            for row in 0..columns.height() {
                let cell = |column: &polars::prelude::Column| {
                    column.str().unwrap().get(row).unwrap().to_owned()
                };
                records.push(columns.columns().iter().map(cell).collect());
            }
            rejected.extend(batch.rejected);
        }
        Ok((rows, records, rejected))
    }

    fn strings(records: &[&[&str]]) -> Vec<Vec<String>> {
        records.iter().map(|record| record.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn cells_are_kept_to_the_byte() {
        let text = b"\xef\xbb\xbfa,b\r\n007, x \r\n\"q\"\"q\",\"l1\nl2\"\r\n\r\n,\r\n\"in\"side,x";
        let mut source = open(text, |_| (), &OpenOptions::default()).unwrap();
        let (rows, records, _) = all(&mut source).unwrap();
        assert_eq!(rows, [0, 1, 2, 3]);
        let expected: &[&[&str]] = &[&["007", " x "], &["q\"q", "l1\nl2"], &["", ""], &["inside", "x"]];
        assert_eq!(records, strings(expected));
    }

    #[test]
    fn a_bad_record_stops_or_is_kept() {
        let text = b"n,t\n1,a\n2\nx,b\n3,\xff\n4,d\n";
        let select = |source: &mut CsvSource| {
            let schema = vec![Column { name: "n".into(), data_type: type_named(ColumnType::Integer).into() }];
            source.select(&schema).unwrap();
        };
        let error = open(text, |_| (), &OpenOptions::default()).err().unwrap();
        assert!(error.message.contains("in.csv:3: "), "{error}");
        let skip = |input: &mut CsvInput| input.bad_lines = BadLines::Skip;
        let mut source = open(text, skip, &OpenOptions::default()).unwrap();
        select(&mut source);
        let (rows, records, rejected) = all(&mut source).unwrap();
        assert_eq!(rows, [0, 4]);
        assert_eq!(records, strings(&[&["1", "a"], &["4", "d"]]));
        let told: Vec<_> = rejected.iter().map(|bad| (bad.row, bad.line, bad.raw.as_str())).collect();
        assert_eq!(told, [(1, 3, "2"), (2, 4, "x,b"), (3, 5, "3,\u{fffd}")]);
        assert_eq!(rejected[1].reason, "`x` is not a whole number");
    }

    #[test]
    fn headers_that_can_not_be() {
        let error = |text: &[u8]| open(text, |_| (), &OpenOptions::default()).err().unwrap().message;
        assert!(error(b"").contains("is empty"));
        assert!(error(b"a,b,a\n").contains("`a` is there twice, as column 1 and 3"));
        let source = open(b"a,,c\n", |_| (), &OpenOptions::default()).unwrap();
        assert_eq!(source.header, ["a", "column_2", "c"]);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            records in prop::collection::vec(prop::collection::vec("[a\"\n\r,é ]{0,6}", 3), 0..20),
            block in 1_usize..40,
            batch in 1_usize..7,
        ) {
            let quote = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let mut text = String::from("x,y,z\n");
            for record in &records {
                text.push_str(&record.iter().map(quote).collect::<Vec<_>>().join(","));
                text.push('\n');
            }
            let options = OpenOptions { batch_rows: batch, block_bytes: block };
            let mut source = open(text.as_bytes(), |_| (), &options).unwrap();
            let (rows, read, rejected) = all(&mut source).unwrap();
            prop_assert_eq!(read, records.clone());
            prop_assert_eq!(rows.len(), records.len());
            prop_assert!(rejected.is_empty());
        }
    }
}
