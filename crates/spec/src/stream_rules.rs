//! Rules of continuous jobs: what can't be read from a saved position, judged row by row or continued behind a mark. Not in
//! CEL, since most of them name the part of the settings that is in the way.

mod inputs;
mod judging;
mod outputs;

use serde::Serialize;
use serde_json::Value as Json;

use crate::{Follow, Place, check::Check, is_url};

/// What a stream does not do yet, by the key of the spec.
const EXCLUDED: [(&str, &str); 4] = [
    (
        "suppressions",
        "results of a stream are not grouped into incidents; remove it, or remove `stream`",
    ),
    ("schedule", "a stream never ends, so it has no schedule; remove one of them"),
    ("activeDeadlineSeconds", "a stream never ends; remove this, or remove `stream`"),
    ("ttlSecondsAfterFinished", "a stream never ends; remove this, or remove `stream`"),
];
/// Where the settings have what is read before a stream.
pub(crate) const PRELOAD: &str = "stream.warmUp.preload";

/// Checks the settings of a `spec` about streams.
pub(crate) fn check(check: &mut Check, spec: &Json, prefix: &str) {
    let problems = if spec.get("stream").is_some() { stream(spec) } else { batch(spec) };
    for (path, message) in problems {
        let at = format!("{prefix}{path}");
        let place = check.places.nearest(&at).unwrap_or(Place::NONE);
        check.wrong(place, &at, message);
    }
}

type Problems = Vec<(String, String)>;

fn each_output(spec: &Json) -> impl Iterator<Item = (usize, &String, &Json)> {
    let outputs = spec["outputs"].as_array().into_iter().flatten().enumerate();
    outputs.flat_map(|(index, output)| {
        let drivers = output.as_object().into_iter().flatten();
        drivers.map(move |(driver, settings)| (index, driver, settings))
    })
}

/// The problems of a job that ends.
fn batch(spec: &Json) -> Problems {
    let rotating = each_output(spec).filter(|(.., settings)| settings.get("rotate").is_some());
    let message = "`rotate` is for streams; remove it, or add `stream: {}`";
    let mut problems: Problems = rotating
        .map(|(index, driver, _)| (format!("outputs[{index}].{driver}.rotate"), message.to_owned()))
        .collect();
    let mut wrong = |path: &str, message: &str| problems.push((path.into(), message.into()));
    if spec["report"].get("every").is_some() {
        wrong("report.every", "a run has one report, at its end; remove this, or add `stream: {}`");
    }
    let of_outputs = each_output(spec).map(|(index, driver, output)| {
        (format!("outputs[{index}].{driver}.deadLetter"), &output["deadLetter"])
    });
    for (place, file) in of_outputs.chain([("deadLetter".to_owned(), &spec["deadLetter"])]) {
        if file["path"].as_str().is_some_and(|path| is_url(path) && path.ends_with('/')) {
            let message = "a run writes one object: name it, as s3://bucket/rejected.ndjson";
            wrong(&format!("{place}.path"), message);
        }
    }
    if spec["input"].get("kafka").is_some() {
        wrong("input.kafka", "a topic has no end, so a stream reads it; add `stream: {}`");
    }
    if spec["input"].get("http").is_some() {
        wrong("input.http", "what is posted has no end, so a stream takes it; add `stream: {}`");
    }
    if spec["input"].get("syslog").is_some() {
        wrong("input.syslog", "messages have no end, so a stream takes them; add `stream: {}`");
    }
    if spec["input"]["tcp"].is_object() && spec["input"]["tcp"].get("collectionTime").is_none() {
        let message = "a run ends: say how long records are collected, as `collectionTime: 60s`, or add `stream: {}` to judge \
                       each as it comes";
        wrong("input.tcp", message);
    }
    if let Some(method) = judging::online_method(spec) {
        let message = format!(
            "{method} compares a row with those before it, as a stream does; use `pot` with the probability of a false \
             alarm, or add `stream: {{}}`"
        );
        problems.push(("classification.threshold.method".to_owned(), message));
    }
    problems
}

fn stream(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    let mut wrong = |path: &str, message: &str| problems.push((path.into(), message.into()));
    for (key, message) in EXCLUDED {
        if spec.get(key).is_some() {
            wrong(key, message);
        }
    }
    if spec["report"].is_object() && spec["report"].get("every").is_none() {
        wrong("report", "a stream never ends: say how often there is a report, as `every: 1h`");
    }
    if let Some(message) = outputs::dead_letter(&spec["deadLetter"]) {
        wrong("deadLetter.path", &message);
    }
    if differs(&spec["stream"]["follow"], &Follow::default()) {
        if spec["input"].get("kafka").is_some() {
            wrong(
                "stream.follow",
                "`follow` is for files; remove it, and see `start` of `input.kafka`",
            );
        } else if is_pushed(spec) {
            wrong("stream.follow", "`follow` is for files, and this input is pushed; remove it");
        }
    }
    problems.extend(inputs::journal(spec));
    problems.extend(outputs::saved(spec));
    for (driver, input) in spec["input"].as_object().into_iter().flatten() {
        problems.extend(inputs::followed(driver, input));
    }
    problems.extend(outputs::written(spec));
    problems.extend(outputs::shared(spec));
    problems.extend(judging::judged(spec));
    problems
}

/// Whether records are collected, to be judged together.
fn is_collected(spec: &Json) -> bool {
    let mut inputs = spec["input"].as_object().into_iter().flatten();
    inputs.any(|(_, input)| input.get("collectionTime").is_some())
}

/// Whether others send the records.
fn is_pushed(spec: &Json) -> bool {
    ["http", "tcp", "syslog"].iter().any(|driver| spec["input"].get(driver).is_some())
}

/// Whether something is set that is not the default, which an API server fills in.
fn differs(given: &Json, default: &impl Serialize) -> bool {
    fn is_other(given: &Json, default: &Json) -> bool {
        match given {
            Json::Object(given) => given.iter().any(|(key, value)| is_other(value, &default[key])),
            given => given != default,
        }
    }
    let default = serde_json::to_value(default).unwrap_or_default();
    !given.is_null() && is_other(given, &default)
}
