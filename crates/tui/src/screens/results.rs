//! What a run found: incidents, rows, flags, features.

use crate::{
    canvas::Canvas,
    message::{Decision, Incident, TimeBin},
    model::{Model, Results, Tab},
    mouse::Target,
    text::{cell, grouped, wrap},
    theme::{BOLD, PLAIN},
    widgets::{
        table::{Line, bar, draw, left, number},
        timeline,
    },
};

pub fn view(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(results) = &model.results else { return };
    tabs(canvas, results);
    let height = canvas.height();
    let below = if height > 14 { 6 } else { 0 };
    let chart = match results.tab {
        Tab::Incidents | Tab::Rows if height > 18 && !results.bins().is_empty() => 1,
        _ => 0,
    };
    let mut body = canvas.part(0, 2, usize::MAX, height.saturating_sub(2 + below + chart));
    match results.tab {
        Tab::Incidents => incidents(&mut body, results),
        Tab::Rows => rows(&mut body, results),
        Tab::Flags => flags(&mut body, results),
        Tab::Features => features(&mut body, results),
        Tab::Timeline => times(&mut body, results),
    }
    if chart > 0 {
        timeline::line(canvas, height - below - chart, results);
    }
    if below > 0 {
        selected(&mut canvas.part(0, height - below, usize::MAX, below), model);
    }
}

fn tabs(canvas: &mut Canvas<'_>, results: &Results) {
    let mut x = 0;
    for tab in Tab::ALL {
        let name = match tab {
            Tab::Incidents => "Incidents",
            Tab::Rows => "Rows",
            Tab::Flags => "Flags",
            Tab::Features => "Features",
            Tab::Timeline => "Timeline",
        };
        let text = format!("{name} {}", grouped(results.count(tab)));
        let (text, style) = if tab == results.tab {
            (format!(" [{text}]"), BOLD)
        } else {
            (format!("  {text} "), PLAIN)
        };
        let mut part = canvas.part(x, 0, text.len(), 1);
        part.line(0, &text, style);
        part.on_click(0, Target::Tab(tab));
        x += text.len();
    }
    let sort = match results.query.sort.as_str() {
        "" => "score",
        other => other,
    };
    let filter = results.query.filter().unwrap_or_else(|| "none".to_owned());
    let loading = if results.loading { "   reading" } else { "" };
    let times = results.query.times.as_ref();
    let times = times.map(|times| format!("   time: {}", times.label)).unwrap_or_default();
    let judged = judged(results);
    canvas.text(1, &format!("  filter of rows: {filter}{times}   sort: {sort}{judged}{loading}"));
}

/// How many incidents are judged, and how.
fn judged(results: &Results) -> String {
    let decisions = results.report.incidents.iter().filter_map(|it| it.decision.as_ref());
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for decision in decisions {
        match counts.iter_mut().find(|(verdict, _)| *verdict == decision.verdict) {
            Some((_, count)) => *count += 1,
            None => counts.push((&decision.verdict, 1)),
        }
    }
    if counts.is_empty() {
        return String::new();
    }
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let counts: Vec<String> =
        counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    format!("   {total} judged: {}", counts.join(", "))
}

fn incidents(canvas: &mut Canvas<'_>, results: &Results) {
    let incidents: Vec<&Incident> = results.incidents().collect();
    if incidents.is_empty() && results.query.times.is_some() {
        canvas.text(1, "   No incident is in this time; Esc removes it");
        return;
    }
    if incidents.is_empty() {
        canvas.text(1, "   The rows of this report are not grouped; Tab goes to them");
        return;
    }
    let mut heads = vec![
        number("#", 4),
        left("Severity", 8),
        number("Risk", 4),
        number("Rows", 6),
        left("From", 16),
    ];
    let has_verdicts = results.report.incidents.iter().any(|it| it.decision.is_some());
    if has_verdicts {
        heads.push(left("Verdict", 14));
    }
    heads.push(left("Incident", 0));
    let cursor = results.cursor(Tab::Incidents);
    draw(canvas, &heads, Some(cursor), incidents.len(), |at| {
        let Incident { number, title, severity, risk, rows, first, decision, .. } = incidents[at];
        // To the minute.
        let from: String = first.replace('T', " ").chars().take(16).collect();
        let mut cells =
            vec![number.to_string(), severity.clone(), risk.to_string(), grouped(rows), from];
        if has_verdicts {
            let verdict = decision.as_ref().map(|decision| match decision.change.as_str() {
                "" => decision.verdict.clone(),
                _ => "changed".to_owned(),
            });
            cells.push(verdict.unwrap_or_else(|| "open".to_owned()));
        }
        cells.push(title.clone());
        Line::new(cells)
    });
}

