//! Section 3: the flags, by severity, and what they found.

use anomal_core::{
    Result,
    proto::{Severity, report::FlagCount},
};
use askama::Template;

use super::{
    Content, Markup, Shown, frame, numbers,
    pager::{Place, pager},
    text,
};
use crate::view::{Hit, Page};

/// Rows hit that a flag shows at once.
pub const LIMIT: usize = 10;

struct Line {
    row: String,
    href: Option<String>,
    value: Markup,
}

struct Flag {
    place: usize,
    name: Markup,
    plain: String,
    description: Option<Markup>,
    message: Option<Markup>,
    count: String,
    share: String,
    lines: Vec<Line>,
    /// Said where not all are shown and there are no links to the others.
    shown: Option<String>,
    pager: Markup,
    download: Option<String>,
}

struct Group {
    severity: &'static str,
    class: &'static str,
    flags: Vec<Flag>,
}

#[derive(Template)]
#[template(path = "flags.html")]
struct Section {
    level: u8,
    groups: Vec<Group>,
    flagged: String,
    results: String,
    help: String,
}

/// The page: a page of hits for each flag of the report, in order.
pub fn page(shown: &Shown<'_>, hits: &[Page<Hit>]) -> Result<Content> {
    Ok(Content {
        title: "Flags".to_owned(),
        bar: Some(frame::Bar::of(shown, "flags")),
        body: section(shown, hits)?,
    })
}

pub fn section(shown: &Shown<'_>, hits: &[Page<Hit>]) -> Result<Markup> {
    let mut groups = Vec::new();
    for severity in [Severity::High, Severity::Medium, Severity::Low, Severity::Unspecified] {
        let mut flags = Vec::new();
        for (place, flag) in shown.report.flags.iter().enumerate() {
            if flag.severity() == severity {
                flags.push(one(shown, place, flag, hits.get(place))?);
            }
        }
        if !flags.is_empty() {
            let (severity, class) = match severity {
                Severity::Unspecified => ("No severity", "none"),
                Severity::High => ("High severity", "high"),
                Severity::Medium => ("Medium severity", "medium"),
                Severity::Low => ("Low severity", "low"),
            };
            groups.push(Group { severity, class, flags });
        }
    }
    Markup::of(&Section {
        level: shown.level,
        groups,
        flagged: numbers::count(shown.report.flagged),
        results: numbers::counted(shown.report.results, "row", "rows"),
        help: shown.links.help("flags"),
    })
}

fn one(
    shown: &Shown<'_>,
    place: usize,
    flag: &FlagCount,
    hits: Option<&Page<Hit>>,
) -> Result<Flag> {
    let nothing = Page { items: Vec::new(), offset: 0, total: 0 };
    let hits = hits.unwrap_or(&nothing);
    let at =
        Place { offset: hits.offset, shown: hits.items.len(), total: hits.total, limit: LIMIT };
    let is_file = shown.links.is_file();
    let all = usize::try_from(flag.rows).unwrap_or(usize::MAX);
    let kept = if is_file { hits.items.len() } else { hits.total };
    let count = numbers::count(flag.rows);
    let sentence = |text: &str| (!text.is_empty()).then(|| text::bdi(text, 10 * text::CELL));
    Ok(Flag {
        place,
        name: text::name(&flag.name),
        plain: text::short(&flag.name, text::CELL),
        description: sentence(&flag.description),
        message: sentence(&flag.message.replace("{count}", &count)),
        count,
        share: numbers::share(flag.rows, shown.report.results),
        lines: hits.items.iter().map(|hit| line(shown, hit)).collect(),
        shown: (kept < all).then(|| {
            format!("The first {} of {} are shown.", numbers::size(kept), numbers::size(all))
        }),
        pager: if is_file {
            Markup::default()
        } else {
            let label = format!("Pages of rows hit by flag {}", place + 1);
            pager(at, &label, |page| format!("?flag={place}&page={page}#flag-{place}"))?
        },
        download: (flag.rows > 0)
            .then(|| shown.links.download(&format!("flag-{place}.csv")))
            .flatten(),
    })
}

fn line(shown: &Shown<'_>, hit: &Hit) -> Line {
    Line {
        row: numbers::count(hit.row),
        href: shown.links.row(hit.row),
        value: text::cell(Some(&hit.value)),
    }
}
