//! Settings that can't be a stream, with the place of each problem and what to do.

use anomal_tests::Workspace;

use super::job::{JOB, lines};

/// Validates the job with a part of it replaced.
#[track_caller]
fn refused(from: &str, to: &str, parts: &[&str]) {
    assert!(JOB.contains(from), "{from}");
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", JOB.replace(from, to).as_bytes()),
    ]);
    workspace.anomal(&["validate", "job.yaml"]).expect(2, parts);
    workspace.anomal(&["run", "job.yaml", "--until-caught-up"]).expect(2, parts);
}

#[test]
fn what_can_not_be_a_stream_is_refused() {
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
    let input = "ndjson: {path: app.ndjson, badLines: skip, types: {id: integer, size: integer}}";
    for (to, parts) in [
        ("parquet: {path: a.parquet}", ["job.yaml:2:", "input.parquet: a stream follows files"]),
        ("ndjson: {path: app.ndjson}", ["job.yaml:2:", "set `badLines: skip`"]),
        ("ndjson: {path: \"-\", badLines: skip}", ["input.ndjson.path", "name a file, a folder"]),
        (
            "ndjson: {path: \"s3://b/x.ndjson\", badLines: skip}",
            ["input.ndjson.path", "files of this machine"],
        ),
        ("ndjson: {path: a.ndjson.gz, badLines: skip}", ["input.ndjson.path", "does not grow"]),
        (
            "ndjson: {path: a.ndjson, badLines: skip, encoding: utf-16le}",
            ["input.ndjson.encoding", "UTF-8"],
        ),
        (
            "csv: {path: a.csv, badLines: skip, comment: \"#\"}",
            ["input.csv.comment", "for a record"],
        ),
        ("csv: {path: a.csv, badLines: skip, lineEnd: cr}", ["input.csv.lineEnd", "line feed"]),
    ] {
        refused(input, to, &parts);
    }
    let output = "ndjson: {path: results.ndjson, rotate: 64Ki, include: [features, contributions]}";
    for (to, parts) in [
        ("csv: {path: results.csv}", ["outputs[0].csv", "add `rotate: 1h`"]),
        ("csv: {path: \"-\"}", ["outputs[0].csv.path", "`ndjson` alone to standard output"]),
        (
            "parquet: {path: \"s3://b/r.parquet\", rotate: 1h}",
            ["outputs[0].parquet.path", "appends"],
        ),
        ("terminal: {}", ["outputs[0].terminal", "a stream writes `ndjson`, `csv`, `parquet`"]),
        ("ndjson: {path: results.ndjson}", ["outputs[0].ndjson", "add `rotate: 1h`"]),
        ("ndjson: {path: \"-\", rotate: 1h}", ["outputs[0].ndjson.rotate", "not rotated"]),
        (
            "ndjson: {path: \"s3://b/r.ndjson\", rotate: 1h}",
            ["outputs[0].ndjson.path", "objects do not allow"],
        ),
        ("ndjson: {path: \"%H.ndjson\", rotate: 1Mi}", ["outputs[0].ndjson.path", "such as 1h"]),
        ("csv: {path: \"%q.csv\", rotate: 1h}", ["outputs[0].csv.path", "%q is no part of a time"]),
        (
            "parquet: {path: \"%H.parquet\", rotate: 1h}",
            ["outputs[0].parquet.path", "files are numbered"],
        ),
        ("ndjson: {path: r.ndjson, rotate: 1x}", ["outputs[0].ndjson.rotate", "1x"]),
    ] {
        refused(output, to, &parts);
    }
    let flag = "{type: direct, name: large, expression: size > 9000, severity: high}";
    refused(
        flag,
        "{type: direct, name: large, expression: size > AVG(size), severity: high}",
        &["flags[0]", "compares rows with each other"],
    );
    refused(
        "{type: field, name: ms}",
        "{type: aggregate, name: n, function: count, by: [method]}",
        &["features[1]", "a stream would keep every key for ever"],
    );
    refused(
        "{every: 1s, to: state}",
        "{every: 1s, to: 'https://b/state/'}",
        &["stream.state.checkpoint.to", "is no folder of an object store"],
    );
    refused(
        "{every: 1s, to: state}",
        "{every: 1s, to: 's3://b/state'}",
        &["stream.state.checkpoint.to", "with a slash at its end"],
    );
    refused(
        "{every: 1s, to: state}",
        "{every: 1s, to: state, auth: {secretRef: {name: s}}}",
        &["stream.state.checkpoint.auth", "needs no credentials"],
    );
    refused(
        "classification: {",
        "deadLetter: {path: 's3://b/rejected.ndjson'}\nclassification: {",
        &["deadLetter.path", "as s3://b/rejected.ndjson/"],
    );
    let classification = "classification: {engine: HBOS, seed: 7}";
    for (to, parts) in [
        ("classification: {engine: Gower}", ["classification.engine", "judges each by a model"]),
        (
            "classification: {engine: HBOS, model: {save: m}}",
            ["classification.model.save", "anomal fit"],
        ),
        ("classification: {engine: HBOS, model: {load: m}}", ["stream.warmUp", "needs no warm-up"]),
        ("report: {}\nclassification: {engine: HBOS}", ["report", "a stream never ends"]),
        ("schedule: {cron: '@daily'}\nclassification: {engine: HBOS}", ["schedule", "never ends"]),
    ] {
        refused(classification, to, &parts);
    }
}

