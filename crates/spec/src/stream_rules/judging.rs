//! Rules of how rows are judged: one by one or by windows, and by what is learned of them.

use serde_json::Value as Json;

use super::{PRELOAD, Problems, differs, is_collected};
use crate::{ModelSample, Refit, StreamBatch, WarmUp, milliseconds};

/// The problems of what rows are judged by.
pub(super) fn judged(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    let model = &spec["classification"]["model"];
    if model.get("save").is_some() {
        let message = "a stream keeps its model with its state; remove this, or save a model by `anomal fit` first";
        problems.push(("classification.model.save".to_owned(), message.to_owned()));
    }
    if is_collected(spec) {
        problems.extend(collected(spec));
        return problems;
    }
    for (index, feature) in spec["features"].as_array().into_iter().flatten().enumerate() {
        if feature["type"].as_str() == Some("aggregate") && feature.get("window").is_none() {
            let message = "a stream would keep every key for ever: add a `window`, such as 1h";
            problems.push((format!("features[{index}]"), message.to_owned()));
        }
    }
    let has_time = spec.get("timeColumn").is_some() || spec["roles"].get("time").is_some();
    if spec["stream"].get("time").is_some() && !has_time {
        let message = "it is about the times of records: add `timeColumn`, the column with them, or remove this";
        problems.push(("stream.time".to_owned(), message.to_owned()));
    }
    let wait = spec["stream"]["batch"]["wait"].as_str().and_then(milliseconds);
    if wait.is_some_and(|wait| wait > StreamBatch::LONGEST_WAIT) {
        let message = "results would wait as long: at most 10s";
        problems.push(("stream.batch.wait".to_owned(), message.to_owned()));
    }
    problems.extend(learned(spec, has_time));
    problems.extend(warmed(spec));
    problems
}

/// The problems of what judges windows as a whole.
fn collected(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    for (key, what) in [
        ("time", "it is about records that are judged as they come"),
        ("batch", "it is about records that are judged as they come"),
        ("warmUp", "each window is fitted by itself"),
        ("model", "each window is fitted by itself"),
        ("entity", "it is about records that are judged as they come"),
    ] {
        if spec["stream"].get(key).is_some() {
            let message = format!(
                "{what}, and with `collectionTime` they are judged window by window: remove one of them"
            );
            problems.push((format!("stream.{key}"), message));
        }
    }
    if spec["stream"]["state"].get("maxMemory").is_some() {
        let message = "with `collectionTime` nothing is kept from one window to the next: remove this, and see `--memory`";
        problems.push(("stream.state.maxMemory".to_owned(), message.to_owned()));
    }
    if let Some(method) = online_method(spec) {
        let message = format!(
            "{method} compares a row with those before it, and with `collectionTime` a window is judged as a whole: use `pot` \
             with the probability of a false alarm, or another method"
        );
        problems.push(("classification.threshold.method".to_owned(), message));
    }
    problems
}

/// The problems of what is learned before rows are scored.
fn warmed(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    let mut wrong = |path: &str, message: &str| problems.push((path.into(), message.into()));
    let Some(warm_up) = spec["stream"].get("warmUp") else { return problems };
    let history = warm_up.get("preload");
    let drivers = history.and_then(Json::as_object).into_iter().flatten();
    for (driver, _) in drivers.filter(|(_, settings)| settings["path"].as_str() == Some("-")) {
        let message =
            "it is read again if the process ends before it has been learned; name a file";
        wrong(&format!("{PRELOAD}.{driver}.path"), message);
    }
    let rows = differs(&warm_up["rows"], &WarmUp::default().rows);
    if history.is_some() && rows {
        let message = "with `preload` the model is fitted on a sample of that, of `stream.model.sample.rows`; remove one of \
                       them";
        wrong("stream.warmUp.rows", message);
    }
    if history.is_none() && spec["classification"]["model"].get("load").is_some() {
        wrong("stream.warmUp", "the model that is loaded needs no warm-up; remove one of them");
    } else if history.is_none() && spec.get("classification").is_none() {
        let message = "nothing is fitted without `classification`; add that, or remove this";
        wrong("stream.warmUp", message);
    }
    problems
}

/// The problems of what a model learns of the records.
fn learned(spec: &Json, has_time: bool) -> Problems {
    let mut problems = Problems::new();
    let mut wrong = |path: &str, message: &str| problems.push((path.into(), message.into()));
    let is_budget = spec["classification"]["threshold"]["method"].as_str() == Some("budget");
    if is_budget && !has_time {
        let message = "it counts by the times of records: add `timeColumn`, the column with them, or use `risk`";
        wrong("classification.threshold.method", message);
    }
    if spec["stream"].get("entity").is_some() && spec.get("classification").is_none() {
        let message = "it says how unusual the features of a row are for its entity, and nothing is scored without \
                       `classification`; add that, or remove this";
        wrong("stream.entity", message);
    }
    if spec["stream"]["entity"].get("silence").is_some() && !has_time {
        let message =
            "it is a time of records: add `timeColumn`, the column with them, or remove this";
        wrong("stream.entity.silence", message);
    }
    let Some(model) = spec["stream"].get("model") else { return problems };
    if spec.get("classification").is_none() {
        wrong(
            "stream.model",
            "nothing is fitted without `classification`; add that, or remove this",
        );
    }
    let (sample, refit) = (ModelSample::default(), Refit::default());
    if model["learn"].as_str() == Some("once") {
        let set = [
            ("sample", differs(&model["sample"], &sample)),
            ("refit", differs(&model["refit"], &refit)),
        ];
        for (key, _) in set.into_iter().filter(|(_, is_set)| *is_set) {
            let message = "with `learn: once` nothing is fitted again; remove one of them";
            wrong(&format!("stream.model.{key}"), message);
        }
    }
    if !has_time {
        let set = [
            ("sample.halfLife", differs(&model["sample"]["halfLife"], &sample.half_life)),
            ("refit.every", differs(&model["refit"]["every"], &refit.every)),
        ];
        for (key, _) in set.into_iter().filter(|(_, is_set)| *is_set) {
            let message = "it is a time of records: add `timeColumn`, the column with them, or use `refit.rows`";
            wrong(&format!("stream.model.{key}"), message);
        }
        if model["refit"]["shadow"].get("atLeast").is_some() {
            let message =
                "it is a time of records: add `timeColumn`, the column with them, or use `rows`";
            wrong("stream.model.refit.shadow.atLeast", message);
        }
    }
    problems
}

/// A threshold that compares a row with those before it.
pub(super) fn online_method(spec: &Json) -> Option<&str> {
    let method = spec["classification"]["threshold"]["method"].as_str()?;
    ["risk", "budget", "fdr", "spot", "dspot"].contains(&method).then_some(method)
}
