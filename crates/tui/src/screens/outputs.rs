//! Where results go.

use serde_json::Value as Json;

use crate::{
    canvas::Canvas,
    model::{Model, Screen},
    screens::{mark, preview_line},
    widgets::table::{Line, draw, left},
};

pub fn view(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(job) = &model.job else { return };
    let items = job.items(Screen::Outputs);
    let heads = [left("Output", 14), left("Where", 34), left("Rows", 12), left("With", 0)];
    let height = canvas.height().saturating_sub(6);
    let used = draw(
        &mut canvas.part(0, 0, usize::MAX, height),
        &heads,
        Some(job.cursors[4]),
        items.len(),
        |at| {
            let entry = &items[at];
            let (driver, settings) =
                entry.value.as_object().and_then(|map| map.iter().next()).unzip();
            let text = |name: &str| {
                let value = settings.and_then(|settings| settings.get(name));
                value
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    .unwrap_or_default()
            };
            let place = if driver.is_some_and(|driver| driver == "terminal") {
                "standard output"
            } else {
                ""
            };
            let place = [text("path"), text("index"), place.to_owned()].concat();
            let rows = if entry.on { text("rows") } else { "off".to_owned() };
            let with = settings
                .and_then(|settings| settings.get("include"))
                .map(Json::to_string)
                .unwrap_or_default();
            let driver = driver.cloned().unwrap_or_default();
            Line::new([driver, place, rows, with]).marked(mark(model, entry))
        },
    );
    if items.is_empty() {
        canvas.text(used, "   There are none: results are then only in the report");
    }
    let y = canvas.height().saturating_sub(5);
    canvas.text(y, " A run from here always keeps a report, which step 7 shows.");
    canvas.text(y + 1, " Files are replaced once a run has succeeded; nothing is written before.");
    canvas
        .text(y + 3, &format!(" The same from the command line: anomal run {}", shell(&job.path)));
    preview_line(canvas, y + 4, model);
}

/// A word of a command line.
pub fn shell(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
