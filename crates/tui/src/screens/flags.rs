//! What is worth a look whatever its score.

use crate::{
    canvas::Canvas,
    model::{Model, PreviewState, Screen},
    screens::{mark, member, preview_line, result_name},
    text::{grouped, wrap},
    widgets::table::{Line, draw, left, number},
};

pub fn view(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(job) = &model.job else { return };
    let items = job.items(Screen::Flags);
    let hits = match &job.preview {
        PreviewState::Ready(preview, _) => preview.flags.as_slice(),
        _ => &[],
    };
    let width = canvas.width().saturating_sub(48).clamp(14, 44);
    let heads = [
        left("Flag", width),
        left("Severity", 8),
        number("Hits", 8),
        left("Kind", 12),
        left("Needs", 0),
    ];
    let cursor = job.cursors[2];
    let height = canvas.height().saturating_sub(4);
    draw(&mut canvas.part(0, 0, usize::MAX, height), &heads, Some(cursor), items.len(), |at| {
        let entry = &items[at];
        let hit = hits.iter().find(|(flag, _)| *flag == result_name(entry));
        let hit = hit.map(|(_, rows)| grouped(rows)).unwrap_or_default();
        let severity = if entry.on { member(entry, "severity") } else { "off".to_owned() };
        let cells =
            [result_name(entry), severity, hit, member(entry, "type"), member(entry, "dataNeeded")];
        Line::new(cells).marked(mark(model, entry))
    });
    let y = canvas.height().saturating_sub(4);
    if let Some(entry) = items.get(cursor.at) {
        let text = format!("{} {}", member(entry, "description"), member(entry, "expression"));
        for (line, text) in
            wrap(&text, canvas.width().saturating_sub(2)).into_iter().take(2).enumerate()
        {
            canvas.text(y + line, &format!(" {text}"));
        }
        canvas.text(
            y + 2,
            " Hits are of the first rows. Flags that need all rows may find more in a run.",
        );
    } else {
        canvas.text(1, "   There are no flags; e adds some as YAML");
    }
    preview_line(canvas, y + 3, model);
}
