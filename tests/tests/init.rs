//! `anomal init`: what it proposes, unchanged, finds what is there.

mod init {
    mod fixtures;
    mod options;
    mod schemas;
}

use anomal_tests::{Workspace, program};
use polars::prelude::{Column, DataType, SerReader};
use polars_io::parquet::read::ParquetReader;

/// A workspace with generated data.
fn generated(name: &str, arguments: &[&str]) -> Workspace {
    let workspace = Workspace::default();
    let data = workspace.path("in.csv");
    let mut generate = std::process::Command::new(program("xtask"));
    generate.args(["generate", name]).args(arguments).arg("--output").arg(data);
    assert!(generate.status().unwrap().success());
    workspace
}

/// The proposal for `in.csv`, without a trial.
fn proposal(workspace: &Workspace) -> String {
    let output = workspace.anomal(&["init", "in.csv", "--no-trial"]);
    output.expect(0, &[]);
    output.stdout
}

/// AUROC and average precision of the proposal, unchanged.
fn detection(workspace: &Workspace, label: &str) -> (f64, f64) {
    workspace.anomal(&["init", "in.csv", "--output", "job.yaml"]).expect(0, &[]);
    let settings = workspace.read("job.yaml");
    assert!(
        settings.contains(&format!("# left out: {label} says which rows are anomalies")),
        "{settings}"
    );
    assert!(settings.contains(&format!("\nlabelColumn: {label}  # ")), "{settings}");
    assert!(settings.contains("anomal evaluate job.yaml"), "{settings}");
    workspace.anomal(&["run", "job.yaml", "--quiet"]).expect(0, &[]);
    let evaluation = workspace.anomal(&["evaluate", "job.yaml", "--json"]);
    evaluation.expect(0, &[]);
    let figures: serde_json::Value = serde_json::from_str(&evaluation.stdout).unwrap();
    let figure =
        |name: &str| figures[name].as_f64().or_else(|| figures[name]["value"].as_f64()).unwrap();
    (figure("auroc"), figure("averagePrecision"))
}

/// The proposals for generated data of each seed find the labelled rows.
#[track_caller]
fn assert_found(data: &[&str], seeds: &[&str], label: &str, auroc: f64, precision: f64) {
    let (name, options) = data.split_first().unwrap();
    for seed in seeds {
        let found = detection(&generated(name, &[options, &["--seed", seed]].concat()), label);
        assert!(
            found.0 >= auroc && found.1 >= precision,
            "{found:?} with seed {seed}, at least {auroc} and {precision}"
        );
    }
}

#[test]
fn requests_to_a_web_server() {
    assert_found(&["web", "--rows", "8000"], &["1", "2"], "label", 0.99, 0.70);
}

/// Detection in the requests of one seed, written in a format. `label`: the column that init has to leave out, if its
/// name does not say that.
fn found_in(format: &str, file: &str, column: &str, named: bool) -> (f64, f64, Vec<Vec<String>>) {
    let workspace = Workspace::default();
    let data = workspace.path(file);
    let mut generate = std::process::Command::new(program("xtask"));
    generate.args(["generate", "web", "--rows", "8000", "--seed", "1", "--format", format]);
    assert!(generate.arg("--output").arg(data).status().unwrap().success());
    let (auroc, precision) = detection_in(&workspace, file, column, named);
    let settings = workspace.read("job.yaml");
    let with_features = settings
        .replace("in.results.parquet, rows: all", "features.parquet, include: [features]")
        .replace("engine: Ensemble", "engine: HBOS");
    workspace.write("features.yaml", with_features.as_bytes());
    workspace.anomal(&["run", "features.yaml", "--quiet"]).expect(0, &[]);
    (auroc, precision, features(&workspace, "features.parquet"))
}

