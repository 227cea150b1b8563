//! What the routes need of a store of reports: the only place where the two meet.

use std::sync::Arc;

use anomal_core::{
    Download, Result,
    proto::{Analysis, ExportReportRequest, ListReportsRequest, ListReportsResponse, Report},
};
use async_trait::async_trait;

use crate::access::Caller;
use crate::view::{Hit, Page, Query, Record, View};

/// All reports.
pub trait Library: Send + Sync + 'static {
    /// Those that a caller may read.
    ///
    /// # Errors
    /// `Unauthenticated` where it has to be known who asks, and is not.
    fn read_by(&self, caller: Option<&Caller>) -> Result<Arc<dyn Reports>>;
}

/// Reports to be read.
#[async_trait]
pub trait Reports: Send + Sync + 'static {
    async fn list(&self, request: ListReportsRequest) -> Result<ListReportsResponse>;

    /// # Errors
    /// `NotFound`.
    async fn open(&self, id: &str) -> Result<Arc<dyn Open>>;

    async fn export(&self, request: ExportReportRequest) -> Result<Download>;
}

/// One report.
#[async_trait]
pub trait Open: Send + Sync {
    fn report(&self) -> &Report;

    /// None where nothing was classified.
    fn analysis(&self) -> Option<&Analysis>;

    fn view(&self) -> &View;

    async fn record(&self, row: u64) -> Result<Option<Record>>;

    async fn suspects(&self, query: &Query) -> Result<Page<Record>>;

    /// Of the flag at that place in [`Report::flags`].
    async fn hits(&self, flag: usize, offset: usize, limit: usize) -> Result<Page<Hit>>;
}
