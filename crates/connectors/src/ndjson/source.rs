//! Reads JSON objects as columns. The names in the first records are the columns; a name that first occurs later is
//! reported and its values are dropped.
//!
//! Columns of whole numbers within 64 bits are stored as integers, booleans as booleans, strings as text, and everything
//! else by its JSON text, so that outputs have each value as it was read. Records are numbered over all files; blank
//! lines are skipped.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::PathBuf,
    sync::Arc,
};

use anomal_core::{
    Batch, Element, Error, Position, Result, column_of_view,
    proto::{Column, Diagnostic, TimeReading},
};
use anomal_dataflow::{Reader, Source, Split};
use anomal_spec::{BadLines, NdjsonInput};
use polars::prelude::{Column as Values, DataFrame};
use rayon::prelude::*;

use super::{
    flat::{FlatRecord, parse},
    sample,
    storage::Storage,
};
use crate::{
    column::{Cell, ColumnBuilder},
    datetime::Years,
    files::Files,
    findings::TypeFindings,
    json_text,
    lines::Shape,
    records::{BadRecord, RawBatch, Records, remove},
    remote::Access,
    source::{OpenOptions, check_rereadable, resume},
    typing::{
        self, Class, INFER_FROM, Inference, NullValues, NullWords, TimeSettings, TypeRules, View,
    },
};

pub(crate) struct NdjsonSource {
    /// Until it is opened.
    reader: Option<NdjsonReader>,
    files: Arc<Files>,
    columns: Vec<(String, Storage)>,
    schema: Vec<Column>,
    /// Of the columns whose types the settings do not set, by place in the schema.
    inferred: Vec<Option<Inference>>,
    rules: Arc<TypeRules>,
    selected: Vec<Column>,
    views: Vec<View>,
    input: NdjsonInput,
    options: OpenOptions,
}

/// Reads on behind the first records.
struct NdjsonReader {
    records: Records,
    columns: Vec<(String, Storage)>,
    places: HashMap<String, usize>,
    rules: Arc<TypeRules>,
    views: Vec<View>,
    /// Of times without a year.
    years: Years,
    /// The first records, which were read to determine the columns.
    first: VecDeque<ParsedBatch>,
    /// Names without a column that have been reported.
    unknown: HashSet<String>,
}

/// Records and their values.
struct ParsedBatch {
    raw: RawBatch,
    flats: Vec<FlatRecord>,
}

impl NdjsonSource {
    pub fn open(input: &NdjsonInput, options: &OpenOptions) -> Result<Self> {
        let secrets = &options.secrets;
        let access = Access { place: "input.ndjson", auth: input.auth.as_ref(), secrets };
        let files = Files::find(&input.path, &[".ndjson", ".jsonl"], &access)?;
        let skip = input.bad_lines == BadLines::Skip;
        let rules = Arc::new(TypeRules {
            nulls: NullValues::default(),
            words: NullWords::new(Some(&input.null_words)),
            strays: input.strays,
            json: true,
            findings: options.findings.for_files(&files),
        });
        let mut reader = NdjsonReader {
            records: Records::new(files, "NDJSON", Shape::Lines, input.encoding, skip, options),
            columns: Vec::new(),
            places: HashMap::new(),
            rules: Arc::clone(&rules),
            views: Vec::new(),
            years: typing::years(&[]),
            first: VecDeque::new(),
            unknown: HashSet::new(),
        };
        reader.records.open(&mut |_| Ok(()))?;
        let mut rows = 0;
        while rows < INFER_FROM
            && let Some(parsed) = reader.read()
        {
            rows += parsed.flats.len();
            reader.first.push_back(parsed);
        }
        if rows == 0 {
            if let Some(failure) = reader.first.pop_front().and_then(|parsed| parsed.raw.failure) {
                return Err(failure);
            }
            return Err(Error::input(
                "EMPTY_FILE",
                format!(
                    "{} has no records; NDJSON has one JSON object a line",
                    reader.records.files.name(0)
                ),
            ));
        }
        let (schema, inferred) = reader.infer_schema(input);
        Ok(Self {
            files: Arc::clone(&reader.records.files),
            columns: reader.columns.clone(),
            reader: Some(reader),
            schema,
            inferred,
            rules,
            selected: Vec::new(),
            views: Vec::new(),
            input: input.clone(),
            options: options.clone(),
        })
    }

