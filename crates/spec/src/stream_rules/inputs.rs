//! Rules of what a stream reads, and of the journal of what is pushed.

use serde_json::Value as Json;

use super::{Problems, each_output, is_pushed};
use crate::{bytes, is_url, time_zone};

const FOLLOWED: &str = "a stream follows files that grow (`ndjson`, `csv` and `log`, with a record a line), reads topics (`kafka`) or \
    takes what is pushed (`http`, `tcp`, `syslog`); remove `stream` to read this input to its end";

/// The problems of the input.
pub(super) fn followed(driver: &str, input: &Json) -> Problems {
    let place = format!("input.{driver}");
    if driver == "kafka" && input["badLines"].as_str() == Some("error") {
        return skips(&place, input);
    }
    if matches!(driver, "kafka" | "http" | "syslog") {
        return Problems::new();
    }
    if driver == "tcp" {
        return skips(&place, input);
    }
    if !matches!(driver, "ndjson" | "log" | "csv") {
        return vec![(place, FOLLOWED.to_owned())];
    }
    let mut problems = Problems::new();
    let mut wrong =
        |key: &str, message: &str| problems.push((format!("{place}.{key}"), message.into()));
    let path = input["path"].as_str().unwrap_or_default();
    if path == "-" || is_url(path) {
        wrong(
            "path",
            "a stream continues at a position in files of this machine; name a file, a folder or a pattern",
        );
    }
    if [".gz", ".zst"].iter().any(|ending| path.ends_with(ending)) {
        wrong("path", "a compressed file does not grow; name the file that is written to");
    }
    if !matches!(input["encoding"].as_str(), None | Some("auto" | "utf-8")) {
        wrong("encoding", "a stream reads UTF-8; convert the file where it is written");
    }
    if !matches!(input["comment"].as_str(), None | Some("auto" | "none")) {
        let message = "a stream takes each line behind the line of names for a record; remove this, and write no comments";
        wrong("comment", message);
    }
    if input["lineEnd"].as_str() == Some("cr") {
        wrong("lineEnd", "a stream reads lines that end in a line feed; remove this");
    }
    if input["header"] == false && input["skipLines"].as_u64().is_some_and(|lines| lines > 0) {
        let message = "with `header: false` a stream reads each line as a record; remove this, or write names";
        wrong("skipLines", message);
    }
    problems.extend(skips(&place, input));
    problems
}

/// The problem of what becomes of a bad record.
fn skips(place: &str, input: &Json) -> Problems {
    if input["badLines"].as_str() == Some("skip") {
        return Problems::new();
    }
    let message = "a stream goes on behind a bad record: set `badLines: skip`, which writes it to the dead-letter file";
    vec![(format!("{place}.badLines"), message.to_owned())]
}

/// The problems of the journal, and of what is written to it.
pub(super) fn journal(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    let mut wrong = |path: &str, message: String| problems.push((path.into(), message));
    let settings = &spec["stream"]["journal"];
    if !is_pushed(spec) {
        if settings.is_object() {
            let message = "the records of this input can be read again where they are; a journal is for `http`, `tcp` and `syslog`: \
                           remove this";
            wrong("stream.journal", message.to_owned());
        }
        return problems;
    }
    if let Some(path) = settings["path"].as_str().filter(|path| is_url(path)) {
        let message = format!(
            "a journal is synchronised many times a second, which {path} can't be; name a folder"
        );
        wrong("stream.journal.path", message);
    }
    let size = |text: &Json, default| bytes(text.as_str().unwrap_or(default)).unwrap_or_default();
    let journal = size(&settings["maxBytes"], "1Gi");
    let body = size(&spec["input"]["http"]["maxBody"], "32Mi");
    if spec["input"].get("http").is_some() && body > journal / 4 {
        let message = "a body has to fit into a fourth of the journal: lower `maxBody`, or raise `stream.journal.maxBytes`";
        wrong("input.http.maxBody", message.to_owned());
    }
    let zone = spec["input"]["syslog"]["timeZone"].as_str();
    if let Some(Err(message)) = zone.map(time_zone) {
        wrong("input.syslog.timeZone", message);
    }
    let has_file = each_output(spec)
        .any(|(.., output)| output["path"].as_str().is_some_and(|path| path != "-"));
    let to = spec["stream"]["state"]["checkpoint"]["to"].as_str();
    if settings.get("path").is_none() && !has_file && to.is_some_and(is_url) {
        let message = "no output is a file beside which the journal could be kept: name a folder in `journal.path`";
        wrong("stream", message.to_owned());
    }
    problems
}
