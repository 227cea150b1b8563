//! The drivers of inputs and outputs.
//!
//! In the settings a driver is one of several optional fields. This module is the only one that looks at those fields;
//! all other code matches on the enums here, so that the compiler finds every place that a new driver has to change.

use super::{
    Auth, CsvInput, CsvOutput, DeadLetter, ElasticsearchInput, ElasticsearchOutput, HttpInput,
    Include, Input, JsonInput, KafkaInput, LogInput, NdjsonInput, NdjsonOutput, Output,
    ParquetInput, ParquetOutput, Rows, SyslogInput, TcpInput, TerminalOutput,
};

const CSV: &str = "csv";
const LOG: &str = "log";
const PARQUET: &str = "parquet";
const NDJSON: &str = "ndjson";
const JSON: &str = "json";
const ELASTICSEARCH: &str = "elasticsearch";
const KAFKA: &str = "kafka";
const HTTP: &str = "http";
const TCP: &str = "tcp";
const SYSLOG: &str = "syslog";
const TERMINAL: &str = "terminal";

/// A port at which records are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListeningPort {
    pub protocol: Protocol,
    pub number: u16,
    /// Whether it is reached from the same machine alone.
    pub is_loopback: bool,
}

impl ListeningPort {
    /// That of an address such as `0.0.0.0:8088`.
    fn new(protocol: Protocol, address: &str) -> Option<Self> {
        let (host, number) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let ip = host.parse::<std::net::IpAddr>();
        let is_loopback = ip.map_or(host == "localhost", |ip| ip.is_loopback());
        Some(Self { protocol, number: number.parse().ok()?, is_loopback })
    }
}

