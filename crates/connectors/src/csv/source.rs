//! Reads CSV records as columns of text and, beside them, the selected columns with types.
//!
//! A blank line is not a record, except in a file of one column, where it is a blank cell. Text may contain NUL and
//! other control characters.

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use anomal_core::{
    Batch, Element, Error, Position, Result, column_of_view,
    proto::{Column, TimeReading},
};
use anomal_dataflow::{Reader, Source, Split};
use anomal_spec::{BadLines, CsvInput};
use polars::prelude::{Column as Values, DataFrame, DataType, IntoColumn, StringChunkedBuilder};

use super::{
    inspect::inspect, prefetch::Prefetcher, sample::Sample, split::append, start::TableStart,
};
use crate::{
    datetime::Years,
    dialect::GivenDialect,
    files::Files,
    lines::Shape,
    records::{BadRecord, BadRecordPolicy, RawBatch, Records, remove},
    remote::Access,
    source::{OpenOptions, check_rereadable, resume},
    task::PendingTask,
    typing::{self, INFER_FROM, Inference, NullValues, NullWords, TimeSettings, TypeRules, View},
};

/// Bytes of the records that types are inferred from: it may be less than the usual number of records where they are long.
const SAMPLE_BYTES: usize = 64 << 20;

pub(crate) struct CsvSource {
    files: Arc<Files>,
    parser: Arc<CsvParser>,
    schema: Vec<Column>,
    /// What the sample shows, by place in the schema.
    inferred: Vec<Option<Inference>>,
    /// The first records, which were read to infer the types.
    first: VecDeque<CellBatch>,
    /// The records behind them, until they are read.
    unread: Option<Records>,
    input: CsvInput,
    options: OpenOptions,
}

/// Parses records into batches.
#[derive(Clone)]
struct CsvParser {
    header: Vec<String>,
    /// The names that the settings give.
    names: Vec<String>,
    shape: Shape,
    /// The dialect of the files behind the first.
    next_files: GivenDialect,
    rules: TypeRules,
    selected: Vec<Column>,
    views: Vec<View>,
    policy: BadRecordPolicy,
}

/// Records split into cells.
struct CellBatch {
    raw: RawBatch,
    cells: DataFrame,
}

impl CsvSource {
    pub fn open(input: &CsvInput, options: &OpenOptions) -> Result<Self> {
        let given = GivenDialect::from_settings(input)?;
        let secrets = &options.secrets;
        let access = Access { place: "input.csv", auth: input.auth.as_ref(), secrets };
        let files = Files::find(&input.path, &[".csv"], &access)?;
        let skip = input.bad_lines == BadLines::Skip;
        let shape = Shape::for_dialect(given.with_defaults());
        let mut records = Records::new(files, "CSV", shape, input.encoding, skip, options);
        let mut start = None;
        records.open(&mut |file| {
            let table = TableStart::read(file, &given, &input.names)?;
            table.note(file.name, &options.findings);
            let encoding = file.encoding.encoding.name().to_ascii_lowercase();
            options.findings.set_table(inspect(input, &given, &table, encoding));
            start = Some(table);
            Ok(())
        })?;
        let start = start.ok_or_else(|| Error::internal("no file was opened"))?;
        records.shape = start.shape();
        records.keep_blank = start.names.len() == 1;
        let parser = CsvParser {
            next_files: start.for_next_files(&given),
            shape: start.shape(),
            header: start.names,
            names: input.names.clone(),
            rules: TypeRules {
                nulls: NullValues::new(&input.null_values),
                words: NullWords::new(input.null_words.as_deref()),
                strays: input.strays,
                json: false,
                findings: options.findings.for_files(&records.files),
            },
            selected: Vec::new(),
            views: Vec::new(),
            policy: records.policy.clone(),
        };
        let parser = Arc::new(parser);
        let first = parser.read_sample(&mut records, input)?;
        let rereadable = records.files.can_reread();
        let sample: Vec<&DataFrame> = first.iter().map(|batch| &batch.cells).collect();
        let columns = Sample { batches: &sample, rules: &parser.rules, input, rereadable };
        let (schema, inferred) = columns.infer_schema(&parser.header)?;
        let files = Arc::clone(&records.files);
        Ok(Self {
            files,
            parser,
            schema,
            inferred,
            first,
            unread: Some(records),
            input: input.clone(),
            options: options.clone(),
        })
    }

    /// Reads the first records, then the rest; the input again if it has been read.
    fn read_from(&mut self, from: Option<Position>) -> Result<Box<dyn Reader>> {
        let Some(records) = self.unread.take() else {
            check_rereadable(&self.input.path)?;
            let mut again = Self::open(&self.input, &self.options)?;
            again.select(&self.parser.selected)?;
            return again.read_from(from);
        };
        let reader = CsvReader {
            files: Arc::clone(&self.files),
            parser: Arc::clone(&self.parser),
            first: std::mem::take(&mut self.first),
            unread: Some(records),
            prefetcher: None,
            years: typing::years(&self.parser.views),
        };
        Ok(resume(Box::new(reader), from))
    }
}

impl CsvSource {
    /// The file and line of a record of the sample.
    fn place(&self, record: usize) -> String {
        let mut records = self.first.iter().flat_map(|batch| &batch.raw.records);
        let span = records.nth(record);
        span.map(|span| self.parser.policy.place(span)).unwrap_or_default()
    }
}

