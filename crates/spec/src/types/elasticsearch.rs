//! Elasticsearch and OpenSearch: one driver for both, as input and as output.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Auth, BadLines, ColumnType, DeadLetter, Include, Rows};

/// Which of the two servers it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Flavor {
    /// The server is asked.
    #[default]
    Auto,
    /// Elasticsearch 8 or 9.
    Elasticsearch,
    /// OpenSearch 2 or 3.
    Opensearch,
}

/// How a cluster is reached: what an input and an output have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct ElasticsearchConnection {
    /// The nodes, at least one.
    pub urls: Vec<String>,
    pub flavor: Flavor,
    pub auth: Option<Auth>,
    pub insecure_skip_verify: bool,
    pub request_timeout_seconds: u64,
}

/// Documents in an index or a data stream of Elasticsearch or OpenSearch, one for each row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting")]
pub struct ElasticsearchOutput {
    /// A node, such as `https://es:9200`; a path behind it is that of a proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub url: Option<String>,
    /// Several nodes of one cluster, in place of `url`: requests go to those that answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 512)))]
    pub urls: Vec<String>,
    #[serde(default)]
    pub flavor: Flavor,
    /// The credentials: a secret with `username` and `password`, `apiKey` or `token`, and `ca.crt` where the
    /// server's certificate is signed by an authority of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Takes any certificate, so that an attacker on the network can read and change all data. Never for more than a
    /// trial; it is logged.
    #[serde(default)]
    pub insecure_skip_verify: bool,
    /// Seconds that a request may take.
    #[serde(default = "minute")]
    #[schemars(range(min = 1, max = 3600))]
    pub request_timeout_seconds: u64,
    /// The index or data stream; `anomal-results-<job>` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub index: Option<String>,
    /// Whether `index` is a data stream.
    #[serde(default)]
    pub data_stream: bool,
    /// Whether the index template, and the component templates that it is made of, are installed. Otherwise
    /// `anomal elastic template` prints them.
    #[serde(default = "yes")]
    pub manage_template: bool,
    /// suspicious: rows that are suspicious or flagged. all: every row.
    #[serde(default = "suspicious")]
    pub rows: Rows,
    /// Fields of a row beside its three reasons: its features by default; `contributions`: all that are
    /// not 0.
    #[serde(default = "features")]
    #[schemars(length(max = 4))]
    pub include: Vec<Include>,
    /// Whether incidents are written too, one document each, to the index `anomal-incidents-<job>`.
    #[serde(default = "yes")]
    pub incidents: bool,
    /// An ingest pipeline that the documents of rows pass through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub pipeline: Option<String>,
    #[serde(default)]
    pub bulk: Bulk,
    /// Where documents are kept that the server refuses, with the reason: `<job>.refused.ndjson` beside the first
    /// file output by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<DeadLetter>,
}

/// How documents are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bulk {
    /// Bytes of a request before compression, at most.
    #[serde(default = "eight_mib")]
    #[schemars(range(min = 1024, max = 104_857_600))]
    pub max_bytes: u64,
    /// Documents of a request, at most.
    #[serde(default = "five_thousand")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_documents: u64,
    /// Requests on their way at once.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 16))]
    pub in_flight: u64,
    /// Whether requests are compressed by gzip. Absent: unless the cluster is on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gzip: Option<bool>,
    /// Seconds for which a cluster that is away, overloaded or read-only is tried again before the run fails. Not of a
    /// stream, which never fails by that.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 0, max = 86_400))]
    pub retry_seconds: u64,
}

impl Default for Bulk {
    fn default() -> Self {
        Self {
            max_bytes: eight_mib(),
            max_documents: five_thousand(),
            in_flight: three(),
            gzip: None,
            retry_seconds: five_minutes(),
        }
    }
}

