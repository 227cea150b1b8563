//! Links between the pages of a long table.

use anomal_core::Result;
use askama::Template;

use crate::pages::{Markup, format::numbers};

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
    /// None for a gap between page numbers.
    href: Option<String>,
    current: bool,
}

/// The rows of a page within a table.
#[derive(Clone, Copy, Debug)]
pub struct PageRange {
    /// Index of the first row.
    pub offset: usize,
    /// Rows on this page.
    pub rows: usize,
    pub total: usize,
    /// Rows on a full page.
    pub limit: usize,
}

/// The links; empty if there is one page. `href` returns the link to a page, counted from 1.
pub fn pager(range: PageRange, label: &str, href: impl Fn(usize) -> String) -> Result<Markup> {
    let limit = range.limit.max(1);
    let pages = range.total.div_ceil(limit);
    if pages < 2 {
        return Ok(Markup::default());
    }
    let current = (range.offset / limit + 1).min(pages);
    let mut steps = Vec::new();
    let mut previous = 0;
    for page in 1..=pages {
        if page != 1 && page != pages && page.abs_diff(current) > 2 {
            continue;
        }
        if page - previous > 1 {
            steps.push(Step { number: "…".to_owned(), href: None, current: false });
        }
        previous = page;
        steps.push(Step {
            number: numbers::size(page),
            href: Some(href(page)),
            current: page == current,
        });
    }
    Markup::from_template(&Pager {
        label,
        first: numbers::size((range.offset + 1).min(range.total)),
        last: numbers::size(range.offset + range.rows),
        total: numbers::size(range.total),
        previous: (current > 1).then(|| href(current - 1)),
        next: (current < pages).then(|| href(current + 1)),
        steps,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(offset: usize, total: usize) -> String {
        let range = PageRange { offset, rows: 10.min(total - offset), total, limit: 10 };
        pager(range, "Rows", |page| format!("?page={page}")).unwrap().into_string()
    }

    #[test]
    fn a_single_page_has_no_links() {
        assert_eq!(html(0, 10), "");
    }

    #[test]
    fn the_nearest_and_the_outermost_pages_have_links() {
        let html = html(490, 1000);
        for page in [1, 48, 49, 50, 51, 52, 100] {
            assert!(html.contains(&format!("?page={page}\"")), "{page}: {html}");
        }
        assert!(!html.contains("?page=20\""));
        assert!(html.contains("491"));
        assert!(html.contains("aria-current=\"page\""));
    }

    #[test]
    fn a_million_pages_have_few_links() {
        assert!(html(0, 10_000_000).len() < 4000);
    }
}
