//! Rules of continuous jobs: what can't be read from a saved position, judged row by row or continued behind a mark. Not in
//! CEL, since most of them name the part of the settings that is in the way.

use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    Bulk, Follow, ModelSample, Place, Refit, WarmUp, bytes, check::Check, is_url, time_zone,
};

/// What a stream does not do yet, by the key of the spec.
const EXCLUDED: [(&str, &str); 5] = [
    ("report", "a report is of a run that ends; remove it, or remove `stream`"),
    ("suppressions", "a stream makes no incidents; remove it, or remove `stream`"),
    ("schedule", "a stream never ends, so it has no schedule; remove one of them"),
    ("activeDeadlineSeconds", "a stream never ends; remove this, or remove `stream`"),
    ("ttlSecondsAfterFinished", "a stream never ends; remove this, or remove `stream`"),
];
const FOLLOWED: &str = "a stream follows files that grow (`ndjson`, `csv` and `log`, with a record a line), reads topics (`kafka`) or \
    takes what is pushed (`http`, `tcp`, `syslog`); remove `stream` to read this input to its end";
/// Where the settings have what is read before a stream.
pub(crate) const PRELOAD: &str = "stream.warmUp.preload";
const OUTPUTS: &str = "a stream needs a place for its results: outputs: [{ndjson: {path: results.ndjson, rotate: 1h}}]";

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

fn outputs(spec: &Json) -> impl Iterator<Item = (usize, &String, &Json)> {
    let outputs = spec["outputs"].as_array().into_iter().flatten().enumerate();
    outputs.flat_map(|(index, output)| {
        let drivers = output.as_object().into_iter().flatten();
        drivers.map(move |(driver, settings)| (index, driver, settings))
    })
}

/// The problems of a job that ends.
fn batch(spec: &Json) -> Problems {
    let rotating = outputs(spec).filter(|(.., settings)| settings.get("rotate").is_some());
    let message = "`rotate` is for streams; remove it, or add `stream: {}`";
    let mut problems: Problems = rotating
        .map(|(index, driver, _)| (format!("outputs[{index}].{driver}.rotate"), message.to_owned()))
        .collect();
    let mut wrong = |path: &str, message: &str| problems.push((path.into(), message.into()));
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
    if let Some(method) = online_method(spec) {
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
    if let Some(path) = spec["deadLetter"]["path"].as_str().filter(|path| is_url(path)) {
        let message =
            format!("a stream continues its files at a mark, which {path} can't; name a file");
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
    problems.extend(journal(spec));
    problems.extend(saved(spec));
    for (driver, input) in spec["input"].as_object().into_iter().flatten() {
        problems.extend(followed(driver, input));
    }
    problems.extend(written(spec));
    problems.extend(shared(spec));
    problems.extend(judged(spec));
    problems
}

/// A threshold that compares a row with those before it.
fn online_method(spec: &Json) -> Option<&str> {
    let method = spec["classification"]["threshold"]["method"].as_str()?;
    ["risk", "budget", "fdr", "spot", "dspot"].contains(&method).then_some(method)
}

/// Whether records are collected, to be judged together.
fn is_collected(spec: &Json) -> bool {
    let mut inputs = spec["input"].as_object().into_iter().flatten();
    inputs.any(|(_, input)| input.get("collectionTime").is_some())
}

/// The problems of what judges windows as a whole.
fn collected(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    for (key, what) in [
        ("time", "it is about records that are judged as they come"),
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
    if let Some(method) = online_method(spec) {
        let message = format!(
            "{method} compares a row with those before it, and with `collectionTime` a window is judged as a whole: use `pot` \
             with the probability of a false alarm, or another method"
        );
        problems.push(("classification.threshold.method".to_owned(), message));
    }
    problems
}

/// Whether others send the records.
fn is_pushed(spec: &Json) -> bool {
    ["http", "tcp", "syslog"].iter().any(|driver| spec["input"].get(driver).is_some())
}

/// The problems of the journal, and of what is written to it.
fn journal(spec: &Json) -> Problems {
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
    let has_file =
        outputs(spec).any(|(.., output)| output["path"].as_str().is_some_and(|path| path != "-"));
    let to = spec["stream"]["state"]["checkpoint"]["to"].as_str();
    if settings.get("path").is_none() && !has_file && to.is_some_and(is_url) {
        let message = "no output is a file beside which the journal could be kept: name a folder in `journal.path`";
        wrong("stream", message.to_owned());
    }
    problems
}

/// The problems of the place of checkpoints.
fn saved(spec: &Json) -> Problems {
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
    let mut files = outputs(spec).filter_map(|(.., output)| output["path"].as_str());
    let has_file =
        files.any(|path| path != "-") || outputs(spec).any(|(_, driver, _)| driver == "ndjson");
    if !has_file && outputs(spec).next().is_some() {
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
fn shared(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    let mut wrong = |path: &str, message: &str| problems.push((path.into(), message.into()));
    let Some(replicas) = spec["stream"]["replicas"].as_u64() else { return problems };
    if spec["input"].get("kafka").is_none() {
        if replicas > 1 {
            let message = "processes share the partitions of topics, and this input has one reader: remove this, or put a topic \
                           between and read it by `kafka`";
            wrong("stream.replicas", message);
        }
        return problems;
    }
    if spec["stream"]["warmUp"].get("preload").is_some() {
        let message = "each partition is a stream of its own, which would learn the records of all: remove this, or `replicas`";
        wrong(PRELOAD, message);
    }
    let to = spec["stream"]["state"]["checkpoint"]["to"].as_str();
    if to.is_none() && replicas > 1 {
        let message = "the processes need one place for checkpoints that all of them reach: name it in \
                       `stream.state.checkpoint.to`, such as s3://bucket/folder/";
        wrong("stream.replicas", message);
    }
    if to.is_some_and(is_url) {
        for (index, driver, output) in outputs(spec) {
            if output["path"].as_str().is_some_and(|path| path != "-") {
                let message = "a file is of one machine, and a partition may move to another: write to `elasticsearch`, or \
                               name a folder in `stream.state.checkpoint.to` that all processes share, as they share these files";
                wrong(&format!("outputs[{index}].{driver}.path"), message);
            }
        }
    }
    problems
}

/// The problems of the input.
fn followed(driver: &str, input: &Json) -> Problems {
    let place = format!("input.{driver}");
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

/// The problems of the outputs.
fn written(spec: &Json) -> Problems {
    let mut problems = Problems::new();
    if outputs(spec).next().is_none() {
        problems.push(("outputs".to_owned(), OUTPUTS.to_owned()));
    }
    for (index, driver, output) in outputs(spec) {
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
        if is_url(path) || [".gz", ".zst"].iter().any(|ending| path.ends_with(ending)) {
            let message = "a stream appends to files, which objects and compressed files do not allow; name a file of this machine without such an ending";
            problems.push((format!("{place}.path"), message.to_owned()));
        }
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
    if output["deadLetter"]["path"].as_str().is_some_and(is_url) {
        wrong(
            "deadLetter.path",
            "a stream continues its files at a mark, which an object can't; name a file",
        );
    }
    problems
}

/// The problems of what rows are judged by.
fn judged(spec: &Json) -> Problems {
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
    problems.extend(learned(spec, has_time));
    problems.extend(warmed(spec));
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
    }
    problems
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
