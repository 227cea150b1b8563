//! What describes a record.

use crate::{
    canvas::Canvas,
    message::FeaturePreview,
    model::{Model, PreviewState, Screen},
    screens::{mark, member, preview_line, result_name},
    text::{grouped, wrap},
    widgets::table::{Line, draw, left, number},
};

pub fn view(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(job) = &model.job else { return };
    let items = job.items(Screen::Features);
    let previews: &[FeaturePreview] = match &job.preview {
        PreviewState::Ready(preview, _) => &preview.features,
        _ => &[],
    };
    let width = canvas.width().saturating_sub(47).clamp(14, 44);
    let heads = [
        left("Feature", width),
        left("From", 10),
        number("Weight", 6),
        number("Distinct", 8),
        left("Typical", 0),
    ];
    let cursor = job.cursors[1];
    let height = canvas.height().saturating_sub(4);
    draw(&mut canvas.part(0, 0, usize::MAX, height), &heads, Some(cursor), items.len(), |at| {
        let entry = &items[at];
        let weight = member(entry, "multiplier");
        let preview = previews.iter().find(|preview| preview.name == result_name(entry));
        let from = match member(entry, "dataNeeded") {
            columns if columns.is_empty() => member(entry, "type"),
            columns => columns,
        };
        let weight = if !entry.on {
            "off".to_owned()
        } else if weight.is_empty() {
            "1".to_owned()
        } else {
            weight
        };
        let distinct = preview.map(|preview| grouped(preview.distinct)).unwrap_or_default();
        let typical = preview.map(|preview| preview.typical.clone()).unwrap_or_default();
        Line::new([result_name(entry), from, weight, distinct, typical]).marked(mark(model, entry))
    });
    let y = canvas.height().saturating_sub(4);
    if let Some(entry) = items.get(cursor.at) {
        let text = match member(entry, "expression") {
            expression if expression.is_empty() => {
                format!("{} {}", member(entry, "type"), member(entry, "name"))
            }
            expression => expression,
        };
        for (line, text) in
            wrap(&text, canvas.width().saturating_sub(2)).into_iter().take(3).enumerate()
        {
            canvas.text(y + line, &format!(" {text}"));
        }
    } else {
        canvas.text(1, "   There are no features; R on a column of step 1 makes one");
    }
    preview_line(canvas, y + 3, model);
}
