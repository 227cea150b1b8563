//! The connector for the driver `ndjson`.

use anomal_core::Result;
use anomal_dataflow::{Sink, Source};
use anomal_spec::{InputDriver, OutputDriver};

use super::sink::NdjsonSink;
use crate::{
    connector::{Connector, OutputContext, unsupported},
    json::{JsonSettings, JsonSource},
    source::OpenOptions,
};

pub(crate) struct NdjsonConnector;

impl Connector for NdjsonConnector {
    fn name(&self) -> &'static str {
        "ndjson"
    }

    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        let InputDriver::Ndjson(input) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        Ok(Box::new(JsonSource::open(JsonSettings::for_ndjson(input), options)?))
    }

    fn create(
        &self,
        driver: OutputDriver<'_>,
        context: &OutputContext<'_>,
    ) -> Result<Box<dyn Sink>> {
        let OutputDriver::Ndjson(output) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        let access = context.access(output.auth.as_ref());
        Ok(Box::new(NdjsonSink::create(output, &access, &context.run.null_values)?))
    }
}