/// How records come to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// The driver of an input, with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InputDriver<'a> {
    Csv(&'a CsvInput),
    Log(&'a LogInput),
    Parquet(&'a ParquetInput),
    Ndjson(&'a NdjsonInput),
    Json(&'a JsonInput),
    Elasticsearch(&'a ElasticsearchInput),
    Kafka(&'a KafkaInput),
    Http(&'a HttpInput),
    Tcp(&'a TcpInput),
    Syslog(&'a SyslogInput),
}

/// The driver of an output, with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OutputDriver<'a> {
    Csv(&'a CsvOutput),
    Parquet(&'a ParquetOutput),
    Ndjson(&'a NdjsonOutput),
    Elasticsearch(&'a ElasticsearchOutput),
    Terminal(&'a TerminalOutput),
}

/// The settings that the drivers of files have in common.
#[derive(Debug, PartialEq)]
pub struct FileSettings<'a> {
    /// The driver's name, which is its key in the settings.
    pub driver: &'static str,
    pub path: &'a mut String,
    pub auth: &'a mut Option<Auth>,
}

impl Input {
    /// The driver. `None` if the settings name none, which [`load`](crate::load) refuses.
    pub fn driver(&self) -> Option<InputDriver<'_>> {
        let csv = self.csv.as_ref().map(InputDriver::Csv);
        let log = || self.log.as_ref().map(InputDriver::Log);
        let parquet = || self.parquet.as_ref().map(InputDriver::Parquet);
        let ndjson = || self.ndjson.as_ref().map(InputDriver::Ndjson);
        let json = || self.json.as_ref().map(InputDriver::Json);
        let elasticsearch = || self.elasticsearch.as_ref().map(InputDriver::Elasticsearch);
        let kafka = || self.kafka.as_ref().map(InputDriver::Kafka);
        let files = csv.or_else(log).or_else(parquet).or_else(ndjson).or_else(json);
        let http = || self.http.as_ref().map(InputDriver::Http);
        let tcp = || self.tcp.as_ref().map(InputDriver::Tcp);
        let syslog = || self.syslog.as_ref().map(InputDriver::Syslog);
        let pushed = http().or_else(tcp).or_else(syslog);
        files.or_else(elasticsearch).or_else(kafka).or(pushed)
    }

    /// The settings that the results of a stream depend on: where its records come from may change.
    #[must_use]
    pub fn of_records(&self) -> Self {
        Self {
            kafka: self.kafka.as_ref().map(KafkaInput::of_records),
            http: self.http.as_ref().map(HttpInput::of_records),
            tcp: self.tcp.as_ref().map(TcpInput::of_records),
            syslog: self.syslog.as_ref().map(SyslogInput::of_records),
            ..self.clone()
        }
    }

    /// The settings of the driver, if it reads files.
    pub fn file_mut(&mut self) -> Option<FileSettings<'_>> {
        if let Some(CsvInput { path, auth, .. }) = &mut self.csv {
            return Some(FileSettings { driver: CSV, path, auth });
        }
        if let Some(LogInput { path, auth, .. }) = &mut self.log {
            return Some(FileSettings { driver: LOG, path, auth });
        }
        if let Some(ParquetInput { path, auth, .. }) = &mut self.parquet {
            return Some(FileSettings { driver: PARQUET, path, auth });
        }
        if let Some(JsonInput { path, auth, .. }) = &mut self.json {
            return Some(FileSettings { driver: JSON, path, auth });
        }
        let NdjsonInput { path, auth, .. } = self.ndjson.as_mut()?;
        Some(FileSettings { driver: NDJSON, path, auth })
    }
}

impl<'a> InputDriver<'a> {
    /// The driver's key in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv(_) => CSV,
            Self::Log(_) => LOG,
            Self::Parquet(_) => PARQUET,
            Self::Ndjson(_) => NDJSON,
            Self::Json(_) => JSON,
            Self::Elasticsearch(_) => ELASTICSEARCH,
            Self::Kafka(_) => KAFKA,
            Self::Http(_) => HTTP,
            Self::Tcp(_) => TCP,
            Self::Syslog(_) => SYSLOG,
        }
    }

    /// The path of the files, or `-`, if the driver reads files.
    pub fn path(self) -> Option<&'a str> {
        match self {
            Self::Csv(csv) => Some(&csv.path),
            Self::Log(log) => Some(&log.path),
            Self::Parquet(parquet) => Some(&parquet.path),
            Self::Ndjson(ndjson) => Some(&ndjson.path),
            Self::Json(json) => Some(&json.path),
            Self::Elasticsearch(_)
            | Self::Kafka(_)
            | Self::Http(_)
            | Self::Tcp(_)
            | Self::Syslog(_) => None,
        }
    }

    /// The credentials.
    pub fn auth(self) -> Option<&'a Auth> {
        match self {
            Self::Csv(csv) => csv.auth.as_ref(),
            Self::Log(log) => log.auth.as_ref(),
            Self::Parquet(parquet) => parquet.auth.as_ref(),
            Self::Ndjson(ndjson) => ndjson.auth.as_ref(),
            Self::Json(json) => json.auth.as_ref(),
            Self::Elasticsearch(server) => server.auth.as_ref(),
            Self::Kafka(kafka) => kafka.auth.as_ref(),
            Self::Http(http) => http.auth.as_ref(),
            Self::Tcp(tcp) => tcp.token.as_ref(),
            Self::Syslog(_) => None,
        }
    }

    /// Where the driver listens for what others push.
    pub fn listening_ports(self) -> Vec<ListeningPort> {
        let tcp = |address: &str| ListeningPort::new(Protocol::Tcp, address);
        let udp = |address: &str| ListeningPort::new(Protocol::Udp, address);
        match self {
            Self::Http(http) => {
                tcp(&http.listen).into_iter().chain(http.grpc.as_deref().and_then(tcp)).collect()
            }
            Self::Tcp(listener) => tcp(&listener.address()).into_iter().collect(),
            Self::Syslog(syslog) => {
                let listeners = syslog.listen.iter();
                let of = listeners.map(|it| (it.udp.as_deref(), it.tcp.as_deref()));
                of.filter_map(|(udp_at, tcp_at)| {
                    udp_at.and_then(udp).or_else(|| tcp_at.and_then(tcp))
                })
                .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the driver listens for what others push.
    pub fn is_pushed(self) -> bool {
        matches!(self, Self::Http(_) | Self::Tcp(_) | Self::Syslog(_))
    }

    /// How long records are collected to be judged together, if they are.
    pub fn collection_time(self) -> Option<&'a str> {
        match self {
            Self::Http(http) => http.collection_time.as_deref(),
            Self::Tcp(tcp) => tcp.collection_time.as_deref(),
            Self::Syslog(syslog) => syslog.collection_time.as_deref(),
            _ => None,
        }
    }

    /// Whether the driver reads standard input.
    pub fn is_standard_input(self) -> bool {
        self.path() == Some("-")
    }
}

impl Output {
    /// The driver. `None` if the settings name none, which [`load`](crate::load) refuses.
    pub fn driver(&self) -> Option<OutputDriver<'_>> {
        let csv = self.csv.as_ref().map(OutputDriver::Csv);
        let parquet = || self.parquet.as_ref().map(OutputDriver::Parquet);
        let ndjson = || self.ndjson.as_ref().map(OutputDriver::Ndjson);
        let elasticsearch = || self.elasticsearch.as_ref().map(OutputDriver::Elasticsearch);
        let terminal = || self.terminal.as_ref().map(OutputDriver::Terminal);
        csv.or_else(parquet).or_else(ndjson).or_else(elasticsearch).or_else(terminal)
    }

    /// The settings of the driver, if it writes a file.
    pub fn file_mut(&mut self) -> Option<FileSettings<'_>> {
        if let Some(CsvOutput { path, auth, .. }) = &mut self.csv {
            return Some(FileSettings { driver: CSV, path, auth });
        }
        if let Some(ParquetOutput { path, auth, .. }) = &mut self.parquet {
            return Some(FileSettings { driver: PARQUET, path, auth });
        }
        let NdjsonOutput { path, auth, .. } = self.ndjson.as_mut()?;
        Some(FileSettings { driver: NDJSON, path, auth })
    }

    /// The file for documents that a server rejects, if the settings name one.
    pub fn dead_letter_mut(&mut self) -> Option<&mut DeadLetter> {
        self.elasticsearch.as_mut()?.dead_letter.as_mut()
    }

    /// The rows that it writes.
    pub fn rows(&self) -> Rows {
        match self.driver() {
            Some(OutputDriver::Csv(output)) => output.rows,
            Some(OutputDriver::Parquet(output)) => output.rows,
            Some(OutputDriver::Ndjson(output)) => output.rows,
            Some(OutputDriver::Elasticsearch(output)) => output.rows,
            Some(OutputDriver::Terminal(output)) => output.rows,
            None => Rows::Suspicious,
        }
    }

    /// Whether its rows have these columns.
    pub fn includes(&self, columns: Include) -> bool {
        let include = match self.driver() {
            Some(OutputDriver::Csv(output)) => &output.include,
            Some(OutputDriver::Parquet(output)) => &output.include,
            Some(OutputDriver::Ndjson(output)) => &output.include,
            Some(OutputDriver::Elasticsearch(output)) => &output.include,
            Some(OutputDriver::Terminal(_)) | None => return false,
        };
        include.contains(&columns)
    }

    /// Whether it writes to standard output.
    pub fn is_standard_output(&self) -> bool {
        self.driver().is_some_and(OutputDriver::is_standard_output)
    }
}

impl<'a> OutputDriver<'a> {
    /// The driver's key in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv(_) => CSV,
            Self::Parquet(_) => PARQUET,
            Self::Ndjson(_) => NDJSON,
            Self::Elasticsearch(_) => ELASTICSEARCH,
            Self::Terminal(_) => TERMINAL,
        }
    }

    /// The path of the file, or `-`, if the driver writes one.
    pub fn path(self) -> Option<&'a str> {
        match self {
            Self::Csv(csv) => Some(&csv.path),
            Self::Parquet(parquet) => Some(&parquet.path),
            Self::Ndjson(ndjson) => Some(&ndjson.path),
            Self::Elasticsearch(_) | Self::Terminal(_) => None,
        }
    }

    /// The credentials.
    pub fn auth(self) -> Option<&'a Auth> {
        match self {
            Self::Csv(csv) => csv.auth.as_ref(),
            Self::Parquet(parquet) => parquet.auth.as_ref(),
            Self::Ndjson(ndjson) => ndjson.auth.as_ref(),
            Self::Elasticsearch(server) => server.auth.as_ref(),
            Self::Terminal(_) => None,
        }
    }

    /// The file for documents that a server rejects, if the settings name one.
    pub fn dead_letter(self) -> Option<&'a DeadLetter> {
        match self {
            Self::Elasticsearch(server) => server.dead_letter.as_ref(),
            Self::Csv(_) | Self::Parquet(_) | Self::Ndjson(_) | Self::Terminal(_) => None,
        }
    }

    /// Whether the driver writes to standard output.
    pub fn is_standard_output(self) -> bool {
        matches!(self, Self::Terminal(_)) || self.path() == Some("-")
    }
}

impl From<CsvInput> for Input {
    fn from(csv: CsvInput) -> Self {
        Self { csv: Some(csv), ..Self::default() }
    }
}

impl From<LogInput> for Input {
    fn from(log: LogInput) -> Self {
        Self { log: Some(log), ..Self::default() }
    }
}

impl From<ParquetInput> for Input {
    fn from(parquet: ParquetInput) -> Self {
        Self { parquet: Some(parquet), ..Self::default() }
    }
}

impl From<NdjsonInput> for Input {
    fn from(ndjson: NdjsonInput) -> Self {
        Self { ndjson: Some(ndjson), ..Self::default() }
    }
}

impl From<JsonInput> for Input {
    fn from(json: JsonInput) -> Self {
        Self { json: Some(json), ..Self::default() }
    }
}

impl From<KafkaInput> for Input {
    fn from(kafka: KafkaInput) -> Self {
        Self { kafka: Some(kafka), ..Self::default() }
    }
}

impl From<HttpInput> for Input {
    fn from(http: HttpInput) -> Self {
        Self { http: Some(http), ..Self::default() }
    }
}

impl From<TcpInput> for Input {
    fn from(tcp: TcpInput) -> Self {
        Self { tcp: Some(tcp), ..Self::default() }
    }
}

impl From<SyslogInput> for Input {
    fn from(syslog: SyslogInput) -> Self {
        Self { syslog: Some(syslog), ..Self::default() }
    }
}

impl From<CsvOutput> for Output {
    fn from(csv: CsvOutput) -> Self {
        Self { csv: Some(csv), ..Self::default() }
    }
}

impl From<ParquetOutput> for Output {
    fn from(parquet: ParquetOutput) -> Self {
        Self { parquet: Some(parquet), ..Self::default() }
    }
}

impl From<NdjsonOutput> for Output {
    fn from(ndjson: NdjsonOutput) -> Self {
        Self { ndjson: Some(ndjson), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretRef;

    fn auth() -> Auth {
        Auth { secret_ref: SecretRef { name: "s".into() } }
    }

    #[test]
    fn the_driver_is_the_field_that_is_set() {
        assert_eq!(Input::default().driver(), None);
        let input = Input::from(CsvInput { auth: Some(auth()), ..CsvInput::new("a.csv") });
        let driver = input.driver().unwrap();
        assert_eq!(
            (driver.name(), driver.path(), driver.auth()),
            ("csv", Some("a.csv"), Some(&auth()))
        );
        let server = ElasticsearchInput::new("http://h:9200", "logs");
        let input = Input { elasticsearch: Some(server), ..Input::default() };
        let driver = input.driver().unwrap();
        assert_eq!((driver.name(), driver.path(), driver.auth()), ("elasticsearch", None, None));
        let output = Output { terminal: Some(TerminalOutput::default()), ..Output::default() };
        assert_eq!(output.driver().unwrap().name(), "terminal");
        assert!(output.is_standard_output());
        assert!(Output::from(NdjsonOutput::new("-")).is_standard_output());
        assert!(!Output::from(ParquetOutput::new("a.parquet")).is_standard_output());
    }

    #[test]
    fn file_settings_can_be_changed() {
        let inputs: [Input; 5] = [
            CsvInput::new("old").into(),
            ParquetInput { auth: Some(auth()), ..ParquetInput::new("old") }.into(),
            LogInput::new("old").into(),
            NdjsonInput::new("old").into(),
            JsonInput::new("old").into(),
        ];
        for mut input in inputs {
            let file = input.file_mut().unwrap();
            "new".clone_into(file.path);
            *file.auth = None;
            let name = file.driver;
            let driver = input.driver().unwrap();
            assert_eq!((driver.name(), driver.path(), driver.auth()), (name, Some("new"), None));
        }
        let outputs: [Output; 3] = [
            CsvOutput::new("old").into(),
            ParquetOutput::new("old").into(),
            NdjsonOutput::new("old").into(),
        ];
        for mut output in outputs {
            let file = output.file_mut().unwrap();
            "new".clone_into(file.path);
            let name = file.driver;
            let driver = output.driver().unwrap();
            assert_eq!((driver.name(), driver.path()), (name, Some("new")));
        }
    }
}
