//! Links from one part of a long table to the others.

use anomal_core::Result;
use askama::Template;

use super::{Markup, numbers};

#[derive(Template)]
#[template(path = "pager.html")]
struct Pager<'a> {
    label: &'a str,
    first: String,
    last: String,
    total: String,
    previous: Option<String>,
    next: Option<String>,
    steps: Vec<Step>,
}

struct Step {
    number: String,
    /// None: the gap between pages far apart.
    href: Option<String>,
    current: bool,
}

/// Where the reader stands in a table.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub offset: usize,
    pub shown: usize,
    pub total: usize,
    pub limit: usize,
}

/// The links, or nothing where all fits one page. `href` makes the address of a page, from 1.
pub fn pager(place: Place, label: &str, href: impl Fn(usize) -> String) -> Result<Markup> {
    let limit = place.limit.max(1);
    let pages = place.total.div_ceil(limit);
    if pages < 2 {
        return Ok(Markup::default());
    }
    let current = (place.offset / limit + 1).min(pages);
    let mut steps = Vec::new();
    let mut before = 0;
    for page in 1..=pages {
        if page != 1 && page != pages && page.abs_diff(current) > 2 {
            continue;
        }
        if page - before > 1 {
            steps.push(Step { number: "…".to_owned(), href: None, current: false });
        }
        before = page;
        steps.push(Step {
            number: numbers::size(page),
            href: Some(href(page)),
            current: page == current,
        });
    }
    Markup::of(&Pager {
        label,
        first: numbers::size((place.offset + 1).min(place.total)),
        last: numbers::size(place.offset + place.shown),
        total: numbers::size(place.total),
        previous: (current > 1).then(|| href(current - 1)),
        next: (current < pages).then(|| href(current + 1)),
        steps,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: usize, total: usize) -> String {
        let place = Place { offset, shown: 10.min(total - offset), total, limit: 10 };
        pager(place, "Rows", |page| format!("?page={page}")).unwrap().into_string()
    }

    #[test]
    fn one_page_has_no_links() {
        assert_eq!(at(0, 10), "");
    }

    #[test]
    fn many_pages_have_those_near_and_the_ends() {
        let html = at(490, 1000);
        for page in [1, 48, 49, 50, 51, 52, 100] {
            assert!(html.contains(&format!("?page={page}\"")), "{page}: {html}");
        }
        assert!(!html.contains("?page=20\""));
        assert!(html.contains("491"));
        assert!(html.contains("aria-current=\"page\""));
    }

    #[test]
    fn a_million_pages_are_few_links() {
        assert!(at(0, 10_000_000).len() < 4000);
    }
}
