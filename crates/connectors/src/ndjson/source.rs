//! JSON objects as columns; nested ones flattened with dots, lists as their JSON text.

use std::{collections::HashMap, path::PathBuf};

use anomal_core::{
    Error, Result, Table,
    proto::{Column, DataType as Type},
};
use anomal_spec::{BadLines, NdjsonInput};
use polars::prelude::{
    BooleanChunked, Column as Values, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoColumn,
    NewChunkedArray, StringChunked,
};
use serde_json::Value;

use crate::{
    OpenOptions,
    files::Files,
    lines::{Lines, Shape},
    source::{Batch, Rejected, Source, raw_text, type_named},
    typing::{self, INFER_FROM, Nulls},
};

pub(crate) struct NdjsonSource {
    files: Files,
    options: OpenOptions,
    skip: bool,
    /// Types as they are stored; times are text.
    stored: Vec<(String, DataType)>,
    places: HashMap<String, usize>,
    schema: Vec<Column>,
    selected: Vec<Column>,
    file: usize,
    lines: Option<Lines>,
    next_row: u64,
    first: Option<Raw>,
    /// Keys that the first records did not have, and how often they came.
    unknown: HashMap<String, u64>,
}

/// A record as flat keys and values.
type Flat = Vec<(String, Value)>;

struct Raw {
    records: Vec<(u64, u64, Flat)>,
    file: String,
    rejected: Vec<Rejected>,
}

impl NdjsonSource {
    pub fn open(input: &NdjsonInput, options: &OpenOptions) -> Result<Self> {
        let mut source = Self {
            files: Files::find(&input.path, &[".ndjson", ".jsonl", ".json"])?,
            options: *options,
            skip: input.bad_lines == BadLines::Skip,
            stored: Vec::new(),
            places: HashMap::new(),
            schema: Vec::new(),
            selected: Vec::new(),
            file: 0,
            lines: None,
            next_row: 0,
            first: None,
            unknown: HashMap::new(),
        };
        source.open_file()?;
        let first = source.read()?;
        let records = first.as_ref().map(|raw| raw.records.as_slice()).unwrap_or_default();
        if records.is_empty() {
            return Err(Error::input(
                "EMPTY_FILE",
                format!("{} has no records; there is one JSON object a line in NDJSON", source.files.name(0)),
            ));
        }
        source.learn(records, input);
        source.first = first;
        Ok(source)
    }

    /// The columns of the first records, in the order of first appearance.
    fn learn(&mut self, records: &[(u64, u64, Flat)], input: &NdjsonInput) {
        let mut columns: Vec<(String, Vec<&Value>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (name, value) in records.iter().take(INFER_FROM).flat_map(|record| &record.2) {
            let place = *places.entry(name.clone()).or_insert_with(|| {
                columns.push((name.clone(), Vec::new()));
                columns.len() - 1
            });
            columns[place].1.push(value);
        }
        for (name, values) in columns {
            let inferred = infer(&values);
            let of = input.types.get(&name).map_or(inferred, |given| type_named(*given));
            let stored = match of {
                Type::Integer => DataType::Int64,
                Type::Float => DataType::Float64,
                Type::Boolean => DataType::Boolean,
                Type::String | Type::Datetime | Type::Unspecified => DataType::String,
            };
            self.schema.push(Column { name: name.clone(), data_type: of.into() });
            self.stored.push((name, stored));
        }
        self.places = places;
    }

    fn open_file(&mut self) -> Result<()> {
        let stream = self.files.open(self.file)?;
        self.lines = Some(Lines::new(stream, Shape::Lines, self.options.block_bytes));
        Ok(())
    }

    fn read(&mut self) -> Result<Option<Raw>> {
        loop {
            if self.lines.is_none() {
                if self.file + 1 >= self.files.count() {
                    return Ok(None);
                }
                self.file += 1;
                self.open_file()?;
            }
            let raw = self.read_file()?;
            if !raw.records.is_empty() || !raw.rejected.is_empty() {
                return Ok(Some(raw));
            }
            self.lines = None;
        }
    }

    fn read_file(&mut self) -> Result<Raw> {
        let file = self.files.name(self.file);
        let (mut records, mut rejected) = (Vec::new(), Vec::new());
        let Some(lines) = &mut self.lines else {
            return Err(Error::internal("no file is open"));
        };
        while records.len() + rejected.len() < self.options.batch_rows {
            let record = lines.next().map_err(|error| self.files.failed(self.file, &error))?;
            let Some(record) = record else { break };
            let bytes = record.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record.bytes);
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let row = self.next_row;
            self.next_row += 1;
            let why = match (record.bad, serde_json::from_slice::<Value>(bytes)) {
                (Some(why), _) => why.to_owned(),
                (None, Ok(Value::Object(object))) => {
                    let mut flat = Vec::with_capacity(object.len());
                    flatten(None, Value::Object(object), &mut flat);
                    records.push((row, record.line, flat));
                    continue;
                }
                (None, Ok(_)) => "the line is JSON but no object".to_owned(),
                (None, Err(error)) => format!("the line is no JSON: {error}"),
            };
            let raw = raw_text(record.bytes);
            let bad = Rejected { file: file.clone(), line: record.line, row, column: None, reason: why, raw };
            if !self.skip {
                return Err(bad.into_error("NDJSON"));
            }
            rejected.push(bad);
        }
        Ok(Raw { records, file, rejected })
    }

