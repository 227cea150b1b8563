//! Reads JSON objects as columns. The names in the first records are the columns; a name that first occurs later is
//! reported and its values are dropped.
//!
//! Columns of whole numbers within 64 bits are stored as integers, other numbers as 64-bit floats (larger whole numbers
//! lose digits), booleans as booleans, and everything else as text, in which a value keeps its JSON form. Records are
//! numbered over all files; blank lines are skipped.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::PathBuf,
    sync::Arc,
};

use anomal_core::{
    Batch, Element, Error, Position, Result,
    proto::{Column, DataType as Type, Diagnostic},
};
use anomal_dataflow::{Reader, Source, Split};
use anomal_spec::{BadLines, NdjsonInput};
use polars::prelude::{Column as Values, DataFrame};
use rayon::prelude::*;
use serde_json::Value;

use super::flat::{FlatRecord, parse};
use crate::{
    column::{Cell, ColumnBuilder, StorageType},
    datetime,
    files::Files,
    lines::Shape,
    records::{BadRecord, RawBatch, Records, remove},
    remote::Access,
    source::{OpenOptions, check_rereadable, data_type, resume},
    typing::{self, INFER_FROM, NullValues},
};

pub(crate) struct NdjsonSource {
    /// Until it is opened.
    reader: Option<NdjsonReader>,
    files: Arc<Files>,
    columns: Vec<(String, StorageType)>,
    schema: Vec<Column>,
    selected: Vec<Column>,
    input: NdjsonInput,
    options: OpenOptions,
}

/// Reads on behind the first records.
struct NdjsonReader {
    records: Records,
    columns: Vec<(String, StorageType)>,
    places: HashMap<String, usize>,
    selected: Vec<Column>,
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
        let mut reader = NdjsonReader {
            records: Records::new(files, "NDJSON", Shape::Lines, skip, options),
            columns: Vec::new(),
            places: HashMap::new(),
            selected: Vec::new(),
            first: VecDeque::new(),
            unknown: HashSet::new(),
        };
        reader.records.open(&mut |_, _| Ok(()))?;
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
        let schema = reader.infer_schema(input);
        Ok(Self {
            files: Arc::clone(&reader.records.files),
            columns: reader.columns.clone(),
            reader: Some(reader),
            schema,
            selected: Vec::new(),
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
        reader.selected.clone_from(&self.selected);
        Ok(resume(Box::new(reader), from))
    }
}

impl NdjsonReader {
    /// Sets the columns: those of the first records in order of appearance, then those that only the settings name.
    fn infer_schema(&mut self, input: &NdjsonInput) -> Vec<Column> {
        let mut schema = Vec::new();
        let mut columns: Vec<(&str, Vec<&Value>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let flats = self.first.iter().flat_map(|parsed| &parsed.flats);
        for (name, value) in flats.take(INFER_FROM).flatten() {
            let place = *places.entry(name).or_insert_with(|| {
                columns.push((name, Vec::new()));
                columns.len() - 1
            });
            columns[place].1.push(value);
        }
        let more = input.types.keys().filter(|name| !places.contains_key(name.as_str()));
        columns.extend(more.map(|name| (name.as_str(), Vec::new())));
        for (name, values) in columns {
            let inferred = infer(&values);
            let wanted = input.types.get(name).map_or(inferred, |given| data_type(*given));
            // A type that differs from that of the values is parsed from their text.
            let stored =
                if wanted == inferred { StorageType::new(wanted) } else { StorageType::Text };
            schema.push(Column { name: name.to_owned(), data_type: wanted.into() });
            self.columns.push((name.to_owned(), stored));
        }
        let names = self.columns.iter().enumerate();
        self.places = names.map(|(place, (name, _))| (name.clone(), place)).collect();
        schema
    }

    /// Reads the next records and parses them in parallel.
    fn read(&mut self) -> Option<ParsedBatch> {
        let mut raw = self.records.read_batch(&mut |_, _| Ok(()));
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
        let mut builders: Vec<ColumnBuilder> = self
            .columns
            .iter()
            .map(|(name, stored)| ColumnBuilder::new(name, *stored, flats.len()))
            .collect();
        let mut diagnostics = Vec::new();
        let (mut height, mut bad) = (0, Vec::new());
        for (index, flat) in flats.iter().enumerate() {
            let (cells, unknown) = match self.cells(flat) {
                Ok(read) => read,
                Err(reason) => {
                    bad.push(index);
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
        let columns = builders.into_iter().map(|builder| builder.finish(height)).collect();
        let source = DataFrame::new(height, columns)?;
        let policy = &self.records.policy;
        let batch = policy.batch(raw, source, &self.selected, &NullValues::default())?;
        Ok(batch.with_diagnostics(diagnostics))
    }

    /// The values by column, and the names without a column.
    ///
    /// # Errors
    /// The first value that can't be stored in its column.
    fn cells<'a>(
        &self,
        flat: &'a FlatRecord,
    ) -> Result<(Vec<(usize, Cell<'a>)>, Vec<&'a str>), BadRecord> {
        let (mut cells, mut unknown) = (Vec::with_capacity(flat.len()), Vec::new());
        for (name, value) in flat {
            let Some(place) = self.places.get(name) else {
                unknown.push(name.as_str());
                continue;
            };
            match self.columns[*place].1.cell(value) {
                Ok(cell) => cells.extend(cell.map(|cell| (*place, cell))),
                Err(wanted) => {
                    let reason = typing::mismatch_message(&value.to_string(), wanted);
                    return Err(BadRecord { column: Some(name.clone()), reason });
                }
            }
        }
        Ok((cells, unknown))
    }
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

fn infer(values: &[&Value]) -> Type {
    let present: Vec<&&Value> = values.iter().filter(|value| !value.is_null()).collect();
    let all = |fits: fn(&Value) -> bool| present.iter().all(|value| fits(value));
    if present.is_empty() {
        Type::String
    } else if all(|value| value.as_i64().is_some()) {
        Type::Integer
    } else if all(Value::is_number) {
        Type::Float
    } else if all(Value::is_boolean) {
        Type::Boolean
    } else if all(|value| value.as_str().is_some_and(|text| datetime::parse(text).is_some())) {
        Type::Datetime
    } else {
        Type::String
    }
}

impl Source for NdjsonSource {
    fn schema(&self) -> &[Column] {
        &self.schema
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        self.selected = columns.to_vec();
        Ok(())
    }

    fn open(&mut self, _: &Split, from: Option<Position>) -> Result<Box<dyn Reader>> {
        self.read_from(from)
    }

    fn empty(&self) -> DataFrame {
        let column = |(name, stored): &(String, StorageType)| {
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
        let batch = self.batch(parsed)?.with_progress(self.records.files.progress());
        Ok(Element::Batch(Box::new(batch)))
    }
}
