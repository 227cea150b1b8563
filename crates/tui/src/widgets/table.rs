//! Lists of which one line is selected. Only lines that are seen are made.

use crate::{
    canvas::Canvas,
    model::Cursor,
    mouse::Target,
    text::{cell, right},
    theme::BOLD,
};

/// A column: its title, its cells, and whether it is of numbers. The last one takes the rest.
pub struct Column {
    pub title: &'static str,
    pub width: usize,
    pub right: bool,
}

pub const fn left(title: &'static str, width: usize) -> Column {
    Column { title, width, right: false }
}

pub const fn number(title: &'static str, width: usize) -> Column {
    Column { title, width, right: true }
}

/// A line of the table: its cells, and the mark before it.
pub struct Line {
    pub mark: char,
    pub cells: Vec<String>,
}

impl Line {
    pub fn new(cells: impl IntoIterator<Item = String>) -> Self {
        Self { mark: ' ', cells: cells.into_iter().collect() }
    }

    pub fn marked(self, mark: char) -> Self {
        Self { mark, ..self }
    }
}

/// Draws a table with its head. `line` makes the lines that are seen. Returns the lines used.
pub fn draw(
    canvas: &mut Canvas<'_>,
    columns: &[Column],
    cursor: Option<Cursor>,
    count: usize,
    line: impl Fn(usize) -> Line,
) -> usize {
    let titles = columns.iter().map(|column| column.title.to_owned());
    let titles = Line::new(titles);
    let bold = BOLD;
    let text = text(canvas, columns, &titles, ' ');
    canvas.line(0, &text, bold);
    let height = canvas.height().saturating_sub(1);
    let top = cursor.map_or(0, |cursor| cursor.top(height)).min(count);
    let shown = height.min(count - top);
    for y in 0..shown {
        let at = top + y;
        let line = line(at);
        let selected = cursor.is_some_and(|cursor| cursor.at == at);
        let mark = if selected { '>' } else { line.mark };
        let text = self::text(canvas, columns, &line, mark);
        canvas.text(y + 1, &text);
        if selected {
            canvas.select(y + 1);
        }
        if cursor.is_some() {
            canvas.on_click(y + 1, Target::Line(at));
        }
    }
    shown + 1
}

fn text(canvas: &Canvas<'_>, columns: &[Column], line: &Line, mark: char) -> String {
    let mut out = format!(" {mark} ");
    let last = columns.len().saturating_sub(1);
    for (index, (column, text)) in columns.iter().zip(&line.cells).enumerate() {
        let used = crate::text::width(&out);
        let room = canvas.width().saturating_sub(used);
        let width = if index == last { room } else { column.width.min(room) };
        let cell = if column.right { right(text, width) } else { cell(text, width) };
        out.push_str(&cell);
        if index < last {
            out.push(' ');
        }
    }
    out
}

/// A share as a bar of at most `cells`.
pub fn bar(share: f64, cells: usize, ascii: bool) -> String {
    let full = if ascii { "#" } else { "█" };
    let filled = share.clamp(0.0, 1.0) * cells as f64;
    (0..cells).filter(|cell| *cell as f64 + 0.5 <= filled).map(|_| full).collect()
}
