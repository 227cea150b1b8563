//! The connector for the driver `json`.

use anomal_core::Result;
use anomal_dataflow::Source;
use anomal_spec::InputDriver;

use super::{settings::JsonSettings, source::JsonSource};
use crate::{
    connector::{Connector, unsupported},
    source::OpenOptions,
};

pub(crate) struct JsonConnector;

impl Connector for JsonConnector {
    fn name(&self) -> &'static str {
        "json"
    }

    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        let InputDriver::Json(input) = driver else {
            return Err(unsupported(self.name(), driver.name()));
        };
        Ok(Box::new(JsonSource::open(JsonSettings::for_json(input), options)?))
    }
}
