//! Lists of the reports that a caller may read.

use anomal_core::{
    ReportEngine, Result,
    proto::{ListReportsRequest, ListReportsResponse, Report},
};

use crate::access::{Caller, Who};

/// Reports of a page where no number is asked for.
const PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 1_000;

/// A page of what the caller may read. Whoever needs no leave gets the engine's own pages; of others each
/// report is asked for, and what they may not read is not counted either.
///
/// # Errors
/// Those of the engine, and of who knows what the caller may.
pub async fn readable(
    engine: &dyn ReportEngine,
    caller: &Caller,
    request: ListReportsRequest,
) -> Result<ListReportsResponse> {
    if matches!(caller.who(), Who::Anyone | Who::Token) {
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
    let found = caller.readable(all, of).await?;
    let start = request.page_token.parse().unwrap_or(0);
    Ok(page(&found, start, request.page_size, Report::clone))
}

/// The page of `all` that begins at `start`, each as `shown` makes it.
pub(crate) fn page<T>(
    all: &[T],
    start: usize,
    size: u32,
    shown: impl Fn(&T) -> Report,
) -> ListReportsResponse {
    let size = if size == 0 { PAGE } else { size.min(LARGEST_PAGE) };
    let end = all.len().min(start.saturating_add(size as usize));
    let page = all.get(start.min(end)..end).unwrap_or_default();
    ListReportsResponse {
        reports: page.iter().map(shown).collect(),
        next_page_token: if end < all.len() { end.to_string() } else { String::new() },
        total: all.len() as u64,
    }
}

/// Whose it is.
fn of(report: &Report) -> (&str, &str) {
    (&report.namespace, &report.job)
}
