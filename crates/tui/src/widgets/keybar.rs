//! The keys of a screen, as many as fit.

use crate::{
    canvas::Canvas,
    keymap::{Action, BINDINGS, Binding},
    model::{Model, Screen},
    mouse::Target,
    overlays::Overlay,
    text::width,
};

impl Model {
    /// Whether a key has an effect now.
    pub(crate) fn is_of_use(&self, binding: &Binding) -> bool {
        match binding.action {
            Action::Yaml | Action::Undo | Action::Write | Action::Run => {
                let is_beside =
                    matches!(self.screen, Screen::Home | Screen::Row | Screen::Jobs | Screen::Job);
                self.job.is_some() && !is_beside
            }
            Action::Stop => self.is_running(),
            _ => true,
        }
    }
}

pub fn line(canvas: &mut Canvas<'_>, y: usize, model: &Model) {
    let keys = match &model.overlay {
        None => return screen_keys(canvas, y, model),
        Some(Overlay::Help(..)) => "Up Down scroll   Esc close".to_owned(),
        Some(Overlay::Palette(..)) => "Enter do it   Up Down choose   Esc close".to_owned(),
        Some(Overlay::Prompt(_)) => "Enter take it   Esc close".to_owned(),
        Some(Overlay::Choice(_)) => "Enter choose   Up Down   Esc close".to_owned(),
        Some(Overlay::Confirm(_)) => "Enter yes   Esc no".to_owned(),
        Some(Overlay::Form(_)) => {
            "Enter change   d default   e as text   u undo   Esc close".to_owned()
        }
        Some(Overlay::Yaml(_)) => {
            "Esc close   the text is checked as you type; u undoes it afterwards".to_owned()
        }
    };
    canvas.text(y, &format!(" {keys}"));
}

fn screen_keys(canvas: &mut Canvas<'_>, y: usize, model: &Model) {
    let room = canvas.width();
    let shown = BINDINGS.iter().filter(|binding| {
        binding.is_on(model.screen) && !binding.short.is_empty() && model.is_of_use(binding)
    });
    // The way to results, help and the way out are always there.
    let last = [Action::Run, Action::Palette, Action::Help, Action::Quit];
    let text = |binding: &Binding| format!("{} {}", binding.label, binding.short);
    let (ends, keys): (Vec<_>, Vec<_>) = shown.partition(|binding| last.contains(&binding.action));
    let mut left = room.saturating_sub(ends.iter().map(|end| width(&text(end)) + 2).sum());
    let mut x = 1;
    let fit = keys.into_iter().take_while(|key| {
        let used = width(&text(key)) + 2;
        let fits = used <= left;
        left = left.saturating_sub(used);
        fits
    });
    for binding in fit.chain(ends) {
        let key = text(binding);
        let mut part = canvas.part(x, y, width(&key), 1);
        part.text(0, &key);
        part.on_click(0, Target::Do(binding.action));
        x += width(&key) + 2;
    }
}
