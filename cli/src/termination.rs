//! The last word of a run, for whoever watches it from outside: Kubernetes shows a container's termination
//! message, and the operator reads it.

use std::{fs, path::Path};

use anomal_pipeline::Summary;
use anomal_spec::Severity;
use serde_json::{Map, Value, json};

use crate::{commands::Ended, present::error::Failure};

/// Kubernetes keeps no more.
const MOST: usize = 4096;

/// What the run found.
pub fn done(summary: &Summary) -> Value {
    let of = |severity: Severity| -> u64 {
        summary.flags.iter().filter(|flag| flag.severity == severity).map(|flag| flag.rows).sum()
    };
    let mut flags = Map::new();
    for (name, severity) in
        [("high", Severity::High), ("medium", Severity::Medium), ("low", Severity::Low)]
    {
        let rows = of(severity);
        if rows > 0 {
            flags.insert(name.into(), rows.into());
        }
    }
    let mut word = json!({
        "rows": summary.rows,
        "filtered": summary.filtered,
        "rejected": summary.rejected,
        "suspicious": summary.suspicious,
        "flags": flags,
        "durationSeconds": summary.duration_seconds,
    });
    if let Some(engine) = &summary.engine {
        word["engine"] = engine.as_str().into();
    }
    let url = summary.report.as_ref().map(|report| report.url.as_str());
    if let Some(url) = url.filter(|url| !url.is_empty()) {
        word["reportURL"] = url.into();
    }
    word
}

/// Writes why a run failed; one that is done has written what it found. A file that can't be written is told,
/// and the run ends as it would have.
pub fn after(ended: Ended, file: Option<&Path>) -> Ended {
    if let (Some(file), Err(failure)) = (file, &ended) {
        write(file, failed(failure));
    }
    ended
}

pub fn write(file: &Path, word: Value) {
    // Not renamed into place: the file is one that Kubernetes has mounted.
    if let Err(error) = fs::write(file, bounded(word)) {
        tracing::warn!("the termination log {} can't be written: {error}", file.display());
    }
}

fn failed(failure: &Failure) -> Value {
    let mut word = json!({"error": failure.message, "code": failure.code});
    if let Some(path) = &failure.path {
        word["path"] = path.as_str().into();
    }
    word
}

/// As JSON of no more than the allowed bytes: texts lose their ends, the longest first.
fn bounded(mut word: Value) -> String {
    loop {
        let text = word.to_string();
        let over = text.len().saturating_sub(MOST);
        if over == 0 {
            return text;
        }
        let longest = word.as_object_mut().and_then(|word| {
            let texts = word.values_mut().filter(|value| value.is_string());
            texts.max_by_key(|value| value.as_str().map_or(0, str::len))
        });
        let Some(longest) = longest else { return "{}".into() };
        let text = longest.as_str().unwrap_or_default();
        if text.is_empty() {
            return "{}".into();
        }
        // A character takes up to six times its bytes where it is escaped: a little less, until it fits.
        let kept = text.len().saturating_sub((over / 6).max(4));
        let shorter = text[..text.floor_char_boundary(kept)].to_owned();
        *longest = shorter.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &str, path: Option<String>) -> Value {
        let failure = Failure { message: message.into(), code: 2, path };
        let text = bounded(failed(&failure));
        assert!(text.len() <= MOST, "{} bytes", text.len());
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_short_word_is_whole() {
        let word = shown("no such file\nat all", Some("input.csv.path".into()));
        assert_eq!(
            word,
            json!({"error": "no such file\nat all", "code": 2, "path": "input.csv.path"})
        );
        assert_eq!(shown("x", None), json!({"error": "x", "code": 2}));
    }

    #[test]
    fn a_long_one_is_cut_between_characters_and_stays_json() {
        for piece in ["x", "\u{1f980}", "é", "\"", "\u{1}", "a\\\u{1f980}\n"] {
            for times in [600, 4_080, 4_096, 100_000] {
                let message = piece.repeat(times);
                let word = shown(&message, Some("features[3].name".into()));
                let kept = word["error"].as_str().unwrap();
                assert!(message.starts_with(kept));
                assert_eq!(word["path"], "features[3].name");
                assert!(message.len() < 300 || !kept.is_empty());
            }
        }
        // As much as there is room for, nearly.
        let kept = shown(&"x".repeat(10_000), None);
        assert!(kept["error"].as_str().unwrap().len() > MOST - 100);
        shown(&"é".repeat(9_000), Some("p".repeat(9_000)));
    }
}
