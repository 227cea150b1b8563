//! Section 3: flags by severity, with the rows that they hit.

use anomal_core::{
    Result,
    proto::{Severity, report::FlagCount},
};
use askama::Template;

use super::{
    Content, Markup, ReportContext,
    format::{numbers, text},
    layout::{
        frame::ReportBar,
        pager::{PageRange, pager},
    },
};
use crate::view::{Hit, Page};

/// Rows of a page of hits.
pub const LIMIT: usize = 10;

struct HitRow {
    row: String,
    href: Option<String>,
    value: Markup,
}

struct Flag {
    index: usize,
    name: Markup,
    plain: String,
    description: Option<Markup>,
    message: Option<Markup>,
    count: String,
    share: String,
    rows: Vec<HitRow>,
    /// How many hits are listed, if not all are.
    listed: Option<String>,
    pager: Markup,
    download: Option<String>,
}

struct SeverityGroup {
    severity: &'static str,
    class: &'static str,
    flags: Vec<Flag>,
}

#[derive(Template)]
#[template(path = "flags.html")]
struct Section {
    level: u8,
    groups: Vec<SeverityGroup>,
    flagged: String,
    results: String,
    help: String,
}

/// The page. `hits`: a page of hits for each flag of the report, in order.
pub fn page(context: &ReportContext<'_>, hits: &[Page<Hit>]) -> Result<Content> {
    Ok(Content {
        title: "Flags".to_owned(),
        bar: Some(ReportBar::new(context, "flags")),
        body: section(context, hits)?,
    })
}

pub fn section(context: &ReportContext<'_>, hits: &[Page<Hit>]) -> Result<Markup> {
    let mut groups = Vec::new();
    for severity in [Severity::High, Severity::Medium, Severity::Low, Severity::Unspecified] {
        let mut flags = Vec::new();
        for (index, flag) in context.report.flags.iter().enumerate() {
            if flag.severity() == severity {
                flags.push(flag_article(context, index, flag, hits.get(index))?);
            }
        }
        if !flags.is_empty() {
            let (severity, class) = match severity {
                Severity::Unspecified => ("No severity", "none"),
                Severity::High => ("High severity", "high"),
                Severity::Medium => ("Medium severity", "medium"),
                Severity::Low => ("Low severity", "low"),
            };
            groups.push(SeverityGroup { severity, class, flags });
        }
    }
    Markup::from_template(&Section {
        level: context.level,
        groups,
        flagged: numbers::count(context.report.flagged),
        results: numbers::counted(context.report.results, "row", "rows"),
        help: context.links.help("flags"),
    })
}

fn flag_article(
    context: &ReportContext<'_>,
    index: usize,
    flag: &FlagCount,
    hits: Option<&Page<Hit>>,
) -> Result<Flag> {
    let empty = Page::default();
    let hits = hits.unwrap_or(&empty);
    let range =
        PageRange { offset: hits.offset, rows: hits.items.len(), total: hits.total, limit: LIMIT };
    let is_file = context.links.is_file();
    let all = usize::try_from(flag.rows).unwrap_or(usize::MAX);
    let stored = if is_file { hits.items.len() } else { hits.total };
    let count = numbers::count(flag.rows);
    let sentence = |text: &str| (!text.is_empty()).then(|| text::bdi(text, 10 * text::CELL));
    Ok(Flag {
        index,
        name: text::name(&flag.name),
        plain: text::shorten(&flag.name, text::CELL),
        description: sentence(&flag.description),
        message: sentence(&flag.message.replace("{count}", &count)),
        count,
        share: numbers::share(flag.rows, context.report.results),
        rows: hits.items.iter().map(|hit| hit_row(context, hit)).collect(),
        listed: (stored < all).then(|| {
            format!("The first {} of {} are listed.", numbers::size(stored), numbers::size(all))
        }),
        pager: if is_file {
            Markup::default()
        } else {
            let label = format!("Pages of rows hit by flag {}", index + 1);
            pager(range, &label, |page| format!("?flag={index}&page={page}#flag-{index}"))?
        },
        download: (flag.rows > 0)
            .then(|| context.links.download(&format!("flag-{index}.csv")))
            .flatten(),
    })
}

fn hit_row(context: &ReportContext<'_>, hit: &Hit) -> HitRow {
    HitRow {
        row: numbers::count(hit.row),
        href: context.links.row(hit.row),
        value: text::cell(Some(&hit.value)),
    }
}
