//! The connector for the driver `log`.

use anomal_core::Result;
use anomal_dataflow::Source;
use anomal_spec::InputDriver;

use super::{inspect::found, source};
use crate::{
    connector::{Connector, unsupported},
    source::OpenOptions,
};

pub(crate) struct LogConnector;

impl Connector for LogConnector {
    fn name(&self) -> &'static str {
        "log"
    }

    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        let InputDriver::Log(input) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        options.findings.set_found(found(input));
        Ok(Box::new(source::open(input, options)?))
    }
}
