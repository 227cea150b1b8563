//! The termination message of a run, as Kubernetes shows it for a container and the operator reads it.

use std::{fs, path::Path};

use anomal_runner::Summary;
use anomal_spec::Severity;
use serde_json::{Map, Value, json};

use crate::{commands::CommandResult, present::error::Failure};

/// Kubernetes cuts longer messages.
const MAX_BYTES: usize = 4096;

/// The message of a run that succeeded.
pub fn summary_message(summary: &Summary) -> Value {
    let hits = |severity: Severity| -> u64 {
        summary.flags.iter().filter(|flag| flag.severity == severity).map(|flag| flag.rows).sum()
    };
    let mut flags = Map::new();
    for (name, severity) in
        [("high", Severity::High), ("medium", Severity::Medium), ("low", Severity::Low)]
    {
        let rows = hits(severity);
        if rows > 0 {
            flags.insert(name.into(), rows.into());
        }
    }
    let mut message = json!({
        "rows": summary.rows,
        "filtered": summary.filtered,
        "rejected": summary.rejected,
        "suspicious": summary.suspicious,
        "flags": flags,
        "durationSeconds": summary.duration_seconds,
    });
    if let Some(count) = summary.incident_count {
        message["incidents"] =
            json!({"high": count.high, "medium": count.medium, "low": count.low});
        if count.suppressed > 0 {
            message["incidents"]["suppressed"] = count.suppressed.into();
        }
    }
    if let Some(first) = summary.incidents.iter().find(|it| it.suppressed.is_none()) {
        message["firstIncident"] = first.title.as_str().into();
    }
    if let Some(engine) = &summary.engine {
        message["engine"] = engine.as_str().into();
    }
    let url = summary.report.as_ref().map(|report| report.url.as_str());
    if let Some(url) = url.filter(|url| !url.is_empty()) {
        message["reportURL"] = url.into();
    }
    message
}

/// Writes the message of a run that failed. If the file can't be written, that is logged; the exit code stays.
pub fn write_failure(result: CommandResult, file: Option<&Path>) -> CommandResult {
    if let (Some(file), Err(failure)) = (file, &result) {
        write(file, failure_message(failure));
    }
    result
}

/// Writes a message in place: Kubernetes mounts the file, so it can't be replaced by another.
pub fn write(file: &Path, message: Value) {
    if let Err(error) = fs::write(file, truncated(message)) {
        tracing::warn!("cannot write the termination log {}: {error}", file.display());
    }
}

fn failure_message(failure: &Failure) -> Value {
    let mut message = json!({"error": failure.message, "code": failure.code});
    if let Some(path) = &failure.path {
        message["path"] = path.as_str().into();
    }
    if let Some(reason) = &failure.reason {
        message["reason"] = reason.as_str().into();
    }
    message
}

/// JSON of at most [`MAX_BYTES`]: texts are cut at the end, the longest first.
fn truncated(mut message: Value) -> String {
    loop {
        let text = message.to_string();
        let over = text.len().saturating_sub(MAX_BYTES);
        if over == 0 {
            return text;
        }
        let longest = message.as_object_mut().and_then(|message| {
            let texts = message.values_mut().filter(|value| value.is_string());
            texts.max_by_key(|value| value.as_str().map_or(0, str::len))
        });
        let Some(longest) = longest else { return "{}".into() };
        let text = longest.as_str().unwrap_or_default();
        if text.is_empty() {
            return "{}".into();
        }
        // An escaped character has up to six times its bytes, so a sixth is cut at a time until it fits.
        let end = text.len().saturating_sub((over / 6).max(4));
        let shorter = text[..text.floor_char_boundary(end)].to_owned();
        *longest = shorter.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(message: &str, path: Option<String>) -> Value {
        let failure = Failure { path, ..Failure::usage(message) };
        let text = truncated(failure_message(&failure));
        assert!(text.len() <= MAX_BYTES, "{} bytes", text.len());
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_short_message_is_complete() {
        let message = parsed("no such file\nat all", Some("input.csv.path".into()));
        assert_eq!(
            message,
            json!({"error": "no such file\nat all", "code": 2, "path": "input.csv.path"})
        );
        assert_eq!(parsed("x", None), json!({"error": "x", "code": 2}));
    }

    #[test]
    fn a_long_message_is_cut_between_characters_and_stays_json() {
        for piece in ["x", "\u{1f980}", "é", "\"", "\u{1}", "a\\\u{1f980}\n"] {
            for times in [600, 4_080, 4_096, 100_000] {
                let message = piece.repeat(times);
                let written = parsed(&message, Some("features[3].name".into()));
                let error = written["error"].as_str().unwrap();
                assert!(message.starts_with(error));
                assert_eq!(written["path"], "features[3].name");
                assert!(message.len() < 300 || !error.is_empty());
            }
        }
        // Nearly all of the room is used.
        let long = parsed(&"x".repeat(10_000), None);
        assert!(long["error"].as_str().unwrap().len() > MAX_BYTES - 100);
        parsed(&"é".repeat(9_000), Some("p".repeat(9_000)));
    }
}
