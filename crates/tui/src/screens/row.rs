//! A row with its reasons and its record.

use crate::{
    canvas::Canvas,
    message::Record,
    model::{Model, Results},
    text::{cell, wrap},
    theme::BOLD,
    widgets::table::bar,
};

pub fn view(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(results) = &model.results else { return };
    let Some(record) = &results.record else { return };
    let theme = canvas.theme;
    let score = record.score.map(|score| format!("score {score:.3}")).unwrap_or_default();
    // Rounded down, so that only all rows are 100 %.
    let rank = record.rank.map(|rank| (rank * 10_000.0).floor() / 100.0);
    let rank = rank.map(|rank| format!("  above {rank} % of the rows")).unwrap_or_default();
    let suspicious = if record.suspicious { "  suspicious" } else { "" };
    canvas.line(0, &format!(" row {}  {score}{rank}{suspicious}", record.row), BOLD);
    let mut y = 1;
    if !record.flags.is_empty() {
        let text = format!(" {} {}", record.severity, record.flags.join(", "));
        canvas.line(y, &text, theme.severity(&record.severity));
        y += 1;
    }
    let verdict = results.verdict_of(record.incident);
    if !verdict.is_empty() {
        canvas.text(y, &format!(" {verdict}"));
        y += 1;
    }
    for line in wrap(&record.explanation, canvas.width().saturating_sub(4)).into_iter().take(4) {
        canvas.text(y, &format!("   {line}"));
        y += 1;
    }
    y += 1;
    if !record.reasons.is_empty() {
        let name = canvas.width().saturating_sub(46).clamp(16, 34);
        let head = format!(" {}  Share          This row     Typical", cell("Why", name + 1));
        canvas.line(y, &head, BOLD);
        y += 1;
        for reason in record.reasons.iter().take(8) {
            let share = cell(&bar(reason.share, 8, canvas.ascii), 8);
            let percent = format!("{:>3.0} %", reason.share * 100.0);
            let room = canvas.width().saturating_sub(name + 32);
            let (value, typical) = (cell(&reason.value, 12), cell(&reason.typical, room));
            canvas.text(
                y,
                &format!("   {} {share} {percent} {value} {typical}", cell(&reason.feature, name)),
            );
            y += 1;
        }
        y += 1;
    }
    if usize::from(model.size.width) <= canvas.width() + 2 {
        values(&mut canvas.part(0, y, usize::MAX, usize::MAX), model);
    }
}

/// The record: a column a line, long values on several.
pub fn values(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(results) = &model.results else { return };
    let Some(record) = &results.record else { return };
    canvas.rule(0, "record (j k: other rows, PgDn: more of it)");
    let height = canvas.height().saturating_sub(1);
    for (y, line) in lines(record, canvas.width(), results).into_iter().take(height).enumerate() {
        canvas.text(y + 1, &line);
    }
}

fn lines(record: &Record, width: usize, results: &Results) -> Vec<String> {
    let longest = record.values.iter().map(|(name, _)| crate::text::width(name)).max().unwrap_or(0);
    let name_width = longest.min(width / 2);
    let mut lines = Vec::new();
    for (name, value) in record.values.iter().skip(results.scroll) {
        let value = wrap(value, width.saturating_sub(name_width + 2));
        for (index, part) in value.iter().enumerate() {
            let name = if index == 0 { name.as_str() } else { "" };
            lines.push(format!(" {} {part}", cell(name, name_width)));
        }
        if value.is_empty() {
            lines.push(format!(" {}", cell(name, name_width)));
        }
    }
    lines
}
