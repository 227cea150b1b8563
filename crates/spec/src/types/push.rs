//! What senders push: doors for JSON over HTTP and TCP, and for syslog.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, BadLines, NdjsonInput, Strays, Times, TypeSetting, input::is_default};

/// Records that senders post, for jobs with `stream`: JSON objects, logs of OpenTelemetry, or bulk requests of Elasticsearch's
/// clients. A request is answered once its records are on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpInput {
    /// The address to listen on, such as `0.0.0.0:8088`.
    #[schemars(length(min = 3, max = 261))]
    pub listen: String,
    /// How long records are collected from the first one on, such as `60s` (s, m, h, d or w): each such window is judged as a
    /// whole, again and again. Absent: each record is judged as it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub collection_time: Option<String>,
    /// The address to listen on for logs of OpenTelemetry over gRPC, such as `0.0.0.0:4317`. Absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 261))]
    pub grpc: Option<String>,
    /// Which requests are taken.
    #[serde(default = "default_doors")]
    #[schemars(length(min = 1, max = 3))]
    pub doors: Vec<HttpDoor>,
    /// The certificate of the listener. Absent: connections are not encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
    /// What senders have to know: a secret with `token` (a bearer token), with `username` and `password` (basic
    /// authentication), or with all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Bytes of a body, as it is sent and as it is decompressed, such as `32Mi` (Ki or Mi).
    #[serde(default = "thirty_two_mebibytes")]
    #[schemars(length(min = 3, max = 8), regex(pattern = "^[1-9][0-9]*(Ki|Mi)$"))]
    pub max_body: String,
    /// Connections at a time; more are closed at once.
    #[serde(default = "two_thousand")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_connections: usize,
    /// How records are known that a sender sends again, since it got no answer. Absent: they are taken again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedupe: Option<DedupeSettings>,
    /// Words that mean that there is no value in columns that are not text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub null_words: Vec<String>,
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
}

/// Requests that are taken over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HttpDoor {
    /// `POST /v1/records`: JSON objects in lines, or an array of them.
    Ndjson,
    /// `POST /v1/logs`: logs of OpenTelemetry, and `grpc`.
    Otlp,
    /// `POST /_bulk` and `/<index>/_bulk`: documents, as Beats, Logstash and the clients of Elasticsearch send them.
    Bulk,
}

/// How records are known that come again: exactly one of `field` and `header`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DedupeSettings {
    /// The member with the id of a record, such as `event.id`; `_id` of bulk requests. Records without it are always taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub field: Option<String>,
    /// The header with the id of a request, such as `Idempotency-Key`. Requests without it are always taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z0-9_-]+$"))]
    pub header: Option<String>,
    /// How long ids are known, such as `10m` (s, m, h, d or w); the journal keeps its records so long, if they fit.
    #[serde(default = "ten_minutes")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub window: String,
}

/// JSON objects over TCP: one a connection, or any number, in lines or one behind the other. With `stream`, each is judged as it
/// comes, or those of each `collectionTime` together; without, what comes during `collectionTime` is one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpInput {
    /// The address to listen on; `0.0.0.0` and `::` are all of this machine.
    #[serde(default = "all_addresses")]
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// The port to listen on; 0 is a free one.
    #[serde(default = "port")]
    #[schemars(range(min = 0, max = 65_535))]
    pub port: u16,
    /// How long records are collected from the first one on, such as `60s` (s, m, h, d or w), to be judged as a whole. With
    /// `stream`, again and again, and absent, each record is judged as it comes. Without `stream`, once; then the run ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub collection_time: Option<String>,
    /// The certificate of the listener. Absent: connections are not encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
    /// What senders have to know: a secret with `token`. The first line of a connection is then `{"token": "..."}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Auth>,
    /// Connections at a time; more are closed at once.
    #[serde(default = "two_thousand")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_connections: usize,
    /// A connection that is silent for so long is closed, such as `5m` (s, m, h, d or w).
    #[serde(default = "five_minutes")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub idle_timeout: String,
    /// Words that mean that there is no value in columns that are not text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub null_words: Vec<String>,
    /// What becomes of the few values that are not of their column's inferred type.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strays: Strays,
    /// How times are read that have no offset from UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// Types of columns by name; the others are inferred from the first records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 2048))]
    pub types: BTreeMap<String, TypeSetting>,
    #[serde(default)]
    pub bad_lines: BadLines,
}