fn rows(canvas: &mut Canvas<'_>, results: &Results) {
    if let Some(message) = &results.failure {
        let style = canvas.theme.error();
        canvas.line(1, &format!(" ! {message}"), style);
        return;
    }
    if results.rows.total == 0 && !results.loading {
        canvas.text(1, "   No row is listed; Esc removes the filter");
        return;
    }
    let heads = [
        number("Row", 9),
        number("Score", 8),
        left("Severity", 8),
        left("Flags", 22),
        left("Why, or the record", 0),
    ];
    draw(canvas, &heads, Some(results.cursor(Tab::Rows)), results.rows.total, |at| {
        let Some(row) = results.row(at) else { return Line::new(["...".to_owned()]) };
        let score = row.score.map(|score| format!("{score:.3}")).unwrap_or_default();
        let about = if row.why.is_empty() { row.record.clone() } else { row.why.clone() };
        Line::new([row.row.to_string(), score, row.severity.clone(), row.flags.join(", "), about])
    });
}

fn flags(canvas: &mut Canvas<'_>, results: &Results) {
    let heads = [left("Flag", 28), left("Severity", 8), number("Rows", 9), left("What", 0)];
    let flags = &results.report.flags;
    draw(canvas, &heads, Some(results.cursor(Tab::Flags)), flags.len(), |at| {
        let flag = &flags[at];
        Line::new([
            flag.name.clone(),
            flag.severity.clone(),
            grouped(flag.rows),
            flag.description.clone(),
        ])
    });
}

fn features(canvas: &mut Canvas<'_>, results: &Results) {
    let heads = [
        left("Feature", 30),
        number("Weight", 6),
        number("Distinct", 9),
        number("Missing", 9),
        left("Typical", 0),
    ];
    let features = &results.report.features;
    if features.is_empty() {
        canvas.text(1, "   Figures of features are in the report of a run only");
        return;
    }
    draw(canvas, &heads, Some(results.cursor(Tab::Features)), features.len(), |at| {
        let feature = &features[at];
        let weight = feature.weight.to_string();
        let cells = [
            feature.name.clone(),
            weight,
            grouped(feature.distinct),
            grouped(feature.missing),
            feature.typical.clone(),
        ];
        Line::new(cells)
    });
}

fn times(canvas: &mut Canvas<'_>, results: &Results) {
    let Some(timeline) = &results.report.timeline else {
        canvas.text(1, "   The rows have no times; `timeColumn` of the settings names them");
        return;
    };
    let bins = results.bins();
    let heads =
        [left("From", 20), number("Rows", 11), number("Suspects", 9), left("", 1), left("", 0)];
    let most = bins.iter().map(|bin| bin.suspects).max().unwrap_or(0).max(1);
    let (room, ascii) = (canvas.width().saturating_sub(50), canvas.ascii);
    let cursor = results.cursor(Tab::Timeline);
    let marked = results.mark.map(|mark| mark.min(cursor.at)..=mark.max(cursor.at));
    let height = canvas.height().saturating_sub(1);
    let mut list = canvas.part(0, 0, usize::MAX, height);
    let used = draw(&mut list, &heads, Some(cursor), bins.len(), |at| {
        let TimeBin { label, rows, suspects, .. } = &bins[at];
        let bar = bar(*suspects as f64 / most as f64, room, ascii);
        let mark = if marked.as_ref().is_some_and(|span| span.contains(&at)) { '*' } else { ' ' };
        let cells = [label.clone(), grouped(rows), grouped(suspects), String::new(), bar];
        Line::new(cells).marked(mark)
    });
    let without = match timeline.without {
        0 => String::new(),
        rows => format!("; {} rows have no time", grouped(rows)),
    };
    canvas.text(used, &format!("   in intervals of {}{without}", timeline.width));
}

/// More about what is selected.
fn selected(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(results) = &model.results else { return };
    let at = results.cursor(results.tab).at;
    let (title, text) = match results.tab {
        Tab::Incidents => {
            let Some(incident) = results.incident(at) else { return };
            let times = if incident.first.is_empty() {
                String::new()
            } else {
                format!("{} to {}", incident.first, incident.last)
            };
            let verdict = incident.decision.as_ref().map(Decision::text).unwrap_or_default();
            let text = format!("{}\n{times}\n{verdict}\nEnter lists its rows", incident.title);
            (format!("incident {}", incident.number), text)
        }
        Tab::Rows => {
            let Some(row) = results.row(at) else { return };
            let verdict = results.verdict_of(row.incident);
            (
                format!("row {}", row.row),
                format!("{}\n{}\n{verdict}\n{}", row.flags.join(", "), row.why, row.record),
            )
        }
        Tab::Flags => {
            let Some(flag) = results.report.flags.get(at) else { return };
            (flag.name.clone(), format!("{}\nEnter lists its rows", flag.description))
        }
        Tab::Features => {
            let report = &results.report;
            let text = format!(
                "{}\n{} {}\n{}",
                report.input, report.engine, report.threshold, report.created
            );
            (if report.is_file { "result file" } else { "report" }.to_owned(), text)
        }
        Tab::Timeline => return timeline::line(canvas, 0, results),
    };
    canvas.rule(0, &title);
    let width = canvas.width().saturating_sub(1);
    let lines = text.lines().filter(|line| !line.is_empty()).flat_map(|line| wrap(line, width));
    for (y, line) in lines.enumerate() {
        canvas.text(y + 1, &cell(&format!(" {line}"), width + 1));
    }
}
