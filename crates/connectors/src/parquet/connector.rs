//! The connector for the driver `parquet`.

use anomal_core::Result;
use anomal_dataflow::{Sink, Source};
use anomal_spec::{InputDriver, OutputDriver};

use super::{sink::ParquetSink, source::ParquetSource};
use crate::{
    connector::{Connector, OutputContext, unsupported},
    source::OpenOptions,
};

pub(crate) struct ParquetConnector;

impl Connector for ParquetConnector {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        let InputDriver::Parquet(input) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        Ok(Box::new(ParquetSource::open(input, options)?))
    }

    fn create(
        &self,
        driver: OutputDriver<'_>,
        context: &OutputContext<'_>,
    ) -> Result<Box<dyn Sink>> {
        let OutputDriver::Parquet(output) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        let access = context.access(output.auth.as_ref());
        Ok(Box::new(ParquetSink::create(output, &access)?))
    }
}
