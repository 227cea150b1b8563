//! Reads the documents of indices as records, from a snapshot at the start of the run: all of them, or an error.

mod convert;
mod count;
mod fetch;
mod flatten;
mod mapping;
mod page;
mod plan;
mod probe;
mod query;
mod read_state;
mod rejection;
mod row_buffer;
mod search_error;
mod slices;
mod snapshot;
mod url_path;

use std::{path::PathBuf, sync::Arc};

use anomal_core::{
    Batch, Code, Element, Error, Position, RejectedRecord, Result, column_of_view,
    proto::{Column, DataType as Type, Diagnostic},
};
use anomal_dataflow::{Reader, Source, Split};
use anomal_spec::{BadLines, ElasticsearchInput};
use polars::prelude::{
    BooleanChunked, ChunkFull, Column as Values, DataFrame, IntoColumn, NewChunkedArray,
    StringChunked,
};

use self::{
    fetch::SliceFetcher,
    mapping::Field,
    page::{BadDocument, ID},
    plan::Plan,
    read_state::ReadState,
    rejection::{bad_record_error, cell, rejected_document},
    row_buffer::{Piece, RowBuffer},
    slices::{Pace, Queue, Slice},
    snapshot::{KeepAlive, Snapshot},
};
use super::client::{Client, wait};
use crate::{
    column::StorageType,
    remote::Access,
    source::{OpenOptions, raw_text, resume},
    typing::{self, TypeRules, View},
};

/// A batch ends with the record that takes it over this many bytes.
const BATCH_BYTES: usize = 32 << 20;
/// Columns of an input at most; the servers' default limit is 1,000.
const MOST_FIELDS: usize = 10_000;
const INDEX: &str = "_index";
/// The columns that identify a row's document.
const OWN: [&str; 2] = [ID, INDEX];

pub(crate) struct ElasticsearchSource {
    input: ElasticsearchInput,
    batch_rows: usize,
    snapshot: Arc<Snapshot>,
    alive: Arc<KeepAlive>,
    fields: Vec<Field>,
    schema: Vec<Column>,
    selected: Vec<Column>,
    /// Whether only the fields that the settings use are read, since there are too many.
    wide: bool,
    /// Other fields that are read where not all are.
    kept: Option<Vec<String>>,
}

/// Reads all documents of the snapshot.
struct DocumentReader {
    input: ElasticsearchInput,
    batch_rows: usize,
    snapshot: Arc<Snapshot>,
    _alive: Arc<KeepAlive>,
    selected: Vec<Column>,
    reading: ReadState,
    /// Documents returned so far, in total and per index.
    done: u64,
    read: Vec<u64>,
    diagnostics: Vec<Diagnostic>,
}

impl ElasticsearchSource {
    pub fn open(input: &ElasticsearchInput, options: &OpenOptions) -> Result<Self> {
        let access = Access {
            place: "input.elasticsearch",
            auth: input.auth.as_ref(),
            secrets: &options.secrets,
        };
        let (client, server) = Client::connect(&input.connection(), &access, input.retry_seconds)?;
        let capabilities = mapping::capabilities(&client, input)?;
        if (input.from.is_some() || input.to.is_some()) && !capabilities.is_time(&input.time_field)
        {
            let message = format!(
                "`{}` holds no times in {}; name another field in timeField, or remove from and to",
                input.time_field, input.index
            );
            return Err(Error::settings("input.elasticsearch.timeField", "NO_TIME_FIELD", message));
        }
        let fields = capabilities.fields(input);
        mapping::check_fields(input, &fields)?;
        if !input.fields.is_empty() && fields.len() > MOST_FIELDS {
            let message = format!(
                "{} fields match; at most {MOST_FIELDS} are allowed: name fewer",
                fields.len()
            );
            return Err(Error::settings("input.elasticsearch.fields", "TOO_MANY_FIELDS", message));
        }
        let wide = input.fields.is_empty() && fields.len() > mapping::WIDE;
        let (opened, wanted) = (client, input.clone());
        let snapshot =
            Arc::new(wait(async move { Snapshot::open(opened, server, &wanted).await })?);
        let alive = Arc::new(snapshot.keep_alive()?);
        let own = OWN.map(|name| Column { name: name.to_owned(), data_type: Type::String.into() });
        let schema = own.into_iter().chain(fields.iter().map(Field::column)).collect();
        Ok(Self {
            input: input.clone(),
            batch_rows: options.batch_rows,
            alive,
            fields,
            schema,
            selected: Vec::new(),
            wide,
            kept: None,
            snapshot,
        })
    }