    fn batch(&mut self, raw: Raw) -> Result<Batch> {
        let Raw { records, file, mut rejected } = raw;
        let mut columns: Vec<Vec<Option<Value>>> =
            self.stored.iter().map(|_| Vec::with_capacity(records.len())).collect();
        let mut rows = Vec::with_capacity(records.len());
        for (row, line, flat) in records {
            if let Some((column, reason)) = self.misfit(&flat) {
                let record: serde_json::Map<String, Value> = flat.into_iter().collect();
                let raw = raw_text(Value::Object(record).to_string().as_bytes());
                let bad = Rejected { file: file.clone(), line, row, column: Some(column), reason, raw };
                if !self.skip {
                    return Err(bad.into_error("NDJSON"));
                }
                rejected.push(bad);
                continue;
            }
            let next = rows.len() + 1;
            for (name, value) in flat {
                match self.places.get(&name) {
                    // The last of a name wins, as JSON readers have it.
                    Some(place) if columns[*place].len() == next => {
                        columns[*place].pop();
                        columns[*place].push(Some(value));
                    }
                    Some(place) => columns[*place].push(Some(value)),
                    None => *self.unknown.entry(name).or_default() += 1,
                }
            }
            columns.iter_mut().for_each(|column| column.resize(next, None));
            rows.push(row);
        }
        rejected.sort_by_key(|bad| bad.row);
        let columns = columns.into_iter().zip(&self.stored);
        let columns = columns.map(|(values, (name, dtype))| column(name, dtype, &values)).collect();
        let source = DataFrame::new(rows.len(), columns)?;
        let typed = typing::typed(&source, &self.selected, &Nulls::new(&[]))?;
        let mut batch = Batch { source: Table::new(rows, source)?, typed: typed.columns, rejected };
        if let Some(misfit) = typed.misfits.first() {
            // A time that is none, in a column whose first records were times.
            let bad = Rejected {
                file,
                line: 0,
                row: batch.source.rows()[misfit.index],
                column: Some(misfit.column.clone()),
                reason: format!("`{}` is not {}", misfit.text, misfit.wanted),
                raw: misfit.text.clone(),
            };
            if !self.skip {
                return Err(bad.into_error("NDJSON"));
            }
            let misfits: Vec<usize> = typed.misfits.iter().map(|misfit| misfit.index).collect();
            let fits = (0..batch.source.height()).map(|index| misfits.binary_search(&index).is_err());
            let mask = BooleanChunked::from_iter_values("fits".into(), fits);
            for misfit in &typed.misfits {
                let row = batch.source.rows()[misfit.index];
                let reason = format!("`{}` is not {}", misfit.text, misfit.wanted);
                batch.rejected.push(Rejected { row, reason, raw: misfit.text.clone(), ..bad.clone() });
            }
            batch.rejected.sort_by_key(|bad| bad.row);
            batch.typed = batch.typed.filter(&mask)?;
            batch.source = batch.source.filter(&mask)?;
        }
        Ok(batch)
    }

