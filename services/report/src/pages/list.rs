//! The list of reports, the newest first.

use anomal_core::{
    Result,
    proto::{ListReportsResponse, Report, Severity},
};
use askama::Template;

use super::{
    Content, Links, Markup,
    format::{numbers, text},
};
use crate::view::display_name;

/// Reports of a page.
pub const LIMIT: u32 = 50;

struct SeverityCount {
    class: &'static str,
    severity: &'static str,
    rows: String,
    zero: bool,
}

struct ReportRow {
    href: String,
    job: Markup,
    namespace: Option<Markup>,
    input: Option<Markup>,
    time: Markup,
    rows: String,
    suspicious: Option<String>,
    share: String,
    found: bool,
    flags: Vec<SeverityCount>,
}

#[derive(Template)]
#[template(path = "list.html")]
struct List {
    rows: Vec<ReportRow>,
    total: String,
    search: String,
    first: Option<String>,
    next: Option<String>,
}

/// The parameters of the URL.
#[derive(Clone, Debug, Default)]
pub struct ListParams {
    pub search: String,
    /// The page token.
    pub token: String,
}

pub fn page(params: &ListParams, reports: &ListReportsResponse) -> Result<Content> {
    let href = |token: &str| {
        let mut parts = Vec::new();
        if !params.search.is_empty() {
            parts.push(format!("q={}", text::encode(&params.search)));
        }
        if !token.is_empty() {
            parts.push(format!("page={}", text::encode(token)));
        }
        format!("/?{}", parts.join("&"))
    };
    let body = Markup::from_template(&List {
        rows: reports.reports.iter().map(report_row).collect(),
        total: numbers::counted(reports.total, "report", "reports"),
        search: params.search.clone(),
        first: (!params.token.is_empty()).then(|| href("")),
        next: (!reports.next_page_token.is_empty()).then(|| href(&reports.next_page_token)),
    })?;
    Ok(Content { title: "Reports".to_owned(), bar: None, body })
}

fn report_row(report: &Report) -> ReportRow {
    ReportRow {
        href: Links::pages(&report.id).section(""),
        job: text::name(display_name(report)),
        namespace: text::optional_name(&report.namespace),
        input: text::optional_name(&report.input),
        time: numbers::time(&report.create_time),
        rows: numbers::count(report.results),
        suspicious: (!report.engine.is_empty()).then(|| numbers::count(report.suspicious)),
        share: numbers::share(report.suspicious, report.results),
        found: report.suspicious > 0,
        flags: [(Severity::High, "high"), (Severity::Medium, "medium"), (Severity::Low, "low")]
            .into_iter()
            .map(|(severity, class)| {
                let flags = report.flags.iter().filter(|flag| flag.severity() == severity);
                let rows: u64 = flags.map(|flag| flag.rows).fold(0, u64::saturating_add);
                let severity = numbers::severity(severity);
                SeverityCount { class, severity, rows: numbers::count(rows), zero: rows == 0 }
            })
            .collect(),
    }
}
