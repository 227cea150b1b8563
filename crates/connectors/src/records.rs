//! Reads the records of all files of an input, numbered, in batches whose bounds depend on the data alone.

mod policy;

use std::{io, sync::Arc};

use anomal_core::{Error, RejectedRecord, Result, proto::Diagnostic};
use anomal_dataflow::TextChunk;
use anomal_spec::TextEncoding;

pub(crate) use self::policy::BadRecordPolicy;
use crate::{
    dialect::Separator,
    encoding::FileEncoding,
    files::Files,
    findings::TypeFindings,
    json::{Elements, Frame},
    lines::{Lines, Record, Shape},
    source::{OpenOptions, RAW_BYTES, Sample},
};

/// A batch ends with the record that takes it over this many bytes, so that long records do not make huge batches.
const BATCH_BYTES: usize = 32 << 20;

/// The position of a record in [`RawBatch::text`] and in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordSpan {
    pub start: usize,
    pub end: usize,
    /// Whether it contains a double quote.
    pub quotes: bool,
    pub row: u64,
    pub line: u64,
    /// The number of the layout that header lines give it.
    pub layout: u32,
    file: usize,
}

impl RecordSpan {
    /// A record that spans all of a text.
    pub fn for_text(text: &str) -> Self {
        Self {
            start: 0,
            end: text.len(),
            quotes: text.contains('"'),
            row: 0,
            line: 1,
            layout: 0,
            file: 0,
        }
    }
}

/// The records of one batch as they were read, not split into values yet.
#[derive(Debug, Default)]
pub(crate) struct RawBatch {
    pub text: String,
    pub records: Vec<RecordSpan>,
    pub rejected: Vec<RejectedRecord>,
    /// The error that ended reading right behind these records.
    pub failure: Option<Error>,
}

impl RawBatch {
    /// Whether the input has ended.
    pub fn is_end(&self) -> bool {
        self.records.is_empty() && self.rejected.is_empty() && self.failure.is_none()
    }

    pub fn record(&self, span: &RecordSpan) -> &str {
        &self.text[span.start..span.end]
    }
}

/// The reason why a record is rejected.
pub(crate) struct BadRecord {
    pub column: Option<String>,
    pub reason: String,
}

impl BadRecord {
    /// The record as a whole is wrong.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { column: None, reason: reason.into() }
    }
}

/// Removes the items at these positions, which ascend.
pub(crate) fn remove<T>(items: &mut Vec<T>, places: &[usize]) {
    let mut places = places.iter().copied().peekable();
    let mut place = 0;
    items.retain(|_| {
        let gone = places.next_if_eq(&place).is_some();
        place += 1;
        !gone
    });
}

/// Lines between records that describe those behind them.
pub(crate) trait HeaderLines: Send {
    /// Forgets the lines of the file before.
    fn begin_file(&mut self);

    /// Takes a line that begins with `#`.
    fn read(&mut self, line: &str);

    /// The number of the layout of the records that follow.
    ///
    /// # Errors
    /// The reason and a message, if they can't be read.
    fn layout(&mut self) -> std::result::Result<u32, (&'static str, String)>;
}

/// A file whose records are read next.
pub(crate) struct OpenedFile<'a> {
    pub name: &'a str,
    pub lines: &'a mut Lines,
    pub encoding: FileEncoding,
    pub framing: &'a mut Framing,
    pub findings: &'a TypeFindings,
}

/// What divides text into records.
#[derive(Debug)]
pub(crate) enum Framing {
    /// Line ends, by the shape of the records.
    Lines,
    /// The frame of JSON that the next file shows.
    Unknown,
    Json(Frame),
}

/// Divides a text into records.
enum RecordReader {
    Lines(Lines),
    Json(Elements),
}

impl RecordReader {
    fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        match self {
            Self::Lines(lines) => lines.next(),
            Self::Json(elements) => elements.next(),
        }
    }
}

