//! The page of an incident: what was found, why it has its risk, its rows.

use anomal_core::{
    Result,
    proto::{FeatureKind, Incident, RiskParts},
    words,
};
use askama::Template;

use super::{
    Content, Markup, ReportContext,
    flag_groups::{self, GroupsOptions},
    format::{numbers, text},
    incident_lines::{self, mark},
    layout::{
        frame::ReportBar,
        pager::{PageRange, pager},
    },
    suspect_table::{self, TableOptions},
    verdicts::form::{self, FormState},
};
use crate::view::{
    Page, Record,
    incidents::{EntitySummary, FlagGroup},
};

/// Rows of a page.
pub const LIMIT: usize = 25;
/// Groups of hits on the page.
pub const GROUPS: usize = 30;
/// Other incidents about the same thing.
const OTHERS: usize = 8;
/// Features in which its rows differ from the others.
const FEATURES: usize = 4;

/// What the page shows beside the incident itself.
#[derive(Clone, Debug, Default)]
pub struct IncidentParts {
    /// A page of its rows, the most suspicious first.
    pub rows: Page<Record>,
    pub groups: Page<FlagGroup>,
    /// Its only actor, and its only target, with the numbers of all incidents about them.
    pub actor: Option<(String, Vec<u64>)>,
    pub target: Option<(String, Vec<u64>)>,
    /// None where nothing can be judged.
    pub form: Option<FormState>,
}

struct RiskLine {
    points: String,
    words: Markup,
}

struct Thing {
    noun: Markup,
    value: Markup,
    href: Option<String>,
}

