//! JSON in any frame.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Auth, BadLines, NdjsonInput, Strays, TextEncoding, Times, TypeSetting,
    input::{auto, is_auto, is_default},
};

/// JSON objects in any frame, plain, gzip or zstd: one behind the other, in an array, or in an array below names. Nested
/// objects are flattened with dots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonInput {
    /// A file, a folder (its *.json, *.ndjson and *.jsonl, also .gz and .zst, in name order), a glob, or `-` for standard
    /// input; the same in an object store, or one file by HTTP.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Of a URL (`s3://`, `gs://`, `az://`, `http://`, `https://`): the credentials. Absent: the environment's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// The array with the records: names with dots between, such as `Records` or `hits.hits`; empty: the top. `auto`: the
    /// elements of an array at the top; of an object, those of its only array of objects, if its other members are neither
    /// objects nor arrays; else the objects themselves.
    #[serde(default = "auto", skip_serializing_if = "is_auto")]
    #[schemars(length(max = 4096))]
    pub records: String,
    /// A member of each element that is the record, such as `_source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub unwrap: Option<String>,
    /// Members of the objects around the records that each record gets: names with dots between, from the top.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub attach: Vec<String>,
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

/// What becomes of a JSON object that has a name twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DuplicateMembers {
    /// The last value is read.
    #[default]
    Last,
    /// The record is bad.
    Error,
}

impl JsonInput {
    /// The frame found out, types inferred, bad records an error.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            auth: None,
            records: auto(),
            unwrap: None,
            attach: Vec::new(),
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

impl From<&NdjsonInput> for JsonInput {
    /// The same settings for the objects themselves.
    fn from(ndjson: &NdjsonInput) -> Self {
        let NdjsonInput {
            path,
            auth,
            encoding,
            null_words,
            strays,
            times,
            types,
            duplicate_names,
            bad_lines,
        } = ndjson.clone();
        Self {
            auth,
            records: String::new(),
            encoding,
            null_words,
            strays,
            times,
            types,
            duplicate_names,
            bad_lines,
            ..Self::new(path)
        }
    }
}
