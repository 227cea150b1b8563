//! A picture with its heading, what it says, and where it is told how to read it.

use anomal_core::Result;
use askama::Template;

use super::{Markup, Shown};

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
    /// What the box is called that scrolls where the picture is wider than the page.
    scrolls: bool,
}

/// What a picture is called and says; `anchor` is its heading in "How to read a report".
pub struct About<'a> {
    /// Its own, where the anchor stands for several pictures of a page.
    pub id: Option<&'a str>,
    pub anchor: &'a str,
    pub title: &'a str,
    pub caption: &'a str,
    /// For the style sheet.
    pub class: &'a str,
    pub scrolls: bool,
}

pub fn figure(shown: &Shown<'_>, about: &About<'_>, svg: String) -> Result<Markup> {
    Markup::of(&Figure {
        level: shown.level,
        id: about.id.unwrap_or(about.anchor),
        title: about.title,
        svg: Markup::svg(svg),
        caption: about.caption,
        help: shown.links.help(about.anchor),
        class: about.class,
        scrolls: about.scrolls,
    })
}