    /// Reads the first records, then the rest; the input again if it has been read.
    fn read_from(&mut self, from: Option<Position>) -> Result<Box<dyn Reader>> {
        let Some(mut reader) = self.reader.take() else {
            check_rereadable(&self.input.path)?;
            let mut again = Self::open(&self.input, &self.options)?;
            again.select(&self.selected)?;
            return again.read_from(from);
        };
        reader.views.clone_from(&self.views);
        reader.years = typing::years(&reader.views);
        Ok(resume(Box::new(reader), from))
    }
}

impl NdjsonSource {
    /// The file and line of a record of the sample.
    fn place(&self, record: usize) -> String {
        let Some(reader) = &self.reader else { return String::new() };
        let mut records = reader.first.iter().flat_map(|parsed| &parsed.raw.records);
        let span = records.nth(record);
        span.map(|span| reader.records.policy.place(span)).unwrap_or_default()
    }

    fn view(&self, column: &Column) -> Result<View> {
        let name = column_of_view(&column.name);
        let inference = self.inference(name);
        let inferred = inference.filter(|_| !self.input.types.contains_key(name));
        let inferred = inferred.map(|known| (known.data_type(), known.classes));
        let mut view = View::with_inference(column, inferred);
        let times = TimeSettings::for_ndjson(&self.input);
        times.set_reader(&mut view, inference, &self.rules, |record| self.place(record))?;
        Ok(view)
    }

    fn inference(&self, name: &str) -> Option<&Inference> {
        let place = self.schema.iter().position(|known| known.name == name)?;
        self.inferred[place].as_ref()
    }
}

impl NdjsonReader {
    /// Sets the columns; see [`sample::columns`].
    fn infer_schema(&mut self, input: &NdjsonInput) -> (Vec<Column>, Vec<Option<Inference>>) {
        let records = self.first.iter().flat_map(|parsed| {
            let spans = parsed.flats.iter().zip(&parsed.raw.records);
            spans.map(|(flat, span)| (flat, parsed.raw.record(span)))
        });
        let rereadable = self.records.files.can_reread();
        let (mut schema, mut inferred) = (Vec::new(), Vec::new());
        let mut stored = Vec::new();
        for column in sample::columns(records, input, &self.rules, rereadable) {
            stored.push((column.schema.name.clone(), column.stored));
            schema.push(column.schema);
            inferred.push(column.inference);
        }
        self.columns = stored;
        let names = self.columns.iter().enumerate();
        self.places = names.map(|(place, (name, _))| (name.clone(), place)).collect();
        (schema, inferred)
    }

    /// Reads the next records and parses them in parallel.
    fn read(&mut self) -> Option<ParsedBatch> {
        let mut raw = self.records.read_batch(&mut |_| Ok(()));
        if raw.is_end() {
            return None;
        }
        let parsed: Vec<Result<FlatRecord, String>> =
            raw.records.par_iter().map(|span| parse(raw.record(span))).collect();
        let mut flats = Vec::with_capacity(parsed.len());
        let mut bad = Vec::new();
        for (index, parsed) in parsed.into_iter().enumerate() {
            match parsed {
                Ok(flat) => flats.push(flat),
                Err(reason) => {
                    bad.push(index);
                    if self.records.policy.reject(&mut raw, index, BadRecord::new(reason)) {
                        break;
                    }
                }
            }
        }
        remove(&mut raw.records, &bad);
        Some(ParsedBatch { raw, flats })
    }

