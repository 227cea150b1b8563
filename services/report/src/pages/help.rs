//! "How to read a report": one text for the documentation, the page and the file.

use anomal_core::Result;
use askama::Template;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::{Content, Markup};

const TEXT: &str = include_str!("../../../../docs/reading-a-report.md");

#[derive(Template)]
#[template(path = "help.html")]
struct Help {
    entries: Vec<(String, String)>,
    text: Markup,
}

pub fn page() -> Result<Content> {
    let entries = headings().into_iter().filter(|(level, ..)| *level == HeadingLevel::H2);
    let body = Markup::of(&Help {
        entries: entries.map(|(_, anchor, title)| (anchor, title)).collect(),
        text: text("", 0),
    })?;
    Ok(Content { title: "How to read a report".to_owned(), bar: None, body })
}

/// The text without its title, its anchors after `prefix`, its headings `deeper` than they are.
pub fn text(prefix: &str, deeper: usize) -> Markup {
    let anchors = headings();
    let mut next = anchors.iter().filter(|(level, ..)| *level != HeadingLevel::H1);
    let mut title = false;
    let level = |level: HeadingLevel| {
        HeadingLevel::try_from(level as usize + deeper).unwrap_or(HeadingLevel::H6)
    };
    let events = parser().filter_map(|event| match event {
        Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => {
            title = true;
            None
        }
        Event::End(TagEnd::Heading(HeadingLevel::H1)) => {
            title = false;
            None
        }
        _ if title => None,
        Event::Start(Tag::Heading { level: own, classes, attrs, .. }) => {
            let id = next.next().map(|(_, anchor, _)| CowStr::from(format!("{prefix}{anchor}")));
            Some(Event::Start(Tag::Heading { level: level(own), id, classes, attrs }))
        }
        Event::End(TagEnd::Heading(own)) => Some(Event::End(TagEnd::Heading(level(own)))),
        other => Some(other),
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    Markup::trusted(page.replace("<th>", "<th scope=\"col\">"))
}

fn parser() -> Parser<'static> {
    Parser::new_ext(TEXT, Options::ENABLE_TABLES)
}

/// Level, anchor and title of each heading. Anchors are those that code hosts make of the title.
fn headings() -> Vec<(HeadingLevel, String, String)> {
    let mut headings = Vec::new();
    let mut open: Option<(HeadingLevel, String)> = None;
    for event in parser() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => open = Some((level, String::new())),
            Event::End(TagEnd::Heading(_)) => {
                if let Some((level, title)) = open.take() {
                    headings.push((level, anchor(&title), title));
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, title)) = &mut open {
                    title.push_str(&text);
                }
            }
            _ => {}
        }
    }
    headings
}

fn anchor(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'))
        .map(|character| if character == ' ' { '-' } else { character })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every anchor that a page links to.
    const ANCHORS: [&str; 14] = [
        "reasons",
        "map",
        "clusters",
        "dendrogram",
        "silhouette",
        "similarity-heatmap",
        "scores",
        "contributions",
        "weights",
        "density",
        "correlations",
        "flags",
        "quartiles",
        "nearest-rows",
    ];

    #[test]
    fn every_picture_has_its_heading() {
        let page = text("help-", 1).into_string();
        for anchor in ANCHORS {
            assert!(page.contains(&format!("<h3 id=\"help-{anchor}\">")), "{anchor}");
        }
        assert!(!page.contains("<h1") && !page.contains("://"));
    }

    #[test]
    fn the_page_has_no_title_of_its_own() {
        let page = page().unwrap().body.into_string();
        assert!(page.contains("<h2 id=\"map\">"));
        assert!(page.contains("href=\"#map\""));
    }
}
