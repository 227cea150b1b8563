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
    time: Markup,
    input: Option<Markup>,
    namespace: Option<Markup>,
    home: String,
    sections: Vec<SectionLink>,
}

#[derive(Clone, Debug)]
struct SectionLink {
    href: String,
    number: &'static str,
    title: &'static str,
    count: Option<String>,
    current: bool,
}

impl ReportBar {
    /// `current` is the path of the current section. Sections that do not apply have no link.
    pub fn new(context: &ReportContext<'_>, current: &str) -> Self {
        let report = context.report;
        let section = |path: &str, number, title, count| SectionLink {
            href: context.links.section(path),
            number,
            title,
            count,
            current: current == path,
        };
        let mut sections = vec![section("", "", "Summary", None)];
        if context.analysis.is_some() {
            sections.push(section("clustering", "1", "Clustering", None));
            sections.push(section("behaviour", "2", "Behaviour", None));
        }
        if !report.flags.is_empty() {
            let hit = report.flags.iter().filter(|flag| flag.rows > 0).count();
            sections.push(section("flags", "3", "Flags", Some(numbers::size(hit))));
        }
        Self {
            job: text::name(display_name(report)),
            plain: plain_name(display_name(report), text::CELL),
            time: numbers::time(&report.create_time),
            input: text::optional_name(&report.input),
            namespace: text::optional_name(&report.namespace),
            home: context.links.section(""),
            sections,
        }
    }
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
