//! The line of filters: a chip for each, and a form for further ones.

use anomal_core::{Result, words};
use askama::Template;

use super::{
    Markup, ReportContext,
    format::{numbers, text},
    layout::links,
};
use crate::view::filter::FilterPart;

/// Flags, and columns, that the form offers.
const CHOICES: usize = 200;

struct Chip {
    words: Markup,
    problem: Option<String>,
    /// The page without it.
    href: String,
    /// Rows that would fit without it, where none does.
    without: Option<String>,
}

struct Choice {
    value: String,
    name: String,
}

struct Hidden {
    name: String,
    value: String,
}

#[derive(Template)]
#[template(path = "filters.html")]
struct Filters {
    path: String,
    chips: Vec<Chip>,
    clear: String,
    count: String,
    hidden: Vec<Hidden>,
    flags: Vec<Choice>,
    columns: Vec<Choice>,
    has_incidents: bool,
    time: Option<TimeInputs>,
    search: String,
}

struct TimeInputs {
    kind: &'static str,
    from: String,
    to: String,
    zone: &'static str,
}

/// The line on the page of a section. `kept`: parameters that are not filters, kept with them.
pub fn line(
    context: &ReportContext<'_>,
    section: &str,
    kept: &[(String, String)],
) -> Result<Markup> {
    if context.links.is_file() {
        return Ok(Markup::default());
    }
    let parts = &context.query.parts;
    let path = context.links.section(section);
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let href = |without: Option<usize>| {
        let kept_parts = kept.iter().map(|(name, value)| part(name, value)).collect::<Vec<_>>();
        let others = parts.iter().enumerate().filter(|(place, part)| {
            without.is_some_and(|without| without != *place) && part.name != "…"
        });
        let query = links::query(others.map(|(_, part)| part).chain(&kept_parts));
        if query.is_empty() { path.clone() } else { format!("{path}?{query}") }
    };
    let chip = |(place, part): (usize, &FilterPart)| Chip {
        words: text::bdi(&words_of(context, part), text::CELL),
        problem: part.problem.clone(),
        href: href(Some(place)),
        without: context.matches.and_then(|it| it.without.get(place)).map(|it| numbers::count(*it)),
    };
    let set_by_form = |name: &str| matches!(name, "from" | "to" | "q" | "…");
    let hidden = parts
        .iter()
        .filter(|part| !set_by_form(&part.name))
        .map(|part| Hidden { name: part.name.clone(), value: part.value.clone() })
        .chain(
            kept.iter().map(|(name, value)| Hidden { name: name.clone(), value: value.clone() }),
        );
    let report = context.report;
    let choice = |name: &str| {
        let (value, shown) = (name.to_owned(), text::shorten(name, text::CELL));
        text::is_plain(name).then_some(Choice { value, name: shown })
    };
    Markup::from_template(&Filters {
        chips: parts.iter().enumerate().map(chip).collect(),
        clear: href(None),
        count: count(context),
        hidden: hidden.collect(),
        flags: report.flags.iter().filter_map(|flag| choice(&flag.name)).take(CHOICES).collect(),
        columns: report.columns.iter().filter_map(|it| choice(&it.name)).take(CHOICES).collect(),
        has_incidents: context.incidents.is_some(),
        time: time_inputs(context),
        search: context.query.filter.search.clone(),
        path,
    })
}

fn part(name: &str, value: &str) -> FilterPart {
    FilterPart { name: name.to_owned(), value: value.to_owned(), problem: None }
}

fn time_inputs(context: &ReportContext<'_>) -> Option<TimeInputs> {
    context.incidents?.summary.timeline.as_ref()?;
    let (times, filter) = (context.times(), &context.query.filter);
    let value = |time: Option<i64>| time.map_or_else(String::new, |time| times.input(time));
    let kind = times.input_type();
    let zone = if kind == "number" { "" } else { ", UTC" };
    Some(TimeInputs { kind, from: value(filter.from), to: value(filter.to), zone })
}

/// `12 of 531 rows`.
fn count(context: &ReportContext<'_>) -> String {
    let all = context.report.suspects;
    match context.matches {
        Some(matches) => format!(
            "{} of {}",
            numbers::count(matches.rows),
            numbers::counted(all, "row that stands out", "rows that stand out")
        ),
        None => numbers::counted(all, "row stands out", "rows stand out"),
    }
}

/// A filter in words.
fn words_of(context: &ReportContext<'_>, part: &FilterPart) -> String {
    let value = words::shortened(&part.value, 60);
    let noun = |is_actor, other: &'static str| context.nouns(is_actor).map_or(other, |it| it.0);
    let times = context.times();
    let time = |time: Option<i64>| time.map_or(value.clone(), |time| times.precise(time));
    match part.name.as_str() {
        "from" => format!("from {}", time(context.query.filter.from)),
        "to" => format!("before {}", time(context.query.filter.to)),
        "actor" => format!("{} {value}", noun(true, "actor")),
        "target" => format!("{} {value}", noun(false, "target")),
        "q" => format!("contains {value}"),
        "…" => "further filters".to_owned(),
        name => {
            let (kind, column) = name.split_once('.').unwrap_or(("", name));
            let value = match value.as_str() {
                "" => "missing",
                "*" => "present",
                value => value,
            };
            let column = words::shortened(column, 60);
            match kind {
                "f" => format!("{column} {value}"),
                "x" => format!("{column} not {value}"),
                _ => format!("{name} {value}"),
            }
        }
    }
}
