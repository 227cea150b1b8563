//! The interface of connectors: a driver with its settings, opened as a source or a sink.

use anomal_core::{Error, Result};
use anomal_dataflow::{Sink, Source};
use anomal_spec::{Auth, InputDriver, OutputDriver};
use anomal_storage::Secrets;

use crate::{remote::Access, run_info::RunInfo, source::OpenOptions};

/// A driver for inputs, outputs or both.
pub trait Connector: Send + Sync {
    /// The driver's key in the settings, by which it is found.
    fn name(&self) -> &'static str;

    /// Opens an input whose path is resolved (`-`: standard input) and determines its columns.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be read, is empty, or its first records are bad; `InvalidSettings` if its URL or
    /// secret is invalid; `Unavailable` or `PermissionDenied` from an object store or a server.
    fn open(&self, driver: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        let _ = options;
        Err(unsupported(self.name(), driver.name()))
    }

    /// Opens an output whose path is resolved (`-`: standard output).
    ///
    /// # Errors
    /// `Output` if it can't be created: no such folder, no permission; those of [`Connector::open`] for objects and
    /// servers.
    fn create(
        &self,
        driver: OutputDriver<'_>,
        context: &OutputContext<'_>,
    ) -> Result<Box<dyn Sink>> {
        let _ = context;
        Err(unsupported(self.name(), driver.name()))
    }
}

/// The surroundings of an output.
#[derive(Clone, Copy, Debug)]
pub struct OutputContext<'a> {
    /// The driver's position in the settings, such as `outputs[0].csv`.
    pub place: &'a str,
    pub secrets: &'a Secrets,
    /// The run whose results are written.
    pub run: &'a RunInfo,
}

impl<'a> OutputContext<'a> {
    pub(crate) fn access(&self, auth: Option<&'a Auth>) -> Access<'a> {
        Access { place: self.place, auth, secrets: self.secrets }
    }
}

/// The error for settings that a connector does not support.
pub(crate) fn unsupported(connector: &str, driver: &str) -> Error {
    Error::internal(format!("the connector {connector} does not support the driver {driver}"))
}
