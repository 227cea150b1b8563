//! The connector for the driver `csv`.

use anomal_core::Result;
use anomal_dataflow::{Sink, Source};
use anomal_spec::{InputDriver, OutputDriver};

use super::{format, sink::CsvSink};
use crate::{
    connector::{Connector, OutputContext, unsupported},
    source::OpenOptions,
};

pub(crate) struct CsvConnector;

impl Connector for CsvConnector {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        let InputDriver::Csv(input) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        Ok(Box::new(format::open(input, options)?))
    }

    fn create(
        &self,
        driver: OutputDriver<'_>,
        context: &OutputContext<'_>,
    ) -> Result<Box<dyn Sink>> {
        let OutputDriver::Csv(output) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        let access = context.access(output.auth.as_ref());
        Ok(Box::new(CsvSink::create(output, &access)?))
    }
}
