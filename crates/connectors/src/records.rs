//! The records of all files of an input, numbered, in batches whose bounds depend on the data alone.

use std::sync::Arc;

use anomal_core::{Error, Result, Table, proto::Column};
use polars::prelude::{BooleanChunked, DataFrame, NewChunkedArray};

use crate::{
    OpenOptions,
    files::Files,
    lines::{Lines, NOT_UTF8, Shape},
    source::{Batch, RAW_BYTES, Rejected, raw_text},
    typing::{self, Nulls},
};

/// A batch ends with the record that takes it over so many bytes, so that long records do not make huge
/// batches.
const BATCH_BYTES: usize = 32 << 20;

/// Where a record is: in [`Gathered::text`] and in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub start: usize,
    pub end: usize,
    /// Whether it holds a double quote.
    pub quotes: bool,
    pub row: u64,
    pub line: u64,
    file: usize,
}

impl Entry {
    /// A record that is all of a text.
    pub fn of(text: &str) -> Self {
        Self { start: 0, end: text.len(), quotes: text.contains('"'), row: 0, line: 1, file: 0 }
    }
}

/// Records of one batch as they were read.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub text: String,
    pub records: Vec<Entry>,
    pub rejected: Vec<Rejected>,
    /// What ended the reading right behind these records.
    pub failure: Option<Error>,
}

impl Gathered {
    /// Nothing was there to be read.
    pub fn is_end(&self) -> bool {
        self.records.is_empty() && self.rejected.is_empty() && self.failure.is_none()
    }

    pub fn record(&self, entry: &Entry) -> &str {
        &self.text[entry.start..entry.end]
    }
}

/// What is wrong with a record.
pub(crate) struct Bad {
    pub column: Option<String>,
    pub reason: String,
}

impl Bad {
    /// The record as a whole.
    pub fn record(reason: impl Into<String>) -> Self {
        Self { column: None, reason: reason.into() }
    }
}

/// Takes away the items at these places, which ascend.
pub(crate) fn remove<T>(items: &mut Vec<T>, places: &[usize]) {
    let mut places = places.iter().copied().peekable();
    let mut place = 0;
    items.retain(|_| {
        let gone = places.next_if_eq(&place).is_some();
        place += 1;
        !gone
    });
}

/// Reads records one file after the other.
pub(crate) struct Records {
    pub files: Arc<Files>,
    pub refusals: Refusals,
    options: OpenOptions,
    shape: Shape,
    /// Whether an empty line is a record, as it is where there is one column.
    pub keep_blank: bool,
    file: usize,
    lines: Option<Lines>,
    next_row: u64,
}

impl Records {
    /// `skip`: bad records are kept as rejected ones and do not end the reading.
    pub fn new(
        files: Files,
        driver: &'static str,
        shape: Shape,
        skip: bool,
        options: &OpenOptions,
    ) -> Self {
        let files = Arc::new(files);
        Self {
            refusals: Refusals { files: Arc::clone(&files), driver, skip },
            files,
            options: options.clone(),
            shape,
            keep_blank: false,
            file: 0,
            lines: None,
            next_row: 0,
        }
    }

    /// Opens the first file; `begin` reads what stands above its records.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be read, and what `begin` says.
    pub fn open(&mut self, begin: &mut dyn FnMut(&str, &mut Lines) -> Result<()>) -> Result<()> {
        let name = self.files.name(self.file);
        let mut lines =
            Lines::new(self.files.open_text(self.file)?, self.shape, self.options.block_bytes);
        begin(&name, &mut lines)?;
        self.lines = Some(lines);
        Ok(())
    }

