//! Incidents as lines of a list, those in a row that are alike as one line that opens.

use anomal_core::{
    Result,
    proto::{Incident, Severity},
    words,
};
use askama::Template;

use super::{
    Markup, ReportContext,
    format::{numbers, text},
    verdicts,
};
use crate::charts;

/// More than so many alike are one line.
const FOLDED: usize = 3;
/// An incident of more rows is not folded, unless its risk is low.
const SMALL: u64 = 3;
/// Incidents of one flag below this risk are folded, whatever their rows.
const LOW: u32 = 25;
/// Incidents of a folded line that are listed.
const LISTED: usize = 50;

pub struct IncidentLine {
    href: Option<String>,
    title: Markup,
    severity: &'static str,
    mark: &'static str,
    risk: u32,
    rows: String,
    when: String,
    strip: Markup,
    why: Markup,
    /// Its number, where it can be chosen.
    choose: Option<u64>,
}

struct Item {
    /// One line, or the first of several.
    lines: Vec<IncidentLine>,
    fold: Option<Fold>,
}

struct Fold {
    words: Markup,
    severity: &'static str,
    mark: &'static str,
    risk: u32,
    rows: String,
    more: Option<String>,
}

#[derive(Template)]
#[template(path = "incident_lines.html")]
struct Lines {
    items: Vec<Item>,
}

/// The mark of a severity, which differs in shape too.
pub fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "▲",
        Severity::Medium => "◆",
        Severity::Low | Severity::Unspecified => "●",
    }
}

/// The title without the flags at its end, which stand below.
pub fn title(incident: &Incident) -> &str {
    match incident.title.rfind(" (") {
        Some(end) if !incident.flags.is_empty() && incident.title.ends_with(')') => {
            &incident.title[..end]
        }
        _ => &incident.title,
    }
}

/// At most `limit` lines, and how many of the incidents they are. `fold`: whether incidents that are alike are one line.
pub fn lines(
    context: &ReportContext<'_>,
    incidents: &[(&Incident, u64)],
    fold: bool,
    limit: usize,
) -> Result<(Markup, usize)> {
    lines_to_choose(context, incidents, fold, limit, false)
}

/// As [`lines`]. `choose`: with a box for each, of the form with the id `judge`.
pub fn lines_to_choose(
    context: &ReportContext<'_>,
    incidents: &[(&Incident, u64)],
    fold: bool,
    limit: usize,
    choose: bool,
) -> Result<(Markup, usize)> {
    let mut items = Vec::new();
    let (mut start, mut shown) = (0, 0);
    while start < incidents.len() && items.len() < limit {
        let end = if fold { end_of_alike(incidents, start) } else { start + 1 };
        let group = &incidents[start..end];
        items.push(item(context, group, choose));
        shown += group.len();
        start = end;
    }
    Ok((Markup::from_template(&Lines { items })?, shown))
}

/// The place after the incidents in a row that are alike, if there are enough of them; else that after the first.
fn end_of_alike(incidents: &[(&Incident, u64)], start: usize) -> usize {
    let first = incidents[start].0;
    let Some(flag) = first.flags.first() else { return start + 1 };
    let is_alike = |incident: &Incident| {
        let is_small = |incident: &Incident| incident.rows <= SMALL || incident.risk < LOW;
        incident.flags.first() == Some(flag)
            && incident.severity == first.severity
            && is_small(incident)
            && is_small(first)
    };
    let alike = incidents[start..].iter().take_while(|(incident, _)| is_alike(incident)).count();
    if alike > FOLDED { start + alike } else { start + 1 }
}

