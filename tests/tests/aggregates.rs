//! Features of type aggregate: their values beside DuckDB's, on any engine, and on input that is hard for them.

use std::{collections::BTreeMap, fmt::Write};

use anomal_tests::{Engine, RunOutput, Workspace};

/// A job with these lines of settings, over `in.csv` with a time in the column `t`.
fn job(features: &str, more: &str) -> String {
    format!(
        "input: {{csv: {{path: in.csv, types: {{t: datetime}}}}}}
timeColumn: t
features:
{features}
{more}
outputs: [{{csv: {{path: out.csv, include: [features]}}}}]
"
    )
}

fn run(csv: &str, job: &str) -> (Workspace, RunOutput) {
    let files = [("in.csv", csv.as_bytes()), ("job.yaml", job.as_bytes())];
    let workspace = Workspace::with_files(&files);
    let output = workspace.anomal(&["run", "job.yaml"]);
    (workspace, output)
}

/// The cells of a column of the results, by row.
fn column(workspace: &Workspace, name: &str) -> Vec<String> {
    let text = workspace.read("out.csv");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let position = header.iter().position(|column| *column == name);
    let position = position.unwrap_or_else(|| panic!("no column {name} in {header:?}"));
    lines.map(|line| line.split(',').nth(position).unwrap().to_owned()).collect()
}

fn feature(workspace: &Workspace, name: &str) -> Vec<String> {
    column(workspace, &format!("anomal.features.{name}"))
}

