//! The list of reports, the newest first.

use anomal_core::{
    Result,
    proto::{ListReportsResponse, Report, Severity},
};
use askama::Template;

use super::{Content, Links, Markup, numbers, text};
use crate::view::called;

/// Reports of a page.
pub const LIMIT: u32 = 50;

struct Count {
    class: &'static str,
    severity: &'static str,
    rows: String,
    zero: bool,
}

struct Line {
    href: String,
    job: Markup,
    namespace: Option<Markup>,
    input: Option<Markup>,
    time: Markup,
    rows: String,
    suspicious: Option<String>,
    share: String,
    found: bool,
    flags: Vec<Count>,
}

#[derive(Template)]
#[template(path = "list.html")]
struct List {
    lines: Vec<Line>,
    total: String,
    search: String,
    first: Option<String>,
    next: Option<String>,
}

/// What the address asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub search: String,
    pub token: String,
}

pub fn page(asked: &Asked, found: &ListReportsResponse) -> Result<Content> {
    let query = |token: &str| {
        let mut parts = Vec::new();
        if !asked.search.is_empty() {
            parts.push(format!("q={}", text::encode(&asked.search)));
        }
        if !token.is_empty() {
            parts.push(format!("page={}", text::encode(token)));
        }
        format!("/?{}", parts.join("&"))
    };
    let body = Markup::of(&List {
        lines: found.reports.iter().map(line).collect(),
        total: numbers::counted(found.total, "report", "reports"),
        search: asked.search.clone(),
        first: (!asked.token.is_empty()).then(|| query("")),
        next: (!found.next_page_token.is_empty()).then(|| query(&found.next_page_token)),
    })?;
    Ok(Content { title: "Reports".to_owned(), bar: None, body })
}

fn line(report: &Report) -> Line {
    let part = |text: &str| (!text.is_empty()).then(|| text::name(text));
    Line {
        href: Links::pages(&report.id).section(""),
        job: text::name(called(report)),
        namespace: part(&report.namespace),
        input: part(&report.input),
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
                Count { class, severity, rows: numbers::count(rows), zero: rows == 0 }
            })
            .collect(),
    }
}
