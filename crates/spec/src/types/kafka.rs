//! Topics of Kafka.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, BadLines, Strays, Times, TypeSetting, input::is_default};

/// Topics of Kafka, or of a broker that speaks its protocol, for jobs with `stream`. All partitions are read, and their
/// positions are in the checkpoints of the stream. Records that can't be read go to the dead-letter file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaInput {
    /// Brokers to begin with, such as `kafka-0.kafka:9092`; the others are found by them.
    #[schemars(length(min = 1, max = 32), inner(length(min = 3, max = 261)))]
    pub brokers: Vec<String>,
    /// Topics, whose records all have the same format.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 249), regex(pattern = "^[a-zA-Z0-9._-]+$"))
    )]
    pub topics: Vec<String>,
    /// In place of `topics`: all whose names match, such as `dns-*` (`*`: any characters, `?`: one). Those that appear later are
    /// read from their beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 249), regex(pattern = "^[a-zA-Z0-9._*?-]+$"))]
    pub topic_pattern: Option<String>,
    /// How processes share the partitions of a job that has `stream.replicas`.
    #[serde(default)]
    pub assignment: KafkaAssignment,
    /// The consumer group whose offsets are set to those of each checkpoint, so that tools show how far behind the stream is.
    /// Its offsets are not read. Absent: with `assignment: group` it is `anomal-<namespace>-<job>`, and else none is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 249))]
    pub group: Option<String>,
    /// The credentials: a secret with `username` and `password`, and with `mechanism` where that is not `PLAIN`
    /// (`SCRAM-SHA-256` or `SCRAM-SHA-512`); with `ca.crt` where the brokers' certificates are signed by an authority of your
    /// own; with `tls.crt` and `tls.key` where they ask for a certificate of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Whether connections are encrypted by TLS.
    #[serde(default)]
    pub tls: bool,
    /// Where reading begins the first time: `earliest`, `latest`, or a time such as `2026-01-31T06:00:00Z`, at the first record
    /// of each partition that is not older. Partitions that appear later are read from their beginning.
    #[serde(default = "earliest")]
    #[schemars(length(min = 6, max = 40))]
    pub start: String,
    /// Where reading continues if records that were not read yet are gone, since the topic does not retain them so long or was
    /// created anew. A warning says which records they are.
    #[serde(default)]
    pub reset: KafkaReset,
    /// Whether records of transactions are read that are open or were aborted.
    #[serde(default)]
    pub isolation: KafkaIsolation,
    /// What becomes columns beside those of the value.
    #[serde(default)]
    pub attach: KafkaAttach,
    /// What the value of a record is.
    #[serde(default)]
    pub format: KafkaFormat,
    /// csv: the names of the columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2048), inner(length(min = 1, max = 253)))]
    pub names: Vec<String>,
    /// csv: what is between cells: one ASCII character, or `tab`.
    #[serde(default = "comma", skip_serializing_if = "is_comma")]
    #[schemars(length(min = 1, max = 3))]
    pub separator: String,
    /// regex: the regular expression that matches a whole value, in the syntax of Rust's `regex`. Its named groups are the
    /// columns; `__` in a name stands for a dot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16384))]
    pub pattern: Option<String>,
    /// Words that mean that there is no value in columns that are not text. Absent: of JSON none, else `-`, `NA`, `NULL`, `\N`
    /// and more like these; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub null_words: Option<Vec<String>>,
    /// What becomes of the few values that are not of their column's inferred type.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strays: Strays,
    /// How times are read that have no offset from UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// Types of columns by name; the others are inferred from the first 1,000 records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 2048))]
    pub types: BTreeMap<String, TypeSetting>,
    /// What is done with a record that can't be read. A stream goes on behind it, so it is `skip`: the record goes to the dead-letter
    /// file.
    #[serde(default = "skip")]
    pub bad_lines: BadLines,
}

/// How processes share the partitions of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KafkaAssignment {
    /// By the number of each process, as `anomal run --replica` says, or of the pod.
    #[default]
    Static,
    /// By the consumer group `group`, which the processes join. What they read and save does not depend on it.
    Group,
}

/// What becomes columns beside those of the value: `kafka.partition`, `kafka.offset`, `kafka.timestamp`, and these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaAttach {
    /// The column with the key.
    #[serde(default = "key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
    /// The column with the name of the topic.
    #[serde(default = "topic")]
    #[schemars(length(min = 1, max = 253))]
    pub topic: String,
    /// Headers that become columns, `kafka.headers.<name>`; of a header that a record has several times, the last one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 200)))]
    pub headers: Vec<String>,
}

impl Default for KafkaAttach {
    fn default() -> Self {
        Self { key: key(), topic: topic(), headers: Vec::new() }
    }
}

/// Where reading continues behind records that are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KafkaReset {
    /// With the first record that there is.
    #[default]
    Earliest,
    /// Behind the last record that there is.
    Latest,
    /// Nowhere: the stream ends with an error.
    Stop,
}

/// Which records of transactions are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KafkaIsolation {
    /// Those of transactions that were committed.
    #[default]
    Committed,
    /// All.
    Uncommitted,
}

/// What the value of a record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KafkaFormat {
    /// A JSON object; nested objects are flattened with dots.
    #[default]
    Json,
    /// A record of CSV without a header.
    Csv,
    /// One text, the column `message`.
    Text,
    /// A line of syslog: RFC 3164 or RFC 5424.
    Syslog,
    /// Pairs such as `level=info msg="a text"`.
    Logfmt,
    /// A line of the common log format of web servers.
    Common,
    /// A line of the combined log format of web servers.
    Combined,
    /// Named groups of the regular expression `pattern`.
    Regex,
}

impl KafkaInput {
    /// A topic of JSON objects, from its beginning.
    pub fn new(broker: impl Into<String>, topic: impl Into<String>) -> Self {
        Self {
            brokers: vec![broker.into()],
            topics: vec![topic.into()],
            topic_pattern: None,
            assignment: KafkaAssignment::default(),
            group: None,
            auth: None,
            tls: false,
            start: earliest(),
            reset: KafkaReset::default(),
            isolation: KafkaIsolation::default(),
            attach: KafkaAttach::default(),
            format: KafkaFormat::default(),
            names: Vec::new(),
            separator: comma(),
            pattern: None,
            null_words: None,
            strays: Strays::Missing,
            times: None,
            types: BTreeMap::new(),
            bad_lines: skip(),
        }
    }

    /// The names of the topics, or their pattern, for people.
    pub fn topic_names(&self) -> String {
        self.topic_pattern.clone().unwrap_or_else(|| self.topics.join(", "))
    }

    /// The settings that results depend on: other brokers, credentials or groups do not change them.
    #[must_use]
    pub fn of_records(&self) -> Self {
        Self {
            brokers: Vec::new(),
            assignment: KafkaAssignment::default(),
            group: None,
            auth: None,
            tls: false,
            start: String::new(),
            reset: KafkaReset::default(),
            ..self.clone()
        }
    }
}

fn key() -> String {
    "kafka.key".to_owned()
}

fn topic() -> String {
    "kafka.topic".to_owned()
}

fn skip() -> BadLines {
    BadLines::Skip
}

fn earliest() -> String {
    "earliest".to_owned()
}

fn comma() -> String {
    ",".to_owned()
}

fn is_comma(separator: &String) -> bool {
    separator == ","
}
