//! The interface as lines of text and typed answers: for screen readers, serial lines, terminals without a cursor, and scripts.
//! It is the same model, drawn without places and colours; what can be selected is numbered.

use ratatui_core::{
    buffer::{Buffer, Cell},
    layout::Rect,
};

use crate::{
    canvas::Canvas,
    effect::Effect,
    input::Key,
    keymap::{Action, BINDINGS, Binding, find},
    model::{Model, Screen},
    mouse::{Target, Targets},
    overlays::{Choice, Field, Overlay, commands},
    screens::form,
    text::plain,
    theme::Theme,
    view::Size,
};

/// The cells that screens are drawn in.
pub const SIZE: Size = Size { width: 110, height: 60 };

impl Model {
    /// What is shown, and last what can be answered.
    pub fn plain_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.note.text.is_empty() {
            let mark = if self.note.is_error { "! " } else { "" };
            lines.push(format!("{mark}{}", plain(&self.note.text)));
        }
        match &self.overlay {
            None => {
                lines.push(format!("[{}]", self.screen.title()));
                lines.extend(self.body_lines());
                lines.push(self.keys_line());
            }
            Some(Overlay::Prompt(prompt)) => {
                let default = &prompt.input.text;
                let default = if default.is_empty() {
                    String::new()
                } else {
                    format!(" [{}]", plain(default))
                };
                lines.push(format!("{}{default}: (back: leave it)", prompt.title));
            }
            Some(Overlay::Confirm(confirm)) => {
                lines.push(format!("{} (y or n)", plain(&confirm.question())));
            }
            Some(Overlay::Choice(choice)) => {
                lines.push(format!("{}:", choice.title));
                let found = choice.found();
                lines.extend(
                    found
                        .iter()
                        .enumerate()
                        .map(|(at, option)| format!("{:>3}  {}", at + 1, plain(&option.text))),
                );
                let words = if choice.filter.is_some() { ", words to look for" } else { "" };
                lines.push(format!("A number{words}, or back"));
            }
            Some(Overlay::Palette(..) | Overlay::Help(..)) => {
                let on = commands(self.screen, "").into_iter().filter(|one| is_of_lines(one));
                lines.extend(on.map(|binding| format!("  {}: {}", word(binding), binding.about)));
                let steps = Screen::STEPS.map(Screen::title).join(", ");
                lines.push(format!("  {steps}: go to that step"));
                lines.push("back goes on".to_owned());
            }
            Some(Overlay::Form(form)) => {
                lines.push(format!("{}:", form::title(form)));
                let field = |(at, field): (usize, Field)| {
                    let problem = field.problem.as_ref();
                    let problem = problem.map(|text| format!(" ! {text}")).unwrap_or_default();
                    let (value, kind) = (form::value(&field), field.kind.describe());
                    plain(&format!("{:>3}  {} = {value}  [{kind}]{problem}", at + 1, field.name))
                };
                lines.extend(self.fields(form).into_iter().enumerate().map(field));
                lines.push(
                    "A number changes it, default and a number takes it out, text, or back"
                        .to_owned(),
                );
            }
            // Texts are edited by another program here.
            Some(Overlay::Yaml(_)) => {}
        }
        lines
    }

    /// How the run goes on, while it does.
    pub fn progress_line(&self) -> Option<String> {
        let run = self.run.as_ref().filter(|run| run.is_running())?;
        let stage = run.stages.last().map_or("starting", |stage| stage.name.as_str());
        let share = match run.progress {
            (_, done, Some(total)) if total > 0 => {
                format!(", {} %", done.saturating_mul(100) / total)
            }
            _ => String::new(),
        };
        let step =
            if run.step.is_empty() { String::new() } else { format!(", {}", plain(&run.step)) };
        Some(format!("{stage}{share}{step}"))
    }

    /// Takes an answer: a number of a line, a key, the word of a command, or a text that was asked for.
    pub fn answer(&mut self, answer: &str) -> Vec<Effect> {
        let answer = answer.trim();
        if answer == "back" {
            return self.key(Key::Esc);
        }
        if self.overlay.is_some() {
            return self.answer_overlay(answer);
        }
        if let Some(at) = number(answer) {
            return match self.numbered().into_iter().nth(at) {
                Some((_, target)) => self.answer_line(target),
                None => self.answer_unknown(answer),
            };
        }
        let mut letters = answer.chars();
        let action = match (letters.next(), letters.next()) {
            (None, _) => find(self.screen, Key::Enter),
            (Some(letter), None) => find(self.screen, Key::Char(letter)),
            _ => {
                let lower = answer.to_lowercase();
                let mut on = BINDINGS.iter().filter(|binding| binding.is_on(self.screen));
                on.find(|binding| {
                    let mut labels = binding.label.split(", ");
                    word(binding).to_lowercase() == lower
                        || labels.any(|label| label.to_lowercase() == lower)
                })
                .map(|binding| binding.action)
            }
        };
        let title = |screen: &Screen| screen.title().eq_ignore_ascii_case(answer);
        let step = Screen::STEPS.into_iter().find(title).map(Action::Step);
        let home = title(&Screen::Home).then_some(Action::Home);
        match action.or(step).or(home) {
            Some(action) => {
                self.note = crate::model::Note::default();
                self.act(action)
            }
            None => self.answer_unknown(answer),
        }
    }

    fn answer_unknown(&mut self, answer: &str) -> Vec<Effect> {
        self.complain(format!("{answer}: there is no such line or command; ? lists the commands"));
        Vec::new()
    }

    fn answer_overlay(&mut self, answer: &str) -> Vec<Effect> {
        self.note = crate::model::Note::default();
        match &mut self.overlay {
            Some(Overlay::Prompt(prompt)) => {
                if !answer.is_empty() {
                    prompt.input.text.clear();
                    prompt.input.cursor = 0;
                    prompt.input.insert(answer);
                }
                self.overlay_key(Key::Enter)
            }
            Some(Overlay::Confirm(_)) => {
                let yes = matches!(answer.to_lowercase().as_str(), "y" | "yes");
                self.overlay_key(if yes { Key::Enter } else { Key::Esc })
            }
            Some(Overlay::Choice(choice)) => {
                let at = number(answer).or(by_letter(choice, answer));
                match (at, &mut choice.filter) {
                    (Some(at), _) => self.choose_numbered(at, answer),
                    (None, Some(filter)) => {
                        filter.text.clear();
                        filter.cursor = 0;
                        filter.insert(answer);
                        Vec::new()
                    }
                    _ => self.answer_unknown(answer),
                }
            }
            Some(Overlay::Form(_)) => {
                let taken_out = answer.strip_prefix("default ").and_then(|at| number(at.trim()));
                match (number(answer), taken_out) {
                    (Some(at), _) => self.answer_field(at, Key::Enter, answer),
                    (None, Some(at)) => self.answer_field(at, Key::Delete, answer),
                    _ if matches!(answer, "text" | "e" | "yaml") => {
                        self.overlay_key(Key::Char('e'))
                    }
                    _ if matches!(answer, "undo" | "u") => self.overlay_key(Key::Char('u')),
                    _ => self.answer_unknown(answer),
                }
            }
            _ => {
                self.overlay = None;
                Vec::new()
            }
        }
    }

    /// Does to a field of the form what a key does.
    fn answer_field(&mut self, at: usize, key: Key, answer: &str) -> Vec<Effect> {
        let count = match &self.overlay {
            Some(Overlay::Form(form)) => self.fields(form).len(),
            _ => 0,
        };
        match &mut self.overlay {
            Some(Overlay::Form(form)) if at < count => form.at = at,
            _ => return self.answer_unknown(answer),
        }
        self.overlay_key(key)
    }

    fn choose_numbered(&mut self, at: usize, answer: &str) -> Vec<Effect> {
        let count = match &self.overlay {
            Some(Overlay::Choice(choice)) => choice.found().len(),
            _ => 0,
        };
        if at < count { self.choose_option(at) } else { self.answer_unknown(answer) }
    }

    /// Selects a line; opens it where that is all that can be done with it.
    fn answer_line(&mut self, target: Target) -> Vec<Effect> {
        let (Target::Line(at) | Target::Detector { at, .. }) = target else { return Vec::new() };
        if let (Target::Detector { of_detectors, .. }, Some(job)) = (target, &mut self.job) {
            job.on_detectors = of_detectors;
        }
        self.note = crate::model::Note::default();
        let Some((cursor, _)) = self.list() else { return Vec::new() };
        cursor.at = at;
        let mut effects = self.moved();
        let is_opened =
            matches!(self.screen, Screen::Home | Screen::Detector | Screen::Results | Screen::Jobs);
        if is_opened {
            effects.extend(self.act(Action::Enter));
        }
        effects
    }

    /// The screen's own part, drawn in cells, with what can be selected.
    fn body(&self) -> (Buffer, Targets) {
        let area = Rect { x: 0, y: 0, width: SIZE.width, height: SIZE.height };
        let (mut buffer, mut targets) = (Buffer::empty(area), Targets::new());
        let theme = Theme { color: false };
        let mut canvas =
            Canvas { buffer: &mut buffer, targets: &mut targets, area, theme, ascii: true };
        self.screen_view(&mut canvas);
        (buffer, targets)
    }

    /// The lines that have a number, from the top, with what they select.
    fn numbered(&self) -> Vec<(u16, Target)> {
        let lines = self.body().1.into_iter();
        let lines =
            lines.filter(|(_, target)| matches!(target, Target::Line(_) | Target::Detector { .. }));
        lines.map(|(area, target)| (area.y, target)).collect()
    }

    fn body_lines(&self) -> Vec<String> {
        let (buffer, _) = self.body();
        let numbered = self.numbered();
        let width = usize::from(SIZE.width);
        let mut lines: Vec<String> = Vec::new();
        for (y, cells) in (0_u16..).zip(buffer.content.chunks(width)) {
            let text = text_of(cells);
            let text = text.trim_end();
            let number = numbered.iter().position(|(line, _)| *line == y);
            if text.is_empty() && lines.last().is_none_or(String::is_empty) {
                continue;
            }
            let number = number.map(|at| format!("{:>3}", at + 1)).unwrap_or_default();
            lines.push(format!("{number:3}{text}").trim_end().to_owned());
        }
        lines
    }

    fn keys_line(&self) -> String {
        let on = BINDINGS.iter().filter(|binding| {
            binding.is_on(self.screen) && !binding.short.is_empty() && self.is_of_use(binding)
        });
        let keys: Vec<String> = on
            .filter(|binding| binding.action != Action::Palette)
            .map(|binding| match binding.short {
                short if binding.label.chars().count() == 1 => format!("{} {short}", binding.label),
                short => short.to_owned(),
            })
            .collect();
        let lines = if self.numbered().is_empty() { "" } else { "a number, " };
        format!("Answer: {lines}back, {}", keys.join(", "))
    }
}

/// The symbols of cells; a wide one takes two.
fn text_of(cells: &[Cell]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some(cell) = cells.get(at) {
        text.push_str(cell.symbol());
        at += crate::text::width(cell.symbol()).max(1);
    }
    text
}

/// Whether a command has a meaning without a cursor, a mouse or a screen.
fn is_of_lines(binding: &Binding) -> bool {
    !matches!(
        binding.action,
        Action::Up
            | Action::Down
            | Action::First
            | Action::Last
            | Action::Step(_)
            | Action::Back
            | Action::Palette
            | Action::Help
            | Action::Editor
            | Action::Mouse
            | Action::Repaint
            | Action::Suspend
            | Action::Interrupt
    )
}

/// What a command is called in an answer.
fn word(binding: &Binding) -> &'static str {
    match binding.short {
        "" => binding.label,
        short => short,
    }
}

/// The option whose key the answer is.
fn by_letter(choice: &Choice, answer: &str) -> Option<usize> {
    let mut letters = answer.chars();
    let letter = letters.next().filter(|_| letters.next().is_none());
    choice.by_key(letter?)
}

/// A number of a line, from 0.
fn number(answer: &str) -> Option<usize> {
    answer.parse::<usize>().ok()?.checked_sub(1)
}
