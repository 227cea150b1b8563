//! The interface between the routes and an engine.

use std::sync::Arc;

use anomal_core::{
    Download, Result,
    proto::{Analysis, ExportReportRequest, ListReportsRequest, ListReportsResponse, Report},
};
use async_trait::async_trait;

use crate::{
    access::Caller,
    view::{Hit, Page, Query, Record, View},
};

/// The reports of an engine.
pub trait Library: Send + Sync + 'static {
    /// The reports that a caller may read.
    ///
    /// # Errors
    /// `Unauthenticated` without a caller, if one is required.
    fn for_caller(&self, caller: Option<&Caller>) -> Result<Arc<dyn Reports>>;
}

/// The reports that a caller may read.
#[async_trait]
pub trait Reports: Send + Sync + 'static {
    async fn list(&self, request: ListReportsRequest) -> Result<ListReportsResponse>;

    /// # Errors
    /// `NotFound`.
    async fn open(&self, id: &str) -> Result<Arc<dyn ReportReader>>;

    async fn export(&self, request: ExportReportRequest) -> Result<Download>;
}

/// An open report.
#[async_trait]
pub trait ReportReader: Send + Sync {
    fn report(&self) -> &Report;

    /// None if nothing was classified.
    fn analysis(&self) -> Option<&Analysis>;

    fn view(&self) -> &View;

    async fn record(&self, row: u64) -> Result<Option<Record>>;

    async fn suspects(&self, query: &Query) -> Result<Page<Record>>;

    /// `flag`: its index in [`Report::flags`].
    async fn hits(&self, flag: usize, offset: usize, limit: usize) -> Result<Page<Hit>>;
}