/// The time of a second of the day.
fn time(second: u64) -> String {
    format!("2026-03-01T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

/// The rows of `aggregates/duckdb_figures.py`.
fn generated(rows: u64) -> String {
    let mut state = 1_u64;
    let mut below = move |end: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    let mut csv = "t,name,port,amount,number,failed\n".to_owned();
    for _ in 0..rows {
        let (second, user, port) = (below(20_000), below(200), below(5));
        let (quarters, number) = (below(4_000), below(2_000));
        let (failed, gaps) = (below(4) == 0, below(100));
        let unless = |gap: bool, cell: String| if gap { String::new() } else { cell };
        let amount = (quarters as f64 - 2_000.0) / 4.0;
        let number = number.cast_signed() - 1_000;
        writeln!(
            csv,
            "{},{},{port},{},{},{failed}",
            unless(gaps == 0, time(second)),
            unless(gaps == 1, format!("user{user}")),
            unless(gaps < 6, amount.to_string()),
            unless(gaps > 94, number.to_string()),
        )
        .unwrap();
    }
    csv
}

/// As in `aggregates/duckdb_figures.py`.
const FEATURES: &str = "
  - {type: aggregate, name: count, function: count, by: [name, port], window: 10m}
  - {type: aggregate, name: count_failed, function: count, where: failed, by: [name, port], window: 10m}
  - {type: aggregate, name: rate, function: rate, by: [name, port], window: 10m}
  - {type: aggregate, name: distinct, function: distinct, of: amount, by: [name, port], window: 10m}
  - {type: aggregate, name: sum, function: sum, of: amount, by: [name, port], window: 10m}
  - {type: aggregate, name: sum_failed, function: sum, of: number, where: failed, by: [name, port], window: 10m}
  - {type: aggregate, name: mean, function: mean, of: amount, by: [name, port], window: 10m}
  - {type: aggregate, name: min, function: min, of: amount, by: [name, port], window: 10m}
  - {type: aggregate, name: max, function: max, of: number, by: [name, port], window: 10m}
  - {type: aggregate, name: stddev, function: stddev, of: amount, by: [name, port], window: 10m}
  - {type: aggregate, name: exceedance, function: exceedance, of: amount, by: [name, port], window: 10m}
  - {type: aggregate, name: share, function: share, where: failed, by: [name, port], window: 10m}
  - {type: aggregate, name: value_share, function: share, of: number, by: [name, port], window: 10m}
  - {type: aggregate, name: since_last, function: sinceLast, by: [name, port]}
  - {type: aggregate, name: running_sum, function: sum, of: number, by: name}
  - {type: aggregate, name: running_distinct, function: distinct, of: number, by: name}
";

#[derive(serde::Deserialize)]
struct Figures {
    rows: usize,
    sum: f64,
    weighted: f64,
}

#[test]
fn values_are_those_of_duckdb() {
    let (workspace, output) = run(&generated(100_000), &job(FEATURES, ""));
    output.expect(0, &[]);
    let expected: BTreeMap<String, Figures> =
        serde_json::from_str(include_str!("aggregates/duckdb.json")).unwrap();
    assert_eq!(expected.len(), 16);
    for (name, figures) in expected {
        let cells = feature(&workspace, &name);
        let values = cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
        let values: Vec<(usize, f64)> =
            values.map(|(row, cell)| (row, cell.parse().unwrap())).collect();
        assert_eq!(values.len(), figures.rows, "{name}");
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
        let sum: f64 = values.iter().map(|(_, value)| value).sum();
        assert!(near(sum, figures.sum), "{name}: {sum}, not {}", figures.sum);
        let weighted: f64 = values.iter().map(|(row, value)| value * (1 + row % 97) as f64).sum();
        assert!(near(weighted, figures.weighted), "{name}: {weighted}, not {}", figures.weighted);
    }
}

#[test]
fn values_are_the_same_on_any_engine_and_number_of_threads() {
    let flags = "flags:
  - {type: direct, name: burst, expression: count > 2 AND share > 0.1, severity: medium}
  - {type: direct, name: peak, expression: \"sum = MAX(sum) OVER (PARTITION BY name)\", severity: low}
";
    let (workspace, output) = run(&generated(20_000), &job(FEATURES, flags));
    output.expect(0, &["burst", "peak"]);
    let expected = workspace.bytes("out.csv");
    let engines: Vec<Engine> = (0..2).map(|_| Engine::start("anomal-feature-engine")).collect();
    let endpoints: Vec<&str> =
        engines.iter().flat_map(|engine| ["--feature-engine", engine.address.as_str()]).collect();
    for (threads, endpoints) in [("1", &[][..]), ("2", &[]), ("2", &endpoints)] {
        let mut command = workspace.command(&["run", "job.yaml"]);
        command.args(endpoints).env("RAYON_NUM_THREADS", threads);
        command.env("POLARS_MAX_THREADS", threads);
        RunOutput::from(command.output().unwrap()).expect(0, &[]);
        let same = workspace.bytes("out.csv") == expected;
        assert!(same, "other bytes on {threads} threads with {endpoints:?}");
    }
}

#[test]
fn names_below_one_domain_by_client() {
    let job = job(
        "  - {type: metric, name: registered_domain, dataNeeded: [q], multiplier: 0}
  - {type: aggregate, name: names, function: distinct, of: q, by: [c, registered_domain], window: 1m}",
        "packs: [dns]
flags: [{type: direct, name: many_names, expression: names > 2, severity: high}]",
    );
    let mut csv = "t,c,q\n".to_owned();
    for (second, client, name) in [
        (0, "a", "x.example.com"),
        (1, "a", "y.example.com"),
        (2, "b", "z.example.com"),
        (3, "a", "x.example.com"),
        (4, "a", "z.example.com"),
        (5, "a", "z.example.org"),
        (70, "a", "z.example.com"),
    ] {
        writeln!(csv, "{},{client},{name}", time(second)).unwrap();
    }
    let (workspace, output) = run(&csv, &job);
    output.expect(0, &["many_names"]);
    assert_eq!(feature(&workspace, "names"), ["1", "2", "1", "2", "3", "1", "1"]);
    let flagged = column(&workspace, "anomal.flags");
    assert_eq!(flagged.iter().position(|flags| !flags.is_empty()), Some(4));
}

const COUNTS: &str = "
  - {type: aggregate, name: count, function: count, by: [k], window: 10s}
  - {type: aggregate, name: since, function: sinceLast, by: [k]}
";

#[test]
fn values_beyond_all_before_are_flagged() {
    let exceedance =
        "  - {type: aggregate, name: new, function: exceedance, of: load, by: [host], window: 10s}";
    let flags = "flags: [{type: direct, name: never_seen, expression: new > 0.2, severity: high}]";
    let mut csv = "t,host,load\n".to_owned();
    for (second, host, load) in [
        (0, "a", "4"),
        (1, "b", "9"),
        (2, "a", "8"),
        (3, "a", "9"),
        (4, "a", ""),
        (5, "a", "5"),
        (14, "a", "9.5"),
    ] {
        writeln!(csv, "{},{host},{load}", time(second)).unwrap();
    }
    let (workspace, output) = run(&csv, &job(exceedance, flags));
    output.expect(0, &["never_seen"]);
    // The 9 of 3 s is out of the window at 14 s, where only the 5 is left.
    assert_eq!(feature(&workspace, "new"), ["", "", "1", "0.2", "", "0", "1"]);
    let flagged = column(&workspace, "anomal.flags");
    let flagged: Vec<usize> = (0..7).filter(|row| !flagged[*row].is_empty()).collect();
    assert_eq!(flagged, [2, 6]);
    let without = exceedance.replace("of: load, ", "");
    run(&csv, &job(&without, flags)).1.expect(2, &["features[0]", "exceedance need `of`"]);
}

#[test]
fn times_that_go_backwards_and_missing_ones() {
    let mut csv = "t,k\n".to_owned();
    for second in [50, 40, 39, 30, 29] {
        writeln!(csv, "{},a", time(second)).unwrap();
    }
    csv.push_str(",a\n");
    let (workspace, output) = run(&csv, &job(COUNTS, ""));
    output.expect(0, &[]);
    // The window is open at its start: 50 is without 40, 40 without 30.
    assert_eq!(feature(&workspace, "count"), ["1", "2", "2", "2", "1", ""]);
    assert_eq!(feature(&workspace, "since"), ["10", "1", "9", "1", "", ""]);
}

#[test]
fn equal_times_are_in_the_order_of_rows() {
    let csv = format!("t,k\n{}", format!("{},a\n", time(7)).repeat(5));
    let (workspace, output) = run(&csv, &job(COUNTS, ""));
    output.expect(0, &[]);
    assert_eq!(feature(&workspace, "count"), ["1", "2", "3", "4", "5"]);
    assert_eq!(feature(&workspace, "since"), ["", "0", "0", "0", "0"]);
}

#[test]
fn missing_keys_are_a_key_of_their_own() {
    let mut csv = "t,k\n".to_owned();
    for (second, key) in [(1, ""), (2, "a"), (3, ""), (4, "a"), (5, "")] {
        writeln!(csv, "{},{key}", time(second)).unwrap();
    }
    let (workspace, output) = run(&csv, &job(COUNTS, ""));
    output.expect(0, &[]);
    assert_eq!(feature(&workspace, "count"), ["1", "1", "2", "2", "3"]);
}

#[test]
fn a_million_keys_and_one_key_with_all_rows() {
    let features = "
  - {type: aggregate, name: mean, function: mean, of: k, by: [k], window: 1h}
  - {type: aggregate, name: all, function: count}
  - {type: aggregate, name: values, function: distinct, of: k}
";
    let mut csv = "t,k\n".to_owned();
    for row in 0..1_000_000_u64 {
        writeln!(csv, "{},{row}", time(row / 20)).unwrap();
    }
    let (workspace, output) = run(&csv, &job(features, ""));
    output.expect(0, &[]);
    let number = |cell: String| cell.parse::<f64>().unwrap();
    for (row, mean) in feature(&workspace, "mean").into_iter().enumerate() {
        assert_eq!(number(mean), row as f64);
    }
    for (row, count) in feature(&workspace, "all").into_iter().enumerate() {
        assert_eq!(number(count), (row + 1) as f64);
    }
    // Exact up to 10,000 values, then within 4 standard errors.
    for (row, values) in feature(&workspace, "values").into_iter().enumerate() {
        let (values, expected) = (number(values), (row + 1) as f64);
        let tolerance = if row < 10_000 { 0.0 } else { 4.0 * 0.0081 * expected };
        assert!((values - expected).abs() <= tolerance, "{values}, not {expected}");
    }
}

#[test]
fn an_empty_input_has_no_results() {
    let (workspace, output) = run("t,k\n", &job(COUNTS, ""));
    output.expect(0, &[]);
    // Only the header.
    assert_eq!(workspace.read("out.csv").lines().count(), 1);
}

/// That settings are refused, with a message that has these parts.
#[track_caller]
fn refused(job: &str, parts: &[&str]) {
    let csv = format!("t,k,text,x\n{},a,b,1\n", time(0));
    let (workspace, output) = run(&csv, job);
    output.expect(2, parts);
    assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
}

#[test]
fn wrong_settings_are_refused_with_the_place_and_a_remedy() {
    let aggregate =
        |settings: &str| job(&format!("  - {{type: aggregate, name: n, {settings}}}"), "");
    for window in ["5 minutes", "0s", "1.5h", "-5m", "m", "5"] {
        let settings = format!("function: count, window: '{window}'");
        refused(&aggregate(&settings), &["job.yaml:4:", "features[0].window", "30s, 5m, 1h"]);
    }
    let without = aggregate("function: count, window: 5m").replace("timeColumn: t\n", "");
    refused(&without, &["needs `timeColumn`"]);
    let elsewhere = aggregate("function: count, window: 5m").replace("Column: t", "Column: time");
    refused(&elsewhere, &["timeColumn", "no column `time`"]);
    let text = aggregate("function: count, window: 5m").replace("Column: t", "Column: text");
    refused(&text, &["timeColumn", "needs times", "`text` holds text"]);
    let by = "function: count, by: [kk]";
    refused(&aggregate(by), &["features[0].by", "no column `kk`", "did you mean `k`?"]);
    let of_text = "function: sum, of: text";
    refused(&aggregate(of_text), &["features[0].of", "needs whole numbers or numbers"]);
    let missing = "function: mean, of: y";
    refused(&aggregate(missing), &["features[0].of", "no column `y`"]);
    refused(&aggregate("function: distinct"), &["features[0]", "need `of`"]);
    refused(&aggregate("function: rate"), &["features[0]", "a rate needs a `window`"]);
    refused(&aggregate("window: 5m"), &["features[0]", "a `function`"]);
    refused(&aggregate("function: median, of: x"), &["features[0].function", "unknown"]);
    let number = "function: count, where: \"x + 1\"";
    refused(&aggregate(number), &["features[0].where", "true or false"]);
    let field = job("  - {type: field, name: x, window: 5m}", "");
    refused(&field, &["features[0]", "belong to a feature of type aggregate"]);
    let filter = job(
        "  - {type: aggregate, name: n, function: count}",
        "filters: [{name: f, remove: n > 1}]",
    );
    refused(&filter, &["filters[0].remove", "no column `n`"]);
}
