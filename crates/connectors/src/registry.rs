//! The connectors by name.

use std::{collections::BTreeMap, sync::Arc};

use anomal_core::{Error, Result};
use anomal_dataflow::{Sink, Source};
use anomal_spec::{Input, Output};
use anomal_storage::Secrets;
use anomal_stream::MessageClient;

use crate::{
    connector::{Connector, OutputContext},
    csv::CsvConnector,
    elasticsearch::ElasticsearchConnector,
    json::JsonConnector,
    kafka::KafkaConnector,
    log::LogConnector,
    ndjson::NdjsonConnector,
    parquet::ParquetConnector,
    pushed::{HttpConnector, SyslogConnector, TcpConnector},
    run_info::RunInfo,
    source::OpenOptions,
    terminal::TerminalConnector,
};

/// Opens inputs and outputs by the connectors that are registered. Clones share the connectors.
#[derive(Clone)]
pub struct ConnectorRegistry {
    connectors: BTreeMap<&'static str, Arc<dyn Connector>>,
    message_client: Option<Arc<dyn MessageClient>>,
}

impl Default for ConnectorRegistry {
    /// All built-in connectors.
    fn default() -> Self {
        let mut registry = Self::empty();
        registry.register(CsvConnector);
        registry.register(ElasticsearchConnector);
        registry.register(HttpConnector);
        registry.register(JsonConnector);
        registry.register(KafkaConnector);
        registry.register(LogConnector);
        registry.register(NdjsonConnector);
        registry.register(ParquetConnector);
        registry.register(SyslogConnector);
        registry.register(TcpConnector);
        registry.register(TerminalConnector);
        registry
    }
}

impl ConnectorRegistry {
    /// No connectors.
    pub fn empty() -> Self {
        Self { connectors: BTreeMap::new(), message_client: None }
    }

    /// Adds a connector, replacing one of the same name.
    pub fn register(&mut self, connector: impl Connector + 'static) {
        self.connectors.insert(connector.name(), Arc::new(connector));
    }

    /// Sets the client by which topics are read.
    pub fn set_message_client(&mut self, client: impl MessageClient + 'static) {
        self.message_client = Some(Arc::new(client));
    }

    /// The client by which topics are read, if the program has one.
    pub fn message_client(&self) -> Option<&dyn MessageClient> {
        self.message_client.as_deref()
    }

    /// Opens an input whose path is resolved (`-`: standard input) and determines its columns.
    ///
    /// # Errors
    /// `InvalidSettings` if it names no driver; those of [`Connector::open`].
    pub fn open(&self, input: &Input, options: &OpenOptions) -> Result<Box<dyn Source>> {
        let driver = input.driver().ok_or_else(|| self.missing("input"))?;
        self.connector(driver.name())?.open(driver, options)
    }

    /// Opens an output whose path is resolved (`-`: standard output). `place` is its position in the settings, such as
    /// `outputs[0]`; `run` describes the run to outputs that include it.
    ///
    /// # Errors
    /// `InvalidSettings` if it names no driver; those of [`Connector::create`].
    pub fn create(
        &self,
        output: &Output,
        place: &str,
        secrets: &Secrets,
        run: &RunInfo,
    ) -> Result<Box<dyn Sink>> {
        let driver = output.driver().ok_or_else(|| self.missing(place))?;
        let place = format!("{place}.{}", driver.name());
        let context = OutputContext { place: &place, secrets, run };
        self.connector(driver.name())?.create(driver, &context)
    }

    fn connector(&self, name: &str) -> Result<&dyn Connector> {
        let connector = self.connectors.get(name);
        let connector = connector
            .ok_or_else(|| Error::internal(format!("no connector is registered for {name}")))?;
        Ok(connector.as_ref())
    }

    fn missing(&self, place: &str) -> Error {
        let names = self.connectors.keys().copied().collect::<Vec<_>>().join(", ");
        let message = format!("a driver is missing; use one of {names}");
        Error::settings(place, "DRIVER_MISSING", message)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use anomal_core::{Batch, Element, Position, proto::Column};
    use anomal_dataflow::{Reader, Split, read_batches};
    use anomal_spec::{CsvInput, CsvOutput, InputDriver};
    use polars::prelude::DataFrame;

    use super::*;

    /// A source of one batch in memory.
    struct MemorySource(Option<DataFrame>);

    impl Source for MemorySource {
        fn schema(&self) -> &[Column] {
            &[]
        }

        fn select(&mut self, _columns: &[Column]) -> Result<()> {
            Ok(())
        }

        fn open(&mut self, _: &Split, _: Option<Position>) -> Result<Box<dyn Reader>> {
            Ok(Box::new(MemorySource(self.0.take())))
        }

        fn empty(&self) -> DataFrame {
            DataFrame::default()
        }

        fn files(&self) -> &[PathBuf] {
            &[]
        }
    }

    impl Reader for MemorySource {
        fn next(&mut self) -> Result<Element> {
            let Some(frame) = self.0.take() else { return Ok(Element::End) };
            let offsets = (0..frame.height() as u64).collect();
            Ok(Element::Batch(Box::new(Batch::new(offsets, frame, DataFrame::default())?)))
        }
    }

    struct MemoryConnector(DataFrame);

    impl Connector for MemoryConnector {
        fn name(&self) -> &'static str {
            "csv"
        }

        fn open(&self, driver: InputDriver<'_>, _options: &OpenOptions) -> Result<Box<dyn Source>> {
            assert_eq!(driver.path(), Some("memory"));
            Ok(Box::new(MemorySource(Some(self.0.clone()))))
        }
    }

    #[test]
    fn a_registered_connector_opens_the_driver_of_its_name() {
        let mut registry = ConnectorRegistry::empty();
        registry.register(MemoryConnector(polars::prelude::df!("a" => [1, 2]).unwrap()));
        let input = Input::from(CsvInput::new("memory"));
        let source = registry.open(&input, &OpenOptions::default()).unwrap();
        assert_eq!(read_batches(source).next().unwrap().unwrap().height(), 2);
        let (secrets, run) = (Secrets::default(), RunInfo::default());
        let output = Output::from(CsvOutput::new("a.csv"));
        let error = registry.create(&output, "outputs[0]", &secrets, &run).err().unwrap();
        assert!(error.message.contains("does not support"), "{error}");
    }

    #[test]
    fn a_missing_driver_is_an_error_with_the_names_of_all() {
        let registry = ConnectorRegistry::default();
        let error = registry.open(&Input::default(), &OpenOptions::default()).err().unwrap();
        let names =
            "csv, elasticsearch, http, json, kafka, log, ndjson, parquet, syslog, tcp, terminal";
        assert!(error.message.ends_with(names), "{error}");
    }
}
