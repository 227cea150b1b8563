//! What an input is and how it is read, without a run: the encoding, the dialect, the columns, and the settings that say
//! the same without a guess.

use std::collections::{BTreeMap, BTreeSet};

use anomal_core::{
    Result,
    proto::{Column, DataType, Diagnostic},
};
use anomal_dataflow::read_batches;
use anomal_spec::{ColumnType, Input, InputDriver, TypeSetting};
use polars::prelude::{AnyValue, Column as Values};
use serde::Serialize;

use crate::{
    OpenOptions, TypeFindings,
    json::{JsonSettings, JsonSource},
    log, open, text,
};

/// Rows that are read, about.
const ROWS: usize = 10_000;
/// Bytes that are read, about, where the rows are long.
const BYTES: usize = 64 << 20;
/// Values of a column that are shown.
const VALUES: usize = 3;

/// What an input is and how it is read.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// The driver's name.
    pub driver: String,
    /// The encoding of the first file, for text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// How the first file is divided into records and cells, for CSV.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<DialectInspection>,
    /// Members of objects in lists, which settings can name as columns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// The format of the lines of the first file, for a text log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<FormatInspection>,
    /// Rows that were read, and whether these are all.
    pub rows: usize,
    pub complete: bool,
    pub columns: Vec<ColumnInspection>,
    /// Notes that a run would give, as reason and message.
    pub notes: Vec<InspectionNote>,
    /// The first rows as they were read.
    pub first: Vec<Vec<String>>,
    /// The settings that read the same without a guess.
    pub input: Input,
}

/// The format of the lines of a text log.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FormatInspection {
    pub name: &'static str,
    /// Lines that were compared.
    pub lines: usize,
    /// The formats that lines fit, the best first.
    pub shares: Vec<FormatShare>,
}

/// How many lines fit a format.
#[derive(Clone, Debug, Serialize)]
pub struct FormatShare {
    pub format: &'static str,
    pub lines: usize,
}

/// How a CSV file is divided into records and cells.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DialectInspection {
    /// Whether it is RFC 4180 with commas.
    pub plain: bool,
    pub header: bool,
    pub skip_lines: usize,
    /// The dialects that were compared, the best first; none if RFC 4180 with commas fits.
    pub candidates: Vec<DialectScore>,
}

/// A dialect that was compared.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DialectScore {
    /// The parts in which it differs from RFC 4180 with commas, as settings.
    pub settings: String,
    /// From 0 to 1.
    pub score: f64,
    /// Cells in most records.
    pub columns: usize,
    /// Records with that number of cells, and all that were looked at.
    pub uniform_records: usize,
    pub records: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct InspectionNote {
    pub reason: String,
    pub message: String,
}

/// A column and its values.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnInspection {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: &'static str,
    /// Rows without a value, with null words and strays.
    pub missing: usize,
    /// Words that mean a missing value, with their numbers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub null_words: BTreeMap<String, u64>,
    /// Values that are not of the column's type.
    pub strays: u64,
    /// The first different values, as they were read.
    pub values: Vec<String>,
}

/// Reads the first rows of an input.
///
/// # Errors
/// Those of a run over these rows.
pub fn inspect(input: &Input, options: &OpenOptions, shown: usize) -> Result<Inspection> {
    let findings = TypeFindings::default();
    let options = OpenOptions { batch_rows: ROWS, findings: findings.clone(), ..options.clone() };
    let mut source = open(input, &options)?;
    let schema = source.schema().to_vec();
    source.select(&schema)?;
    let mut columns: Vec<ColumnInspection> = schema.iter().map(ColumnInspection::new).collect();
    let (mut rows, mut bytes, mut complete, mut first) = (0, 0, true, Vec::new());
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for batch in read_batches(source) {
        let batch = batch?;
        let raw = batch.raw.columns();
        for ((column, raw), typed) in columns.iter_mut().zip(raw).zip(batch.typed.columns()) {
            column.add(raw, typed)?;
        }
        for row in 0..batch.height().min(shown.saturating_sub(first.len())) {
            first.push(raw.iter().map(|column| cell(column, row)).collect::<Result<_>>()?);
        }
        rows += batch.height();
        bytes += batch.raw.estimated_size();
        diagnostics.extend(batch.statistics.diagnostics);
        if rows >= ROWS || bytes >= BYTES {
            complete = false;
            break;
        }
    }
    let summary = findings.summary().unwrap_or_default();
    for counts in summary.columns {
        if let Some(column) = columns.iter_mut().find(|column| column.name == counts.name) {
            (column.null_words, column.strays) = (counts.null_words, counts.strays);
        }
    }
    let driver = input.driver().map_or("", InputDriver::name);
    diagnostics.splice(0..0, findings.notes(&format!("input.{driver}")));
    let note = |note: Diagnostic| InspectionNote { reason: note.reason, message: note.message };
    let mut inspection = Inspection {
        driver: driver.to_owned(),
        encoding: None,
        dialect: None,
        members: Vec::new(),
        format: None,
        rows,
        complete,
        columns,
        notes: diagnostics.into_iter().map(note).collect(),
        first,
        input: input.clone(),
    };
    if let Some(table) = findings.table().cloned() {
        inspection.encoding = Some(table.encoding);
        inspection.dialect = table.dialect;
        inspection.input = table.input.into();
    }
    if let Some(settings) = json_settings(input) {
        if let (Some(records), Some(json)) = (findings.records(), &mut inspection.input.json) {
            json.records.clone_from(records);
        }
        if settings.files(&options)?.can_reread() {
            inspection.members = JsonSource::member_names(settings, &options)?;
        }
    }
    let mut declared = Vec::new();
    if let Some(settings) = &input.log {
        let lines = log::inspect(settings, &options)?;
        inspection.encoding = Some(lines.encoding);
        inspection.format = Some(lines.format);
        inspection.input = lines.input.into();
        declared = lines.declared;
    }
    inspection.set_types(&declared);
    Ok(inspection)
}

