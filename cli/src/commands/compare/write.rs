//! A comparison for people: as text, and as Markdown.

use std::fmt::Write;

use anomal_connectors::terminal::harmless;
use anomal_core::words::{self, counted, grouped};
use anomal_report::{
    compare::{Comparison, Continued, EntityChanges, EntityDigest, IncidentDigest, RunHead},
    escape_markdown,
};

/// Lines of a list in the terminal.
const LISTED: usize = 20;
/// Characters of a title.
const TITLE: usize = 100;

pub fn text(all: &Comparison) -> String {
    let mut text = format!("{}\n{}\n", head("before", &all.before), head("after ", &all.after));
    // Writing to a string cannot fail.
    let mut line = |words: &str| {
        let _ = writeln!(text, "{words}");
    };
    for difference in &all.differences {
        line(&format!("note: {}", harmless(difference, 200)));
    }
    if !all.differences.is_empty() {
        line("note: the settings differ, so scores and risks can't be compared");
    }
    for (name, incidents) in [("New", &all.new), ("Gone", &all.gone)] {
        line(&format!("\n{name} {}", incidents.len()));
        incidents.iter().take(LISTED).for_each(|it| line(&incident(it)));
        more(incidents.len(), &mut line);
    }
    let changed: Vec<&Continued> =
        all.continuing.iter().filter(|it| it.before.rows != it.after.rows).collect();
    line(&format!(
        "\nAs before {}, {} with more or fewer rows",
        all.continuing.len(),
        grouped(changed.len() as u64)
    ));
    for it in changed.iter().take(LISTED) {
        line(&format!("{} (before: {})", incident(&it.after), words::rows(it.before.rows)));
    }
    more(changed.len(), &mut line);
    if !all.entities.is_empty() {
        line("\nWhat stands out");
        all.entities.iter().for_each(|changes| line(&entities(changes)));
        for entity in new_entities(all).take(LISTED) {
            let value = harmless(&words::shortened(&entity.value, TITLE), TITLE);
            line(&format!("  new {:>3}  {} {value}", entity.risk, entity.kind));
        }
        more(new_entities(all).count(), &mut line);
    }
    let hits: Vec<_> = all.flags.iter().filter(|flag| flag.before != flag.after).collect();
    if !hits.is_empty() {
        line("\nFlags");
        for flag in hits {
            let rows = |rows: Option<u64>| rows.map_or_else(|| "–".to_owned(), grouped);
            line(&format!(
                "  {} → {}  {}",
                rows(flag.before),
                rows(flag.after),
                harmless(&flag.name, 100)
            ));
        }
    }
    if !all.drift.is_empty() {
        line("\nDrift (population stability index; from 0.25 on much)");
        for drift in all.drift.iter().take(LISTED) {
            let mark = if drift.changed { "  changed" } else { "" };
            line(&format!("  {:.2}  {}{mark}", drift.psi, harmless(&drift.feature, 100)));
        }
        more(all.drift.len(), &mut line);
    }
    text
}

/// `host: 1 new, 0 gone, 4 with a higher risk, 2 with a lower one`.
fn entities(changes: &EntityChanges) -> String {
    let EntityChanges { kind, new, gone, risks } = changes;
    let risks = risks.map(|risks| {
        format!(
            ", {} with a higher risk, {} with a lower one",
            grouped(risks.higher),
            grouped(risks.lower)
        )
    });
    let [new, gone] = [new, gone].map(|all| grouped(all.len() as u64));
    format!("  {}: {new} new, {gone} gone{}", harmless(kind, 100), risks.unwrap_or_default())
}

/// The highest risk of each kind first.
fn new_entities(all: &Comparison) -> impl Iterator<Item = &EntityDigest> {
    all.entities.iter().flat_map(|changes| &changes.new)
}

fn more(all: usize, line: &mut impl FnMut(&str)) {
    if all > LISTED {
        line(&format!("     … {} more", all - LISTED));
    }
}

