//! JSON objects as columns. The names of the first records are the columns; one that first comes later
//! is told and left out.
//!
//! A column of whole numbers within 64 bits is stored as such, other numbers as 64-bit floats (larger
//! whole numbers lose digits), truth values as such, all else as text, in which a value keeps its JSON
//! form. Records are numbered over all files; blank lines are none.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::PathBuf,
};

use anomal_core::{
    Error, Result,
    proto::{Column, DataType as Type, Diagnostic},
};
use anomal_spec::{BadLines, NdjsonInput};
use polars::prelude::{Column as Values, DataFrame};
use rayon::prelude::*;
use serde_json::Value;

use super::{
    column::{Builder, Cell, Stored},
    flat::{Flat, parse},
};
use crate::{
    Access, OpenOptions, datetime,
    files::Files,
    lines::Shape,
    records::{Bad, Gathered, Records, remove},
    source::{Batch, Source, type_named},
    typing::{self, INFER_FROM, Nulls},
};

pub(crate) struct NdjsonSource {
    records: Records,
    columns: Vec<(String, Stored)>,
    places: HashMap<String, usize>,
    schema: Vec<Column>,
    selected: Vec<Column>,
    /// The first records, read to learn the columns.
    first: VecDeque<Parsed>,
    /// Names that are no columns and have been told.
    unknown: HashSet<String>,
}

/// Records and what they say.
struct Parsed {
    gathered: Gathered,
    flats: Vec<Flat>,
}

impl NdjsonSource {
    pub fn open(input: &NdjsonInput, options: &OpenOptions) -> Result<Self> {
        let secrets = &options.secrets;
        let access = Access { place: "input.ndjson", auth: input.auth.as_ref(), secrets };
        let files = Files::find(&input.path, &[".ndjson", ".jsonl"], &access)?;
        let skip = input.bad_lines == BadLines::Skip;
        let mut source = Self {
            records: Records::new(files, "NDJSON", Shape::Lines, skip, options),
            columns: Vec::new(),
            places: HashMap::new(),
            schema: Vec::new(),
            selected: Vec::new(),
            first: VecDeque::new(),
            unknown: HashSet::new(),
        };
        source.records.open(&mut |_, _| Ok(()))?;
        let mut known = 0;
        while known < INFER_FROM
            && let Some(parsed) = source.read()
        {
            known += parsed.flats.len();
            source.first.push_back(parsed);
        }
        if known == 0 {
            if let Some(failure) =
                source.first.pop_front().and_then(|parsed| parsed.gathered.failure)
            {
                return Err(failure);
            }
            return Err(Error::input(
                "EMPTY_FILE",
                format!(
                    "{} has no records; NDJSON has one JSON object a line",
                    source.records.files.name(0)
                ),
            ));
        }
        source.learn(input);
        Ok(source)
    }

    /// The columns of the first records in the order in which they appear, then those that only the
    /// settings name.
    fn learn(&mut self, input: &NdjsonInput) {
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
            let of = input.types.get(name).map_or(inferred, |given| type_named(*given));
            // Where another type is wanted than the values have, it is made from their text.
            let stored = if of == inferred { Stored::new(of) } else { Stored::Text };
            self.schema.push(Column { name: name.to_owned(), data_type: of.into() });
            self.columns.push((name.to_owned(), stored));
        }
        let names = self.columns.iter().enumerate();
        self.places = names.map(|(place, (name, _))| (name.clone(), place)).collect();
    }

    /// The next records, parsed in parallel.
    fn read(&mut self) -> Option<Parsed> {
        let mut gathered = self.records.gather(&mut |_, _| Ok(()));
        if gathered.is_end() {
            return None;
        }
        let parsed: Vec<Result<Flat, String>> =
            gathered.records.par_iter().map(|entry| parse(gathered.record(entry))).collect();
        let mut flats = Vec::with_capacity(parsed.len());
        let mut bad = Vec::new();
        for (index, parsed) in parsed.into_iter().enumerate() {
            match parsed {
                Ok(flat) => flats.push(flat),
                Err(reason) => {
                    bad.push(index);
                    if self.records.refusals.reject(&mut gathered, index, Bad::record(reason)) {
                        break;
                    }
                }
            }
        }
        remove(&mut gathered.records, &bad);
        Some(Parsed { gathered, flats })
    }

    fn batch(&mut self, parsed: Parsed) -> Result<Batch> {
        let Parsed { mut gathered, flats } = parsed;
        let mut builders: Vec<Builder> = self
            .columns
            .iter()
            .map(|(name, stored)| Builder::new(name, *stored, flats.len()))
            .collect();
        let mut diagnostics = Vec::new();
        let (mut height, mut bad) = (0, Vec::new());
        for (index, flat) in flats.iter().enumerate() {
            let (cells, unknown) = match self.cells(flat) {
                Ok(read) => read,
                Err(misfit) => {
                    bad.push(index);
                    if self.records.refusals.reject(&mut gathered, index, misfit) {
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
                    diagnostics.push(left_out(name));
                }
            }
        }
        remove(&mut gathered.records, &bad);
        let columns = builders.into_iter().map(|builder| builder.finish(height)).collect();
        let source = DataFrame::new(height, columns)?;
        let refusals = &self.records.refusals;
        let batch = refusals.batch(gathered, source, &self.selected, &Nulls::default())?;
        Ok(Batch { diagnostics, ..batch })
    }

    /// The values by column, and the names that are none.
    ///
    /// # Errors
    /// With the first value that can't be stored in its column.
    fn cells<'a>(&self, flat: &'a Flat) -> Result<(Vec<(usize, Cell<'a>)>, Vec<&'a str>), Bad> {
        let (mut cells, mut unknown) = (Vec::with_capacity(flat.len()), Vec::new());
        for (name, value) in flat {
            let Some(place) = self.places.get(name) else {
                unknown.push(name.as_str());
                continue;
            };
            match self.columns[*place].1.cell(value) {
                Ok(cell) => cells.extend(cell.map(|cell| (*place, cell))),
                Err(wanted) => {
                    let reason = typing::not(&value.to_string(), wanted);
                    return Err(Bad { column: Some(name.clone()), reason });
                }
            }
        }
        Ok((cells, unknown))
    }
}

