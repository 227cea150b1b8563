//! Rules of what a stream writes: results, checkpoints, and what processes share.

use serde_json::Value as Json;

use super::{Problems, differs, each_output};
use crate::{Bulk, Rotation, has_times, is_url, types::unknown_conversion};

const OUTPUTS: &str = "a stream needs a place for its results: outputs: [{ndjson: {path: results.ndjson, rotate: 1h}}]";

/// The problems of the outputs.
pub(super) fn written(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    if each_output(spec).next().is_none() {
        problems.push(("outputs".to_owned(), OUTPUTS.to_owned()));
    }
    for (index, driver, output) in each_output(spec) {
        let place = format!("outputs[{index}].{driver}");
        match driver.as_str() {
            "ndjson" | "csv" | "parquet" => {}
            "elasticsearch" => {
                problems.extend(indexed(&place, output));
                continue;
            }
            _ => {
                let message = "a stream writes `ndjson`, `csv`, `parquet` or `elasticsearch`; use these, or remove \
                               `stream`";
                problems.push((place, message.to_owned()));
                continue;
            }
        }
        let path = output["path"].as_str().unwrap_or_default();
        let rotate = output["rotate"].as_str();
        problems
            .extend(named(driver, path, rotate).map(|message| (format!("{place}.path"), message)));
        if path == "-" && driver != "ndjson" {
            let message = "a stream writes `ndjson` alone to standard output; name a file";
            problems.push((format!("{place}.path"), message.to_owned()));
            continue;
        }
        match (path == "-", rotate) {
            (true, Some(_)) => {
                let message = "standard output is not rotated; remove this".to_owned();
                problems.push((format!("{place}.rotate"), message));
            }
            (false, None) => {
                let message = "a stream would fill one file for ever: add `rotate: 1h`, or a size such as `rotate: 256Mi`";
                problems.push((place, message.to_owned()));
            }
            _ => {}
        }
    }
    problems
}

/// The problems of an output of Elasticsearch.
fn indexed(place: &str, output: &Json) -> Problems {
    let mut problems = Problems::new();
    let mut wrong =
        |key: &str, message: &str| problems.push((format!("{place}.{key}"), message.into()));
    if differs(&output["bulk"]["retrySeconds"], &Bulk::default().retry_seconds) {
        let message = "a stream waits for a cluster as long as it takes; remove this";
        wrong("bulk.retrySeconds", message);
    }
    if let Some(message) = dead_letter(&output["deadLetter"]) {
        wrong("deadLetter.path", &message);
    }
    problems
}

/// What is wrong with the path of a file.
fn named(driver: &str, path: &str, rotate: Option<&str>) -> Option<String> {
    if is_url(path) {
        return Some(
            "a stream appends to files, which objects do not allow; name a file of this machine"
                .to_owned(),
        );
    }
    let is_compressed = [".gz", ".zst"].iter().any(|ending| path.ends_with(ending));
    if driver == "parquet" && (is_compressed || has_times(path)) {
        let message = "of Parquet, files are numbered and compressed by themselves; name one without times and such an ending";
        return Some(message.to_owned());
    }
    if let Some(unknown) = unknown_conversion(path) {
        return Some(format!(
            "{unknown} is no part of a time; known are %Y, %m, %d, %j, %H, %M and %S"
        ));
    }
    let every = rotate.and_then(Rotation::parse);
    (has_times(path) && !matches!(every, Some(Rotation::Every(_)))).then(|| {
        "files with times in their names begin at times: say when in `rotate`, such as 1h"
            .to_owned()
    })
}

/// What is wrong with a place for what was refused.
pub(super) fn dead_letter(file: &Json) -> Option<String> {
    let url = file["path"].as_str().filter(|path| is_url(path) && !path.ends_with('/'))?;
    Some(format!(
        "a stream writes objects into a folder: name one with a slash at its end, as {url}/"
    ))
}

/// The problems of the place of checkpoints.
pub(super) fn saved(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    let mut wrong = |path: &str, message: String| problems.push((path.into(), message));
    let checkpoint = &spec["stream"]["state"]["checkpoint"];
    let to = checkpoint["to"].as_str();
    let place = "stream.state.checkpoint.to";
    let is_store =
        |to: &str| ["s3://", "gs://", "az://"].iter().any(|scheme| to.starts_with(scheme));
    match to.filter(|to| is_url(to)) {
        Some(to) if !is_store(to) || !to.ends_with('/') => wrong(
            place,
            format!(
                "{to} is no folder of an object store: name one as s3://bucket/folder/, with a slash at its end"
            ),
        ),
        None if checkpoint.get("auth").is_some() => wrong(
            "stream.state.checkpoint.auth",
            "a folder of this machine needs no credentials; remove this".to_owned(),
        ),
        _ => {}
    }
    let mut files = each_output(spec).filter_map(|(.., output)| output["path"].as_str());
    let has_file =
        files.any(|path| path != "-") || each_output(spec).any(|(_, driver, _)| driver == "ndjson");
    if !has_file && each_output(spec).next().is_some() {
        match to {
            None => wrong(
                "stream",
                "no output is a file beside which checkpoints could be saved: name a folder in `state.checkpoint.to`"
                    .to_owned(),
            ),
            Some(to) if is_url(to) && spec.get("deadLetter").is_none() => wrong(
                "stream",
                "no output is a file beside which records that can't be read could be kept: name one in `deadLetter.path`"
                    .to_owned(),
            ),
            Some(_) => {}
        }
    }
    problems
}

/// The problems of partitions that processes share.
pub(super) fn shared(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    let mut wrong = |path: &str, message: &str| problems.push((path.into(), message.into()));
    let Some(replicas) = spec["stream"]["replicas"].as_u64() else {
        if spec["input"]["kafka"]["assignment"].as_str() == Some("group") {
            let message = "a group assigns partitions that processes share: add `stream: {replicas: 3}`, or remove this";
            wrong("input.kafka.assignment", message);
        }
        return problems;
    };
    if spec["input"].get("kafka").is_none() {
        if replicas > 1 {
            let message = "processes share the partitions of topics, and this input has one reader: remove this, or put a topic \
                           between and read it by `kafka`";
            wrong("stream.replicas", message);
        }
        return problems;
    }
    let learns = spec["stream"]["warmUp"].get("preload").is_some();
    if learns && spec["stream"]["entity"].get("silence").is_some() {
        let message = "each partition begins with the entities of all records of `warmUp.preload`, and would miss those of the \
                       other partitions: remove this, that, or `replicas`";
        wrong("stream.entity.silence", message);
    }
    let to = spec["stream"]["state"]["checkpoint"]["to"].as_str();
    if to.is_none() && replicas > 1 {
        let message = "the processes need one place for checkpoints that all of them reach: name it in \
                       `stream.state.checkpoint.to`, such as s3://bucket/folder/";
        wrong("stream.replicas", message);
    }
    if to.is_some_and(is_url) {
        for (index, driver, output) in each_output(spec) {
            if output["path"].as_str().is_some_and(|path| path != "-") {
                let message = "a file is of one machine, and a partition may move to another: write to `elasticsearch`, or \
                               name a folder in `stream.state.checkpoint.to` that all processes share, as they share these files";
                wrong(&format!("outputs[{index}].{driver}.path"), message);
            }
        }
    }
    problems
}
