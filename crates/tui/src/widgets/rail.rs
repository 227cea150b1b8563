//! The steps, and how each of them is.

use crate::{
    canvas::Canvas,
    model::{Model, Screen},
    text::grouped,
    theme::{BOLD, PLAIN},
};

impl Model {
    /// `+` in order, `!` with problems, `.` not yet, `>` running.
    fn mark(&self, screen: Screen) -> char {
        let keys: &[&str] = match screen {
            Screen::Data => &[
                "",
                "input",
                "timeColumn",
                "labelColumn",
                "idColumn",
                "packs",
                "filters",
                "entity",
                "lists",
            ],
            Screen::Features => &["features"],
            Screen::Flags => &["flags"],
            Screen::Detector => &["classification"],
            Screen::Outputs => &["outputs", "report", "deadLetter"],
            Screen::Run => {
                return match &self.run {
                    Some(run) if run.is_running() => '>',
                    Some(run)
                        if run
                            .ended
                            .as_ref()
                            .is_some_and(|end| matches!(end.code, Some(0 | 10))) =>
                    {
                        '+'
                    }
                    Some(_) => '!',
                    None => '.',
                };
            }
            _ => return if self.results.is_some() { '+' } else { '.' },
        };
        match &self.job {
            None => '.',
            Some(job) if job.document.has_issue(keys) => '!',
            Some(_) => '+',
        }
    }
}

/// The rail as a line.
pub fn line(canvas: &mut Canvas<'_>, y: usize, model: &Model) {
    let mut parts = vec![(" ".to_owned(), PLAIN)];
    for (index, screen) in Screen::STEPS.into_iter().enumerate() {
        let here = model.screen.step() == Some(index);
        let (open, close) = if here { ('[', ']') } else { (' ', ' ') };
        let style = if here { BOLD } else { PLAIN };
        let text = format!("{open}{} {}{close}{}", index + 1, screen.title(), model.mark(screen));
        parts.push((text, style));
    }
    canvas.parts(y, &parts);
}

/// The rail as a column, with figures below it.
pub fn column(canvas: &mut Canvas<'_>, model: &Model) {
    for (index, screen) in Screen::STEPS.into_iter().enumerate() {
        let here = model.screen.step() == Some(index);
        let style = if here { BOLD } else { PLAIN };
        let cursor = if here { '>' } else { ' ' };
        let text = format!("{cursor} {} {} {}", index + 1, screen.title(), model.mark(screen));
        canvas.line(index + 1, &text, style);
    }
    let input = model.job.as_ref().and_then(|job| job.input.as_ref());
    if let Some(input) = input.filter(|_| model.screen != Screen::Home) {
        canvas.text(10, "  read");
        canvas.text(11, &format!("  {} rows", grouped(input.rows)));
        canvas.text(12, if input.complete { "  all of them" } else { "  the first" });
    }
}