/// The values of all features with a weight, each column in shares of its largest number, in the order of the columns'
/// texts: names and units do not matter.
fn features(workspace: &Workspace, results: &str) -> Vec<Vec<String>> {
    let file = std::fs::File::open(workspace.path(results)).unwrap();
    let table = ParquetReader::new(file).finish().unwrap();
    let weighed = |column: &&Column| {
        let name = column.name().strip_prefix("anomal.features.");
        name.is_some_and(|name| name != "url")
    };
    let values = |column: &Column| match column.cast(&DataType::Float64) {
        Ok(numbers) if column.dtype().is_numeric() => {
            let numbers: Vec<Option<f64>> = numbers.f64().unwrap().iter().collect();
            let most = numbers.iter().flatten().fold(0.0_f64, |most, number| most.max(*number));
            numbers.into_iter().map(|number| format!("{:.9?}", number.map(|n| n / most))).collect()
        }
        _ => column.str().unwrap().iter().map(|text| format!("{text:?}")).collect(),
    };
    let mut columns: Vec<Vec<String>> =
        table.columns().iter().filter(weighed).map(values).collect();
    columns.sort();
    columns
}

/// As [`detection`], of any file.
fn detection_in(workspace: &Workspace, file: &str, label: &str, named: bool) -> (f64, f64) {
    let option: &[&str] = if named { &[] } else { &["--label", label] };
    workspace.anomal(&[&["init", file, "--output", "job.yaml"], option].concat()).expect(0, &[]);
    let settings = workspace.read("job.yaml");
    let line = format!("# left out: {label} says which rows are anomalies");
    assert!(settings.contains(&line), "{settings}");
    workspace.anomal(&["run", "job.yaml", "--quiet"]).expect(0, &[]);
    let results = format!("{}.results.parquet", file.split('.').next().unwrap());
    let evaluation = workspace.anomal(&["evaluate", &results, "--label", label, "--json"]);
    evaluation.expect(0, &[]);
    let figures: serde_json::Value = serde_json::from_str(&evaluation.stdout).unwrap();
    let figure = |name: &str| figures[name]["value"].as_f64().unwrap();
    (figure("auroc"), figure("averagePrecision"))
}

#[test]
fn one_log_in_four_spellings() {
    let found = [
        ("csv", "in.csv", "label", true),
        ("combined", "in.log", "extra.2", false),
        ("iis", "in.log", "x-label", true),
        ("ndjson", "in.ndjson", "label", true),
    ]
    .map(|(format, file, label, named)| found_in(format, file, label, named));
    for (auroc, precision, _) in &found {
        assert!(*auroc >= 0.99 && *precision >= 0.70, "{auroc} {precision}");
        let (first, first_precision, _) = &found[0];
        assert!((auroc - first).abs() <= 0.005, "{auroc} {first}");
        assert!((precision - first_precision).abs() <= 0.005, "{precision} {first_precision}");
    }
    for (_, _, features) in &found {
        assert_eq!(features.len(), found[0].2.len());
        for (column, first) in features.iter().zip(&found[0].2) {
            let differ = column.iter().zip(first).position(|(value, first)| value != first);
            assert_eq!(differ, None, "{:?}", differ.map(|row| (&column[row], &first[row])));
        }
    }
}

/// The least area and average precision in logs of Zeek.
#[track_caller]
fn assert_found_in_zeek(options: &[&str], auroc: f64, precision: f64) {
    for log in ["conn", "dns"] {
        let workspace = Workspace::default();
        let mut generate = std::process::Command::new(program("xtask"));
        generate.args(["generate", "zeek", "--rows", "6000", "--log", log]).args(options);
        assert!(generate.arg("--output").arg(workspace.path("in.log")).status().unwrap().success());
        let found = detection_in(&workspace, "in.log", "label", true);
        assert!(found.0 >= auroc && found.1 >= precision, "{found:?} in {log}.log");
    }
}

#[test]
fn logs_of_zeek() {
    assert_found_in_zeek(&["--seed", "1"], 0.95, 0.30);
}

