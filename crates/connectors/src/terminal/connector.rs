//! The connector for the driver `terminal`.

use anomal_core::Result;
use anomal_dataflow::Sink;
use anomal_spec::OutputDriver;

use super::sink::TerminalSink;
use crate::connector::{Connector, OutputContext, unsupported};

pub(crate) struct TerminalConnector;

impl Connector for TerminalConnector {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn create(
        &self,
        driver: OutputDriver<'_>,
        context: &OutputContext<'_>,
    ) -> Result<Box<dyn Sink>> {
        let OutputDriver::Terminal(output) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        Ok(Box::new(TerminalSink::new(output, context.run)))
    }
}
