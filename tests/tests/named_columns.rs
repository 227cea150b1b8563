//! `labelColumn`, `idColumn` and `entity`: what reads them, and what shows them. And the pack that needs no entry.

use anomal_tests::Workspace;

/// Events of ten users, of which each hundredth is an attack: it is large.
fn events() -> String {
    let mut csv = String::from("t,bytes,who,event,truth\n");
    for row in 0..400 {
        let attack = row % 100 == 50;
        csv.push_str(&format!(
            "2026-03-02T10:{:02}:{:02}Z,{},u{},e-{row:05},{}\n",
            row / 60,
            row % 60,
            if attack { 900_000 + row } else { 1_000 + row * 37 % 500 },
            row % 10,
            u8::from(attack)
        ));
    }
    csv
}

const JOB: &str = "
input: {csv: {path: in.csv}}
timeColumn: t
labelColumn: truth
idColumn: event
entity: who
features:
  - {type: field, match: '*', except: [t, event, who]}
  - {type: aggregate, name: rows_1m, function: count, window: 1m}
classification: {engine: HBOS, threshold: {method: contamination, value: 0.01}}
outputs:
  - parquet: {path: out/results.parquet, rows: all}
  - terminal: {rows: suspicious, limit: 5}
";

fn workspace(job: &str) -> Workspace {
    let workspace =
        Workspace::with_files(&[("in.csv", events().as_bytes()), ("job.yaml", job.as_bytes())]);
    std::fs::create_dir(workspace.path("out")).unwrap();
    workspace
}

#[test]
fn a_pattern_leaves_the_label_out() {
    let workspace = workspace(JOB);
    let ran = workspace.anomal(&["run", "job.yaml"]);
    // `bytes` and the aggregate.
    ran.expect(0, &["over 2 features"]);
    let results = workspace.anomal(&["inspect", "out/results.parquet"]);
    results.expect(0, &[]);
    assert!(results.stdout.contains("truth"), "{}", results.stdout);
}

#[test]
fn evaluate_has_the_label_of_the_job() {
    let workspace = workspace(JOB);
    workspace.anomal(&["run", "job.yaml", "--quiet"]).expect(0, &[]);
    let by_job = workspace.anomal(&["evaluate", "job.yaml", "--json"]);
    by_job.expect(0, &[]);
    let named = ["evaluate", "out/results.parquet", "--label", "truth", "--json"];
    assert_eq!(by_job.stdout, workspace.anomal(&named).stdout);
    let figures: serde_json::Value = serde_json::from_str(&by_job.stdout).unwrap();
    assert_eq!((&figures["anomalies"], &figures["rows"]), (&4.into(), &400.into()));
    workspace
        .anomal(&["evaluate", "out/results.parquet"])
        .expect(2, &["--label COLUMN", "labelColumn"]);
    workspace.write("job.yaml", JOB.replace("labelColumn: truth", "").as_bytes());
    workspace.anomal(&["evaluate", "job.yaml"]).expect(2, &["no `labelColumn`"]);
    let terminal = JOB.replace("  - parquet: {path: out/results.parquet, rows: all}\n", "");
    workspace.write("job.yaml", terminal.as_bytes());
    workspace.anomal(&["evaluate", "job.yaml"]).expect(2, &["no output that is a file"]);
}

/// What reads the label is refused at its place, in `run` and in `validate`.
#[track_caller]
fn assert_refused(reader: &str, place: &str) {
    let job = JOB.replace("classification:", &format!("{reader}\nclassification:"));
    let workspace = workspace(&job);
    for command in ["run", "validate"] {
        let ran = workspace.anomal(&[command, "job.yaml"]);
        ran.expect(2, &[place, "`truth`", "says which rows are anomalies"]);
    }
}