struct Others {
    about: Markup,
    incidents: Markup,
    more: Option<String>,
    /// Other rows of the same thing near the incident.
    around: Option<String>,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct Body {
    level: u8,
    severity: &'static str,
    mark: &'static str,
    risk: u32,
    title: Markup,
    when: Option<String>,
    rows: String,
    key: Markup,
    things: Vec<Thing>,
    groups: Markup,
    parts: Vec<RiskLine>,
    together: Option<String>,
    unlike: Vec<Markup>,
    table: Markup,
    pager: Markup,
    left_off: Option<String>,
    verdict: Markup,
    cases: Vec<(String, &'static str)>,
    others: Vec<Others>,
    previous: Option<String>,
    next: Option<String>,
    back: String,
    all_rows: Option<String>,
    help: String,
}

pub fn page(
    context: &ReportContext<'_>,
    incident: &Incident,
    parts: &IncidentParts,
) -> Result<Content> {
    let title = format!("Incident {}", numbers::count(incident.number));
    let body = section(context, incident, parts)?;
    Ok(Content { title, bar: Some(ReportBar::new(context, "incidents")), body })
}

pub fn section(
    context: &ReportContext<'_>,
    incident: &Incident,
    parts: &IncidentParts,
) -> Result<Markup> {
    let is_file = context.links.is_file();
    let count = context.incidents.map_or(0, |all| all.incidents.len() as u64);
    let neighbour = |number: u64| {
        let known = (1..=count).contains(&number) && !is_file;
        known.then(|| context.links.incident(number)).flatten()
    };
    // What is the same in each row stands above.
    let only =
        [("actor", incident.actors == 1), ("target", incident.targets == 1), ("incident", true)];
    let without: Vec<&str> =
        only.into_iter().filter(|(_, is_one)| *is_one).map(|(name, _)| name).collect();
    let options = TableOptions {
        label: &format!("Rows of incident {}", incident.number),
        params: None,
        features: false,
        columns: &suspect_table::default_columns(context),
        id_prefix: "",
        choose: false,
        without: &without,
    };
    let shown = &parts.rows.items;
    let range = PageRange {
        offset: parts.rows.offset,
        rows: shown.len(),
        total: parts.rows.total,
        limit: LIMIT,
    };
    let listed = if is_file { shown.len() } else { parts.rows.total } as u64;
    let groups = GroupsOptions { with_flag: true, with_incident: false };
    Markup::from_template(&Body {
        level: context.level,
        severity: numbers::severity_class(incident.severity()),
        mark: mark(incident.severity()),
        risk: incident.risk,
        title: text::bdi(incident_lines::title(incident), 2 * text::CELL),
        when: incident.span.map(|span| {
            let times = context.times();
            let zone = if times.input_type() == "number" { "" } else { " UTC" };
            format!("{}{zone}", times.span(span.first, span.last))
        }),
        rows: rows(context, incident),
        key: text::name(&incident.key),
        things: [(true, &parts.actor), (false, &parts.target)]
            .into_iter()
            .filter_map(|(is_actor, thing)| thing_of(context, is_actor, &thing.as_ref()?.0))
            .collect(),
        groups: flag_groups::table(
            context,
            &parts.groups.items,
            &format!("What was found in incident {}", incident.number),
            groups,
        )?,
        parts: risk(context, incident)
            .into_iter()
            .map(|(points, words)| RiskLine { points, words: text::bdi(&words, 2 * text::CELL) })
            .collect(),
        together: (incident.findings > 1 && !incident.together.is_empty()).then(|| {
            let why = text::shorten(&incident.together.join(", and "), 2 * text::CELL);
            format!("One incident because of {why}.")
        }),
        unlike: unlike(context, shown),
        table: if shown.is_empty() {
            Markup::default()
        } else {
            suspect_table::table(context, options, shown)?
        },
        pager: if is_file {
            Markup::default()
        } else {
            pager(range, "Pages of rows", |page| {
                let number = page.to_string();
                let section = format!("incidents/{}", incident.number);
                context.links.section_with(&section, &[("page", &number)]).unwrap_or_default()
            })?
        },
        left_off: (listed < incident.rows).then(|| {
            let rows = numbers::counted(incident.rows, "row", "rows");
            format!(
                "{} of {rows} are listed; the others are in the downloads.",
                numbers::count(listed)
            )
        }),
        verdict: form::section(context, &[incident], parts.form.as_ref())?,
        cases: [("md", "Case as Markdown"), ("json", "Case as JSON")]
            .into_iter()
            .filter_map(|(ending, label)| {
                let name = format!("case-{}.{ending}", incident.number);
                Some((context.links.download(&name)?, label))
            })
            .collect(),
        others: if is_file { Vec::new() } else { others(context, incident, parts)? },
        previous: neighbour(incident.number.saturating_sub(1)),
        next: neighbour(incident.number + 1),
        back: context.links.section("incidents"),
        all_rows: context
            .links
            .section_with("suspects", &[("incident", &incident.number.to_string())]),
        help: context.links.help("risk"),
    })
}

fn rows(context: &ReportContext<'_>, incident: &Incident) -> String {
    let rows = numbers::counted(incident.rows, "row", "rows");
    if context.report.engine.is_empty() || incident.suspicious == incident.rows {
        return rows;
    }
    format!("{rows} ({} suspicious)", numbers::count(incident.suspicious))
}

fn thing_of(context: &ReportContext<'_>, is_actor: bool, value: &str) -> Option<Thing> {
    let noun = context.nouns(is_actor)?.0;
    let known = find(context, is_actor, value);
    Some(Thing {
        noun: text::name(noun),
        value: text::bdi(value, text::CELL),
        href: known.and_then(|entity| context.links.entity(&entity.kind, &entity.value)),
    })
}

/// The parts of the risk: points, and their reason in words.
pub fn risk(context: &ReportContext<'_>, incident: &Incident) -> Vec<(String, String)> {
    let RiskParts { flag, score, more, rarity } = incident.parts.unwrap_or_default();
    let one = context.nouns(true).map_or("actor", |nouns| nouns.0);
    let mut lines = Vec::new();
    let mut add = |points: i64, words: String| {
        let points = if points < 0 { format!("−{}", -points) } else { points.to_string() };
        lines.push((points, words));
    };
    if flag > 0 {
        let severity = match flag {
            60.. => "high",
            40.. => "medium",
            _ => "low",
        };
        let is_it = |name: &&String| numbers::severity(context.severity(name)) == severity;
        let name = incident.flags.iter().find(is_it).or(incident.flags.first());
        let name = name.map_or_else(String::new, |name| format!(": {name}"));
        add(flag.into(), format!("a flag of {severity} severity{name}"));
    }
    if incident.suspicious > 0 {
        let words = match score {
            30 => "its highest score is the highest of the run",
            20.. => "its highest score is above that of most suspicious rows",
            10.. => "its highest score is above that of some suspicious rows",
            _ => "its highest score is among the lowest of suspicious rows",
        };
        add(score.into(), words.to_owned());
    }
    if more > 0 {
        let words = if incident.flags.len() > 1 {
            format!("{} flags, or a flag and the score, agree", incident.flags.len())
        } else {
            "flag and score agree".to_owned()
        };
        add(more.into(), words);
    }
    if rarity > 0 {
        add(rarity.into(), format!("no other {one} is met with it in all rows"));
    } else if rarity < 0 {
        add(rarity.into(), "many others are met with it too".to_owned());
    }
    let sum = i64::from(flag + score + more) + i64::from(rarity);
    if sum != i64::from(incident.risk) {
        add(i64::from(incident.risk) - sum, "a risk is from 1 to 100".to_owned());
    }
    lines
}

/// The features that contributed most to its rows, with their values and the median of all rows.
fn unlike(context: &ReportContext<'_>, rows: &[Record]) -> Vec<Markup> {
    let features = &context.report.features;
    let mut shares: Vec<(usize, f64)> = Vec::new();
    for place in 0..features.len() {
        let share = rows.iter().filter_map(|row| row.contributions.get(place)).sum();
        shares.push((place, share));
    }
    shares.retain(|(_, share)| *share > 0.0);
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let line = |(place, _): &(usize, f64)| {
        let feature = &features[*place];
        let values: Vec<_> = rows.iter().filter_map(|row| row.features.get(*place)).collect();
        let is_measured = |number: &f64| !feature.named.iter().any(|it| it.number == *number);
        let numeric = feature.kind() == FeatureKind::Numeric;
        let measured = || values.iter().filter_map(|it| it.number).filter(is_measured);
        let named = values.iter().find_map(|value| value.text.as_deref());
        let name = text::name(&feature.name);
        if !numeric || measured().next().is_none() {
            let value =
                named.map_or_else(|| "missing".to_owned(), |it| words::feature(feature, it));
            return Markup::trusted(format!("{name} {}", text::bdi(&value, 60)));
        }
        let low = measured().fold(f64::INFINITY, f64::min);
        let high = measured().fold(f64::NEG_INFINITY, f64::max);
        let range = if low == high {
            numbers::number(low)
        } else {
            format!("{}–{}", numbers::number(low), numbers::number(high))
        };
        let median = context.feature_group(*place).and_then(|all| all.quantiles.get(4).copied());
        let median = median.map_or_else(String::new, |median| {
            format!(" <span class=\"muted\">(median of all {})</span>", numbers::number(median))
        });
        Markup::trusted(format!("{name} <b>{range}</b>{median}"))
    };
    shares.iter().take(FEATURES).map(line).collect()
}

/// Other incidents of the same actor, and about the same target.
fn others(
    context: &ReportContext<'_>,
    incident: &Incident,
    parts: &IncidentParts,
) -> Result<Vec<Others>> {
    let mut all = Vec::new();
    for (prefix, thing, is_actor) in
        [("Also on", &parts.actor, true), ("Also about", &parts.target, false)]
    {
        let Some((value, numbers_of)) = thing else { continue };
        let described: Vec<(&Incident, u64)> = numbers_of
            .iter()
            .filter(|number| **number != incident.number)
            .filter_map(|number| {
                Some((context.incident(*number)?, context.incident(*number)?.rows))
            })
            .collect();
        let (lines, shown) = incident_lines::lines(context, &described, false, OTHERS)?;
        all.push(Others {
            around: around(context, incident.number, value, is_actor),
            about: Markup::trusted(format!("{prefix} {}", text::bdi(value, text::CELL))),
            incidents: if described.is_empty() { Markup::default() } else { lines },
            more: (shown < described.len())
                .then(|| format!("and {} more", numbers::size(described.len() - shown))),
        });
    }
    Ok(all)
}

/// The rows of an entity that do not stand out and are near an incident.
fn around(context: &ReportContext<'_>, number: u64, value: &str, is_actor: bool) -> Option<String> {
    let entity = find(context, is_actor, value).filter(|it| it.rows() > it.evidence)?;
    let number = number.to_string();
    let parameters = [("kind", entity.kind.as_str()), ("value", &entity.value), ("near", &number)];
    Some(format!("{}#others-title", context.links.section_with("entity", &parameters)?))
}

fn find<'a>(context: &ReportContext<'a>, is_actor: bool, value: &str) -> Option<&'a EntitySummary> {
    let rows = |it: &EntitySummary| if is_actor { it.actor_rows } else { it.target_rows };
    context.incidents?.entities.iter().find(|it| it.value == value && rows(it) > 0)
}
