use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Auth, Blanks, CsvDialect, DuplicateMembers, DuplicateNames, ElasticsearchInput, Escape,
    HttpInput, JsonInput, KafkaInput, LineEnd, LogInput, SyslogInput, TcpInput, TextEncoding,
    Times, Trailing, TypeSetting,
};

/// Exactly one driver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv: Option<CsvInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parquet: Option<ParquetInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ndjson: Option<NdjsonInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<JsonInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elasticsearch: Option<ElasticsearchInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syslog: Option<SyslogInput>,
}

/// Text records in lines, plain, gzip or zstd. What the settings leave open is found out from the first MiB; a file that
/// RFC 4180 fits is read so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CsvInput {
    /// A file, a folder (its *.csv, *.csv.gz and *.csv.zst in name order), a glob, or `-` for
    /// standard input; the same in an object store (`s3://bucket/key`, `gs://`, `az://`; a folder's name ends in `/`),
    /// or one file at `http://` or `https://`. All files have the same header.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Of a URL (`s3://`, `gs://`, `az://`, `http://`, `https://`): the credentials. Absent: the environment's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How characters are encoded. `auto`: UTF-8, or UTF-16 if the first bytes show it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encoding: TextEncoding,
    /// A name for all that follows up to `lineEnd`; single keys overrule it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<CsvDialect>,
    /// What stands between cells: one ASCII character, `tab`, `pipe`, `whitespace` (runs of blanks and tabs), or `auto`.
    #[serde(default = "auto", skip_serializing_if = "is_auto")]
    #[schemars(length(min = 1, max = 10))]
    pub separator: String,
    /// What cells with separators and line ends are quoted by: one ASCII character, `none` or `auto`.
    #[serde(default = "auto", skip_serializing_if = "is_auto")]
    #[schemars(length(min = 1, max = 4))]
    pub quote: String,
    /// How quotes and separators are written within cells.
    #[serde(default, skip_serializing_if = "is_default")]
    pub escape: Escape,
    /// Whether the first record has the names of the columns. Absent: found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The names of the columns, in place of those of the header, or for files without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2048), inner(length(min = 1, max = 253)))]
    pub names: Vec<String>,
    /// Lines above the header that are skipped. Absent: found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub skip_lines: Option<u32>,
    /// The character that begins lines to skip: one ASCII character, `none`, or `auto` (`#` above the header).
    #[serde(default = "auto", skip_serializing_if = "is_auto")]
    #[schemars(length(min = 1, max = 4))]
    pub comment: String,
    /// What becomes of blanks around cells.
    #[serde(default, skip_serializing_if = "is_default")]
    pub blanks: Blanks,
    /// What becomes of a blank last cell.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trailing: Trailing,
    /// What ends a line.
    #[serde(default, skip_serializing_if = "is_default")]
    pub line_end: LineEnd,
    /// What becomes of equal names of columns.
    #[serde(default, skip_serializing_if = "is_default")]
    pub duplicate_names: DuplicateNames,
    /// Cells that mean that there is no value.
    #[serde(default = "blank")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub null_values: Vec<String>,
    /// Words that mean that there is no value in columns that are not text. Absent: `-`, `NA`, `NULL`, `\N` and more
    /// like these; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub null_words: Option<Vec<String>>,
    /// What becomes of the few values that are not of their column's inferred type.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strays: Strays,
    /// How numbers are written. Absent: found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// How times are read that have no offset from UTC or no year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// Types of columns by name; the others that the settings name are inferred from the first 10,000
    /// records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 2048))]
    pub types: BTreeMap<String, TypeSetting>,
    #[serde(default)]
    pub bad_lines: BadLines,
}

/// Columnar files, of which all have the same columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParquetInput {
    /// A file, a folder (its *.parquet in name order) or a glob; the same in an object store, or one file by HTTP.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Of a URL (`s3://`, `gs://`, `az://`, `http://`, `https://`): the credentials. Absent: the environment's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How texts are read as times that have no offset from UTC or no year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// Types of columns by name, in place of their own for features, filters and flags: times from numbers, numbers from
    /// texts. Outputs have the columns' own types.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 2048))]
    pub types: BTreeMap<String, TypeSetting>,
}

impl ParquetInput {
    /// Files at a path, with the types that they have.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), auth: None, times: None, types: BTreeMap::new() }
    }
}