/// Messages of syslog over UDP and TCP, for jobs with `stream`. None is refused for its form; `syslog.parsed` says which it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyslogInput {
    /// Where it listens.
    #[schemars(length(min = 1, max = 16))]
    pub listen: Vec<SyslogListener>,
    /// How long records are collected from the first one on, such as `60s` (s, m, h, d or w): each such window is judged as a
    /// whole, again and again. Absent: each record is judged as it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub collection_time: Option<String>,
    /// How messages are read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rfc: SyslogRfc,
    /// What is read in the text of messages.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parse: SyslogParse,
    /// The time zone of times that have none, as RFC 3164 has them, such as `Europe/Vienna`.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// Bytes of a message, such as `64Ki` (Ki or Mi); longer ones go to the dead-letter file.
    #[serde(default = "sixty_four_kibibytes")]
    #[schemars(length(min = 3, max = 8), regex(pattern = "^[1-9][0-9]*(Ki|Mi)$"))]
    pub max_message: String,
    /// Connections at a time to each address; more are closed at once.
    #[serde(default = "two_thousand")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_connections: usize,
    /// A connection that is silent for so long is closed, such as `1d` (s, m, h, d or w).
    #[serde(default = "one_day")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub idle_timeout: String,
    /// What becomes of the few values that are not of their column's inferred type.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strays: Strays,
    #[serde(default, skip_serializing_if = "is_default")]
    pub bad_lines: BadMessages,
    /// Types of columns by name, as for structured data, `syslog.sd.<id>.<name>`; of these, those that have no type here are
    /// inferred from the first 1,000 messages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 2048))]
    pub types: BTreeMap<String, TypeSetting>,
}

/// How messages of syslog are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SyslogRfc {
    /// As RFC 5424, else as RFC 3164, else as text.
    #[default]
    Auto,
    /// As RFC 5424, else as text.
    Rfc5424,
    /// As RFC 3164, else as text.
    Rfc3164,
}

/// What becomes columns, `syslog.message.<name>`, beside the text that has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyslogParse {
    /// The members of a text that is a JSON object, also behind `@cee:`. Absent: they are not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<SyslogText>,
    /// Pairs such as `action=deny msg="a text"`, of a text with at least two.
    #[serde(default, skip_serializing_if = "is_default")]
    pub key_value: bool,
}

/// The column of syslog with a text in which something is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SyslogText {
    /// `syslog.message`.
    Message,
}

/// What is done with a message that can't be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BadMessages {
    /// It goes to the dead-letter file and is counted.
    #[default]
    Skip,
}

/// An address for syslog: exactly one of `udp` and `tcp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyslogListener {
    /// Datagrams of a message each, such as `0.0.0.0:5514`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 261))]
    pub udp: Option<String>,
    /// Connections, such as `0.0.0.0:5514`: octet counting and lines (RFC 6587), recognised message by message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 261))]
    pub tcp: Option<String>,
    /// The certificate of the listener (RFC 5425). Absent: connections are not encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
}

/// The certificate of a listener, in PEM files that are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerTls {
    /// The certificate chain, that of the listener first.
    #[schemars(length(min = 1, max = 4096))]
    pub cert: String,
    /// The private key of the certificate.
    #[schemars(length(min = 1, max = 4096))]
    pub key: String,
    /// The authorities of senders' certificates. Absent: senders need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub client_ca: Option<String>,
}

/// What is pushed is written to a journal before it is acknowledged, and judged from there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JournalSettings {
    /// A folder of this job alone, on a disk of this machine. Absent: `<job>.journal` beside the first file output, or beside
    /// the folder of the checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub path: Option<String>,
    /// Bytes that it may have, such as `10Gi` (Mi or Gi). Senders wait once it is full.
    #[serde(default = "one_gibibyte")]
    #[schemars(length(min = 3, max = 8), regex(pattern = "^[1-9][0-9]*(Mi|Gi)$"))]
    pub max_bytes: String,
    /// How long records may wait for others, so that one synchronisation of the disk serves them all, such as `5ms`.
    #[serde(default = "five_milliseconds")]
    #[schemars(length(min = 3, max = 6), regex(pattern = "^[1-9][0-9]{0,3}ms$"))]
    pub sync: String,
}

impl HttpInput {
    /// A door without credentials.
    pub fn new(listen: impl Into<String>) -> Self {
        Self {
            listen: listen.into(),
            collection_time: None,
            grpc: None,
            doors: default_doors(),
            tls: None,
            auth: None,
            max_body: thirty_two_mebibytes(),
            max_connections: two_thousand(),
            dedupe: None,
            null_words: Vec::new(),
            strays: Strays::Missing,
            times: None,
            types: BTreeMap::new(),
        }
    }