#[test]
fn attacks_in_logs_of_zeek_for_which_no_rule_was_written() {
    assert_found_in_zeek(&["--seed", "3", "--held-out"], 0.90, 0.20);
}

#[test]
fn attacks_for_which_no_rule_was_written() {
    assert_found(&["web", "--rows", "8000", "--held-out"], &["3"], "label", 0.95, 0.50);
}

#[test]
fn logins() {
    assert_found(&["logins", "--rows", "5000"], &["1", "2"], "label", 0.92, 0.40);
}

#[test]
fn requests_for_names() {
    assert_found(&["dns", "--rows", "5000"], &["1", "2", "5"], "label", 0.96, 0.28);
}

#[test]
fn payments() {
    assert_found(&["finance", "--rows", "5000"], &["1", "2"], "isFraud", 0.99, 0.55);
}

#[test]
fn columns_have_roles() {
    let mut rows =
        String::from("ts,user,country,outcome,bytes,port,request_id,note,mode,copy,empty,class\n");
    for row in 0..600 {
        let country = if row % 40 == 7 { "BR" } else { ["DE", "CH", "AT"][row % 3] };
        rows.push_str(&format!(
            "2026-03-02T10:{:02}:{:02}Z,user.{},{country},{},{},{},{row:08x}-77aa-4c43-9f3d-{row:012x},\
             the {row} quick brown fox jumps,on,{country},,{}\n",
            row / 60,
            row % 60,
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][row % 10],
            if row % 9 == 0 { "failure" } else { "success" },
            row * 7919 % 1_000,
            40_000 + row * 31 % 20_000,
            if row % 100 == 0 { "attack" } else { "normal" },
        ));
    }
    let workspace = Workspace::with_files(&[("in.csv", rows.as_bytes())]);
    let settings = proposal(&workspace);
    for line in [
        "input:\n  csv: {path: in.csv}\n",
        "timeColumn: ts  # ",
        "labelColumn: class  # ",
        "idColumn: request_id  # ",
        "roles:  # what rows are about: they are grouped into incidents by it\n  entities:\n",
        "    - {column: user, kind: user}  # by its name; 10 values with 60 rows each, such as user.a\n",
        "{type: field, name: country, kind: categorical}",
        "{type: field, name: outcome, kind: categorical}",
        "{type: field, name: bytes}",
        "name: user.rows_",
        "name: user.failures_",
        "where: \"\\\"outcome\\\" IN ('failure')\"",
        "name: user.country_share",
        "{type: metric, name: text_length, dataNeeded: [note], as: note.length}",
        "# left out: port is a port that changes from row to row",
        "# left out: request_id looks like an identifier",
        "# left out: mode has the same value in all rows: `on`",
        "# left out: copy equals country",
        "# left out: empty has no values",
        "# left out: class says which rows are anomalies",
        "classification: {engine: Ensemble}",
    ] {
        assert!(settings.contains(line), "{line} in {settings}");
    }
    let features = settings.lines().filter(|line| line.starts_with("  - {type:"));
    assert!(!features.into_iter().any(|line| line.contains("class,") || line.contains("class}")));
}

#[test]
fn numbers_count_by_their_text() {
    let mut rows = String::from("ts,lat,n\n");
    for row in 0..60 {
        rows.push_str(&format!(
            "{}.9182{row:02},48.12345{row:02},{}\n",
            1_517_336_050 + row * 7,
            row % 7
        ));
    }
    let workspace = Workspace::with_files(&[("in.csv", rows.as_bytes())]);
    let settings = workspace.anomal(&["init", "in.csv"]).stdout;
    assert!(settings.contains("name: lat}  # 60 values"), "{settings}");
    // Seconds since the epoch, by the name.
    assert!(settings.contains("timeColumn: ts  # 60 values, such as 15173360"), "{settings}");
}

