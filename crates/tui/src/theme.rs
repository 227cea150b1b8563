//! Styles. Text has the terminal's own colours, so that it is readable on light and dark ones; nothing is said by a colour
//! alone.

use ratatui_core::style::{Color, Modifier, Style};

#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub color: bool,
}

pub const PLAIN: Style = Style::new();
pub const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
pub const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);

impl Theme {
    pub fn error(self) -> Style {
        self.colored(Color::Red)
    }

    pub fn done(self) -> Style {
        self.colored(Color::Green)
    }

    pub fn severity(self, severity: &str) -> Style {
        match severity {
            "high" => self.colored(Color::Red),
            "medium" => self.colored(Color::Magenta),
            _ => PLAIN,
        }
    }

    fn colored(self, color: Color) -> Style {
        if self.color { BOLD.fg(color) } else { BOLD }
    }
}