    /// The first value that is not of its column's type.
    fn misfit(&self, flat: &Flat) -> Option<(String, String)> {
        flat.iter().find_map(|(name, value)| {
            let (_, dtype) = &self.stored[*self.places.get(name)?];
            let wanted = match dtype {
                DataType::Int64 if !value.is_null() && value.as_i64().is_none() => "a whole number",
                DataType::Float64 if !value.is_null() && value.as_f64().is_none() => "a number",
                DataType::Boolean if !value.is_null() && !value.is_boolean() => "true or false",
                _ => return None,
            };
            let text: String = value.to_string().chars().take(80).collect();
            Some((name.clone(), format!("`{text}` is not {wanted}")))
        })
    }
}

/// Keys joined by dots; an empty object is nothing.
fn flatten(prefix: Option<&str>, value: Value, flat: &mut Flat) {
    match (prefix, value) {
        (prefix, Value::Object(object)) => {
            for (key, value) in object {
                let name = prefix.map_or_else(|| key.clone(), |prefix| format!("{prefix}.{key}"));
                flatten(Some(&name), value, flat);
            }
        }
        (Some(name), value) => flat.push((name.to_owned(), value)),
        (None, _) => {}
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
    } else if all(|value| value.as_str().is_some_and(|text| typing::datetime(text).is_some())) {
        Type::Datetime
    } else {
        Type::String
    }
}

fn column(name: &str, dtype: &DataType, values: &[Option<Value>]) -> Values {
    let present = values.iter().map(Option::as_ref);
    let name = name.into();
    match dtype {
        DataType::Int64 => {
            Int64Chunked::from_iter_options(name, present.map(|value| value?.as_i64())).into_column()
        }
        DataType::Float64 => {
            Float64Chunked::from_iter_options(name, present.map(|value| value?.as_f64())).into_column()
        }
        DataType::Boolean => {
            BooleanChunked::from_iter_options(name, present.map(|value| value?.as_bool())).into_column()
        }
        _ => {
            let text: StringChunked = present
                .map(|value| match value? {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                })
                .collect();
            text.with_name(name).into_column()
        }
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
        let raw = match self.first.take() {
            Some(raw) => Some(raw),
            None => self.read()?,
        };
        let batch = raw.map(|raw| self.batch(raw)).transpose()?;
        if batch.is_none() {
            for (name, count) in self.unknown.drain() {
                tracing::warn!(
                    "the key `{name}` is in {count} records and in none of the first {INFER_FROM}: it is not among \
                     the columns; name it in ndjson.types"
                );
            }
        }
        Ok(batch)
    }

    fn retype(&self) -> Box<dyn Fn(&DataFrame) -> Result<DataFrame> + Send + Sync> {
        let selected = self.selected.clone();
        Box::new(move |frame| Ok(typing::typed(frame, &selected, &Nulls::new(&[]))?.columns))
    }

    fn empty(&self) -> DataFrame {
        let columns = self.stored.iter();
        let columns = columns.map(|(name, dtype)| Values::new_empty(name.as_str().into(), dtype));
        DataFrame::new(0, columns.collect()).unwrap_or_default()
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.files.progress()
    }

    fn files(&self) -> &[PathBuf] {
        &self.files.paths
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
        let schema: Vec<_> = source.schema().iter().map(|c| (c.name.as_str(), c.data_type())).collect();
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
        let error = open(&text, false).err().unwrap();
        assert!(error.message.contains("in.ndjson:10002"), "{error}");
        let mut source = open(&text, true).unwrap();
        let batch = source.next_batch().unwrap().unwrap();
        let rows: Vec<u64> = batch.rejected.iter().map(|bad| bad.row).collect();
        assert_eq!(rows, [10_000, 10_001, 10_002]);
        assert_eq!(batch.source.rows().last(), Some(&10_003));
    }
}