/// Documents of indices or data streams of Elasticsearch or OpenSearch; nested objects are flattened with dots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ElasticsearchInput {
    /// A node, such as `https://es:9200`; a path behind it is that of a proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub url: Option<String>,
    /// Several nodes of one cluster, in place of `url`: requests go to those that answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 512)))]
    pub urls: Vec<String>,
    #[serde(default)]
    pub flavor: Flavor,
    /// The credentials: a secret with `username` and `password`, `apiKey` or `token`, and `ca.crt` where the
    /// server's certificate is signed by an authority of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Takes any certificate, so that an attacker on the network can read and change all data. Never for more than a
    /// trial; it is logged.
    #[serde(default)]
    pub insecure_skip_verify: bool,
    /// Seconds that a request may take.
    #[serde(default = "minute")]
    #[schemars(range(min = 1, max = 3600))]
    pub request_timeout_seconds: u64,
    /// An index, a data stream, an alias or a pattern, several of them with commas: `logs-dns-*,packetbeat-*`.
    #[schemars(length(min = 1, max = 1024))]
    pub index: String,
    /// Which documents, in the server's own language: `{term: {dns.type: answer}}`. All by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "dsl")]
    pub query: Option<serde_json::Map<String, serde_json::Value>>,
    /// Which documents, as typed into a search bar: `dns.type: answer AND NOT source.ip: 10.0.0.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8192))]
    pub query_string: Option<String>,
    /// The field that `from` and `to` are about.
    #[serde(default = "timestamp")]
    #[schemars(length(min = 1, max = 253))]
    pub time_field: String,
    /// The first moment: a date, or date math such as `now-1h/h`. `now` is when the run begins, by the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub from: Option<String>,
    /// The moment before which the records end, as `from` is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub to: Option<String>,
    /// Fields to read, with `*` for any text; all by default, and of more than 1,000 those that the settings name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2048), inner(length(min = 1, max = 253)))]
    pub fields: Vec<String>,
    /// What becomes of a field with several values.
    #[serde(default)]
    pub arrays: Arrays,
    /// Types of columns by name; the others are as the mapping has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 2048))]
    pub types: BTreeMap<String, ColumnType>,
    #[serde(default)]
    pub bad_lines: BadLines,
    /// Slices read at once. The records and their order do not depend on it.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 64))]
    pub slices: u64,
    /// Documents of a page, at most 10,000 unless the index allows more.
    #[serde(default = "two_thousand")]
    #[schemars(range(min = 1, max = 100_000))]
    pub page_size: u64,
    /// Seconds for which a cluster that is away or overloaded is tried again before the run fails.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 0, max = 86_400))]
    pub retry_seconds: u64,
}

/// What becomes of a field with several values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Arrays {
    /// One text, as a CSV export of Packetbeat has it: `[a";"b]`.
    #[default]
    Text,
    /// JSON text: `["a","b"]`.
    Json,
}

impl ElasticsearchOutput {
    /// As a file that names no more than this node has it.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Some(url.into()),
            urls: Vec::new(),
            flavor: Flavor::Auto,
            auth: None,
            insecure_skip_verify: false,
            request_timeout_seconds: minute(),
            index: None,
            data_stream: false,
            manage_template: yes(),
            rows: suspicious(),
            include: features(),
            incidents: yes(),
            pipeline: None,
            bulk: Bulk::default(),
            dead_letter: None,
        }
    }

    pub fn connection(&self) -> ElasticsearchConnection {
        ElasticsearchConnection {
            urls: self.url.iter().chain(&self.urls).cloned().collect(),
            flavor: self.flavor,
            auth: self.auth.clone(),
            insecure_skip_verify: self.insecure_skip_verify,
            request_timeout_seconds: self.request_timeout_seconds,
        }
    }
}

impl ElasticsearchInput {
    /// All documents of an index, as a file that names no more than this has it.
    pub fn new(url: impl Into<String>, index: impl Into<String>) -> Self {
        Self {
            url: Some(url.into()),
            urls: Vec::new(),
            flavor: Flavor::Auto,
            auth: None,
            insecure_skip_verify: false,
            request_timeout_seconds: minute(),
            index: index.into(),
            query: None,
            query_string: None,
            time_field: timestamp(),
            from: None,
            to: None,
            fields: Vec::new(),
            arrays: Arrays::Text,
            types: BTreeMap::new(),
            bad_lines: BadLines::Error,
            slices: two(),
            page_size: two_thousand(),
            retry_seconds: five_minutes(),
        }
    }

    pub fn connection(&self) -> ElasticsearchConnection {
        ElasticsearchConnection {
            urls: self.url.iter().chain(&self.urls).cloned().collect(),
            flavor: self.flavor,
            auth: self.auth.clone(),
            insecure_skip_verify: self.insecure_skip_verify,
            request_timeout_seconds: self.request_timeout_seconds,
        }
    }
}

/// An object whose keys are the server's own.
fn dsl(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "maxProperties": 64})
}

fn minute() -> u64 {
    60
}

fn five_minutes() -> u64 {
    300
}

fn eight_mib() -> u64 {
    8 << 20
}

fn five_thousand() -> u64 {
    5000
}

fn two_thousand() -> u64 {
    2000
}

fn two() -> u64 {
    2
}

fn three() -> u64 {
    3
}

fn yes() -> bool {
    true
}

fn suspicious() -> Rows {
    Rows::Suspicious
}

fn features() -> Vec<Include> {
    vec![Include::Features]
}

fn timestamp() -> String {
    "@timestamp".to_owned()
}