    /// The fields to read.
    fn wanted(&self) -> Vec<Field> {
        let named = |field: &Field| self.selected.iter().any(|column| column.name == field.name);
        let fields = self.fields.iter().map(|field| Field { typed: named(field), ..field.clone() });
        let all = !self.wide && self.kept.is_none();
        let viewed = self.selected.iter().map(|column| column_of_view(&column.name));
        let others = self.kept.iter().flatten().map(String::as_str);
        let read: Vec<&str> =
            viewed.chain(others).chain([self.input.time_field.as_str()]).collect();
        let kept = |field: &Field| all || read.contains(&field.name.as_str());
        fields.filter(kept).collect()
    }

    fn begin(&self) -> Result<(ReadState, Vec<Diagnostic>)> {
        let mut fields = self.wanted();
        let differing = fields.iter().filter_map(|field| field.differs.as_deref());
        let mut diagnostics: Vec<Diagnostic> = differing.map(mapping::diagnostic).collect();
        if self.wide {
            diagnostics.push(Diagnostic {
                path: "input.elasticsearch.fields".to_owned(),
                reason: "FIELDS_LEFT_OUT".to_owned(),
                message: format!(
                    "the mappings have {} fields, and only those that the settings use are read; list others in `fields` \
                     to read them",
                    self.fields.len()
                ),
                count: 0,
            });
        }
        let snapshot = Arc::clone(&self.snapshot);
        if self.snapshot.documents() > 0 {
            fields = wait(async move { probe::derived(&snapshot, fields).await })?;
        }
        let plan = Plan::new(fields, self.input.arrays);
        let slices = self.snapshot.parts.iter().enumerate();
        let slices = slices.map(|(at, part)| Slice::all(at, part.first, part.last, part.documents));
        let at_once = usize::try_from(self.input.slices).unwrap_or(usize::MAX);
        let queue = Queue::new(slices.collect::<Vec<_>>(), at_once.saturating_mul(2));
        let reading = ReadState {
            queue,
            pace: Pace::new(
                self.input.page_size,
                self.kept.is_some() || self.fields.len() > mapping::WIDE,
            ),
            fetch: Arc::new(SliceFetcher::new(Arc::clone(&self.snapshot), plan, at_once)),
            buffer: RowBuffer::default(),
            ended: false,
        };
        Ok((reading, diagnostics))
    }
}

impl DocumentReader {
    /// Checks at the end that all documents were returned.
    fn check(&self) -> Result<()> {
        for (part, read) in self.snapshot.parts.iter().zip(&self.read) {
            if part.documents != *read {
                let message = format!(
                    "the server returned {read} of the {} documents of {} that it had counted; run the job again",
                    part.documents, part.index
                );
                return Err(Error::new(Code::Unavailable, "DOCUMENTS_MISSING", message));
            }
        }
        Ok(())
    }

    fn batch(&mut self, pieces: Vec<Piece>) -> Result<Batch> {
        let (mut source, mut numbers, mut rejected) =
            (DataFrame::default(), Vec::new(), Vec::new());
        for Piece { part, rows, frame, .. } in pieces {
            let index = &self.snapshot.parts[part].index;
            for row in rows {
                match row.bad {
                    None => numbers.push(self.done),
                    Some(bad) => rejected.push(rejected_document(*bad, index, self.done)),
                }
                self.done += 1;
            }
            let height = frame.height();
            let mut columns = frame.into_columns();
            columns
                .insert(1, StringChunked::full(INDEX.into(), index.as_str(), height).into_column());
            let frame = DataFrame::new(height, columns)?;
            if source.width() == 0 {
                source = frame;
            } else {
                source.vstack_mut_owned(frame)?;
            }
        }
        source.rechunk_mut_par();
        let batch = self.typed(source, numbers, rejected)?;
        match batch.rejected.first() {
            Some(bad) if self.input.bad_lines == BadLines::Error => Err(bad_record_error(bad)),
            _ => Ok(batch),
        }
    }

