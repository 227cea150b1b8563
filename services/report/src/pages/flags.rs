//! Flags by severity, with the groups of rows that they hit.

use anomal_core::{
    Result,
    proto::{Severity, report::FlagCount},
};
use askama::Template;

use super::{
    Content, Markup, ReportContext, filters,
    flag_groups::{self, GroupsOptions},
    format::{numbers, text},
    layout::{
        frame::ReportBar,
        pager::{PageRange, pager},
    },
    verdicts::JudgedCount,
};
use crate::view::{Hit, Page, incidents::FlagGroup};

/// Groups, or rows where they are not grouped, of a page.
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
    /// `1 host · 6 domains · 6 incidents`.
    sums: String,
    groups: Markup,
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
    filters: Markup,
    groups: Vec<SeverityGroup>,
    flagged: String,
    results: String,
    help: String,
}

/// What a flag has hit: groups where rows are grouped, else rows.
#[derive(Clone, Debug, Default)]
pub struct FlagHits {
    pub hits: Page<Hit>,
    pub groups: Page<FlagGroup>,
}

/// The page. `hits`: for each flag of the report, in order.
pub fn page(context: &ReportContext<'_>, hits: &[FlagHits]) -> Result<Content> {
    Ok(Content {
        title: "Flags".to_owned(),
        bar: Some(ReportBar::new(context, "flags")),
        body: section(context, hits)?,
    })
}

pub fn section(context: &ReportContext<'_>, hits: &[FlagHits]) -> Result<Markup> {
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
        filters: filters::line(context, "flags", &[])?,
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
    hits: Option<&FlagHits>,
) -> Result<Flag> {
    let empty = FlagHits::default();
    let FlagHits { hits, groups } = hits.unwrap_or(&empty);
    let is_grouped = context.incidents.is_some();
    let (offset, rows, total) = if is_grouped {
        (groups.offset, groups.items.len(), groups.total)
    } else {
        (hits.offset, hits.items.len(), hits.total)
    };
    let range = PageRange { offset, rows, total, limit: LIMIT };
    let is_file = context.links.is_file();
    let count = numbers::count(flag.rows);
    let sentence = |text: &str| (!text.is_empty()).then(|| text::bdi(text, 10 * text::CELL));
    let plain = text::shorten(&flag.name, text::CELL);
    let options = GroupsOptions { with_flag: false, with_incident: true };
    Ok(Flag {
        index,
        name: text::name(&flag.name),
        description: sentence(&flag.description),
        message: sentence(&flag.message.replace("{count}", &count)),
        count,
        share: numbers::share(flag.rows, context.report.results),
        sums: sums(context, index),
        groups: flag_groups::table(context, &groups.items, &format!("Hits of {plain}"), options)?,
        rows: if is_grouped {
            Vec::new()
        } else {
            hits.items.iter().map(|hit| hit_row(context, hit)).collect()
        },
        listed: listed(context, index, flag, rows, if is_file { rows } else { total }),
        pager: if is_file {
            Markup::default()
        } else {
            let label = format!("Pages of flag {}", index + 1);
            pager(range, &label, |page| {
                let (index, page) = (index.to_string(), page.to_string());
                let parameters = [("flag-page", index.as_str()), ("page", page.as_str())];
                let href = context.links.section_with("flags", &parameters).unwrap_or_default();
                format!("{href}#flag-{index}")
            })?
        },
        download: (flag.rows > 0)
            .then(|| context.links.download(&format!("flag-{index}.csv")))
            .flatten(),
        plain,
    })
}

/// How many groups or rows are listed, if not all are.
fn listed(
    context: &ReportContext<'_>,
    index: usize,
    flag: &FlagCount,
    shown: usize,
    stored: usize,
) -> Option<String> {
    let (shown, stored) = (numbers::size(shown), stored as u64);
    let Some(incidents) = context.incidents else {
        return (stored < flag.rows).then(|| {
            let stored = numbers::count(stored);
            format!("The first {stored} of {} are listed.", numbers::count(flag.rows))
        });
    };
    let groups = incidents.summary.flags.get(index).map_or(0, |sums| sums.groups);
    match context.matches {
        Some(_) if flag.rows > 0 => Some(format!(
            "{} of {} fit the filters.",
            numbers::count(stored),
            numbers::counted(groups, "group", "groups")
        )),
        None if stored < groups => {
            Some(format!("The first {shown} of {} groups are listed.", numbers::count(groups)))
        }
        _ => None,
    }
}

/// What its hits are about, in numbers.
fn sums(context: &ReportContext<'_>, flag: usize) -> String {
    let all = context.incidents.and_then(|all| all.summary.flags.get(flag)).copied();
    let Some(all) = all.filter(|all| all.groups > 0) else { return String::new() };
    let entity = |is_actor, number| {
        let (one, many) = context.nouns(is_actor)?;
        let [one, many] = [one, many].map(|noun| text::shorten(noun, 40));
        (number > 0).then(|| numbers::counted(number, &one, &many))
    };
    let name = &context.report.flags[flag].name;
    let of_flag = context.incidents.into_iter().flat_map(|all| &all.incidents);
    let judged =
        JudgedCount::new(context, of_flag.filter(|incident| incident.flags.contains(name)));
    let parts = [
        entity(true, all.actors),
        entity(false, all.targets),
        Some(numbers::counted(all.incidents, "incident", "incidents")),
        (judged.judged() > 0).then(|| judged.words()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn hit_row(context: &ReportContext<'_>, hit: &Hit) -> HitRow {
    HitRow {
        row: numbers::count(hit.row),
        href: context.links.row(hit.row),
        value: text::cell(Some(&hit.value)),
    }
}
