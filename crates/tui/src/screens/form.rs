//! The fields of a part of the settings, as they are drawn.

use anomal_spec::edit::display;

use crate::{
    canvas::Canvas,
    model::{Cursor, Model},
    mouse::Target,
    overlays::{Field, Form, typed},
    text::{cell, wrap},
};

/// Lines about the selected field.
const ABOUT: usize = 5;

pub fn title(form: &Form) -> String {
    display(&form.path).to_string()
}

/// The value of a field, or that which it has where none is set.
pub fn value(field: &Field) -> String {
    match (&field.value, &field.default) {
        (Some(value), _) => typed(value),
        (None, Some(default)) => format!("({})", typed(default)),
        (None, None) if field.is_required => "needed".to_owned(),
        (None, None) => "-".to_owned(),
    }
}

pub fn view(canvas: &mut Canvas<'_>, model: &Model, form: &Form) {
    let fields = model.fields(form);
    let about = if canvas.height() > ABOUT + 4 { ABOUT } else { 0 };
    let height = canvas.height().saturating_sub(about);
    let longest = fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
    let name = longest.clamp(10, (canvas.width() / 3).max(10));
    let top = Cursor { at: form.at }.top(height);
    for (at, field) in fields.iter().enumerate().skip(top).take(height) {
        let y = at - top;
        let mark = match (at == form.at, &field.problem) {
            (true, _) => '>',
            (false, Some(_)) => '!',
            (false, None) => ' ',
        };
        canvas.text(y, &format!("{mark} {} {}", cell(&field.name, name), value(field)));
        if at == form.at {
            canvas.select(y);
        }
        canvas.on_click(y, Target::Option(at));
    }
    let Some(field) = fields.get(form.at).filter(|_| about > 0) else { return };
    let mut part = canvas.part(0, height, usize::MAX, about);
    part.rule(0, &format!("{}: {}", field.name, field.kind.describe()));
    let mut y = 1;
    if let Some(problem) = &field.problem {
        let style = part.theme.error();
        part.line(y, &format!("! {problem}"), style);
        y += 1;
    }
    let width = part.width();
    for line in wrap(&field.about, width) {
        part.text(y, &line);
        y += 1;
    }
}
