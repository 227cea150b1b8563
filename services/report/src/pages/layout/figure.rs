//! A chart with its heading, caption and a link to its explanation.

use anomal_core::Result;
use askama::Template;

use super::context::ReportContext;
use crate::pages::Markup;

#[derive(Template)]
#[template(path = "figure.html")]
struct Figure<'a> {
    level: u8,
    id: &'a str,
    title: &'a str,
    svg: Markup,
    caption: &'a str,
    help: String,
    class: &'a str,
    scrolls: bool,
}

/// The texts of a figure.
pub struct FigureSpec<'a> {
    /// The figure's own id, if the anchor belongs to several figures of a page.
    pub id: Option<&'a str>,
    /// The anchor of its explanation in "How to read a report".
    pub anchor: &'a str,
    pub title: &'a str,
    pub caption: &'a str,
    /// The class for the style sheet.
    pub class: &'a str,
    /// Whether a chart wider than the page scrolls.
    pub scrolls: bool,
}

pub fn figure(context: &ReportContext<'_>, spec: &FigureSpec<'_>, svg: String) -> Result<Markup> {
    Markup::from_template(&Figure {
        level: context.level,
        id: spec.id.unwrap_or(spec.anchor),
        title: spec.title,
        svg: Markup::svg(svg),
        caption: spec.caption,
        help: context.links.help(spec.anchor),
        class: spec.class,
        scrolls: spec.scrolls,
    })
}
