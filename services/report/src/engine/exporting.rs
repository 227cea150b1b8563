//! Reports and parts of them as files.

use std::sync::Arc;

use anomal_core::{
    Code, Download, Error, Result, blocking,
    proto::{ExportFormat, ExportReportRequest, Report},
};

use super::LocalReportEngine;
use crate::{
    OpenReport,
    compare::RunDigest,
    contents,
    exports::{self, Case, RowSelection, TableFiles, table},
    files::download,
    open_report::DocumentLimits,
    pages::verdicts::{ShownVerdicts, judged},
    view::{ReportDocument, filter::FilterQuery},
};

impl LocalReportEngine {
    pub(super) async fn export_report(&self, request: ExportReportRequest) -> Result<Download> {
        let id = request.id.as_str();
        let report = self.manifest(id).await?;
        let report_format = request.format();
        match report_format {
            ExportFormat::Pdf => {
                let document = self.document(id, exports::PDF).await?;
                let _slot = self.0.pdf.acquire().await.map_err(|_| Error::cancelled())?;
                let bytes = blocking(move |_| exports::pdf(&document, request.full)).await?;
                Ok(download::from_bytes(bytes))
            }
            ExportFormat::Html => {
                let document = self.document(id, exports::HTML).await?;
                let text = blocking(move |_| exports::html(&document)).await?;
                Ok(download::from_bytes(text.into_bytes()))
            }
            format @ (ExportFormat::Csv | ExportFormat::Parquet) => {
                let selection = RowSelection::new(&report, request.suspects_only, &request.flag)?;
                let selection = self.filtered(&report, selection, &request.filter).await?;
                let suspects = if selection.is_of_suspects() {
                    Some(self.0.store.file(id, contents::SUSPECTS).await?)
                } else {
                    None
                };
                let rows = self.0.store.file(id, contents::ROWS).await?;
                let files = TableFiles { rows, suspects };
                match format {
                    ExportFormat::Csv => Ok(table::csv(files, selection)),
                    _ => table::parquet(files, selection).await,
                }
            }
            ExportFormat::CaseMarkdown | ExportFormat::CaseJson => {
                let (open, verdicts) = self.with_verdicts(id).await?;
                let case = move |open: &OpenReport| {
                    Case::new(open, request.incident, &verdicts, request.plain)
                };
                let case = self.read(&open, case).await?;
                let text = match report_format {
                    ExportFormat::CaseJson => case.json()?,
                    _ => case.markdown(),
                };
                Ok(download::from_bytes(text.into_bytes()))
            }
            ExportFormat::Labels => {
                let (open, verdicts) = self.with_verdicts(id).await?;
                let read = move |open: &OpenReport| exports::labels(open, &verdicts.book);
                Ok(download::from_bytes(self.read(&open, read).await?.into_bytes()))
            }
            ExportFormat::Run => {
                let digest = self.digest(id).await?;
                let bytes = serde_json::to_vec(&digest)
                    .map_err(|error| Error::internal(format!("a run as JSON: {error}")))?;
                Ok(download::from_bytes(bytes))
            }
            ExportFormat::Unspecified => {
                let message = "an export needs a format: pdf, html, csv or parquet";
                Err(Error::new(Code::InvalidRequest, "EXPORT_FORMAT", message))
            }
        }
    }

    async fn document(&self, id: &str, limits: DocumentLimits) -> Result<ReportDocument> {
        let open = self.open(id).await?;
        let book = self.verdict_book(&open.report.namespace, &open.report.job).await;
        let mut document = self.read(&open, move |open| open.document(limits)).await?;
        match book {
            Ok(book) => {
                document.verdicts = Some(ShownVerdicts { book, ..ShownVerdicts::default() });
            }
            Err(error) => tracing::warn!(%error, "a document is made without verdicts"),
        }
        Ok(document)
    }

    /// An open report, and what was decided about its incidents.
    async fn with_verdicts(&self, id: &str) -> Result<(Arc<OpenReport>, ShownVerdicts)> {
        let open = self.open(id).await?;
        let book = self.verdict_book(&open.report.namespace, &open.report.job).await?;
        Ok((open, ShownVerdicts { book, ..ShownVerdicts::default() }))
    }

    /// What a report is compared by. Without verdicts, where these can't be read.
    ///
    /// # Errors
    /// As [`LocalReportEngine::open`].
    pub(crate) async fn digest(&self, id: &str) -> Result<RunDigest> {
        let open = self.open(id).await?;
        let book = self.verdict_book(&open.report.namespace, &open.report.job).await;
        let book = book.unwrap_or_default();
        let verdicts = ShownVerdicts { book, ..ShownVerdicts::default() };
        self.read(&open, move |open| Ok(exports::digest(open, &verdicts))).await
    }

    /// The selection without suspects that do not fit the filters of a query.
    async fn filtered(
        &self,
        report: &Report,
        selection: RowSelection,
        query: &str,
    ) -> Result<RowSelection> {
        let mut query = FilterQuery::from_query(query, report);
        if let Some(part) = query.parts.iter().find(|part| part.problem.is_some()) {
            let problem = part.problem.as_deref().unwrap_or_default();
            let message = format!("cannot filter by {}: {problem}", part.name);
            return Err(Error::new(Code::InvalidRequest, "REPORT_FILTER", message));
        }
        if query.filter.is_empty() {
            return Ok(selection);
        }
        let open = self.open_report(report.clone()).await?;
        if let (false, Some(all)) = (query.filter.verdicts.is_empty(), &open.incidents) {
            let book = self.verdict_book(&report.namespace, &report.job).await?;
            let verdicts = ShownVerdicts { book, ..ShownVerdicts::default() };
            judged(&mut query.filter, &verdicts, &all.incidents);
        }
        let fits = self.read(&open, move |open| open.fit(&query.filter)).await?;
        Ok(selection.with_fitting(fits))
    }
}
