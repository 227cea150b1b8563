//! Reads JSON objects as columns. The names in the first records are the columns; a name that first occurs later is
//! reported and its values are dropped.
//!
//! Columns of whole numbers within 64 bits are stored as integers, booleans as booleans, strings as text, and everything
//! else by its JSON text, so that outputs have each value as it was read. Records are numbered over all files; blank
//! lines are skipped.

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use anomal_core::{
    Position, Result, column_of_view,
    proto::{Column, Diagnostic, TimeReading},
};
use anomal_dataflow::{ChunkDecoder, Reader, Source, Split};
use anomal_spec::BadLines;
use polars::prelude::DataFrame;

use super::{
    columns::Layout,
    decoder::JsonDecoder,
    members::MemberPath,
    names::Names,
    reader::{JsonReader, ParsedBatch},
    sample::{InferredColumn, SampledRecords},
    settings::JsonSettings,
};
use crate::{
    files::Files,
    lines::Shape,
    records::Records,
    source::{OpenOptions, check_rereadable, resume},
    typing::{self, INFER_FROM, Inference, NullValues, NullWords, TypeRules, View},
};

/// How the names of our own columns begin.
const RESERVED: &str = "anomal.";

pub(crate) struct JsonSource {
    /// Until it is opened.
    reader: Option<JsonReader>,
    files: Arc<Files>,
    layout: Arc<Layout>,
    schema: Vec<Column>,
    /// Of the columns whose types the settings do not set, by place in the schema.
    inferred: Vec<Option<Inference>>,
    /// Members of objects in lists, which are the last columns of the schema.
    members: Vec<MemberPath>,
    rules: Arc<TypeRules>,
    selected: Vec<Column>,
    views: Vec<View>,
    settings: Arc<JsonSettings>,
    options: OpenOptions,
}

impl JsonSource {
    pub fn open(settings: JsonSettings, options: &OpenOptions) -> Result<Self> {
        let (mut reader, settings) = Self::read_sample(settings, options)?;
        let rereadable = reader.records.files.can_reread();
        let sample = sampled(&reader.first);
        let mut columns = sample.columns(&settings, &options.mentions, &reader.rules, rereadable);
        // The records of a stream are not of one sender, so that one of them does not stop it.
        let reserved = options.sample.as_ref().and_then(|_| sample.first_with(RESERVED));
        if let Some((name, record)) = reserved {
            columns.retain(|column| !column.schema.name.starts_with(RESERVED));
            let note = reserved_member(&settings, name, &place(&reader, record));
            tracing::warn!("{}: {}", note.path, note.message);
            reader.rules.findings.note(note);
        }
        let (mut schema, mut inferred, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        let mut members = Vec::new();
        for InferredColumn { schema: column, stored: storage, inference, member } in columns {
            match member {
                Some(member) => members.push(member),
                None => stored.push((column.name.clone(), storage)),
            }
            schema.push(column);
            inferred.push(inference);
        }
        let can_restart = reader.rules.findings.can_restart();
        let names = reader.first.front().and_then(|batch| batch.chunks.first());
        let names = names.map_or_else(Names::default, |chunk| chunk.flat.names.clone());
        let layout = Arc::new(Layout::new(stored, can_restart, &names));
        reader.layout = Arc::clone(&layout);
        Ok(Self {
            files: Arc::clone(&reader.records.files),
            layout,
            rules: Arc::clone(&reader.rules),
            reader: Some(reader),
            schema,
            inferred,
            members,
            selected: Vec::new(),
            views: Vec::new(),
            settings,
            options: options.clone(),
        })
    }

    /// The names of members of objects in lists in the first records, which settings can use as columns.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn member_names(settings: JsonSettings, options: &OpenOptions) -> Result<Vec<String>> {
        let (reader, _) = Self::read_sample(settings, options)?;
        Ok(sampled(&reader.first).member_names())
    }

    /// A reader with the first records.
    fn read_sample(
        settings: JsonSettings,
        options: &OpenOptions,
    ) -> Result<(JsonReader, Arc<JsonSettings>)> {
        let settings = Arc::new(settings);
        let input = &settings.input;
        let files = settings.files(options)?;
        let skip = input.bad_lines == BadLines::Skip;
        let rules = Arc::new(TypeRules {
            nulls: NullValues::default(),
            words: NullWords::new(Some(&input.null_words)),
            strays: input.strays,
            json: true,
            numbers: None,
            findings: options.findings.for_files(&files),
            fitted: Arc::clone(&options.fitted),
        });
        let (driver, encoding) = (settings.driver, input.encoding);
        let mut records = Records::new(files, driver, Shape::Lines, encoding, skip, options);
        records.framing = settings.framing();
        let begin = Arc::clone(&settings);
        records.open(&mut |file| begin.begin(file))?;
        let mut reader = JsonReader {
            records,
            settings: Arc::clone(&settings),
            layout: Arc::default(),
            rules,
            views: Vec::new(),
            years: typing::years(&[]),
            first: VecDeque::new(),
            reported: Default::default(),
        };
        let mut rows = 0;
        while rows < INFER_FROM
            && let Some(parsed) = reader.read_parsed(&mut |file| begin.begin(file))
        {
            rows += parsed.chunks.iter().map(|chunk| chunk.good.len()).sum::<usize>();
            reader.first.push_back(parsed);
        }
        if rows == 0 {
            while let Some(parsed) = reader.first.pop_front() {
                reader.parsed_batch(parsed)?;
            }
            return Err(settings.no_records(&reader.records.files.name(0)));
        }
        Ok((reader, settings))
    }

