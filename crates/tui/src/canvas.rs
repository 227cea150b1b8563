//! Drawing lines of text into a part of the screen. What does not fit is not drawn.

use ratatui_core::{buffer::Buffer, layout::Rect, style::Style};

use crate::{
    mouse::{Target, Targets},
    text::{fit, plain},
    theme::{PLAIN, SELECTED, Theme},
};

pub struct Canvas<'a> {
    pub buffer: &'a mut Buffer,
    pub targets: &'a mut Targets,
    pub area: Rect,
    pub theme: Theme,
    pub ascii: bool,
}

/// A part of a line.
pub type Part = (String, Style);

impl Canvas<'_> {
    pub fn width(&self) -> usize {
        self.area.width.into()
    }

    pub fn height(&self) -> usize {
        self.area.height.into()
    }

    /// The part of it from column `x` and line `y`, of at most this size.
    pub fn part(&mut self, x: usize, y: usize, width: usize, height: usize) -> Canvas<'_> {
        let (x, y) = (x.min(self.width()), y.min(self.height()));
        let cells = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let area = Rect {
            x: self.area.x + cells(x),
            y: self.area.y + cells(y),
            width: cells(width.min(self.width() - x)),
            height: cells(height.min(self.height() - y)),
        };
        let Self { buffer, targets, theme, ascii, .. } = self;
        Canvas { buffer, targets, area, theme: *theme, ascii: *ascii }
    }

    /// Draws a line; `y` counts from the top of the part.
    pub fn line(&mut self, y: usize, text: &str, style: Style) {
        self.parts(y, &[(text.to_owned(), style)]);
    }

    pub fn text(&mut self, y: usize, text: &str) {
        self.line(y, text, PLAIN);
    }

    /// Draws the parts of a line one after the other.
    pub fn parts(&mut self, y: usize, parts: &[Part]) {
        if y >= self.height() {
            return;
        }
        let (mut x, end) = (self.area.x, self.area.right());
        let y = self.area.y + u16::try_from(y).unwrap_or(u16::MAX);
        for (text, style) in parts {
            let room = usize::from(end.saturating_sub(x));
            let text = fit(text, room);
            if !text.is_ascii() {
                x = self.buffer.set_stringn(x, y, text, room, *style).0;
                continue;
            }
            // A cell for each character.
            for letter in text.chars() {
                self.buffer[(x, y)].set_char(letter).set_style(*style);
                x += 1;
            }
        }
    }

    /// Shows a line as selected, over its whole width.
    pub fn select(&mut self, y: usize) {
        if y < self.height() {
            let row = self.part(0, y, usize::MAX, 1).area;
            self.buffer.set_style(row, SELECTED);
        }
    }

    /// What a click on a line does.
    pub fn on_click(&mut self, y: usize, target: Target) {
        if y < self.height() {
            let area = self.part(0, y, usize::MAX, 1).area;
            self.targets.push((area, target));
        }
    }

    /// A line across, with a title.
    pub fn rule(&mut self, y: usize, title: &str) {
        let stroke = if self.ascii { "-" } else { "─" };
        let title = plain(title);
        let head =
            if title.is_empty() { String::new() } else { format!("{stroke}{stroke} {title} ") };
        let rest = self.width().saturating_sub(crate::text::width(&head));
        self.text(y, &(head + &stroke.repeat(rest)));
    }

    /// A line down at column `x`.
    pub fn bar(&mut self, x: usize) {
        let stroke = if self.ascii { "|" } else { "│" };
        for y in 0..self.height() {
            self.part(x, y, 1, 1).text(0, stroke);
        }
    }

    pub fn clear(&mut self) {
        for y in 0..self.height() {
            let blank = " ".repeat(self.width());
            self.text(y, &blank);
        }
        let style = Style::reset();
        self.buffer.set_style(self.area, style);
    }
}