fn json_settings(input: &Input) -> Option<JsonSettings> {
    let json = input.json.as_ref().map(JsonSettings::for_json);
    json.or_else(|| input.ndjson.as_ref().map(JsonSettings::for_ndjson))
}

impl Inspection {
    /// Writes the types of columns into the settings, except where they would make records bad, and those that the format
    /// has (`declared`).
    fn set_types(&mut self, declared: &[String]) {
        let columns = self.columns.iter().filter(|column| column.strays == 0);
        let columns = columns.filter(|column| !declared.contains(&column.name));
        let types = columns.map(|column| {
            let data_type = match column.data_type {
                "integer" => ColumnType::Integer,
                "float" => ColumnType::Float,
                "boolean" => ColumnType::Boolean,
                "datetime" => ColumnType::Datetime,
                _ => ColumnType::String,
            };
            (column.name.clone(), data_type.into())
        });
        let mut types: BTreeMap<String, TypeSetting> = types.collect();
        let words: BTreeSet<&String> =
            self.columns.iter().flat_map(|column| column.null_words.keys()).collect();
        if let Some(csv) = &mut self.input.csv {
            let words: Vec<String> =
                words.into_iter().filter(|word| !word.contains(' ')).cloned().collect();
            if csv.null_words.is_none() && !words.is_empty() {
                csv.null_words = Some(words);
            }
            types.append(&mut csv.types);
            csv.types = types;
        } else if let Some(log) = &mut self.input.log {
            let words = words.into_iter().filter(|word| !word.contains(' ')).cloned();
            let words: Vec<String> = words.collect();
            if log.null_words.is_none() && !words.is_empty() {
                log.null_words = Some(words);
            }
            types.append(&mut log.types);
            log.types = types;
        } else if let Some(ndjson) = &mut self.input.ndjson {
            types.append(&mut ndjson.types);
            ndjson.types = types;
        } else if let Some(json) = &mut self.input.json {
            types.append(&mut json.types);
            json.types = types;
        }
    }
}

impl ColumnInspection {
    fn new(column: &Column) -> Self {
        let data_type = match column.data_type() {
            DataType::Integer => "integer",
            DataType::Float => "float",
            DataType::Boolean => "boolean",
            DataType::Datetime => "datetime",
            DataType::String | DataType::Unspecified => "string",
        };
        Self {
            name: column.name.clone(),
            data_type,
            missing: 0,
            null_words: BTreeMap::new(),
            strays: 0,
            values: Vec::new(),
        }
    }

    fn add(&mut self, raw: &Values, typed: &Values) -> Result<()> {
        self.missing += typed.null_count();
        for row in 0..raw.len() {
            if self.values.len() == VALUES {
                break;
            }
            if typed.get(row)? != AnyValue::Null {
                let value = cell(raw, row)?;
                if !self.values.contains(&value) {
                    self.values.push(value);
                }
            }
        }
        Ok(())
    }
}

/// A value as text.
fn cell(column: &Values, row: usize) -> Result<String> {
    let mut shown = String::new();
    text::push(&mut shown, &column.get(row)?);
    Ok(shown)
}
