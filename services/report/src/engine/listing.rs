//! Pages of the list of reports.

use anomal_core::{
    ReportEngine, Result,
    proto::{ListReportsRequest, ListReportsResponse, Report},
};

use crate::access::{Caller, Principal};

/// Reports of a page unless the request says otherwise.
const PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 1_000;

/// A page of the reports that a caller may read. A caller who may read everything gets the engine's own pages; for
/// others each job is checked, and reports that they may not read are not counted either.
///
/// # Errors
/// Those of the engine and of the check of rights.
pub(crate) async fn list_readable(
    engine: &dyn ReportEngine,
    caller: &Caller,
    request: ListReportsRequest,
) -> Result<ListReportsResponse> {
    if matches!(caller.principal(), Principal::Anyone | Principal::Token) {
        return engine.list(request).await;
    }
    let mut all = Vec::new();
    let first = ListReportsRequest { page_size: LARGEST_PAGE, ..request.clone() };
    let mut next = ListReportsRequest { page_token: String::new(), ..first };
    loop {
        let answer = engine.list(next.clone()).await?;
        all.extend(answer.reports);
        if answer.next_page_token.is_empty() {
            break;
        }
        next.page_token = answer.next_page_token;
    }
    let readable = caller.filter_readable(all, job).await?;
    let start = request.page_token.parse().unwrap_or(0);
    Ok(page(&readable, start, request.page_size, Report::clone))
}

/// The page of `all` that begins at `start`, each item converted by `to_report`.
pub(super) fn page<T>(
    all: &[T],
    start: usize,
    size: u32,
    to_report: impl Fn(&T) -> Report,
) -> ListReportsResponse {
    let size = if size == 0 { PAGE } else { size.min(LARGEST_PAGE) };
    let end = all.len().min(start.saturating_add(size as usize));
    let page = all.get(start.min(end)..end).unwrap_or_default();
    ListReportsResponse {
        reports: page.iter().map(to_report).collect(),
        next_page_token: if end < all.len() { end.to_string() } else { String::new() },
        total: all.len() as u64,
    }
}

/// The namespace and the name of a report's job.
fn job(report: &Report) -> (&str, &str) {
    (&report.namespace, &report.job)
}
