//! The text of the settings beside a screen, around what is selected.

use crate::{canvas::Canvas, model::Model, theme::PLAIN};

pub fn pane(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(job) = &model.job else { return };
    let wide = canvas.height() > 8;
    let line = model.selected_line();
    let state = if job.written.is_none() {
        " (not written yet)"
    } else if job.is_written() {
        ""
    } else {
        " (changed)"
    };
    let name = job.path.rsplit('/').next().unwrap_or(&job.path);
    canvas.rule(0, &format!("{name}:{line}{state}"));
    let height = canvas.height().saturating_sub(1);
    let before = if wide { height / 3 } else { 1 };
    let lines: Vec<&str> = job.document.text().lines().collect();
    let last_top = lines.len().saturating_sub(height);
    let top = (line - 1).saturating_sub(before).min(last_top);
    let digits = lines.len().to_string().len().max(2);
    let issues = job.document.issues();
    let theme = canvas.theme;
    for (y, text) in lines.iter().skip(top).take(height).enumerate() {
        let number = top + y + 1;
        let has_issue = issues.iter().any(|issue| issue.line == Some(number));
        let mark = if has_issue {
            '!'
        } else if number == line {
            '>'
        } else {
            ' '
        };
        let style = if has_issue { theme.error() } else { PLAIN };
        canvas.parts(
            y + 1,
            &[(format!("{number:>digits$}{mark} "), style), ((*text).to_owned(), PLAIN)],
        );
    }
}
