//! The steps, and how each of them is.

use crate::{
    canvas::Canvas,
    keymap::Action,
    model::{Model, Screen},
    mouse::Target,
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
    let mut x = 1;
    for (index, screen) in Screen::STEPS.into_iter().enumerate() {
        let here = model.screen.step() == Some(index);
        let (open, close) = if here { ('[', ']') } else { (' ', ' ') };
        let style = if here { BOLD } else { PLAIN };
        let text = format!("{open}{} {}{close}{}", index + 1, screen.title(), model.mark(screen));
        let mut part = canvas.part(x, y, text.len(), 1);
        part.line(0, &text, style);
        part.on_click(0, Target::Do(Action::Step(screen)));
        x += text.len();
    }
}

/// The rail as a column, with figures below it.
pub fn column(canvas: &mut Canvas<'_>, model: &Model) {
    for (index, screen) in Screen::STEPS.into_iter().enumerate() {
        let here = model.screen.step() == Some(index);
        let style = if here { BOLD } else { PLAIN };
        let cursor = if here { '>' } else { ' ' };
        let text = format!("{cursor} {} {} {}", index + 1, screen.title(), model.mark(screen));
        canvas.line(index + 1, &text, style);
        canvas.on_click(index + 1, Target::Do(Action::Step(screen)));
    }
    let input = model.job.as_ref().and_then(|job| job.input.as_ref());
    if let Some(input) = input.filter(|_| model.screen != Screen::Home) {
        canvas.text(10, "  read");
        canvas.text(11, &format!("  {} rows", grouped(input.rows)));
        canvas.text(12, if input.complete { "  all of them" } else { "  the first" });
    }
}
