use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, ElasticsearchOutput};

/// Exactly one driver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Output {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv: Option<CsvOutput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parquet: Option<ParquetOutput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ndjson: Option<NdjsonOutput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elasticsearch: Option<ElasticsearchOutput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalOutput>,
}

/// A text file with a header line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CsvOutput {
    /// A file, an object (`s3://bucket/key`, `gs://`, `az://`), or `-` for standard output. A name that ends in .gz
    /// or .zst is compressed.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Of a path in an object store (`s3://`, `gs://`, `az://`): the credentials. Absent: the environment's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// What stands between cells: one ASCII character.
    #[serde(default = "comma")]
    #[schemars(length(min = 1, max = 1))]
    pub separator: String,
    #[serde(default)]
    pub rows: Rows,
    /// Columns to add to the results: none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub include: Vec<Include>,
    /// In a stream: when the next file begins, by time (`1h`; s, m, h, d or w) or size (`256Mi`; Ki, Mi or Gi). Files get a
    /// number: `results.csv` becomes `results-000001.csv` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*([smhdw]|[KMG]i)$"))]
    pub rotate: Option<String>,
}

/// A Parquet file, compressed by zstd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParquetOutput {
    /// A file, or an object (`s3://bucket/key`, `gs://`, `az://`).
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Of a path in an object store (`s3://`, `gs://`, `az://`): the credentials. Absent: the environment's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    #[serde(default)]
    pub rows: Rows,
    /// Columns to add to the results: none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub include: Vec<Include>,
    /// In a stream: when the next file begins, by time (`1h`; s, m, h, d or w) or size (`256Mi`; Ki, Mi or Gi). Files get a
    /// number: `results.parquet` becomes `results-000001.parquet` and so on. Each appears when it is complete; the
    /// size is that of its rows before compression, which are kept in a file that ends in `.rows` until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*([smhdw]|[KMG]i)$"))]
    pub rotate: Option<String>,
}

/// A JSON object a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NdjsonOutput {
    /// A file, an object (`s3://bucket/key`, `gs://`, `az://`), or `-` for standard output. A name that ends in .gz
    /// or .zst is compressed.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Of a path in an object store (`s3://`, `gs://`, `az://`): the credentials. Absent: the environment's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    #[serde(default)]
    pub rows: Rows,
    /// Columns to add to the results: none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub include: Vec<Include>,
    /// In a stream: when the next file begins, by time (`1h`; s, m, h, d or w) or size (`256Mi`; Ki, Mi or Gi). Files get a
    /// number: `results.ndjson` becomes `results-000001.ndjson` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*([smhdw]|[KMG]i)$"))]
    pub rotate: Option<String>,
}

/// A table for people, on standard output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerminalOutput {
    /// suspicious: rows that are suspicious or flagged. all: every row.
    #[serde(default = "suspicious")]
    pub rows: Rows,
    /// At most this many rows, the highest scores first.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 100_000))]
    pub limit: usize,
}

impl Default for TerminalOutput {
    fn default() -> Self {
        Self { rows: suspicious(), limit: twenty() }
    }
}

/// Which rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Rows {
    /// Every row that no filter removed.
    #[default]
    All,
    /// Rows that are suspicious or flagged.
    Suspicious,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Include {
    /// `anomal.features.<name>`.
    Features,
    /// `anomal.contributions.<name>`.
    Contributions,
    /// `anomal.details`: what flags found in the row, as `{flag, name, number, text}`.
    Details,
    /// `anomal.strays`: the values of the row that are not of their column's inferred type, as `column=value`.
    Strays,
}

/// Where rejected records are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeadLetter {
    /// An NDJSON file, or an object (`s3://bucket/key`, `gs://`, `az://`).
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Of a path in an object store (`s3://`, `gs://`, `az://`): the credentials. Absent: the environment's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
}

fn comma() -> String {
    ",".to_owned()
}

fn suspicious() -> Rows {
    Rows::Suspicious
}

fn twenty() -> usize {
    20
}

impl CsvOutput {
    /// All rows, without features and contributions.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            auth: None,
            separator: comma(),
            rows: Rows::All,
            include: Vec::new(),
            rotate: None,
        }
    }
}

impl ParquetOutput {
    /// All rows, without features and contributions.
    pub fn new(path: impl Into<String>) -> Self {
        let (rows, include) = (Rows::All, Vec::new());
        Self { path: path.into(), auth: None, rows, include, rotate: None }
    }
}

impl NdjsonOutput {
    /// All rows, without features and contributions.
    pub fn new(path: impl Into<String>) -> Self {
        let (rows, include) = (Rows::All, Vec::new());
        Self { path: path.into(), auth: None, rows, include, rotate: None }
    }
}
