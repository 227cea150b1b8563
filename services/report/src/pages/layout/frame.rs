//! The frame of every page: head, header, navigation between the report's sections.

use anomal_core::Result;
use askama::Template;

use super::{
    assets::{self, AssetPaths},
    context::ReportContext,
};
use crate::{
    pages::{
        Markup,
        format::{numbers, text},
    },
    view::display_name,
};

/// The content of a page.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Its `h1`, as plain text.
    pub title: String,
    /// The navigation, for a page of a report.
    pub bar: Option<ReportBar>,
    /// Begins with the `h1` only if there is no bar.
    pub body: Markup,
}

/// A user with a session, for pages that show their name and let them sign out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionUser {
    /// The name, as in logs.
    pub name: String,
    /// The path to post an empty form to.
    pub sign_out: &'static str,
}

/// The report's name and the links to its sections.
#[derive(Clone, Debug)]
pub struct ReportBar {
    job: Markup,
    plain: String,
    /// Of the data where it is known, else when the report was made.
    time: Markup,
    input: Option<Markup>,
    rows: String,
    namespace: Option<Markup>,
    home: String,
    downloads: Vec<DownloadLink>,
    sections: Vec<SectionLink>,
    /// The pages of the current section, where it has several.
    parts: Vec<SectionLink>,
}

#[derive(Clone, Debug)]
struct DownloadLink {
    href: String,
    label: &'static str,
}

#[derive(Clone, Debug)]
struct SectionLink {
    href: String,
    title: &'static str,
    count: Option<String>,
    current: bool,
}

impl ReportBar {
    /// `current` is the path of the current section. Sections that do not apply have no link.
    pub fn new(context: &ReportContext<'_>, current: &str) -> Self {
        let report = context.report;
        let section = |path: &str, title, count| SectionLink {
            href: context.links.section(path),
            title,
            count,
            current: current == path,
        };
        let mut sections = vec![section("", "Overview", None)];
        if context.incidents.is_some() {
            let incidents = numbers::count(context.incident_count());
            sections.push(section("incidents", "Incidents", Some(incidents)));
        }
        if context.incidents.is_some_and(|all| !all.entities.is_empty()) {
            sections.push(section("entities", "Entities", None));
        }
        sections.push(section("suspects", "Suspects", Some(numbers::count(report.suspects))));
        if !report.flags.is_empty() {
            let hit = report.flags.iter().filter(|flag| flag.rows > 0).count();
            sections.push(section("flags", "Flags", Some(numbers::size(hit))));
        }
        if context.analysis.is_some() {
            let mut explain = section("explain/clusters", "Explain", None);
            explain.current = current.starts_with("explain");
            sections.push(explain);
        }
        sections.push(section("run", "Run", None));
        let parts = if current.starts_with("explain") {
            vec![
                section("explain/clusters", "Clusters", None),
                section("explain/behaviour", "Behaviour", None),
            ]
        } else {
            Vec::new()
        };
        Self {
            job: text::name(display_name(report)),
            plain: plain_name(display_name(report), text::CELL),
            time: data_time(context),
            rows: numbers::counted(report.results, "row", "rows"),
            downloads: downloads(context),
            input: text::optional_name(&report.input),
            namespace: text::optional_name(&report.namespace),
            home: context.links.section(""),
            sections,
            parts,
        }
    }
}

fn data_time(context: &ReportContext<'_>) -> Markup {
    let counts = context.report.incidents.as_ref();
    match counts.and_then(|counts| Some((counts.first?, counts.last?))) {
        Some((first, last)) => text::bdi(&context.times().data(first, last), text::CELL),
        None => numbers::time(&context.report.create_time),
    }
}

/// Suspects are those that fit the filters.
fn downloads(context: &ReportContext<'_>) -> Vec<DownloadLink> {
    [
        ("report.pdf", "Report as PDF"),
        ("report.html", "Report as an HTML file"),
        ("suspects.csv", "Suspects as CSV"),
        ("suspects.parquet", "Suspects as Parquet"),
        ("all.csv", "All rows as CSV"),
        ("all.parquet", "All rows as Parquet"),
    ]
    .into_iter()
    .filter_map(|(name, label)| {
        let href = if name.starts_with("suspects") {
            context.links.filtered_download(name)
        } else {
            context.links.download(name)
        };
        Some(DownloadLink { href: href?, label })
    })
    .collect()
}

/// A report's name as plain text of at most `limit` characters.
pub fn plain_name(name: &str, limit: usize) -> String {
    if name.is_empty() { "Report".to_owned() } else { text::shorten(name, limit) }
}

#[derive(Template)]
#[template(path = "frame.html")]
struct Frame<'a> {
    content: &'a Content,
    assets: AssetPaths,
    user: Option<&'a SessionUser>,
}

/// A page as HTML.
pub fn render(content: &Content, user: Option<&SessionUser>) -> Result<String> {
    Ok(Markup::from_template(&Frame { content, assets: assets::paths(), user })?.into_string())
}
