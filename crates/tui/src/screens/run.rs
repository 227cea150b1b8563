//! A run while it goes on, and after it.

use std::time::Duration;

use crate::{
    canvas::Canvas,
    model::{Model, Run},
    screens::outputs::shell,
    text::{cell, grouped, plain, wrap},
    theme::{BOLD, PLAIN},
    widgets::table::bar,
};

pub fn view(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(run) = &model.run else {
        canvas.text(1, " Nothing has run yet. r runs the settings:");
        let path = model.job.as_ref().map_or("job.yaml", |job| job.path.as_str());
        canvas.text(2, &format!("   anomal run {}", shell(path)));
        return;
    };
    canvas.text(0, &format!(" Command   anomal run {}", shell(&run.path)));
    if run.shows_log {
        log(&mut canvas.part(0, 2, usize::MAX, usize::MAX), run);
        return;
    }
    let mut y = 2;
    for (index, stage) in run.stages.iter().enumerate() {
        let running = stage.to.is_none() && run.is_running();
        let took = seconds(stage.to.unwrap_or(model.now).saturating_sub(stage.from));
        let rows =
            if stage.rows > 0 { format!("{} rows", grouped(stage.rows)) } else { String::new() };
        let is_last = index + 1 == run.stages.len();
        let failed = is_last && !run.is_running() && !is_done(run);
        let word = if running {
            "> running"
        } else if failed {
            "! stopped"
        } else {
            "  done"
        };
        let style = match word {
            "  done" => canvas.theme.done(),
            "! stopped" => canvas.theme.error(),
            _ => BOLD,
        };
        let text = format!("{} {} {took}", cell(&stage.name, 28), cell(&rows, 14));
        canvas.parts(y, &[(format!(" {} ", cell(word, 10)), style), (text, PLAIN)]);
        y += 1;
        if running
            && let (_, done, Some(total)) = run.progress
            && total > 0
        {
            let share = done as f64 / total as f64;
            let filled = cell(&bar(share, 32, canvas.ascii), 32);
            canvas.text(y, &format!("            [{filled}] {:.0} %", share.min(1.0) * 100.0));
            y += 1;
        }
        if running && !run.step.is_empty() {
            canvas.text(y, &format!("            {}", plain(&run.step)));
            y += 1;
        }
    }
    if run.stages.is_empty() && run.is_running() {
        canvas.text(y, " > starting");
        y += 1;
    }
    y += 1;
    if let Some(summary) = &run.summary {
        canvas.text(
            y,
            &format!(
                " {} rows, {} suspicious, {} flagged, {} rejected, {} filtered, in {:.1} s",
                grouped(summary.rows),
                grouped(summary.suspicious),
                grouped(summary.flagged),
                grouped(summary.rejected),
                grouped(summary.filtered),
                summary.duration_seconds
            ),
        );
        y += 2;
    }
    if let Some(ended) = &run.ended {
        let text = match ended.code {
            Some(0 | 10) => "Done. Enter or 7 shows the results.".to_owned(),
            _ if run.stopping => "Stopped. No result was written. r runs again.".to_owned(),
            Some(code) => format!(
                "Failed with exit code {code}. l shows the whole log; e edits the settings; r runs again."
            ),
            None => "Ended by a signal. r runs again.".to_owned(),
        };
        let style = if is_done(run) { canvas.theme.done() } else { canvas.theme.error() };
        canvas.line(y, &format!(" {text}"), style);
        y += 2;
    }
    log(&mut canvas.part(0, y, usize::MAX, usize::MAX), run);
}

fn is_done(run: &Run) -> bool {
    run.ended.as_ref().is_some_and(|ended| matches!(ended.code, Some(0 | 10)))
}

/// The last lines of the log.
fn log(canvas: &mut Canvas<'_>, run: &Run) {
    let (width, height) = (canvas.width().saturating_sub(2), canvas.height());
    let lines: Vec<String> =
        run.log.iter().rev().take(height).rev().flat_map(|line| wrap(line, width)).collect();
    let top = lines.len().saturating_sub(height);
    for (y, line) in lines.iter().skip(top).enumerate() {
        canvas.text(y, &format!(" {line}"));
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
