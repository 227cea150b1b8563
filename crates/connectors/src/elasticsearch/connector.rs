//! The connector for the driver `elasticsearch`.

use anomal_core::Result;
use anomal_dataflow::{Sink, Source};
use anomal_spec::{InputDriver, OutputDriver};

use super::{sink::ElasticsearchSink, source::ElasticsearchSource};
use crate::{
    connector::{Connector, OutputContext, unsupported},
    source::OpenOptions,
};

pub(crate) struct ElasticsearchConnector;

impl Connector for ElasticsearchConnector {
    fn name(&self) -> &'static str {
        "elasticsearch"
    }

    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        let InputDriver::Elasticsearch(input) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        Ok(Box::new(ElasticsearchSource::open(input, options)?))
    }

    fn create(
        &self,
        driver: OutputDriver<'_>,
        context: &OutputContext<'_>,
    ) -> Result<Box<dyn Sink>> {
        let OutputDriver::Elasticsearch(output) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        let access = context.access(output.auth.as_ref());
        Ok(Box::new(ElasticsearchSink::create(output, &access, context.run)?))
    }
}