    /// Makes a batch with typed forms of the selected columns. Rows with a value that is not of its column's type are
    /// rejected.
    fn typed(
        &mut self,
        mut source: DataFrame,
        mut numbers: Vec<u64>,
        mut rejected: Vec<RejectedRecord>,
    ) -> Result<Batch> {
        let views: Vec<View> = self.selected.iter().map(View::new).collect();
        let mut typed = typing::type_columns(&source, &views, &TypeRules::typed())?;
        let (mismatches, mut columns) = (typed.bad(), typed.columns);
        if !mismatches.is_empty() {
            let mut fits = vec![true; source.height()];
            for mismatch in mismatches {
                fits[mismatch.index] = false;
                let text = |name: &str| cell(&source, name, mismatch.index);
                let (id, index) = (text(OWN[0]), text(OWN[1]));
                let raw = serde_json::json!({mismatch.column.as_str(): text(&mismatch.column)})
                    .to_string();
                let reason = mismatch.reason();
                let column = Some(mismatch.column);
                let bad = BadDocument { id, column, reason, raw: raw_text(raw.as_bytes()) };
                rejected.push(rejected_document(bad, &index, numbers[mismatch.index]));
            }
            let mask = BooleanChunked::from_slice("fits".into(), &fits);
            (source, columns) = (source.filter(&mask)?, columns.filter(&mask)?);
            let mut fits = fits.iter();
            numbers.retain(|_| fits.next().copied().unwrap_or_default());
        }
        rejected.sort_by_key(|bad| bad.row);
        let diagnostics = std::mem::take(&mut self.diagnostics);
        let batch = Batch::new(numbers, source, columns)?.with_rejected(rejected);
        Ok(batch.with_diagnostics(diagnostics))
    }
}

impl Source for ElasticsearchSource {
    fn schema(&self) -> &[Column] {
        &self.schema
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        self.selected = columns.to_vec();
        Ok(())
    }

    fn keep_only(&mut self, columns: &[String]) {
        self.kept = Some(columns.to_vec());
    }

    fn open(&mut self, _: &Split, from: Option<Position>) -> Result<Box<dyn Reader>> {
        let (reading, diagnostics) = self.begin()?;
        let reader = DocumentReader {
            input: self.input.clone(),
            batch_rows: self.batch_rows,
            snapshot: Arc::clone(&self.snapshot),
            _alive: Arc::clone(&self.alive),
            selected: self.selected.clone(),
            reading,
            done: 0,
            read: vec![0; self.snapshot.parts.len()],
            diagnostics,
        };
        Ok(resume(Box::new(reader), from))
    }

    fn empty(&self) -> DataFrame {
        let own = OWN.iter().map(|name| (*name, StorageType::Text));
        let fields = self.wanted();
        let fields = fields.iter().map(|field| (field.name.as_str(), plan::stored(field)));
        let column =
            |(name, stored): (&str, StorageType)| Values::new_empty(name.into(), &stored.dtype());
        DataFrame::new(0, own.chain(fields).map(column).collect()).unwrap_or_default()
    }

    fn files(&self) -> &[PathBuf] {
        &[]
    }

    fn identity(&self) -> Option<String> {
        Some(self.snapshot.identity())
    }
}

impl Reader for DocumentReader {
    fn next(&mut self) -> Result<Element> {
        let (mut pieces, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows < self.batch_rows && bytes < BATCH_BYTES {
            if let Some(piece) =
                self.reading.buffer.take(self.batch_rows - rows, BATCH_BYTES - bytes)
            {
                rows += piece.rows.len();
                bytes += piece.bytes;
                pieces.push(piece);
            } else if self.reading.ended || !self.reading.read_page(&mut self.read)? {
                if !self.reading.ended {
                    self.check()?;
                }
                self.reading.ended = true;
                break;
            }
        }
        if pieces.is_empty() {
            return Ok(Element::End);
        }
        let batch = self.batch(pieces)?;
        let progress = (self.done, Some(self.snapshot.documents()));
        Ok(Element::Batch(Box::new(batch.with_progress(progress))))
    }
}