fn left_out(name: &str) -> Diagnostic {
    Diagnostic {
        path: "input.ndjson".to_owned(),
        reason: "UNKNOWN_NAME".to_owned(),
        message: format!(
            "`{name}` is in none of the first {INFER_FROM} records and so no column, later values are left out; name              it in types to have it"
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

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let parsed = match self.first.pop_front() {
            Some(parsed) => Some(parsed),
            None => self.read(),
        };
        parsed.map(|parsed| self.batch(parsed)).transpose()
    }

    fn empty(&self) -> DataFrame {
        let column = |(name, stored): &(String, Stored)| {
            Values::new_empty(name.as_str().into(), &stored.dtype())
        };
        DataFrame::new(0, self.columns.iter().map(column).collect()).unwrap_or_default()
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.records.files.progress()
    }

    fn files(&self) -> &[PathBuf] {
        &self.records.files.paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str, skip: bool) -> Result<NdjsonSource> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.ndjson");
        std::fs::write(&path, text).unwrap();
        let mut input = NdjsonInput::new(path.to_str().unwrap());
        input.bad_lines = if skip { BadLines::Skip } else { BadLines::Error };
        NdjsonSource::open(&input, &OpenOptions::default())
    }

    #[test]
    fn nested_objects_are_flattened_and_types_kept() {
        let text = r#"{"a": {"b": 1, "c": [1, "x"]}, "t": "2022-11-02T13:04:05Z", "f": 1, "ok": true}
{"a": {"b": 2}, "f": 2.5, "s": "x"}

{"a": {"b": null}, "f": null}
"#;
        let mut source = open(text, false).unwrap();
        let schema: Vec<_> =
            source.schema().iter().map(|c| (c.name.as_str(), c.data_type())).collect();
        let expected = [
            ("a.b", Type::Integer),
            ("a.c", Type::String),
            ("t", Type::Datetime),
            ("f", Type::Float),
            ("ok", Type::Boolean),
            ("s", Type::String),
        ];
        assert_eq!(schema, expected);
        let batch = source.next_batch().unwrap().unwrap();
        let columns = batch.source.columns();
        assert_eq!(columns.height(), 3);
        assert_eq!(columns.column("a.c").unwrap().str().unwrap().get(0), Some("[1,\"x\"]"));
        assert_eq!(columns.column("a.b").unwrap().null_count(), 1);
        assert!(source.next_batch().unwrap().is_none());
    }

    #[test]
    fn bad_lines_stop_or_are_kept() {
        let mut text = "{\"n\": 1}\n".repeat(INFER_FROM);
        text.push_str("{\"n\": \"x\"}\n[1]\n{\"n\": \n{\"n\": 5}\n");
        let error = open(&text, false).unwrap().next_batch().err().unwrap();
        assert!(error.message.contains("in.ndjson:10001"), "{error}");
        let mut source = open(&text, true).unwrap();
        let batch = source.next_batch().unwrap().unwrap();
        let rows: Vec<u64> = batch.rejected.iter().map(|bad| bad.row).collect();
        assert_eq!(rows, [10_000, 10_001, 10_002]);
        assert_eq!(batch.source.rows().last(), Some(&10_003));
    }
}