/// Reads what precedes the records of a file.
pub(crate) type Begin<'a> = &'a mut dyn FnMut(&mut OpenedFile<'_>) -> Result<()>;

/// Reads records one file after the other.
pub(crate) struct Records {
    pub files: Arc<Files>,
    pub policy: BadRecordPolicy,
    options: OpenOptions,
    given_encoding: TextEncoding,
    /// The encoding of the file that is read.
    encoding: Option<FileEncoding>,
    pub shape: Shape,
    pub framing: Framing,
    /// Whether an empty line is a record, as in a file of one column.
    pub keep_blank: bool,
    /// Reads lines that begin with `#`, which are no records then.
    pub headers: Option<Box<dyn HeaderLines>>,
    file: usize,
    reader: Option<RecordReader>,
    next_row: u64,
}

impl Records {
    /// `skip`: bad records are rejected and do not end reading.
    pub fn new(
        files: Files,
        driver: &'static str,
        shape: Shape,
        encoding: TextEncoding,
        skip: bool,
        options: &OpenOptions,
    ) -> Self {
        let files = Arc::new(files);
        Self {
            policy: BadRecordPolicy::new(Arc::clone(&files), driver, skip),
            files,
            options: options.clone(),
            given_encoding: encoding,
            encoding: None,
            shape,
            framing: Framing::Lines,
            keep_blank: false,
            headers: None,
            file: 0,
            reader: None,
            next_row: 0,
        }
    }

    /// The records of a chunk of lines in UTF-8.
    ///
    /// # Errors
    /// `Internal`.
    pub fn for_chunk(
        chunk: TextChunk,
        driver: &'static str,
        options: &OpenOptions,
    ) -> Result<Self> {
        let TextChunk { first, text, file, line, .. } = chunk;
        let files = Files::for_sample(&Sample { name: file, text: Arc::default() });
        let options = OpenOptions { batch_rows: usize::MAX, ..options.clone() };
        let block = text.len() + 1;
        let mut lines = Lines::new(Box::new(io::Cursor::new(text)), Shape::Lines, block);
        lines.pass(0, line - 1);
        let mut records =
            Self::new(files, driver, Shape::Lines, TextEncoding::Utf8, true, &options);
        records.encoding = Some(FileEncoding::for_file(&[], TextEncoding::Utf8)?);
        records.reader = Some(RecordReader::Lines(lines));
        records.next_row = first;
        Ok(records)
    }

    /// Whether each line is a record by itself, whatever precedes it.
    pub fn has_plain_lines(&self) -> bool {
        self.shape == Shape::Lines && self.headers.is_none()
    }

    /// Opens the first file. `begin` reads what precedes its records.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be read; those of `begin`.
    pub fn open(&mut self, begin: Begin<'_>) -> Result<()> {
        let name = self.files.name(self.file);
        let (text, encoding) = self.files.open_text(self.file, self.given_encoding)?;
        if encoding.found && self.encoding.is_none_or(|before| !before.found) {
            self.note_encoding(&name, &encoding);
        }
        self.encoding = Some(encoding);
        if let Some(headers) = &mut self.headers {
            headers.begin_file();
        }
        let mut lines = Lines::new(text, self.shape, self.options.block_bytes);
        let (framing, findings) = (&mut self.framing, &self.options.findings);
        begin(&mut OpenedFile { name: &name, lines: &mut lines, encoding, framing, findings })?;
        self.reader = Some(match &self.framing {
            Framing::Lines => RecordReader::Lines(lines),
            // A file without a value.
            Framing::Unknown => RecordReader::Json(Elements::new(lines, Frame::default())),
            Framing::Json(frame) => RecordReader::Json(Elements::new(lines, frame.clone())),
        });
        Ok(())
    }

    fn note_encoding(&self, name: &str, encoding: &FileEncoding) {
        let label = encoding.encoding.name().to_ascii_lowercase();
        self.options.findings.note(Diagnostic {
            path: format!("input.{}", self.policy.driver().to_ascii_lowercase()),
            reason: "ENCODING".to_owned(),
            message: format!(
                "{name} is read as {label}, as its first bytes show; `encoding: {label}` sets that"
            ),
            count: 0,
        });
    }

    /// Reads the next records. `begin` is called for each file that is opened.
    pub fn read_batch(&mut self, begin: Begin<'_>) -> RawBatch {
        let mut raw = RawBatch::default();
        while raw.records.len() + raw.rejected.len() < self.options.batch_rows
            && raw.text.len() < BATCH_BYTES
        {
            match self.step(&mut raw, begin) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => {
                    raw.failure = Some(failure);
                    // Nothing is read after a failure.
                    (self.file, self.reader) = (self.files.count(), None);
                    break;
                }
            }
        }
        raw
    }

    /// Reads a record or opens the next file; false at the end of the last one.
    fn step(&mut self, raw: &mut RawBatch, begin: Begin<'_>) -> Result<bool> {
        let Some(reader) = &mut self.reader else {
            if self.file + 1 >= self.files.count() {
                return Ok(false);
            }
            self.file += 1;
            self.open(begin)?;
            return Ok(true);
        };
        let Some(record) =
            reader.next().map_err(|error| self.files.read_error(self.file, &error))?
        else {
            self.reader = None;
            // A file may have header lines alone.
            if let Some(headers) = &mut self.headers {
                let place = || self.files.name(self.file);
                headers.layout().map_err(|wrong| header_error(&place(), wrong))?;
            }
            return Ok(true);
        };
        let blank = match self.shape {
            Shape::Lines => record.bytes.trim_ascii().is_empty(),
            Shape::Quoted { .. } => record.bytes.is_empty() && !self.keep_blank,
            Shape::Dialect(dialect) => {
                let runs = dialect.separator == Separator::Whitespace;
                let blank = record.bytes.is_empty() || runs && record.bytes.trim_ascii().is_empty();
                blank && !self.keep_blank || dialect.is_comment(record.bytes)
            }
        };
        if blank && record.bad.is_none() {
            return Ok(true);
        }
        let mut layout = 0;
        if let Some(headers) = &mut self.headers {
            if record.bytes.first() == Some(&b'#') {
                headers.read(&String::from_utf8_lossy(record.bytes));
                return Ok(true);
            }
            let place = || format!("{}:{}", self.files.name(self.file), record.line);
            layout = headers.layout().map_err(|wrong| header_error(&place(), wrong))?;
        }
        let start = raw.text.len();
        let (quotes, line) = (record.quotes, record.line);
        let (row, file) = (self.next_row, self.file);
        let mut span = RecordSpan { start, end: start, quotes, row, line, layout, file };
        self.next_row += 1;
        let reason = match (record.bad, simdutf8::basic::from_utf8(record.bytes)) {
            (None, Ok(text)) => {
                raw.text.push_str(text);
                span.end = raw.text.len();
                raw.records.push(span);
                return Ok(true);
            }
            (Some(reason), _) => reason.to_owned(),
            (None, Err(_)) => {
                self.encoding.map_or_else(String::new, |file| file.describe_invalid(record.bytes))
            }
        };
        let bytes = record.bytes[..record.bytes.len().min(RAW_BYTES)].to_vec();
        let rejected = &mut raw.rejected;
        self.policy.reject_bytes(&span, BadRecord::new(reason), &bytes, rejected).map(|()| true)
    }
}

fn header_error(place: &str, (reason, message): (&'static str, String)) -> Error {
    Error::input(reason, format!("{place}: {message}"))
}
