//! The connector for the driver `kafka`: the columns of a stream.

use anomal_core::{Error, Result};
use anomal_dataflow::Source;
use anomal_spec::{InputDriver, KafkaFormat, KafkaInput, LogFormat, LogInput, NdjsonInput};

use super::columns;
use crate::{
    attributed::AttributedSource,
    connector::{Connector, unsupported},
    csv,
    json::{JsonSettings, JsonSource},
    log,
    source::OpenOptions,
};

pub(crate) struct KafkaConnector;

impl Connector for KafkaConnector {
    fn name(&self) -> &'static str {
        "kafka"
    }

    /// Only for a stream, whose first records are in the options.
    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        let InputDriver::Kafka(input) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        if options.sample.is_none() {
            let message =
                "topics are read by `anomal run` of a job with `stream`; name files for this";
            return Err(Error::settings("input.kafka", "NEEDS_STREAM", message));
        }
        let (own, empty) = (columns::schema(&input.attach), columns::empty(&input.attach)?);
        let values = values(input, options)?;
        Ok(Box::new(AttributedSource::new(values, own, empty, "input.kafka")))
    }
}

/// The values of the records as lines of a format.
fn values(input: &KafkaInput, options: &OpenOptions) -> Result<Box<dyn Source>> {
    let format = match input.format {
        KafkaFormat::Json => {
            let settings = JsonSettings::for_ndjson(&NdjsonInput {
                null_words: input.null_words.clone().unwrap_or_default(),
                strays: input.strays,
                times: input.times.clone(),
                types: input.types.clone(),
                bad_lines: input.bad_lines,
                ..NdjsonInput::new("kafka")
            });
            return Ok(Box::new(JsonSource::open(settings, options)?));
        }
        KafkaFormat::Csv => return Ok(Box::new(csv::open_values(input, options)?)),
        KafkaFormat::Text => LogFormat::Lines,
        KafkaFormat::Syslog => LogFormat::Syslog,
        KafkaFormat::Logfmt => LogFormat::Logfmt,
        KafkaFormat::Common => LogFormat::Common,
        KafkaFormat::Combined => LogFormat::Combined,
        KafkaFormat::Regex => LogFormat::Regex,
    };
    let settings = LogInput {
        format,
        pattern: input.pattern.clone(),
        null_words: input.null_words.clone(),
        strays: input.strays,
        times: input.times.clone(),
        types: input.types.clone(),
        bad_lines: input.bad_lines,
        ..LogInput::new("kafka")
    };
    Ok(Box::new(log::open(&settings, options)?))
}
