//! What is read: the columns of the input, or its first rows.

use crate::{
    canvas::Canvas,
    model::{Job, Model},
    screens::preview_line,
    text::{cell, grouped},
    theme::BOLD,
    widgets::table::{Line, draw, left, number},
};

pub fn view(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(job) = &model.job else { return };
    let Some(input) = &job.input else {
        let text = if job.inspecting.is_some() {
            " The input is being inspected"
        } else {
            " The input is not known; the settings can be edited and run"
        };
        canvas.text(0, text);
        preview_line(canvas, 2, model);
        return;
    };
    let rows = if input.complete {
        format!("{} rows", grouped(input.rows))
    } else {
        format!("the first {} of about {} rows", grouped(input.rows), grouped(input.total))
    };
    let bold = BOLD;
    canvas.line(0, &format!(" {}  {}, {rows}", input.path, input.format), bold);
    let height = canvas.height().saturating_sub(3);
    let mut body = canvas.part(0, 1, usize::MAX, height);
    if job.shows_rows {
        rows_view(&mut body, job);
    } else {
        columns_view(&mut body, job);
    }
    let below = canvas.height().saturating_sub(2);
    if let Some(column) = job.columns().get(job.cursors[0].at) {
        let about = format!(
            " {}: {}, {} different values",
            column.name,
            column.role,
            grouped(column.distinct)
        );
        canvas.text(below, &about);
    }
    preview_line(canvas, below + 1, model);
}

fn columns_view(canvas: &mut Canvas<'_>, job: &Job) {
    let columns = job.columns();
    let name = canvas.width().saturating_sub(58).clamp(12, 40);
    let heads = [
        left("Column", name),
        left("Type", 8),
        left("Used as", 16),
        number("Missing", 8),
        number("Distinct", 9),
        left("Example", 0),
    ];
    draw(canvas, &heads, Some(job.cursors[0]), columns.len(), |at| {
        let column = columns[at];
        Line::new([
            column.name.clone(),
            column.data_type.clone(),
            column.role.clone(),
            grouped(column.missing),
            grouped(column.distinct),
            column.example.clone(),
        ])
    });
}

fn rows_view(canvas: &mut Canvas<'_>, job: &Job) {
    let Some(input) = &job.input else { return };
    // The selected column comes first, so that each can be seen.
    let from = job.cursors[0].at.min(input.columns.len().saturating_sub(1));
    let line = |values: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<String> = values.skip(from).map(|value| cell(value, 18)).collect();
        format!("   {}", cells.join("  "))
    };
    let bold = BOLD;
    let head = line(&mut input.columns.iter().map(|column| column.name.as_str()));
    canvas.line(0, &head, bold);
    for (y, row) in input.first.iter().enumerate() {
        let text = line(&mut row.iter().map(String::as_str));
        canvas.text(y + 1, &text);
    }
}