fn item(context: &ReportContext<'_>, group: &[(&Incident, u64)], choose: bool) -> Item {
    let line = |(incident, rows): &(&Incident, u64)| line(context, incident, *rows, choose);
    let lines = group.iter().take(LISTED).map(line);
    let first = group[0].0;
    let fold = (group.len() > 1).then(|| {
        let flag = first.flags.first().map_or("", String::as_str);
        let rows: u64 = group.iter().map(|(_, rows)| rows).sum();
        Fold {
            words: Markup::trusted(format!(
                "{} incidents of {}",
                numbers::size(group.len()),
                text::name(flag)
            )),
            severity: numbers::severity_class(first.severity()),
            mark: mark(first.severity()),
            risk: first.risk,
            rows: numbers::counted(rows, "row", "rows"),
            more: (group.len() > LISTED)
                .then(|| format!("{} more", numbers::size(group.len() - LISTED))),
        }
    });
    Item { lines: lines.collect(), fold }
}

fn line(context: &ReportContext<'_>, incident: &Incident, rows: u64, choose: bool) -> IncidentLine {
    let times = context.times();
    let ends = context.report.incidents.as_ref().and_then(|it| Some((it.first?, it.last?)));
    IncidentLine {
        href: context.links.incident(incident.number),
        title: text::bdi(title(incident), text::CELL),
        severity: numbers::severity_class(incident.severity()),
        mark: mark(incident.severity()),
        risk: incident.risk,
        rows: if rows == incident.rows {
            numbers::counted(rows, "row", "rows")
        } else {
            format!("{} of {}", numbers::count(rows), words::rows(incident.rows))
        },
        when: incident.span.map_or_else(String::new, |span| times.short(span.core_start)),
        strip: match (incident.span, ends) {
            (Some(span), Some(ends)) => {
                let words = times.span(span.first, span.last);
                Markup::svg(charts::strip(&span, ends, incident.severity(), &words))
            }
            _ => Markup::default(),
        },
        why: why(context, incident),
        choose: choose.then_some(incident.number),
    }
}

/// Flags, score and rarity in a few words.
fn why(context: &ReportContext<'_>, incident: &Incident) -> Markup {
    let mut parts: Vec<String> =
        verdicts::chip(context, incident).into_iter().map(Markup::into_string).collect();
    parts.extend(incident.flags.iter().take(4).map(|flag| text::name(flag).into_string()));
    if incident.flags.len() > 4 {
        parts.push(format!("{} more flags", incident.flags.len() - 4));
    }
    if incident.suspicious > 0 && !incident.flags.is_empty() {
        parts.push("unlike the rest".to_owned());
    }
    let rarity = incident.parts.unwrap_or_default().rarity;
    let (one, many) = context.nouns(true).unwrap_or(("actor", "actors"));
    if rarity > 0 {
        parts.push(format!("only this {}", text::name(one)));
    } else if incident.actors > 1 && !title(incident).ends_with(many) {
        let noun = text::name(many);
        parts.push(format!("{} {noun}", numbers::count(incident.actors)));
    }
    Markup::trusted(parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(flag: &str, risk: u32, rows: u64) -> Incident {
        Incident { flags: vec![flag.to_owned()], risk, rows, ..Incident::default() }
    }

    #[test]
    fn incidents_in_a_row_that_are_alike_are_folded() {
        let all = [
            incident("tunnel", 90, 2),
            incident("typo", 40, 1),
            incident("typo", 40, 2),
            incident("typo", 40, 3),
            incident("typo", 40, 1),
            incident("typo", 40, 9),
            incident("beacon", 20, 90),
            incident("beacon", 20, 80),
            incident("beacon", 20, 70),
        ];
        let all: Vec<(&Incident, u64)> = all.iter().map(|it| (it, it.rows)).collect();
        let ends: Vec<usize> = (0..all.len()).map(|start| end_of_alike(&all, start)).collect();
        assert_eq!(ends, [1, 5, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_title_ends_before_its_flags() {
        let mut flagged = incident("tunnel", 1, 1);
        flagged.title = "10.0.0.1: 2 names (of 3) (tunnel)".to_owned();
        assert_eq!(title(&flagged), "10.0.0.1: 2 names (of 3)");
        flagged.flags.clear();
        assert_eq!(title(&flagged), flagged.title);
    }
}
