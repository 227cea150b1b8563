//! Two runs beside each other: new, gone and continuing incidents, flags, drift.

use anomal_core::{Result, proto::Report, words};
use askama::Template;

use super::{
    Content, Markup,
    format::{numbers, text},
    incident_lines::mark,
    verdicts::day,
};
use crate::{
    compare::{Comparison, EntityChanges, EntityDigest, FlagChange, IncidentDigest, RunHead},
    view::display_name,
};

/// Incidents of a list.
const LISTED: usize = 100;

struct Line {
    severity: &'static str,
    mark: &'static str,
    risk: u32,
    title: Markup,
    href: String,
    about: String,
}

struct List {
    title: String,
    id: &'static str,
    lines: Vec<Line>,
    more: Option<String>,
}

struct Drift {
    feature: Markup,
    psi: String,
    changed: bool,
}

struct Flag {
    name: Markup,
    before: String,
    after: String,
}

struct Kind {
    name: Markup,
    new: String,
    gone: String,
    /// How many have a higher and a lower risk, where that can be compared.
    risks: Option<(String, String)>,
}

struct NewEntity {
    kind: Markup,
    value: Markup,
    risk: u32,
    href: String,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct Compare {
    before: Markup,
    after: Markup,
    before_href: String,
    after_href: String,
    rows: String,
    differences: Vec<Markup>,
    lists: Vec<List>,
    kinds: Vec<Kind>,
    entities: Vec<NewEntity>,
    entities_left_off: Option<String>,
    flags: Vec<Flag>,
    drift: Vec<Drift>,
}

pub fn page(all: &Comparison) -> Result<Content> {
    let href = |run: &RunHead| format!("/reports/{}", text::encode(&run.name));
    let [before, after] = [&all.before, &all.after].map(|run| {
        let name = if run.job.is_empty() { &run.name } else { &run.job };
        Markup::trusted(format!("{} · {}", text::name(name), text::bdi(&day(&run.time), 60)))
    });
    let of =
        |run: &RunHead, incident: &IncidentDigest, about: String| line(&href(run), incident, about);
    let rows = |incident: &IncidentDigest| words::rows(incident.rows);
    let new = all.new.iter().map(|it| of(&all.after, it, rows(it)));
    let gone = all.gone.iter().map(|it| of(&all.before, it, rows(it)));
    let continuing = all.continuing.iter().map(|it| {
        let mut about = if it.before.rows == it.after.rows {
            rows(&it.after)
        } else {
            format!("{} → {}", numbers::count(it.before.rows), rows(&it.after))
        };
        let listed = |numbers: &[u64]| {
            numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        if !it.joined.is_empty() {
            about = format!("{about}, joined with {} of before", listed(&it.joined));
        }
        if !it.split.is_empty() {
            about = format!("{about}, split: see {} too", listed(&it.split));
        }
        of(&all.after, &it.after, about)
    });
    let lists = vec![
        list("new", "New", new.collect(), all.new.len()),
        list("gone", "Gone", gone.collect(), all.gone.len()),
        list("continuing", "As before", continuing.collect(), all.continuing.len()),
    ];
    let body = Markup::from_template(&Compare {
        rows: rows_words(all.before.rows, all.after.rows),
        before_href: href(&all.before),
        after_href: href(&all.after),
        before,
        after,
        differences: all.differences.iter().map(|it| text::bdi(it, 4 * text::CELL)).collect(),
        lists,
        kinds: all.entities.iter().map(kind).collect(),
        entities: new_entities(all, &href(&all.after)),
        entities_left_off: entities_left_off(all),
        flags: all.flags.iter().map(flag).collect(),
        drift: all
            .drift
            .iter()
            .map(|drift| Drift {
                feature: text::name(&drift.feature),
                psi: numbers::fixed(drift.psi, 2),
                changed: drift.changed,
            })
            .collect(),
    })?;
    Ok(Content { title: "Two runs compared".to_owned(), bar: None, body })
}

/// `4,870 → 5,000 rows (+2.7 %)`.
fn rows_words(before: u64, after: u64) -> String {
    let change = if before == 0 {
        String::new()
    } else {
        format!(" ({:+.1} %)", 100.0 * (after as f64 / before as f64 - 1.0))
    };
    format!("{} → {}{change}", numbers::count(before), words::rows(after))
}

fn list(id: &'static str, title: &str, mut lines: Vec<Line>, total: usize) -> List {
    lines.truncate(LISTED);
    let more = (total > LISTED).then(|| format!("and {} more", numbers::size(total - LISTED)));
    List { title: format!("{title} {}", numbers::size(total)), id, lines, more }
}

fn line(report: &str, incident: &IncidentDigest, about: String) -> Line {
    use anomal_core::proto::Severity;
    let severity = match incident.severity.as_str() {
        "high" => Severity::High,
        "medium" => Severity::Medium,
        _ => Severity::Low,
    };
    Line {
        severity: numbers::severity_class(severity),
        mark: mark(severity),
        risk: incident.risk,
        title: text::bdi(&incident.title, text::CELL),
        href: format!("{report}/incidents/{}", incident.number),
        about: if incident.settled { format!("{about}, judged or quiet") } else { about },
    }
}

fn kind(changes: &EntityChanges) -> Kind {
    Kind {
        name: text::name(&changes.kind),
        new: numbers::size(changes.new.len()),
        gone: numbers::size(changes.gone.len()),
        risks: changes.risks.map(|it| (numbers::count(it.higher), numbers::count(it.lower))),
    }
}

/// The highest risk of each kind first. `report`: the later run's.
fn new_entities(all: &Comparison, report: &str) -> Vec<NewEntity> {
    let entity = |entity: &EntityDigest| {
        let [kind, value] = [&entity.kind, &entity.value].map(|text| text::encode(text));
        NewEntity {
            kind: text::name(&entity.kind),
            value: text::bdi(&entity.value, 60),
            risk: entity.risk,
            href: format!("{report}/entity?kind={kind}&value={value}"),
        }
    };
    all.entities.iter().flat_map(|kind| &kind.new).take(LISTED).map(entity).collect()
}

fn entities_left_off(all: &Comparison) -> Option<String> {
    let new: usize = all.entities.iter().map(|kind| kind.new.len()).sum();
    (new > LISTED).then(|| format!("and {} more", numbers::size(new - LISTED)))
}

fn flag(change: &FlagChange) -> Flag {
    let rows = |rows: Option<u64>| rows.map_or_else(|| "–".to_owned(), numbers::count);
    Flag { name: text::name(&change.name), before: rows(change.before), after: rows(change.after) }
}

struct Choice {
    href: String,
    name: Markup,
    about: Markup,
}

#[derive(Template)]
#[template(path = "compare_choice.html")]
struct Choose {
    after: Option<Markup>,
    choices: Vec<Choice>,
}

/// The page on which the other run is chosen. `after`: the later one, where it is known.
pub fn choice(after: Option<&Report>, others: &[Report]) -> Result<Content> {
    let choice = |other: &Report| Choice {
        href: match after {
            Some(after) => {
                format!("/compare?a={}&b={}", text::encode(&other.id), text::encode(&after.id))
            }
            None => format!("/compare?b={}", text::encode(&other.id)),
        },
        name: text::name(display_name(other)),
        about: text::bdi(&day(&other.create_time), text::CELL),
    };
    let body = Markup::from_template(&Choose {
        after: after.map(|after| text::name(display_name(after))),
        choices: others.iter().map(choice).collect(),
    })?;
    Ok(Content { title: "Compare two runs".to_owned(), bar: None, body })
}
