//! A source of text records.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    path::PathBuf,
    sync::Arc,
};

use anomal_core::{
    Batch, Element, Error, Position, Result, column_of_view,
    proto::{Column, TimeReading},
};
use anomal_dataflow::{ChunkDecoder, Reader, Source, Split};
use anomal_spec::TypeSetting;
use polars::prelude::{Column as Values, DataFrame, DataType};

use super::{
    decoder::{TextDecoder, unknown_names},
    format::{CellBatch, TextFormat},
    prefetch::Prefetcher,
    sample::Sample,
    settings::TextSettings,
};
use crate::{
    datetime::Years,
    files::Files,
    records::{BadRecordPolicy, RawBatch, Records},
    source::{OpenOptions, check_rereadable, resume},
    task::PendingTask,
    typing::{self, INFER_FROM, Inference, TimeSettings, TypeRules, View},
};

/// Bytes of the records that types are inferred from: it may be less than the usual number of records where they are long.
const SAMPLE_BYTES: usize = 64 << 20;

/// Opens the same input again.
type Reopen = Arc<dyn Fn(&OpenOptions) -> Result<TextSource> + Send + Sync>;

/// An input of text records.
pub(crate) struct TextSource {
    files: Arc<Files>,
    parser: Arc<TextParser>,
    schema: Vec<Column>,
    /// What the sample shows, by place in the schema.
    inferred: Vec<Option<Inference>>,
    /// The first records, which were read to infer the types.
    first: VecDeque<CellBatch>,
    /// The records behind them, until they are read.
    unread: Option<Records>,
    settings: TextSettings,
    /// The types that the settings give, and the times that the format has.
    types: BTreeMap<String, TypeSetting>,
    options: OpenOptions,
    reopen: Reopen,
}

/// Parses records into batches.
#[derive(Clone)]
pub(super) struct TextParser {
    pub format: Arc<dyn TextFormat>,
    rules: TypeRules,
    selected: Vec<Column>,
    views: Vec<View>,
    pub policy: BadRecordPolicy,
}

impl TextSource {
    /// Reads the first records. `records`: of an input whose first file is open; `reopen` opens the same input again.
    ///
    /// # Errors
    /// `InvalidInput` if the first records are bad; `InvalidSettings` if `types` names a column that is not there.
    pub fn new(
        mut records: Records,
        mut format: Box<dyn TextFormat>,
        settings: TextSettings,
        options: &OpenOptions,
        reopen: impl Fn(&OpenOptions) -> Result<Self> + Send + Sync + 'static,
    ) -> Result<Self> {
        format.prepare(&mut records);
        let raw = read_sample(&mut records, format.as_ref());
        format.learn(&raw, &settings)?;
        let parser = TextParser {
            format: Arc::from(format),
            rules: settings.rules(&records.files, options),
            selected: Vec::new(),
            views: Vec::new(),
            policy: records.policy.clone(),
        };
        check_names(&settings, parser.format.columns())?;
        let mut first = VecDeque::with_capacity(raw.len());
        for raw in raw {
            first.push_back(parser.split(raw)?);
        }
        let sample: Vec<&DataFrame> = first.iter().map(|batch| &batch.cells).collect();
        let columns = Sample {
            batches: &sample,
            rules: &parser.rules,
            settings: &settings,
            format: parser.format.as_ref(),
            rereadable: records.files.can_reread(),
        };
        let (schema, inferred) = columns.infer_schema(parser.format.columns())?;
        let mut types = settings.types.clone();
        for column in parser.format.columns() {
            if let Some(declared) = parser.format.declared(column).filter(|t| t.details().is_some())
            {
                types.entry(column.clone()).or_insert(declared);
            }
        }
        Ok(Self {
            files: Arc::clone(&records.files),
            parser: Arc::new(parser),
            schema,
            inferred,
            first,
            unread: Some(records),
            settings,
            types,
            options: options.clone(),
            reopen: Arc::new(reopen),
        })
    }

    /// Reads the first records, then the rest; the input again if it has been read.
    fn read_from(&mut self, from: Option<Position>) -> Result<Box<dyn Reader>> {
        let Some(records) = self.unread.take() else {
            check_rereadable(&self.settings.path)?;
            let mut again = (self.reopen)(&self.options)?;
            again.select(&self.parser.selected)?;
            return again.read_from(from);
        };
        let reader = TextReader {
            files: Arc::clone(&self.files),
            parser: Arc::clone(&self.parser),
            first: std::mem::take(&mut self.first),
            unread: Some(records),
            prefetcher: None,
            years: typing::years(&self.parser.views),
            driver: self.settings.driver,
            unknown: HashSet::new(),
        };
        Ok(resume(Box::new(reader), from))
    }

    /// The columns whose types are those of the format.
    pub fn declared(&self) -> impl Iterator<Item = &str> {
        let format = &self.parser.format;
        let columns = format.columns().iter().map(String::as_str);
        columns.filter(|column| format.declared(column).is_some())
    }

    fn time_settings(&self) -> TimeSettings<'_> {
        TimeSettings { types: &self.types, ..TimeSettings::for_text(&self.settings) }
    }

    /// The file and line of a record of the sample.
    fn place(&self, record: usize) -> String {
        let mut records = self.first.iter().flat_map(|batch| &batch.raw.records);
        let span = records.nth(record);
        span.map(|span| self.parser.policy.place(span)).unwrap_or_default()
    }
}

