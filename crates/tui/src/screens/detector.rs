//! How rows are judged, and how many of them are suspicious.

use serde_json::Value as Json;

use crate::{
    canvas::Canvas,
    document::keys,
    model::{Detector, Model},
    mouse::Target,
    screens::preview_line,
    text::{cell, grouped},
    theme::BOLD,
    update::choices::SHARES,
};

pub fn view(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(job) = &model.job else { return };
    let engine = job.document.value(&keys(&["classification", "engine"]));
    let engine = engine.as_ref().and_then(Json::as_str).unwrap_or("Ensemble");
    let threshold = job.document.value(&keys(&["classification", "threshold"]));
    let method = threshold.as_ref().and_then(|t| t.get("method")?.as_str()).unwrap_or_default();
    let value = threshold.as_ref().and_then(|t| t.get("value")?.as_f64());
    let rows = job.input.as_ref().map(|input| input.total);
    canvas.line(0, " How many suspects can you look at?", BOLD);
    for at in 0..=SHARES.len() {
        let share = SHARES.get(at);
        let text = match (share, rows) {
            (Some(share), Some(rows)) => {
                let count = (rows as f64 * share).ceil();
                format!("about {} of {} rows", grouped(format!("{count:.0}")), grouped(rows))
            }
            (Some(_), None) => "this share of the rows".to_owned(),
            (None, _) => "let the scores decide".to_owned(),
        };
        let setting = share.map_or("auto".to_owned(), |share| format!("{} %", share * 100.0));
        let chosen = match share {
            Some(share) => method == "contamination" && value == Some(*share),
            None => method == "auto",
        };
        line(canvas, 1 + at, !job.on_detectors && job.cursors[3].at == at, chosen, &text, &setting);
        canvas.on_click(1 + at, Target::Detector { of_detectors: false, at });
    }
    let mut y = SHARES.len() + 2;
    let is_listed = method == "auto"
        || method == "contamination" && SHARES.iter().any(|share| Some(*share) == value);
    let now = match (method, value) {
        ("", _) => "now: what the detector recommends".to_owned(),
        (method, Some(value)) => format!("now: {method} {value}"),
        (method, None) => format!("now: {method}"),
    };
    if !is_listed {
        canvas.text(y, &format!("     {now}"));
    }
    y += 1;
    canvas.line(y, " Which detector?", BOLD);
    let room = canvas.height().saturating_sub(y + 3);
    let detectors = &model.options.detectors;
    let top = job.detector.top(room).min(detectors.len().saturating_sub(room));
    for (index, Detector { name, about, .. }) in detectors.iter().enumerate().skip(top).take(room) {
        let here = job.on_detectors && job.detector.at == index;
        line(canvas, y + 1 + index - top, here, name == engine, name, about);
        canvas.on_click(y + 1 + index - top, Target::Detector { of_detectors: true, at: index });
    }
    preview_line(canvas, canvas.height().saturating_sub(1), model);
}

fn line(canvas: &mut Canvas<'_>, y: usize, here: bool, chosen: bool, text: &str, about: &str) {
    let (cursor, mark) = (if here { '>' } else { ' ' }, if chosen { '*' } else { ' ' });
    canvas.text(y, &format!(" {cursor} {mark} {} {about}", cell(text, 28)));
    if here {
        canvas.select(y);
    }
}
