//! The mouse: what the parts of the screen do when they are clicked. They are found by drawing, so that they are where they
//! are seen.

use ratatui_core::layout::{Position, Rect};

use crate::{
    effect::Effect,
    input::Key,
    keymap::Action,
    model::{Model, Screen, Tab},
};

/// What a click does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// What a key does.
    Do(Action),
    /// Selects this line of the list that has the keys; if it is selected already, opens it.
    Line(usize),
    /// Selects this line of the list of detectors, or of shares of suspects.
    Detector {
        of_detectors: bool,
        at: usize,
    },
    Tab(Tab),
    /// One of what lies above the screen to choose from.
    Option(usize),
}

/// Parts of the screen, those drawn later above those before.
pub type Targets = Vec<(Rect, Target)>;

/// Lines for a step of the wheel.
const WHEEL: usize = 3;

impl Model {
    pub(crate) fn click(&mut self, x: u16, y: u16) -> Vec<Effect> {
        let (_, targets) = self.draw();
        let position = Position { x, y };
        let hit = targets.into_iter().rev().find(|(area, _)| area.contains(position));
        let Some((_, target)) = hit else { return Vec::new() };
        if self.overlay.is_some() {
            let Target::Option(at) = target else { return Vec::new() };
            return self.choose_option(at);
        }
        self.note = crate::model::Note::default();
        match target {
            Target::Do(action) => self.act(action),
            Target::Line(at) => self.click_line(at),
            Target::Detector { of_detectors, at } => {
                if let Some(job) = &mut self.job {
                    job.on_detectors = of_detectors;
                }
                self.click_line(at)
            }
            Target::Tab(tab) => self.show_tab(tab),
            Target::Option(_) => Vec::new(),
        }
    }

    fn click_line(&mut self, at: usize) -> Vec<Effect> {
        let opens = self.screen != Screen::Data;
        let Some((cursor, count)) = self.list() else { return Vec::new() };
        match at {
            _ if at >= count => Vec::new(),
            _ if at == cursor.at && opens => self.act(Action::Enter),
            _ => {
                cursor.at = at;
                self.moved()
            }
        }
    }

    pub(crate) fn wheel(&mut self, up: bool) -> Vec<Effect> {
        if self.overlay.is_some() {
            let key = if up { Key::Up } else { Key::Down };
            return (0..WHEEL).flat_map(|_| self.overlay_key(key)).collect();
        }
        if self.screen == Screen::Row {
            return self.act(if up { Action::PageUp } else { Action::PageDown });
        }
        let lines = WHEEL.cast_signed();
        self.move_by(if up { -lines } else { lines })
    }
}
