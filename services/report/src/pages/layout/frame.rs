//! What stands around every page: the head, the header, the way to the report's sections.

use anomal_core::Result;
use askama::Template;

use super::{Markup, Shown, numbers, text};
use crate::{access::SignedIn, view::called};

/// What a page holds.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Its `h1`, as plain text.
    pub title: String,
    /// The report that it is a part of.
    pub bar: Option<Bar>,
    /// Begins with the `h1` only where there is no bar.
    pub body: Markup,
}

/// The report's name and the links to its sections.
#[derive(Clone, Debug)]
pub struct Bar {
    job: Markup,
    plain: String,
    time: Markup,
    input: Option<Markup>,
    namespace: Option<Markup>,
    home: String,
    sections: Vec<Section>,
}

#[derive(Clone, Debug)]
struct Section {
    href: String,
    number: &'static str,
    title: &'static str,
    count: Option<String>,
    current: bool,
}

impl Bar {
    /// `current` is a section as in its address; those that do not apply have no link.
    pub fn of(shown: &Shown<'_>, current: &str) -> Self {
        let report = shown.report;
        let section = |path: &str, number, title, count| Section {
            href: shown.links.section(path),
            number,
            title,
            count,
            current: current == path,
        };
        let mut sections = vec![section("", "", "Summary", None)];
        if shown.analysis.is_some() {
            sections.push(section("clustering", "1", "Clustering", None));
            sections.push(section("behaviour", "2", "Behaviour", None));
        }
        if !report.flags.is_empty() {
            let hit = report.flags.iter().filter(|flag| flag.rows > 0).count();
            sections.push(section("flags", "3", "Flags", Some(numbers::size(hit))));
        }
        let part = |text: &str| (!text.is_empty()).then(|| text::name(text));
        Self {
            job: text::name(called(report)),
            plain: if called(report).is_empty() {
                "Report".to_owned()
            } else {
                text::short(called(report), text::CELL)
            },
            time: numbers::time(&report.create_time),
            input: part(&report.input),
            namespace: part(&report.namespace),
            home: shown.links.section(""),
            sections,
        }
    }
}

/// The addresses of style sheet and script.
#[derive(Clone, Copy, Debug)]
pub struct Assets<'a> {
    pub style: &'a str,
    pub script: &'a str,
}

#[derive(Template)]
#[template(path = "frame.html")]
struct Frame<'a> {
    content: &'a Content,
    assets: Assets<'a>,
    signed_in: Option<&'a SignedIn>,
}

/// The whole page.
pub fn render(
    content: &Content,
    assets: Assets<'_>,
    signed_in: Option<&SignedIn>,
) -> Result<String> {
    Ok(Markup::of(&Frame { content, assets, signed_in })?.into_string())
}
