//! The screens, a file each: how they are drawn.

pub mod cluster;
pub mod data;
pub mod detector;
pub mod features;
pub mod flags;
pub mod form;
pub mod home;
pub mod outputs;
mod overlay;
pub mod results;
pub mod row;
pub mod run;

use anomal_spec::edit::ListEntry;
use serde_json::Value as Json;

use crate::{
    canvas::Canvas,
    model::{Model, PreviewState},
    text::grouped,
};

/// What an item is called in results; a feature of several columns has a pattern in place of a name.
fn result_name(entry: &ListEntry) -> String {
    let own = member(entry, "as");
    if own.is_empty() { member(entry, "name") + &member(entry, "match") } else { own }
}

/// A member of an item as text; empty where it is not set.
fn member(entry: &ListEntry, name: &str) -> String {
    match entry.value.get(name) {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(Json::Array(items)) => {
            let texts = items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            texts.collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

/// The mark before an item: off, with a problem, or none.
fn mark(model: &Model, entry: &ListEntry) -> char {
    let issues = model.job.iter().flat_map(|job| job.document.issues());
    match entry.on {
        false => '-',
        true if issues.into_iter().any(|issue| issue.line == Some(entry.line)) => '!',
        true => ' ',
    }
}

/// What a preview of the first rows has found, in a line.
fn preview_line(canvas: &mut Canvas<'_>, y: usize, model: &Model) {
    let Some(job) = &model.job else { return };
    let text = match &job.preview {
        PreviewState::Absent => {
            "Preview: none yet; p runs the settings on the first rows".to_owned()
        }
        PreviewState::Loading(_, since) => {
            let tenths = model.now.saturating_sub(*since).as_millis() / 100;
            format!("Preview: running, {}.{} s", tenths / 10, tenths % 10)
        }
        PreviewState::Failed(message) => format!("Preview: {message}"),
        PreviewState::Ready(preview, text) => {
            let old = if text == job.document.text() { "" } else { ", of the settings before" };
            format!(
                "Preview: {} suspicious, {} flagged in the first {} rows{old}",
                grouped(preview.suspicious),
                grouped(preview.flagged),
                grouped(preview.rows)
            )
        }
    };
    canvas.text(y, &format!(" {text}"));
}