    fn batch(&mut self, parsed: ParsedBatch) -> Result<Batch> {
        let ParsedBatch { mut raw, flats } = parsed;
        let mut builders: Vec<ColumnBuilder> =
            self.columns.iter().map(|(name, stored)| stored.builder(name, flats.len())).collect();
        let mut diagnostics = Vec::new();
        let (mut height, mut bad) = (0, Vec::new());
        for (index, flat) in flats.iter().enumerate() {
            let span = raw.records[index];
            let (cells, unknown) = match self.cells(flat, raw.record(&span)) {
                Ok(read) => read,
                Err(misfit) => {
                    if self.rules.findings.can_restart() {
                        let place = self.records.policy.place(&span);
                        let Misfit { column, class, text, .. } = misfit;
                        return Err(TypeFindings::widen(&column, class, &text, &place));
                    }
                    bad.push(index);
                    let reason = typing::mismatch_message(&misfit.text, misfit.wanted);
                    let reason = BadRecord { column: Some(misfit.column), reason };
                    if self.records.policy.reject(&mut raw, index, reason) {
                        break;
                    }
                    continue;
                }
            };
            for (place, cell) in cells {
                builders[place].put(height, cell);
            }
            height += 1;
            for name in unknown {
                if !self.unknown.contains(name) {
                    self.unknown.insert(name.to_owned());
                    diagnostics.push(unknown_name(name));
                }
            }
        }
        remove(&mut raw.records, &bad);
        let stored = self.columns.iter().map(|(_, stored)| stored);
        let columns = builders.into_iter().zip(stored);
        let columns = columns.map(|(builder, stored)| stored.finish(builder, height));
        let source = DataFrame::new(height, columns.collect::<Result<_>>()?)?;
        let policy = &self.records.policy;
        let batch = policy.batch(raw, source, &self.views, &self.rules)?;
        Ok(batch.with_diagnostics(diagnostics))
    }

    /// The values by column, and the names without a column.
    ///
    /// # Errors
    /// The first value that can't be stored in its column.
    fn cells<'a>(
        &self,
        flat: &'a FlatRecord,
        record: &'a str,
    ) -> Result<(Vec<(usize, Cell<'a>)>, Vec<&'a str>), Misfit> {
        let (mut cells, mut unknown) = (Vec::with_capacity(flat.len()), Vec::new());
        let mut next = 0;
        for (name, value) in flat {
            // Most records have their names in the same order.
            let place = match self.columns.get(next) {
                Some((expected, _)) if expected == name => next,
                _ => match self.places.get(name) {
                    Some(place) => *place,
                    None => {
                        unknown.push(name.as_str());
                        continue;
                    }
                },
            };
            next = place + 1;
            let stored = self.columns[place].1;
            let cell = match stored.cell(value, record) {
                Ok(cell) => cell,
                Err(wanted) => {
                    let forced = stored.force(value, record);
                    if self.rules.findings.can_restart() || forced.is_none() {
                        let text = value.token(record);
                        let class = json_text::class(&text);
                        let text = text.into_owned();
                        return Err(Misfit { column: name.clone(), class, text, wanted });
                    }
                    forced
                }
            };
            cells.extend(cell.map(|cell| (place, cell)));
        }
        Ok((cells, unknown))
    }
}

/// A value that can't be stored in its column.
struct Misfit {
    column: String,
    class: Class,
    text: String,
    wanted: &'static str,
}

fn unknown_name(name: &str) -> Diagnostic {
    Diagnostic {
        path: "input.ndjson".to_owned(),
        reason: "UNKNOWN_NAME".to_owned(),
        message: format!(
            "`{name}`: no column, since the first {INFER_FROM} records do not have it, and its values are dropped; name it in \
             types to read it"
        ),
        count: 0,
    }
}

impl Source for NdjsonSource {
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
            let undeclared = |_: &&Inference| !self.input.types.contains_key(&column.name);
            if let Some(inference) = self.inference(&column.name).filter(undeclared) {
                self.rules.note("input.ndjson", column, inference, place);
            }
        }
        Ok(())
    }

    fn open(&mut self, _: &Split, from: Option<Position>) -> Result<Box<dyn Reader>> {
        self.read_from(from)
    }

    fn times(&self) -> Vec<TimeReading> {
        let settings = TimeSettings::for_ndjson(&self.input);
        typing::readings(&self.schema, &self.inferred, settings, |record| self.place(record))
    }

    fn empty(&self) -> DataFrame {
        let column = |(name, stored): &(String, Storage)| {
            Values::new_empty(name.as_str().into(), &stored.dtype())
        };
        DataFrame::new(0, self.columns.iter().map(column).collect()).unwrap_or_default()
    }

    fn files(&self) -> &[PathBuf] {
        &self.files.paths
    }
}

impl Reader for NdjsonReader {
    fn next(&mut self) -> Result<Element> {
        let parsed = match self.first.pop_front() {
            Some(parsed) => Some(parsed),
            None => self.read(),
        };
        let Some(parsed) = parsed else { return Ok(Element::End) };
        let batch = self.batch(parsed)?;
        let batch = typing::resolve_years(&mut self.years, batch, &self.rules)?;
        let batch = batch.with_progress(self.records.files.progress());
        Ok(Element::Batch(Box::new(batch)))
    }
}
