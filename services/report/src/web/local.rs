//! The reports of the engine in this process.

use std::sync::Arc;

use anomal_core::{
    Code, Download, Error, ReportEngine, Result,
    proto::{
        Analysis, ExportReportRequest, JudgeRequest, JudgeResponse, ListReportsRequest,
        ListReportsResponse, Report, Verdict,
    },
};
use async_trait::async_trait;

use super::reports::{Library, ReportReader, Reports};
use crate::{
    LocalReportEngine, OpenReport,
    access::{Caller, Principal},
    compare::RunDigest,
    engine::listing::list_readable,
    pages::verdicts::{ShownVerdicts, form::FormState},
    view::{
        Hit, Page, Query, Record, View,
        entity::{Around, EntityDetails, OtherRows},
        filter::Filter,
        incidents::{FlagGroup, IncidentTable, Lane, Matches},
    },
};

impl Library for LocalReportEngine {
    fn for_caller(&self, caller: Option<&Caller>) -> Result<Arc<dyn Reports>> {
        let caller = caller.cloned().ok_or_else(|| {
            Error::new(Code::Unauthenticated, "NO_CALLER", "the request has no caller")
        })?;
        Ok(Arc::new(LocalReports { engine: self.clone(), caller }))
    }
}

struct LocalReports {
    engine: LocalReportEngine,
    caller: Caller,
}

impl LocalReports {
    /// The report, if the caller may read it.
    async fn readable(&self, id: &str) -> Result<Report> {
        let report = self.engine.get(id).await?;
        self.caller.check_read(&report.namespace, &report.job).await?;
        Ok(report)
    }
}

#[async_trait]
impl Reports for LocalReports {
    async fn list(&self, request: ListReportsRequest) -> Result<ListReportsResponse> {
        list_readable(&self.engine, &self.caller, request).await
    }

    async fn open(&self, id: &str) -> Result<Arc<dyn ReportReader>> {
        let report = self.engine.open_report(self.readable(id).await?).await?;
        Ok(Arc::new(LocalReport { engine: self.engine.clone(), report }))
    }

    async fn export(&self, request: ExportReportRequest) -> Result<Download> {
        self.readable(&request.id).await?;
        self.engine.export(request).await
    }

    async fn digest(&self, id: &str) -> Result<RunDigest> {
        self.readable(id).await?;
        self.engine.digest(id).await
    }

    async fn earlier(&self, report: &Report) -> Option<Arc<Report>> {
        // Who may read a report may read all of its job.
        let found = self.engine.earlier(report).await;
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot look for the report before");
            None
        })
    }

    async fn verdicts(&self, report: &Report) -> ShownVerdicts {
        match self.engine.verdict_book(&report.namespace, &report.job).await {
            Ok(book) => ShownVerdicts { book, ..ShownVerdicts::default() },
            Err(error) => {
                tracing::warn!(%error, "cannot read verdicts");
                let problem = "Verdicts can't be read now, and none can be given: the store does not answer. Reload \
                               the page later.";
                ShownVerdicts { problem: Some(problem.to_owned()), ..ShownVerdicts::default() }
            }
        }
    }

    async fn form(&self, report: &Report) -> Result<FormState> {
        let refusal = if !self.caller.stores_verdicts() {
            Some("Verdicts are read-only on this server.".to_owned())
        } else if self.caller.may_judge(&report.namespace, &report.job).await? {
            None
        } else {
            let message = "You may read this report, but not judge its incidents: that needs the right to create \
                           anomalyjobs/verdicts in its namespace.";
            Some(message.to_owned())
        };
        let user = match self.caller.principal() {
            Principal::User(user) => Some(user.name.clone()),
            Principal::Anyone | Principal::Token => None,
        };
        Ok(FormState { refusal, user, ..FormState::default() })
    }

    async fn judge(&self, request: JudgeRequest) -> Result<JudgeResponse> {
        let report = self.readable(&request.report).await?;
        self.caller.check_judge(&report.namespace, &report.job).await?;
        let (who, verified) = self.caller.signature(&request.who);
        self.engine.judge(JudgeRequest { who, verified, ..request }).await
    }

    async fn job_verdicts(&self, namespace: &str, job: &str) -> Result<Vec<Verdict>> {
        self.caller.check_read(namespace, job).await?;
        self.engine.list_verdicts(namespace, job).await
    }
}

/// A report whose tables are read on blocking threads, a few at a time.
struct LocalReport {
    engine: LocalReportEngine,
    report: Arc<OpenReport>,
}

#[async_trait]
impl ReportReader for LocalReport {
    fn report(&self) -> &Report {
        &self.report.report
    }

    fn analysis(&self) -> Option<&Analysis> {
        self.report.analysis.as_ref()
    }

    fn view(&self) -> &View {
        &self.report.view
    }

    fn incidents(&self) -> Option<&IncidentTable> {
        self.report.incidents.as_ref()
    }

    async fn record(&self, row: u64) -> Result<Option<Record>> {
        self.engine.read(&self.report, move |report| report.record(row)).await
    }

    async fn suspects(&self, query: &Query) -> Result<Page<Record>> {
        let query = query.clone();
        self.engine.read(&self.report, move |report| report.suspects(&query)).await
    }

    async fn hits(&self, flag: usize, offset: usize, limit: usize) -> Result<Page<Hit>> {
        self.engine.read(&self.report, move |report| report.hits(flag, offset, limit)).await
    }

    async fn matches(&self, filter: &Filter) -> Result<Matches> {
        let filter = filter.clone();
        self.engine.read(&self.report, move |report| report.matches(&filter)).await
    }

    async fn groups(
        &self,
        flag: usize,
        filter: &Filter,
        offset: usize,
        limit: usize,
    ) -> Result<Page<FlagGroup>> {
        let filter = filter.clone();
        let read = move |report: &OpenReport| report.groups(flag, &filter, offset, limit);
        self.engine.read(&self.report, read).await
    }

    async fn incident_groups(&self, number: u64, limit: usize) -> Result<Page<FlagGroup>> {
        let read = move |report: &OpenReport| report.incident_groups(number, limit);
        self.engine.read(&self.report, read).await
    }

    async fn entity(&self, place: usize) -> Result<EntityDetails> {
        self.engine.read(&self.report, move |report| report.entity_details(place)).await
    }

    async fn other_rows(&self, place: usize, around: Around) -> Result<OtherRows> {
        self.engine.read(&self.report, move |report| report.other_rows(place, &around)).await
    }

    async fn lanes(&self, filter: &Filter, actors: &[String]) -> Result<Vec<Lane>> {
        let (filter, actors) = (filter.clone(), actors.to_vec());
        self.engine.read(&self.report, move |report| report.lanes(&filter, &actors)).await
    }
}