#[test]
fn values_that_do_not_exist_are_refused_with_those_that_do() {
    let input = "ndjson: {path: app.ndjson, badLines: skip, types: {id: integer, size: integer}}";
    let syslog = "syslog: {listen: [{udp: \"127.0.0.1:0\"}], KEYS}";
    for (keys, parts) in [
        ("parse: {json: raw}", ["input.syslog.parse.json", "it is one of message"]),
        ("badLines: error", ["input.syslog.badLines", "it is one of skip"]),
    ] {
        refused(input, &syslog.replace("KEYS", keys), &parts);
    }
    let warm_up = "warmUp: {rows: 300}";
    for (to, parts) in [
        ("batch: {wait: 11s}", ["stream.batch.wait", "at most 10s"]),
        ("batch: {wait: 1m}", ["stream.batch.wait", "has not the form"]),
        ("batch: {rows: 0}", ["stream.batch.rows", "1"]),
        ("time: {late: revise}", ["stream.time.late", "it is one of keep, deadLetter"]),
        ("time: {idle: 50ms}", ["stream.time.idle", "has not the form"]),
    ] {
        refused(warm_up, to, &parts);
    }
}

#[test]
fn a_stream_without_files_names_the_places_of_its_own() {
    let (head, _) = JOB.split_once("outputs:\n").unwrap();
    let output = "outputs: [{elasticsearch: {url: \"http://127.0.0.1:1\"}}]\n";
    let without = head.replace(", to: state", "");
    let on_s3 = head.replace("to: state", "to: \"s3://b/state/\"");
    for (head, part) in [(&without, "`state.checkpoint.to`"), (&on_s3, "`deadLetter.path`")] {
        let job = format!("{head}{output}");
        let files = [("app.ndjson", lines(0..10)), ("job.yaml", job)];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_bytes()));
        let workspace = Workspace::with_files(&files);
        workspace.anomal(&["validate", "job.yaml"]).expect(2, &["stream", part]);
    }
}

#[test]
fn streams_and_runs_keep_to_their_own_options() {
    let batch = JOB.split("stream:").next().unwrap();
    let output = "outputs: [{ndjson: {path: r.ndjson, rotate: 1h}}]\n";
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
        ("batch.yaml", batch.as_bytes()),
        ("rotating.yaml", format!("{batch}{output}").as_bytes()),
    ]);
    workspace
        .anomal(&["validate", "rotating.yaml"])
        .expect(2, &["outputs[0].ndjson.rotate", "`rotate` is for streams"]);
    workspace.anomal(&["run", "batch.yaml", "--until-caught-up"]).expect(2, &["`stream`"]);
    workspace
        .anomal(&["run", "job.yaml", "--output", "x.csv"])
        .expect(2, &["--output", "`stream`"]);
    workspace
        .anomal(&["run", "job.yaml", "--until-caught-up", "--input", "gone.ndjson"])
        .expect(3, &["has no whole line"]);
}