fn head(when: &str, run: &RunHead) -> String {
    let time = if run.time.is_empty() { String::new() } else { format!(", {}", run.time) };
    format!(
        "{when}  {}{time}: {}, {}",
        harmless(&run.name, 200),
        words::rows(run.rows),
        counted(run.incidents, "incident", "incidents")
    )
}

fn incident(incident: &IncidentDigest) -> String {
    let letter = match incident.severity.as_str() {
        "high" => 'H',
        "medium" => 'M',
        _ => 'L',
    };
    let settled = if incident.settled { ", judged or quiet" } else { "" };
    format!(
        "{:>4} {letter} {:>3}  {}, {}{settled}",
        incident.number,
        incident.risk,
        harmless(&incident.title, TITLE),
        words::rows(incident.rows)
    )
}

pub fn markdown(all: &Comparison) -> String {
    let name = |run: &RunHead| {
        format!(
            "{}, {}",
            escape_markdown(&run.name),
            counted(run.incidents, "incident", "incidents")
        )
    };
    let mut text = format!("# {} → {}\n\n", name(&all.before), name(&all.after));
    // Writing to a string cannot fail.
    let mut line = |words: &str| {
        let _ = writeln!(text, "{words}");
    };
    line(&format!("{} → {}.", grouped(all.before.rows), words::rows(all.after.rows)));
    if !all.differences.is_empty() {
        line("\nThe settings differ, so scores and risks can't be compared:\n");
        all.differences.iter().for_each(|it| line(&format!("- {}", escape_markdown(it))));
    }
    for (name, incidents) in [("New", &all.new), ("Gone", &all.gone)] {
        line(&format!("\n## {name} {}\n", incidents.len()));
        table(incidents.iter().map(|it| (it, words::rows(it.rows))), &mut line);
    }
    line(&format!("\n## As before {}\n", all.continuing.len()));
    let rows = |it: &Continued| {
        if it.before.rows == it.after.rows {
            words::rows(it.after.rows)
        } else {
            format!("{} → {}", grouped(it.before.rows), words::rows(it.after.rows))
        }
    };
    table(all.continuing.iter().map(|it| (&it.after, rows(it))), &mut line);
    if !all.entities.is_empty() {
        line("\n## What stands out\n");
        let changes = |changes| format!("- {}", escape_markdown(entities(changes).trim()));
        all.entities.iter().map(changes).for_each(|words| line(&words));
        if new_entities(all).next().is_some() {
            line("\n| new | value | risk |\n| --- | --- | ---: |");
        }
        for entity in new_entities(all).take(LISTED) {
            let value = words::shortened(&entity.value, TITLE);
            let [kind, value] = [&entity.kind, &value].map(|text| escape_markdown(text));
            line(&format!("| {kind} | {value} | {} |", entity.risk));
        }
    }
    if !all.drift.is_empty() {
        line("\n## Drift\n\n| feature | population stability index |\n| --- | ---: |");
        for drift in &all.drift {
            let mark = if drift.changed { " (changed)" } else { "" };
            line(&format!("| {} | {:.2}{mark} |", escape_markdown(&drift.feature), drift.psi));
        }
    }
    text
}

fn table<'a>(
    incidents: impl Iterator<Item = (&'a IncidentDigest, String)>,
    line: &mut impl FnMut(&str),
) {
    let mut incidents = incidents.peekable();
    if incidents.peek().is_none() {
        return line("None.");
    }
    line("| # | severity | risk | rows | incident |\n| ---: | --- | ---: | --- | --- |");
    for (incident, rows) in incidents {
        line(&format!(
            "| {} | {} | {} | {rows} | {} |",
            incident.number,
            escape_markdown(&incident.severity),
            incident.risk,
            escape_markdown(&words::shortened(&incident.title, TITLE))
        ));
    }
}