#[test]
fn options_name_columns() {
    let mut rows = String::from("when,who,x,mark\n");
    for row in 0..90 {
        rows.push_str(&format!(
            "2026-03-02T10:00:{:02}Z,w{},{},{}\n",
            row % 60,
            row % 9,
            row * row % 17,
            row % 5
        ));
    }
    let workspace = Workspace::with_files(&[("in.csv", rows.as_bytes())]);
    let given = workspace
        .anomal(&["init", "in.csv", "--label", "mark", "--entity", "who", "--time", "when"]);
    given.expect(0, &[]);
    for line in [
        "left out: mark says which rows",
        "name: who.rows_",
        "timeColumn: when",
        "# A trial on 90 rows",
    ] {
        assert!(given.stdout.contains(line), "{line} in {}", given.stdout);
    }
    let wrong = workspace.anomal(&["init", "in.csv", "--label", "marks"]);
    wrong.expect(2, &["--label marks: there is no such column; there are when, who, x, mark"]);
}

#[test]
fn settings_are_written_beside_others() {
    let rows: String = (0..40).map(|row| format!("{},{}\n", row % 7, row * row % 11)).collect();
    let workspace = Workspace::with_files(&[("data/in.csv", format!("a,b\n{rows}").as_bytes())]);
    std::fs::create_dir(workspace.path("jobs")).unwrap();
    let init = |more: &[&str]| {
        workspace.anomal(&[&["init", "data/in.csv", "--output", "jobs/job.yaml"], more].concat())
    };
    init(&[]).expect(0, &[]);
    assert!(workspace.read("jobs/job.yaml").contains("csv: {path: ../data/in.csv}"));
    init(&[]).expect(2, &["jobs/job.yaml exists; --force replaces it"]);
    init(&["--force"]).expect(0, &[]);
    workspace.anomal(&["run", "jobs/job.yaml"]).expect(0, &["suspicious by Ensemble"]);
    // The results of that run are no input of the next.
    let results = workspace.anomal(&["init", "jobs/in.results.parquet"]);
    results.expect(3, &["read the file that the results were made from"]);
}

/// What `init` proposes for logins in a format of JSON, unchanged, finds the attacks.
#[track_caller]
fn assert_json_logins_found(format: &str, records: &str) {
    for seed in ["1", "2"] {
        let workspace = Workspace::default();
        let data = workspace.path("in.json");
        let mut generate = std::process::Command::new(program("xtask"));
        generate.args(["generate", "logins", "--rows", "5000", "--seed", seed, "--format", format]);
        assert!(generate.arg("--output").arg(data).status().unwrap().success());
        workspace.anomal(&["init", "in.json", "--output", "job.yaml"]).expect(0, &[]);
        let settings = workspace.read("job.yaml");
        let input = format!("input:\n  json: {{path: in.json, records: {records}}}\n");
        for part in [input.as_str(), "# left out: label says which rows are anomalies"] {
            assert!(settings.contains(part), "{part} in {settings}");
        }
        workspace.anomal(&["run", "job.yaml", "--quiet"]).expect(0, &[]);
        let evaluation =
            workspace.anomal(&["evaluate", "in.results.parquet", "--label", "label", "--json"]);
        evaluation.expect(0, &[]);
        let figures: serde_json::Value = serde_json::from_str(&evaluation.stdout).unwrap();
        let figure = |name: &str| {
            figures[name].as_f64().or_else(|| figures[name]["value"].as_f64()).unwrap()
        };
        let found = (figure("auroc"), figure("averagePrecision"));
        assert!(found.0 >= 0.92 && found.1 >= 0.40, "{found:?} with seed {seed}\n{settings}");
    }
}

#[test]
fn logins_as_windows_events() {
    assert_json_logins_found("windows", "\"\"");
}

#[test]
fn logins_as_records_of_cloudtrail() {
    assert_json_logins_found("cloudtrail", "Records");
}