impl CsvParser {
    /// Reads until there are enough records to infer types from.
    fn read_sample(&self, records: &mut Records, input: &CsvInput) -> Result<VecDeque<CellBatch>> {
        let (header, mut first) = (&self.header, VecDeque::new());
        if let Some(name) = input.types.keys().find(|name| !header.contains(name)) {
            return Err(Error::settings(
                format!("input.csv.types.{name}"),
                "COLUMN_MISSING",
                format!("there is no column `{name}`; there are {}", header.join(", ")),
            ));
        }
        let (mut rows, mut bytes) = (0, 0);
        while rows < INFER_FROM
            && bytes < SAMPLE_BYTES
            && let Some(raw) = self.read_batch(records)
        {
            bytes += raw.text.len();
            let batch = self.split(raw)?;
            rows += batch.cells.height();
            first.push_back(batch);
        }
        Ok(first)
    }

    /// Reads the next records, of the current file and those after it.
    fn read_batch(&self, records: &mut Records) -> Option<RawBatch> {
        let expected = &self.header;
        let first = records.files.name(0);
        let raw = records.read_batch(&mut |file| {
            let header = TableStart::read(file, &self.next_files, &self.names)?.names;
            if &header == expected {
                return Ok(());
            }
            let (header, expected) = (header.join(", "), expected.join(", "));
            let name = file.name;
            Err(Error::input(
                "HEADERS_DIFFER",
                format!("{name} has other columns than {first}: {header} instead of {expected}"),
            ))
        });
        (!raw.is_end()).then_some(raw)
    }

    /// Splits records into cells. A record with another number of cells than the header is bad.
    fn split(&self, mut raw: RawBatch) -> Result<CellBatch> {
        let height = raw.records.len();
        let mut columns: Vec<StringChunkedBuilder> = self
            .header
            .iter()
            .map(|name| StringChunkedBuilder::new(name.as_str().into(), height))
            .collect();
        let mut ragged = Vec::new();
        let mut start = 0;
        while let Some((place, found)) = append(&raw, start, self.shape, &mut columns) {
            let wanted = self.header.len();
            let bad = BadRecord::new(format!(
                "the record has {found} cells, and the header has {wanted}"
            ));
            ragged.push(place);
            start = place + 1;
            if self.policy.reject(&mut raw, place, bad) {
                break;
            }
        }
        remove(&mut raw.records, &ragged);
        let columns = columns.into_iter().map(|column| column.finish().into_column()).collect();
        let cells = DataFrame::new(raw.records.len(), columns)?;
        Ok(CellBatch { raw, cells })
    }

    fn batch(&self, batch: CellBatch) -> Result<Batch> {
        self.policy.batch(batch.raw, batch.cells, &self.views, &self.rules)
    }
}

impl Source for CsvSource {
    fn schema(&self) -> &[Column] {
        &self.schema
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        let mut views = Vec::with_capacity(columns.len());
        for column in columns {
            let name = column_of_view(&column.name);
            let place = self.schema.iter().position(|known| known.name == name);
            let inference = place.and_then(|place| self.inferred[place].as_ref());
            let inferred = inference.map(|known| (known.data_type(), known.classes));
            let inferred = inferred.filter(|_| !self.input.types.contains_key(name));
            let format = inference.and_then(|known| known.format);
            let mut view = View { format, ..View::with_inference(column, inferred) };
            let (times, rules) = (TimeSettings::for_csv(&self.input), &self.parser.rules);
            times.set_reader(&mut view, inference, rules, |record| self.place(record))?;
            view.set_list(self.input.types.get(name));
            views.push(view);
            if let Some(inference) = inference.filter(|_| name == column.name) {
                self.parser.rules.note("input.csv", column, inference, |record| self.place(record));
            }
        }
        let parser = Arc::make_mut(&mut self.parser);
        (parser.selected, parser.views) = (columns.to_vec(), views);
        Ok(())
    }

    fn open(&mut self, _: &Split, from: Option<Position>) -> Result<Box<dyn Reader>> {
        self.read_from(from)
    }

    fn times(&self) -> Vec<TimeReading> {
        let settings = TimeSettings::for_csv(&self.input);
        typing::readings(&self.schema, &self.inferred, settings, |record| self.place(record))
    }

    fn empty(&self) -> DataFrame {
        let column = |name: &String| Values::new_empty(name.as_str().into(), &DataType::String);
        DataFrame::new(0, self.parser.header.iter().map(column).collect()).unwrap_or_default()
    }

    fn files(&self) -> &[PathBuf] {
        &self.files.paths
    }
}

/// Reads on behind the first records.
struct CsvReader {
    files: Arc<Files>,
    parser: Arc<CsvParser>,
    first: VecDeque<CellBatch>,
    /// The records behind them, until their reading begins.
    unread: Option<Records>,
    prefetcher: Option<Prefetcher>,
    /// Of times without a year.
    years: Years,
}

impl CsvReader {
    fn next_batch(&mut self) -> Result<Option<Batch>> {
        if let Some(batch) = self.first.pop_front() {
            return self.parser.batch(batch).map(Some);
        }
        if let Some(mut records) = self.unread.take() {
            let parser = Arc::clone(&self.parser);
            self.prefetcher = Some(Prefetcher::start(move || {
                let raw = parser.read_batch(&mut records)?;
                let parser = Arc::clone(&parser);
                Some(PendingTask::spawn(move || parser.batch(parser.split(raw)?)))
            })?);
        }
        self.prefetcher.as_mut().map_or(Ok(None), Prefetcher::next)
    }
}

impl Reader for CsvReader {
    fn next(&mut self) -> Result<Element> {
        let batch = self.next_batch()?;
        let resolve = |batch| typing::resolve_years(&mut self.years, batch, &self.parser.rules);
        let batch = batch.map(resolve).transpose()?;
        Ok(batch.map_or(Element::End, |batch| {
            Element::Batch(Box::new(batch.with_progress(self.files.progress())))
        }))
    }
}