    /// Reads the first records, then the rest; the input again if it has been read.
    fn read_from(&mut self, from: Option<Position>) -> Result<Box<dyn Reader>> {
        let Some(mut reader) = self.reader.take() else {
            check_rereadable(&self.settings.input.path)?;
            let mut again = Self::open(JsonSettings::clone(&self.settings), &self.options)?;
            again.select(&self.selected)?;
            return again.read_from(from);
        };
        reader.views.clone_from(&self.views);
        reader.years = typing::years(&reader.views);
        Ok(resume(Box::new(reader), from))
    }

    /// The file and line of a record of the sample.
    fn place(&self, record: usize) -> String {
        self.reader.as_ref().map(|reader| place(reader, record)).unwrap_or_default()
    }

    fn view(&self, column: &Column) -> Result<View> {
        let name = column_of_view(&column.name);
        let inference = self.inference(name);
        let inferred = inference.filter(|_| !self.settings.input.types.contains_key(name));
        let inferred = inferred.map(|known| (known.data_type(), known.classes));
        let mut view = View::with_inference(column, inferred);
        view.member = self.members.iter().find(|member| *member.name == *name).cloned();
        view.set_list(self.settings.input.types.get(name));
        let times = self.settings.times();
        times.set_reader(&mut view, inference, &self.rules, |record| self.place(record))?;
        Ok(view)
    }

    fn inference(&self, name: &str) -> Option<&Inference> {
        let place = self.schema.iter().position(|known| known.name == name)?;
        self.inferred[place].as_ref()
    }
}

/// The file and line of a record of the sample.
fn place(reader: &JsonReader, record: usize) -> String {
    let mut records = reader.first.iter().flat_map(ParsedBatch::good_spans);
    let span = records.nth(record);
    span.map(|span| reader.records.policy.place(span)).unwrap_or_default()
}

fn reserved_member(settings: &JsonSettings, name: &str, place: &str) -> Diagnostic {
    Diagnostic {
        path: settings.place.to_owned(),
        reason: "RESERVED_COLUMN".to_owned(),
        message: format!(
            "{place} has the member `{name}`; names that begin with `{RESERVED}` are reserved for results, and are left out \
             of all records: rename them where they are sent"
        ),
        count: 1,
    }
}

fn sampled(first: &VecDeque<ParsedBatch>) -> SampledRecords<'_> {
    let chunks = first.iter().flat_map(|batch| {
        batch.good_records().map(|(chunk, records)| (&chunk.flat, records.collect::<Vec<_>>()))
    });
    SampledRecords::new(chunks)
}

impl Source for JsonSource {
    fn schema(&self) -> &[Column] {
        &self.schema
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        self.selected = columns.to_vec();
        self.views = columns.iter().map(|column| self.view(column)).collect::<Result<_>>()?;
        if self.reader.is_none() {
            return Ok(());
        }
        let place = |record| self.place(record);
        for column in columns.iter().filter(|column| column_of_view(&column.name) == column.name) {
            let undeclared = |_: &&Inference| !self.settings.input.types.contains_key(&column.name);
            if let Some(inference) = self.inference(&column.name).filter(undeclared) {
                self.rules.note(self.settings.place, column, inference, place);
            }
        }
        Ok(())
    }

    fn open(&mut self, _: &Split, from: Option<Position>) -> Result<Box<dyn Reader>> {
        self.read_from(from)
    }

    fn times(&self) -> Vec<TimeReading> {
        let settings = self.settings.times();
        typing::readings(&self.schema, &self.inferred, settings, |record| self.place(record))
    }

    fn decoder(&self) -> Option<Box<dyn ChunkDecoder>> {
        let is_known = self.settings.lines && typing::years(&self.views).is_empty();
        let decoder = || JsonDecoder {
            layout: Arc::clone(&self.layout),
            rules: Arc::clone(&self.rules),
            views: self.views.clone(),
            settings: Arc::clone(&self.settings),
            options: self.options.clone(),
            reported: Default::default(),
        };
        is_known.then(|| Box::new(decoder()) as Box<dyn ChunkDecoder>)
    }

    fn empty(&self) -> DataFrame {
        self.layout.empty()
    }

    fn files(&self) -> &[PathBuf] {
        &self.files.paths
    }
}