#[test]
fn nothing_reads_the_label() {
    let feature = |text: &str| format!("  - {{type: {text}}}");
    assert_refused(
        &feature("expression, name: x, expression: 'bytes + truth * 2'"),
        "job.yaml:10:33: features[2].expression",
    );
    assert_refused(
        &feature("expression, name: x, expression: 'SUM(\"truth\") OVER (PARTITION BY who)'"),
        "features[2].expression",
    );
    assert_refused(
        &feature("aggregate, name: x, function: count, where: truth = 1, window: 1m"),
        "features[2].where",
    );
    assert_refused(&feature("aggregate, name: x, function: mean, of: truth"), "features[2].of");
    assert_refused(&feature("metric, name: text_length, dataNeeded: truth"), "dataNeeded");
    assert_refused("filters: [{name: x, remove: truth = 0}]", "filters[0].remove");
    assert_refused(
        "flags: [{type: direct, name: x, expression: truth = 1}]",
        "flags[0].expression",
    );
    assert_refused(
        "packs: [dns]\nflags: [{type: aggregation, name: query_type_rare, params: {type: truth}}]",
        "flags[0].params.type",
    );
}

#[test]
fn columns_that_are_named_exist() {
    for (key, path) in [
        ("labelColumn: truth", "labelColumn"),
        ("idColumn: event", "idColumn"),
        ("entity: who", "entity[0]"),
    ] {
        let wrong = format!("{key}s");
        let workspace = workspace(&JOB.replace(key, &wrong));
        for command in ["run", "validate"] {
            let ran = workspace.anomal(&[command, "job.yaml"]);
            ran.expect(2, &[path, "did you mean"]);
        }
        assert!(workspace.path("out").read_dir().unwrap().next().is_none());
    }
}

#[test]
fn people_see_the_record_and_whose_it_is_first() {
    let workspace = workspace(JOB);
    let ran = workspace.anomal(&["run", "job.yaml", "--summary", "suspects"]);
    ran.expect(0, &["event=e-00350  who=u0  t=2026-03-02T10:05:50Z  bytes=900350"]);
    let header = ran.stdout.lines().find(|line| line.contains("anomal.row")).unwrap();
    let places = ["anomal.row", "event", "who", "bytes"].map(|name| header.find(name).unwrap());
    assert!(places.is_sorted(), "{header}");
}

/// The values of the aggregate, row by row.
fn counts(job: &str) -> Vec<String> {
    let job = job.replace(
        "parquet: {path: out/results.parquet, rows: all}",
        "csv: {path: out/results.csv, rows: all, include: [features]}",
    );
    let workspace = workspace(&job);
    workspace.anomal(&["run", "job.yaml", "--quiet"]).expect(0, &[]);
    let results = workspace.read("out/results.csv");
    let mut lines = results.lines().map(|line| line.split(','));
    let place = lines.next().unwrap().position(|name| name == "anomal.features.rows_1m").unwrap();
    lines.map(|mut cells| cells.nth(place).unwrap().to_owned()).collect()
}

#[test]
fn an_aggregate_has_the_entity_as_its_key() {
    let with = |by: &str| JOB.replace("window: 1m", &format!("window: 1m{by}"));
    let by_entity = counts(JOB);
    assert_eq!(by_entity, counts(&with(", by: who")));
    // An empty list is one key for all rows, as without an entity.
    let all = counts(&with(", by: []"));
    assert_eq!(all, counts(&JOB.replace("entity: who", "")));
    assert_eq!((by_entity[399].as_str(), all[399].as_str()), ("6", "60"));
}

#[test]
fn metrics_of_texts_need_no_pack() {
    let job = "
input: {csv: {path: in.csv}}
features:
  - {type: metric, name: text_length, dataNeeded: event}
  - {type: metric, name: hour_of_day, dataNeeded: t, params: {zone: Asia/Tokyo}}
  - {type: metric, name: text/digit_share, dataNeeded: event, as: digits}
outputs: [{csv: {path: out/results.csv, include: [features]}}]
";
    let workspace = workspace(job);
    workspace.anomal(&["run", "job.yaml", "--quiet"]).expect(0, &[]);
    let results = workspace.read("out/results.csv");
    let cells: Vec<&str> = results.lines().nth(1).unwrap().split(',').collect();
    assert!(cells.ends_with(&["7", "19", "0.7142857142857143"]), "{cells:?}");
    let zone = job.replace("Asia/Tokyo", "Asia/Tokio");
    workspace.write("job.yaml", zone.as_bytes());
    let ran = workspace.anomal(&["run", "job.yaml"]);
    ran.expect(2, &["features[1].params.zone", "did you mean `Asia/Tokyo`?"]);
}
