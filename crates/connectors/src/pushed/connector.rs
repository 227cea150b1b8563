//! The connectors for the drivers `http`, `tcp` and `syslog`: the columns of a stream.

use anomal_core::{Error, Result};
use anomal_dataflow::Source;
use anomal_spec::{BadLines, ColumnType, InputDriver, NdjsonInput, SyslogInput, TypeSetting};

use super::{columns, syslog};
use crate::{
    attributed::AttributedSource,
    connector::{Connector, unsupported},
    json::{JsonSettings, JsonSource},
    source::OpenOptions,
};

pub(crate) struct HttpConnector;
pub(crate) struct TcpConnector;
pub(crate) struct SyslogConnector;

impl Connector for HttpConnector {
    fn name(&self) -> &'static str {
        "http"
    }

    /// Only for a stream, whose first records are in the options.
    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        match driver {
            InputDriver::Http(input) => open(&input.values(), "input.http", options),
            _ => Err(unsupported(self.name(), driver.name())),
        }
    }
}

impl Connector for TcpConnector {
    fn name(&self) -> &'static str {
        "tcp"
    }

    /// Only for a stream, whose first records are in the options.
    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        match driver {
            InputDriver::Tcp(input) => open(&input.values(), "input.tcp", options),
            _ => Err(unsupported(self.name(), driver.name())),
        }
    }
}

impl Connector for SyslogConnector {
    fn name(&self) -> &'static str {
        "syslog"
    }

    /// Only for a stream, whose first records are in the options.
    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        match driver {
            InputDriver::Syslog(input) => open(&messages(input), "input.syslog", options),
            _ => Err(unsupported(self.name(), driver.name())),
        }
    }
}

/// How the objects of messages are read.
fn messages(input: &SyslogInput) -> NdjsonInput {
    let numbers = syslog::NUMBERS.map(|name| (name, ColumnType::Integer));
    let texts = syslog::TEXTS.map(|name| (name, ColumnType::String));
    let columns = numbers.into_iter().chain(texts).chain([(syslog::TIME, ColumnType::Datetime)]);
    let types = columns.map(|(name, column)| (name.to_owned(), TypeSetting::from(column)));
    NdjsonInput {
        strays: input.strays,
        types: types.chain(input.types.clone()).collect(),
        bad_lines: BadLines::Skip,
        ..NdjsonInput::new("syslog")
    }
}

fn open(
    values: &NdjsonInput,
    place: &'static str,
    options: &OpenOptions,
) -> Result<Box<dyn Source>> {
    if options.sample.is_none() {
        let message = "records that are pushed are taken by `anomal run`; name files for this";
        return Err(Error::settings(place, "NEEDS_RUN", message));
    }
    let mut settings = JsonSettings::for_ndjson(values);
    settings.place = place;
    let values = Box::new(JsonSource::open(settings, options)?);
    let (own, empty) = (columns::schema(), columns::frame(&[])?);
    Ok(Box::new(AttributedSource::new(values, own, empty, place)))
}
