//! Lists of the reports that a caller may read.

use anomal_core::{
    ReportEngine, Result,
    proto::{ListReportsRequest, ListReportsResponse, Report},
};

use crate::access::{Caller, Who};

/// Reports asked of the engine at once.
const AT_ONCE: u32 = 1_000;
const PAGE: u32 = 50;

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
    let first = ListReportsRequest { page_size: AT_ONCE, ..request.clone() };
    let mut page = ListReportsRequest { page_token: String::new(), ..first };
    loop {
        let answer = engine.list(page.clone()).await?;
        all.extend(answer.reports);
        if answer.next_page_token.is_empty() {
            break;
        }
        page.page_token = answer.next_page_token;
    }
    let found = caller.readable(all, of).await?;
    let total = found.len();
    let size = if request.page_size == 0 { PAGE } else { request.page_size.min(AT_ONCE) };
    let start = request.page_token.parse().unwrap_or(0_usize).min(total);
    let end = total.min(start + size as usize);
    Ok(ListReportsResponse {
        reports: found.into_iter().skip(start).take(end - start).collect(),
        next_page_token: if end < total { end.to_string() } else { String::new() },
        total: total as u64,
    })
}

/// Whose it is.
fn of(report: &Report) -> (&str, &str) {
    (&report.namespace, &report.job)
}
