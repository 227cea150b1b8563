//! The interface of input drivers.

use std::{borrow::BorrowMut, fmt::Write, path::PathBuf, sync::Arc};

use anomal_core::{
    Batch, Element, Position, RejectedRecord, Result,
    proto::{Column, TimeReading},
};
use polars::prelude::DataFrame;

/// A part of an input that is read in order and by itself: all files of a job, a partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The partition of its rows' ids.
    pub partition: u32,
    /// For logs and errors.
    pub name: String,
}

/// An input whose columns are known. The order of calls: [`Source::schema`], [`Source::select`], then
/// [`Source::open`] for each split.
pub trait Source: Send {
    /// All columns in order, with given or inferred types.
    fn schema(&self) -> &[Column];

    /// How columns of other types are read where settings need them as times: [`select`](Self::select) takes them as
    /// datetime.
    fn times(&self) -> Vec<TimeReading> {
        Vec::new()
    }

    /// Names the columns that [`Batch::typed`](anomal_core::Batch) is to hold and their types.
    ///
    /// # Errors
    /// `InvalidSettings` if a column can't have that type.
    fn select(&mut self, columns: &[Column]) -> Result<()>;

    /// Says that nothing reads other columns of [`Batch::raw`](anomal_core::Batch) than those that are selected and these.
    /// A source can leave the others out.
    fn keep_only(&mut self, columns: &[String]) {
        let _ = columns;
    }

    /// Whether its readers end.
    fn is_bounded(&self) -> bool {
        true
    }

    /// Whether its readers send [`Element::Watermark`].
    fn has_watermarks(&self) -> bool {
        false
    }

    /// The parts that can be read apart. Files are one split: a row's offset counts the records of all files before it.
    fn splits(&self) -> Vec<Split> {
        vec![Split { partition: 0, name: "input".to_owned() }]
    }

    /// Reads a split from its beginning, or behind the rows that `from` has counted already.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be read (again).
    fn open(&mut self, split: &Split, from: Option<Position>) -> Result<Box<dyn Reader>>;

    /// All columns as [`Batch::raw`](anomal_core::Batch) has them, without rows: the columns of an empty result.
    fn empty(&self) -> DataFrame;

    /// The files read, in order (standard input: none): an output must not be one of them.
    fn files(&self) -> &[PathBuf];

    /// What reads further text as records of this input, with the columns that are selected; none where a record's
    /// meaning depends on more than its line.
    fn decoder(&self) -> Option<Box<dyn ChunkDecoder>> {
        None
    }

    /// What distinguishes these records from others that the same settings may name at another time, where that is
    /// known: a second run over the same records is a retry of the first.
    fn identity(&self) -> Option<String> {
        files_identity(self.files())
    }
}

/// Whole lines of a partition.
#[derive(Clone, Debug)]
pub struct TextChunk {
    pub partition: u32,
    /// The offset of the first record.
    pub first: u64,
    pub text: Vec<u8>,
    /// The lines that say what the columns are, of formats that have them in their files.
    pub heading: Option<Arc<str>>,
    /// For messages: the file, and the number of the first line, from 1.
    pub file: PathBuf,
    pub line: u64,
    /// Of records that a log has more of than their text.
    pub attributes: Option<Box<RecordAttributes>>,
}

/// What a log has of records beside their text, in the order of their lines.
#[derive(Clone, Debug)]
pub struct RecordAttributes {
    /// Their offsets, which need not follow each other.
    pub offsets: Vec<u64>,
    /// Further columns.
    pub columns: DataFrame,
    /// Records without a line, which can't be read.
    pub rejected: Vec<RejectedRecord>,
    /// Of records that are judged together: the times, in microseconds since the epoch, between which they were collected.
    pub window: Option<(i64, i64)>,
}

impl TextChunk {
    /// The records of a chunk that spans so many offsets.
    pub fn records(&self, offsets: u64) -> u64 {
        let with = |attributes: &RecordAttributes| {
            (attributes.offsets.len() + attributes.rejected.len()) as u64
        };
        self.attributes.as_deref().map_or(offsets, with)
    }
}

/// Reads chunks of text as the records of an input.
pub trait ChunkDecoder: Send + Sync {
    /// The records of a chunk. Those that can't be read are rejected.
    ///
    /// # Errors
    /// `Internal`.
    fn decode(&mut self, chunk: TextChunk) -> Result<Batch>;
}

/// A split that is being read.
pub trait Reader: Send {
    /// The next records in input order; batches have the same bounds in every run. Nothing follows [`Element::End`].
    ///
    /// # Errors
    /// `InvalidInput` with file, line and column: a bad record where `badLines` is `error`, a file that can't be read
    /// or decompressed.
    fn next(&mut self) -> Result<Element>;
}

/// A reader that drops the rows that were read before, for inputs that can only be read from their beginning: compressed
/// files, or CSV, in which a line end may be part of a cell.
pub struct SkipTo {
    reader: Box<dyn Reader>,
    offset: u64,
}

impl SkipTo {
    /// `reader` starts at the beginning of the split.
    pub fn new(reader: Box<dyn Reader>, from: Position) -> Self {
        Self { reader, offset: from.offset }
    }
}

impl Reader for SkipTo {
    fn next(&mut self) -> Result<Element> {
        loop {
            match self.reader.next()? {
                Element::Batch(batch) if batch.position.offset <= self.offset => {}
                Element::Batch(batch) => {
                    return Ok(Element::Batch(Box::new(batch.from_offset(self.offset)?)));
                }
                element => return Ok(element),
            }
        }
    }
}

/// The batches of a bounded source, split by split.
///
/// # Errors
/// Each item has those of [`Source::open`] and [`Reader::next`].
pub fn read_batches<S>(mut source: S) -> impl Iterator<Item = Result<Batch>>
where
    S: BorrowMut<dyn Source>,
{
    let mut splits = source.borrow_mut().splits().into_iter();
    let mut reader: Option<Box<dyn Reader>> = None;
    std::iter::from_fn(move || {
        loop {
            let Some(open) = &mut reader else {
                match source.borrow_mut().open(&splits.next()?, None) {
                    Ok(opened) => reader = Some(opened),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            match open.next() {
                Ok(Element::Batch(batch)) => return Some(Ok(*batch)),
                Ok(Element::Barrier(_) | Element::Watermark(_)) => {}
                Ok(Element::End) => reader = None,
                Err(error) => return Some(Err(error)),
            }
        }
    })
}

/// Names, sizes and times of files; nothing where one of them is not on this machine.
fn files_identity(files: &[PathBuf]) -> Option<String> {
    let mut identity = String::new();
    for file in files {
        let metadata = std::fs::metadata(file).ok()?;
        let changed = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        let name = std::fs::canonicalize(file).ok()?;
        // A line for each; a name that contains a line end only makes another text of it.
        writeln!(identity, "{} {} {}", name.display(), metadata.len(), changed.as_nanos()).ok()?;
    }
    (!identity.is_empty()).then_some(identity)
}