    /// The next records; `begin` is called for each file that is opened on the way.
    pub fn gather(&mut self, begin: &mut dyn FnMut(&str, &mut Lines) -> Result<()>) -> Gathered {
        let mut gathered = Gathered::default();
        while gathered.records.len() + gathered.rejected.len() < self.options.batch_rows
            && gathered.text.len() < BATCH_BYTES
        {
            match self.step(&mut gathered, begin) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => {
                    gathered.failure = Some(failure);
                    // Nothing is read behind a failure.
                    (self.file, self.lines) = (self.files.count(), None);
                    break;
                }
            }
        }
        gathered
    }

    /// Takes a record or opens a file; false at the end of the last one.
    fn step(
        &mut self,
        gathered: &mut Gathered,
        begin: &mut dyn FnMut(&str, &mut Lines) -> Result<()>,
    ) -> Result<bool> {
        let Some(lines) = &mut self.lines else {
            if self.file + 1 >= self.files.count() {
                return Ok(false);
            }
            self.file += 1;
            self.open(begin)?;
            return Ok(true);
        };
        let Some(record) = lines.next().map_err(|error| self.files.failed(self.file, &error))?
        else {
            self.lines = None;
            return Ok(true);
        };
        let blank = match self.shape {
            Shape::Lines => record.bytes.trim_ascii().is_empty(),
            Shape::Quoted { .. } => record.bytes.is_empty() && !self.keep_blank,
        };
        if blank {
            return Ok(true);
        }
        let start = gathered.text.len();
        let (quotes, line) = (record.quotes, record.line);
        let mut entry =
            Entry { start, end: start, quotes, row: self.next_row, line, file: self.file };
        self.next_row += 1;
        let reason = match (record.bad, simdutf8::basic::from_utf8(record.bytes)) {
            (None, Ok(text)) => {
                gathered.text.push_str(text);
                entry.end = gathered.text.len();
                gathered.records.push(entry);
                return Ok(true);
            }
            (Some(reason), _) => reason,
            (None, Err(_)) => NOT_UTF8,
        };
        let raw = record.bytes[..record.bytes.len().min(RAW_BYTES)].to_vec();
        let rejected = &mut gathered.rejected;
        self.refusals.refuse(&entry, Bad::record(reason), &raw, rejected).map(|()| true)
    }
}

/// What becomes of bad records.
#[derive(Clone)]
pub(crate) struct Refusals {
    files: Arc<Files>,
    driver: &'static str,
    skip: bool,
}

impl Refusals {
    /// Keeps a bad record; `raw` is what it begins with.
    ///
    /// # Errors
    /// `InvalidInput` where bad records are errors.
    fn refuse(
        &self,
        entry: &Entry,
        bad: Bad,
        raw: &[u8],
        rejected: &mut Vec<Rejected>,
    ) -> Result<()> {
        let bad = Rejected {
            file: self.files.name(entry.file),
            line: entry.line,
            row: entry.row,
            column: bad.column,
            reason: bad.reason,
            raw: raw_text(raw),
        };
        if !self.skip {
            return Err(bad.into_error(self.driver));
        }
        rejected.push(bad);
        Ok(())
    }

    /// Takes the record at `index` for a bad one. Where that ends the reading, the records before it are
    /// what is left, and true is told.
    pub fn reject(&self, gathered: &mut Gathered, index: usize, bad: Bad) -> bool {
        let entry = gathered.records[index];
        let raw = &gathered.text.as_bytes()[entry.start..entry.end];
        let Err(failure) = self.refuse(&entry, bad, raw, &mut gathered.rejected) else {
            return false;
        };
        gathered.records.truncate(index + 1);
        // It comes before whatever failed behind it.
        gathered.failure = Some(failure);
        true
    }

    /// The batch of these records and their columns, with the selected ones typed; records with a value
    /// that is not of its column's type are bad ones.
    ///
    /// # Errors
    /// `InvalidInput`: the first failure in the records' order.
    pub fn batch(
        &self,
        mut gathered: Gathered,
        mut source: DataFrame,
        selected: &[Column],
        nulls: &Nulls,
    ) -> Result<Batch> {
        let typed = typing::typed(&source, selected, nulls)?;
        let mut columns = typed.columns;
        if !typed.misfits.is_empty() {
            let mut fits = vec![true; source.height()];
            let mut places = Vec::with_capacity(typed.misfits.len());
            for misfit in typed.misfits {
                fits[misfit.index] = false;
                places.push(misfit.index);
                let bad = Bad { reason: misfit.reason(), column: Some(misfit.column) };
                if self.reject(&mut gathered, misfit.index, bad) {
                    break;
                }
            }
            if gathered.failure.is_none() {
                let mask = BooleanChunked::from_slice("fits".into(), &fits);
                (source, columns) = (source.filter(&mask)?, columns.filter(&mask)?);
                remove(&mut gathered.records, &places);
            }
        }
        if let Some(failure) = gathered.failure {
            return Err(failure);
        }
        gathered.rejected.sort_by_key(|bad| bad.row);
        let rows = gathered.records.iter().map(|entry| entry.row).collect();
        let source = Table::new(rows, source)?;
        Ok(Batch { source, typed: columns, rejected: gathered.rejected, diagnostics: Vec::new() })
    }
}