/// A JSON object a line, plain, gzip or zstd; nested objects are flattened with dots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NdjsonInput {
    /// A file, a folder (its *.ndjson and *.jsonl, also .gz and .zst, in name order), a glob, or `-`
    /// for standard input; the same in an object store, or one file by HTTP.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Of a URL (`s3://`, `gs://`, `az://`, `http://`, `https://`): the credentials. Absent: the environment's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How characters are encoded. `auto`: UTF-8, or UTF-16 if the first bytes show it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encoding: TextEncoding,
    /// Strings that mean that there is no value in columns that are not text. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub null_words: Vec<String>,
    /// What becomes of the few values that are not of their column's inferred type.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strays: Strays,
    /// How times are read that have no offset from UTC or no year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// Types of columns by name; the others are inferred from the first 10,000 records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 2048))]
    pub types: BTreeMap<String, TypeSetting>,
    /// What becomes of a record that has a name twice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub duplicate_names: DuplicateMembers,
    #[serde(default)]
    pub bad_lines: BadLines,
}

/// What is done with a record that can't be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BadLines {
    /// The run stops and says where.
    #[default]
    Error,
    /// The record goes to the dead-letter file and is counted.
    Skip,
}

/// What becomes of values that are not of their column's inferred type: in the sample at most 1 % of at least 100 values
/// and at most 20 different ones, behind it any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Strays {
    /// They count as missing, and their rows are hits of the flag `stray_value`.
    #[default]
    Missing,
    /// The column is text.
    Text,
    /// Their records are bad.
    Bad,
}

/// How numbers are written. What is `auto` is found out for each column whose values are not all plain numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Numbers {
    /// The decimal mark.
    #[serde(default)]
    pub decimal: DecimalMark,
    /// What separates thousands.
    #[serde(default)]
    pub thousands: ThousandsMark,
    /// Currencies, percent signs, parentheses or a minus behind for negatives, and an apostrophe before.
    #[serde(default)]
    pub marks: Marks,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DecimalMark {
    #[default]
    Auto,
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ThousandsMark {
    #[default]
    Auto,
    None,
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
    #[serde(rename = "'")]
    Apostrophe,
    #[serde(rename = "\u{2019}")]
    CurlyApostrophe,
    #[serde(rename = " ")]
    Blank,
    #[serde(rename = "\u{a0}")]
    NoBreakSpace,
    #[serde(rename = "\u{202f}")]
    NarrowSpace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Marks {
    #[default]
    Auto,
    None,
}

impl DecimalMark {
    /// The mark, if it is set.
    pub fn character(self) -> Option<char> {
        match self {
            Self::Auto => None,
            Self::Point => Some('.'),
            Self::Comma => Some(','),
        }
    }
}

impl ThousandsMark {
    /// The mark, if there is one and it is set.
    pub fn character(self) -> Option<char> {
        match self {
            Self::Auto | Self::None => None,
            Self::Point => Some('.'),
            Self::Comma => Some(','),
            Self::Apostrophe => Some('\''),
            Self::CurlyApostrophe => Some('\u{2019}'),
            Self::Blank => Some(' '),
            Self::NoBreakSpace => Some('\u{a0}'),
            Self::NarrowSpace => Some('\u{202f}'),
        }
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ColumnType {
    String,
    Integer,
    Float,
    Boolean,
    Datetime,
    /// Text that holds a list in any of the forms in which programs write lists; components get it as a JSON array.
    List,
}

impl CsvInput {
    /// The dialect and types found out, blank cells as nulls, bad lines an error.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            auth: None,
            encoding: TextEncoding::Auto,
            dialect: None,
            separator: auto(),
            quote: auto(),
            escape: Escape::Auto,
            header: None,
            names: Vec::new(),
            skip_lines: None,
            comment: auto(),
            blanks: Blanks::Auto,
            trailing: Trailing::Auto,
            line_end: LineEnd::Auto,
            duplicate_names: DuplicateNames::Number,
            null_values: blank(),
            null_words: None,
            strays: Strays::Missing,
            numbers: None,
            times: None,
            types: BTreeMap::new(),
            bad_lines: BadLines::Error,
        }
    }
}

impl NdjsonInput {
    /// Types inferred, bad lines an error.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            auth: None,
            encoding: TextEncoding::Auto,
            null_words: Vec::new(),
            strays: Strays::Missing,
            times: None,
            types: BTreeMap::new(),
            duplicate_names: DuplicateMembers::Last,
            bad_lines: BadLines::Error,
        }
    }
}

pub(super) fn auto() -> String {
    "auto".to_owned()
}

pub(super) fn is_auto(text: &str) -> bool {
    text == "auto"
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn blank() -> Vec<String> {
    vec![String::new()]
}
