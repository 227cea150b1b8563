//! The interface between the routes and an engine.

use std::sync::Arc;

use anomal_core::{
    Download, Result,
    proto::{
        Analysis, ExportReportRequest, JudgeRequest, JudgeResponse, ListReportsRequest,
        ListReportsResponse, Report, Verdict,
    },
};
use async_trait::async_trait;

use crate::{
    access::Caller,
    compare::RunDigest,
    pages::verdicts::{ShownVerdicts, form::FormState},
    view::{
        Hit, Page, Query, Record, View,
        entity::{Around, EntityDetails, OtherRows},
        filter::Filter,
        incidents::{FlagGroup, IncidentTable, Lane, Matches},
    },
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

    /// What a report is compared by.
    ///
    /// # Errors
    /// `NotFound`.
    async fn digest(&self, id: &str) -> Result<RunDigest>;

    /// The report of the same job before a report that is open, if there is one that can be read now.
    async fn earlier(&self, report: &Report) -> Option<Arc<Report>>;

    /// What was decided about incidents of a report's job. A store that can't be read is a problem of the page's part.
    async fn verdicts(&self, report: &Report) -> ShownVerdicts;

    /// An empty form for incidents of a report.
    ///
    /// # Errors
    /// `Unavailable` if the caller's rights can't be checked.
    async fn form(&self, report: &Report) -> Result<FormState>;

    /// # Errors
    /// `PermissionDenied`; as [`anomal_core::ReportEngine::judge`].
    async fn judge(&self, request: JudgeRequest) -> Result<JudgeResponse>;

    /// # Errors
    /// `PermissionDenied`; as [`anomal_core::ReportEngine::list_verdicts`].
    async fn job_verdicts(&self, namespace: &str, job: &str) -> Result<Vec<Verdict>>;
}

/// An open report.
#[async_trait]
pub trait ReportReader: Send + Sync {
    fn report(&self) -> &Report;

    /// None if nothing was classified.
    fn analysis(&self) -> Option<&Analysis>;

    fn view(&self) -> &View;

    /// None where rows are not grouped.
    fn incidents(&self) -> Option<&IncidentTable>;

    async fn record(&self, row: u64) -> Result<Option<Record>>;

    async fn suspects(&self, query: &Query) -> Result<Page<Record>>;

    /// `flag`: its index in [`Report::flags`].
    async fn hits(&self, flag: usize, offset: usize, limit: usize) -> Result<Page<Hit>>;

    /// The suspects that fit, by what they are about.
    async fn matches(&self, filter: &Filter) -> Result<Matches>;

    /// Groups of a flag's hits with rows that fit.
    async fn groups(
        &self,
        flag: usize,
        filter: &Filter,
        offset: usize,
        limit: usize,
    ) -> Result<Page<FlagGroup>>;

    /// The first groups of an incident.
    async fn incident_groups(&self, number: u64, limit: usize) -> Result<Page<FlagGroup>>;

    /// An entity beside the others. `place`: its place in [`IncidentTable::entities`].
    async fn entity(&self, place: usize) -> Result<EntityDetails>;

    /// Rows of an entity that do not stand out.
    async fn other_rows(&self, place: usize, around: Around) -> Result<OtherRows>;

    /// When rows of each of these actors stood out.
    async fn lanes(&self, filter: &Filter, actors: &[String]) -> Result<Vec<Lane>>;
}
