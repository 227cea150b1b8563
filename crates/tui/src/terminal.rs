//! What is written to a terminal: modes, and the cells that have changed.

use std::fmt::Write;

use ratatui_core::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

/// Alternate screen, no cursor, pastes marked.
pub const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[2J";
/// Presses and turns of the wheel of the mouse are reported, in the SGR form; motion is not.
pub const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
pub const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";
/// Undoes [`ENTER`], the mouse, and what may be left of a frame. Harmless if nothing is to undo.
pub const LEAVE: &str = "\x1b[?2026l\x1b[0m\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?25h\x1b[?1049l";

const BEGIN_FRAME: &str = "\x1b[?2026h";
const END_FRAME: &str = "\x1b[0m\x1b[?2026l";

/// The bytes that turn what is shown into `next`; none if nothing has changed. A terminal shows them at once. `previous` is
/// none if what is shown is unknown.
pub fn frame(previous: Option<&Buffer>, next: &Buffer) -> String {
    let blank = Buffer::empty(next.area);
    let known = previous.filter(|previous| previous.area == next.area);
    let cells = known.unwrap_or(&blank).diff(next);
    if cells.is_empty() && known.is_some() {
        return String::new();
    }
    let mut out = String::from(BEGIN_FRAME);
    if known.is_none() {
        out.push_str("\x1b[0m\x1b[2J");
    }
    let mut at = None;
    let mut style = (Color::Reset, Modifier::empty());
    for (x, y, cell) in cells {
        if at != Some((x, y)) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\x1b[{};{}H", y + 1, x + 1);
        }
        if (cell.fg, cell.modifier) != style {
            style = (cell.fg, cell.modifier);
            write_style(&mut out, cell);
        }
        out.push_str(cell.symbol());
        let width = u16::try_from(crate::text::width(cell.symbol())).unwrap_or(1).max(1);
        at = Some((x + width, y));
    }
    out.push_str(END_FRAME);
    out
}

fn write_style(out: &mut String, cell: &Cell) {
    out.push_str("\x1b[0");
    if cell.modifier.contains(Modifier::BOLD) {
        out.push_str(";1");
    }
    if cell.modifier.contains(Modifier::REVERSED) {
        out.push_str(";7");
    }
    match cell.fg {
        Color::Red => out.push_str(";31"),
        Color::Green => out.push_str(";32"),
        Color::Magenta => out.push_str(";35"),
        _ => {}
    }
    out.push('m');
}

#[cfg(test)]
mod tests {
    use ratatui_core::layout::Rect;

    use super::*;

    #[test]
    fn only_what_has_changed_is_written() {
        let area = Rect::new(0, 0, 10, 2);
        let mut shown = Buffer::empty(area);
        shown.set_string(0, 0, "ab", ratatui_core::style::Style::new());
        assert!(frame(None, &shown).contains("ab"));
        assert_eq!(frame(Some(&shown), &shown), "");
        let mut next = shown.clone();
        next.set_string(3, 1, "x", ratatui_core::style::Style::new());
        assert_eq!(frame(Some(&shown), &next), "\x1b[?2026h\x1b[2;4Hx\x1b[0m\x1b[?2026l");
    }
}