/// Reads until there are enough records to infer types from.
fn read_sample(records: &mut Records, format: &dyn TextFormat) -> Vec<RawBatch> {
    let (mut first, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while rows < INFER_FROM
        && bytes < SAMPLE_BYTES
        && let Some(raw) = read_batch(records, format)
    {
        (rows, bytes) = (rows + raw.records.len(), bytes + raw.text.len());
        first.push(raw);
    }
    first
}

/// Reads the next records, of the current file and those after it.
fn read_batch(records: &mut Records, format: &dyn TextFormat) -> Option<RawBatch> {
    let first = records.files.name(0);
    let raw = records.read_batch(&mut |file| format.begin_next(file, &first));
    (!raw.is_end()).then_some(raw)
}

/// # Errors
/// If `types` names a column that is not there.
fn check_names(settings: &TextSettings, columns: &[String]) -> Result<()> {
    match settings.types.keys().find(|name| !columns.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Error::settings(
            format!("{}.types.{name}", settings.driver),
            "COLUMN_MISSING",
            format!("there is no column `{name}`; there are {}", columns.join(", ")),
        )),
    }
}

impl TextParser {
    pub fn split(&self, raw: RawBatch) -> Result<CellBatch> {
        self.format.split(raw, &self.policy)
    }

    /// A batch, and the names of cells that have no column. `progress`: of the files, right behind the batch.
    pub fn batch(
        &self,
        batch: CellBatch,
        progress: (u64, Option<u64>),
    ) -> Result<(Batch, Vec<String>)> {
        let CellBatch { raw, cells, unknown } = batch;
        let batch = self.policy.batch(raw, cells, &self.views, &self.rules)?;
        Ok((batch.with_progress(progress), unknown))
    }
}

impl Source for TextSource {
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
            let inferred = inferred.filter(|_| !self.settings.types.contains_key(name));
            let format = inference.and_then(|known| known.format);
            let cell_text = self.parser.format.cell_text(name);
            let mut view = View { format, cell_text, ..View::with_inference(column, inferred) };
            let rules = &self.parser.rules;
            let times = self.time_settings();
            times.set_reader(&mut view, inference, rules, |record| self.place(record))?;
            view.set_list(self.settings.types.get(name));
            views.push(view);
            if let Some(inference) = inference.filter(|_| name == column.name) {
                let place = |record| self.place(record);
                rules.note(self.settings.driver, column, inference, place);
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
        let settings = self.time_settings();
        typing::readings(&self.schema, &self.inferred, settings, |record| self.place(record))
    }

    fn decoder(&self) -> Option<Box<dyn ChunkDecoder>> {
        let lines = self.unread.as_ref().is_some_and(Records::has_plain_lines);
        let is_by_line = lines || self.parser.format.is_by_line();
        let is_known = is_by_line && typing::years(&self.parser.views).is_empty();
        let decoder = || {
            let parser = TextParser::clone(&self.parser);
            TextDecoder::new(parser, self.settings.driver, self.options.clone())
        };
        is_known.then(|| Box::new(decoder()) as Box<dyn ChunkDecoder>)
    }

    fn empty(&self) -> DataFrame {
        let column = |name: &String| Values::new_empty(name.as_str().into(), &DataType::String);
        DataFrame::new(0, self.parser.format.columns().iter().map(column).collect())
            .unwrap_or_default()
    }

    fn files(&self) -> &[PathBuf] {
        &self.files.paths
    }
}

/// Reads on behind the first records.
struct TextReader {
    files: Arc<Files>,
    parser: Arc<TextParser>,
    first: VecDeque<CellBatch>,
    /// The records behind them, until their reading begins.
    unread: Option<Records>,
    prefetcher: Option<Prefetcher<(Batch, Vec<String>)>>,
    /// Of times without a year.
    years: Years,
    driver: &'static str,
    /// Names without a column that have been reported.
    unknown: HashSet<String>,
}

impl TextReader {
    fn next_batch(&mut self) -> Result<Option<(Batch, Vec<String>)>> {
        if let Some(batch) = self.first.pop_front() {
            return self.parser.batch(batch, self.files.progress()).map(Some);
        }
        if let Some(mut records) = self.unread.take() {
            let parser = Arc::clone(&self.parser);
            self.prefetcher = Some(Prefetcher::start(move || {
                let raw = read_batch(&mut records, parser.format.as_ref())?;
                // Further batches are read before this one is asked for.
                let progress = records.files.progress();
                let parser = Arc::clone(&parser);
                Some(PendingTask::spawn(move || parser.batch(parser.split(raw)?, progress)))
            })?);
        }
        self.prefetcher.as_mut().map_or(Ok(None), Prefetcher::next)
    }
}

impl Reader for TextReader {
    fn next(&mut self) -> Result<Element> {
        let Some((batch, unknown)) = self.next_batch()? else { return Ok(Element::End) };
        let batch = typing::resolve_years(&mut self.years, batch, &self.parser.rules)?;
        let notes = unknown_names(unknown, self.driver, &mut self.unknown);
        Ok(Element::Batch(Box::new(batch.with_diagnostics(notes))))
    }
}
