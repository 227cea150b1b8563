//! "How to read a report": docs/reading-a-report.md as a page and as a section of the HTML file.

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
    let body = Markup::from_template(&Help {
        entries: entries.map(|(_, anchor, title)| (anchor, title)).collect(),
        text: text("", 0),
    })?;
    Ok(Content { title: "How to read a report".to_owned(), bar: None, body })
}

/// The text without its title. `prefix` is prepended to anchors; headings are `depth` levels lower.
pub fn text(prefix: &str, depth: usize) -> Markup {
    let anchors = headings();
    let mut next = anchors.iter().filter(|(level, ..)| *level != HeadingLevel::H1);
    let mut in_title = false;
    let level = |level: HeadingLevel| {
        HeadingLevel::try_from(level as usize + depth).unwrap_or(HeadingLevel::H6)
    };
    let events = parser().filter_map(|event| match event {
        Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => {
            in_title = true;
            None
        }
        Event::End(TagEnd::Heading(HeadingLevel::H1)) => {
            in_title = false;
            None
        }
        _ if in_title => None,
        Event::Start(Tag::Heading { level: original, classes, attrs, .. }) => {
            let id = next.next().map(|(_, anchor, _)| CowStr::from(format!("{prefix}{anchor}")));
            Some(Event::Start(Tag::Heading { level: level(original), id, classes, attrs }))
        }
        Event::End(TagEnd::Heading(original)) => Some(Event::End(TagEnd::Heading(level(original)))),
        other => Some(other),
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    Markup::trusted(page.replace("<th>", "<th scope=\"col\">"))
}

fn parser() -> Parser<'static> {
    Parser::new_ext(TEXT, Options::ENABLE_TABLES)
}

/// Level, anchor and title of each heading. Anchors are those of GitHub.
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

    /// The anchors that pages link to.
    const ANCHORS: [&str; 17] = [
        "incidents",
        "risk",
        "timeline",
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
    fn every_figure_has_an_explanation() {
        let page = text("help-", 1).into_string();
        for anchor in ANCHORS {
            assert!(page.contains(&format!("<h3 id=\"help-{anchor}\">")), "{anchor}");
        }
        assert!(!page.contains("<h1") && !page.contains("://"));
    }

    #[test]
    fn the_page_has_anchors_and_a_table_of_contents() {
        let page = page().unwrap().body.into_string();
        assert!(page.contains("<h2 id=\"map\">"));
        assert!(page.contains("href=\"#map\""));
    }
}