    /// The settings that results depend on.
    #[must_use]
    pub fn of_records(&self) -> Self {
        let Self { null_words, strays, times, types, .. } = self.clone();
        Self { null_words, strays, times, types, ..Self::new("") }
    }

    /// How the text of a record is read.
    pub fn values(&self) -> NdjsonInput {
        let Self { null_words, strays, times, types, .. } = self.clone();
        let bad_lines = BadLines::Skip;
        NdjsonInput { null_words, strays, times, types, bad_lines, ..NdjsonInput::new("http") }
    }
}

impl TcpInput {
    /// A door without credentials.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            collection_time: None,
            tls: None,
            token: None,
            max_connections: two_thousand(),
            idle_timeout: five_minutes(),
            null_words: Vec::new(),
            strays: Strays::Missing,
            times: None,
            types: BTreeMap::new(),
            bad_lines: BadLines::default(),
        }
    }

    /// The settings that results depend on.
    #[must_use]
    pub fn of_records(&self) -> Self {
        let Self { null_words, strays, times, types, bad_lines, .. } = self.clone();
        Self { null_words, strays, times, types, bad_lines, ..Self::new("", 0) }
    }

    /// How the text of a record is read.
    pub fn values(&self) -> NdjsonInput {
        let Self { null_words, strays, times, types, bad_lines, .. } = self.clone();
        NdjsonInput { null_words, strays, times, types, bad_lines, ..NdjsonInput::new("tcp") }
    }

    /// `host:port`, with brackets around an address of IPv6.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host.trim_matches(['[', ']']), self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl SyslogInput {
    /// A door for datagrams or connections, in UTC.
    pub fn new(listener: SyslogListener) -> Self {
        Self {
            listen: vec![listener],
            collection_time: None,
            rfc: SyslogRfc::default(),
            parse: SyslogParse::default(),
            time_zone: utc(),
            max_message: sixty_four_kibibytes(),
            max_connections: two_thousand(),
            idle_timeout: one_day(),
            strays: Strays::Missing,
            bad_lines: BadMessages::default(),
            types: BTreeMap::new(),
        }
    }

    /// The settings that results depend on.
    #[must_use]
    pub fn of_records(&self) -> Self {
        let Self { rfc, parse, time_zone, strays, types, .. } = self.clone();
        let listener = SyslogListener::default();
        Self { rfc, parse, time_zone, strays, types, ..Self::new(listener) }
    }
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { path: None, max_bytes: one_gibibyte(), sync: five_milliseconds() }
    }
}

/// The bytes of a size such as `256Mi` (Ki, Mi or Gi).
pub fn bytes(text: &str) -> Option<u64> {
    for (unit, bytes) in [("Ki", 1_u64 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30)] {
        if let Some(number) = text.strip_suffix(unit) {
            let number = number.parse::<u64>().ok().filter(|number| *number > 0)?;
            return number.checked_mul(bytes);
        }
    }
    None
}

/// The milliseconds of a time such as `5ms` or `1s`.
pub fn milliseconds(text: &str) -> Option<u64> {
    match text.strip_suffix("ms") {
        Some(number) => number.parse().ok(),
        None => text.strip_suffix('s')?.parse::<u64>().ok()?.checked_mul(1_000),
    }
}

fn all_addresses() -> String {
    "0.0.0.0".to_owned()
}

fn port() -> u16 {
    4141
}

fn two_thousand() -> usize {
    2_000
}

fn default_doors() -> Vec<HttpDoor> {
    vec![HttpDoor::Ndjson, HttpDoor::Otlp]
}

fn ten_minutes() -> String {
    "10m".to_owned()
}

fn thirty_two_mebibytes() -> String {
    "32Mi".to_owned()
}

fn utc() -> String {
    "Etc/UTC".to_owned()
}

fn sixty_four_kibibytes() -> String {
    "64Ki".to_owned()
}

fn one_day() -> String {
    "1d".to_owned()
}

fn one_gibibyte() -> String {
    "1Gi".to_owned()
}

fn five_milliseconds() -> String {
    "5ms".to_owned()
}

fn five_minutes() -> String {
    "5m".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_ipv6_have_brackets() {
        assert_eq!(TcpInput::new("::", 4141).address(), "[::]:4141");
        assert_eq!(TcpInput::new("[::1]", 1).address(), "[::1]:1");
        assert_eq!(TcpInput::new("localhost", 1).address(), "localhost:1");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!((bytes("2Mi"), bytes("0Mi"), bytes("2M")), (Some(2 << 20), None, None));
        assert_eq!((milliseconds("5ms"), milliseconds("5s")), (Some(5), Some(5_000)));
    }
}
