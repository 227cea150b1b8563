//! Comparing two reports.

use anomal_core::proto::{ListReportsRequest, Report};
use axum::response::Response;

use super::routes::PageRequest;
use crate::{compare::Comparison, pages};

/// Reports among which the other one is chosen.
const CHOICES: u32 = 200;

/// `a` is the earlier report, `b` the later one. Without `a` the reports of the same job are listed.
pub async fn compare(request: PageRequest) -> Response {
    let (a, b) = (request.params.text("a"), request.params.text("b"));
    let content = async {
        if !a.is_empty() && !b.is_empty() {
            let before = request.reports.digest(a).await?;
            let after = request.reports.digest(b).await?;
            return pages::compare::page(&Comparison::new(&before, &after));
        }
        let known = if b.is_empty() { a } else { b };
        if known.is_empty() {
            let all = ListReportsRequest { page_size: CHOICES, ..ListReportsRequest::default() };
            return pages::compare::choice(None, &request.reports.list(all).await?.reports);
        }
        let open = request.reports.open(known).await?;
        let after = open.report();
        let of_job = ListReportsRequest {
            namespace: after.namespace.clone(),
            search: after.job.clone(),
            page_size: CHOICES,
            ..ListReportsRequest::default()
        };
        let mut others = request.reports.list(of_job).await?.reports;
        let is_other = |other: &Report| {
            other.id != after.id && other.job == after.job && other.namespace == after.namespace
        };
        others.retain(is_other);
        pages::compare::choice(Some(after), &others)
    };
    request.answer(content.await)
}
