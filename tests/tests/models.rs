//! Models are saved and score rows later; results are evaluated and explained.

use anomal_tests::{Workspace, repository};

fn example() -> Workspace {
    let folder = repository().join("examples/dns");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let job = String::from_utf8(read("job.yaml")).unwrap();
    // A detector that scores rows one by one.
    let (before, after) = job.split_once("classification:").unwrap();
    let (_, outputs) = after.split_once("outputs:").unwrap();
    let classification = "classification: {engine: HBOS, threshold: {method: auto}}\n\noutputs:";
    let job = format!("{before}{classification}{outputs}");
    Workspace::with_files(&[("dns.csv", &read("dns.csv")), ("job.yaml", job.as_bytes())])
}

/// The value of a name in the JSON summary.
fn summary(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_saved_model_scores_rows_as_when_it_was_fitted() {
    let workspace = example();
    workspace.anomal(&["run", "job.yaml", "--output", "at-once.csv"]).expect(0, &[]);
    let fitted = workspace.anomal(&["fit", "job.yaml", "--model", "dns.anomal"]);
    fitted.expect(0, &["dns.anomal"]);
    // Fitting alone writes no rows.
    assert_eq!(workspace.files(), ["at-once.csv", "dns.anomal", "dns.csv", "job.yaml"]);
    let score = [
        "score",
        "job.yaml",
        "--model",
        "dns.anomal",
        "--output",
        "later.csv",
        "--summary",
        "json",
    ];
    let scored = workspace.anomal(&score);
    scored.expect(0, &[]);
    assert_eq!(workspace.read("at-once.csv"), workspace.read("later.csv"));
    let scored = summary(&scored.stdout);
    let drift = scored["drift"].as_array().unwrap();
    assert_eq!(drift.len(), 11);
    assert!(drift.iter().all(|one| one["psi"].as_f64() == Some(0.0)), "{drift:?}");

    // A row alone has the score that it has among all.
    let csv = workspace.read("dns.csv");
    let lines: Vec<&str> = csv.lines().collect();
    workspace.write("one.csv", format!("{}\n{}\n", lines[0], lines[4_000]).as_bytes());
    let one = [
        "score",
        "job.yaml",
        "--model",
        "dns.anomal",
        "--input",
        "one.csv",
        "--output",
        "one-scored.csv",
    ];
    workspace.anomal(&one).expect(0, &["fitted on"]);
    let cell = |line: &str| line.rsplit(',').next().map(str::to_owned);
    let all = workspace.read("later.csv");
    let of_all = all.lines().nth(4_000).unwrap();
    let alone = workspace.read("one-scored.csv");
    let of_one = alone.lines().nth(1).unwrap();
    assert_eq!(cell(of_all), cell(of_one));
    assert_eq!(of_all.replace(",3999,", ",0,"), of_one, "all but the row's number");
}

#[test]
fn another_value_than_the_only_fitted_one_ranks_first() {
    let mut train = "ms,bytes,k,c\n".to_owned();
    for row in 0..400 {
        train += &format!("{},{},1,z\n", 50 + row * row % 17, 900 + row * 7 % 31);
    }
    let job = "input: {csv: {path: train.csv}}
features:
  - {type: field, name: ms}
  - {type: field, name: bytes}
  - {type: field, name: k}
  - {type: field, name: c}
classification: {engine: Ensemble}
outputs:
  - csv: {path: out.csv}
";
    let test = "ms,bytes,k,c\n57,915,1,z\n57,915,500,z\n57,915,1,q\n500,915,1,z\n";
    let workspace = Workspace::with_files(&[
        ("train.csv", train.as_bytes()),
        ("test.csv", test.as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    workspace.anomal(&["fit", "job.yaml", "--model", "k.anomal"]).expect(0, &[]);
    let score = [
        "score",
        "job.yaml",
        "--model",
        "k.anomal",
        "--input",
        "test.csv",
        "--output",
        "out.ndjson",
    ];
    workspace.anomal(&score).expect(0, &[]);
    let rows = workspace.read("out.ndjson");
    let rows: Vec<serde_json::Value> = rows.lines().map(summary).collect();
    let scores: Vec<f64> = rows.iter().map(|row| row["anomal.score"].as_f64().unwrap()).collect();
    let mut order: Vec<usize> = (0..4).collect();
    order.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
    assert_eq!(order, [1, 2, 3, 0], "{scores:?}");
    let explained = |row: usize| rows[row]["anomal.explanation"].as_str().unwrap();
    assert!(explained(1).starts_with("k is 500"), "{}", explained(1));
    assert!(explained(2).starts_with("c is q"), "{}", explained(2));
}

#[test]
fn drift_is_reported_by_feature() {
    let workspace = example();
    workspace.anomal(&["fit", "job.yaml", "--model", "dns.anomal"]).expect(0, &[]);
    // Ten times the bytes: one feature changes, and no other.
    let csv = workspace.read("dns.csv");
    let mut lines = csv.lines();
    let header = lines.next().unwrap();
    let place = header.split(',').position(|name| name == "network.bytes").unwrap();
    let mut changed = format!("{header}\n");
    for line in lines {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        cells[place].push('0');
        changed += &(cells.join(",") + "\n");
    }
    workspace.write("later.csv", changed.as_bytes());
    let score =
        ["score", "job.yaml", "--model", "dns.anomal", "--input", "later.csv", "--output", "r.csv"];
    workspace.anomal(&score).expect(0, &["the distribution of `network.bytes` differs"]);
    let scored = workspace.anomal(&[&score[..], &["--summary", "json"]].concat());
    for drift in summary(&scored.stdout)["drift"].as_array().unwrap() {
        let much = drift["psi"].as_f64().unwrap() > 0.25;
        assert_eq!(much, drift["feature"] == "network.bytes", "{drift}");
    }
}

#[test]
fn a_model_that_does_not_fit_is_refused() {
    let workspace = example();
    workspace.anomal(&["fit", "job.yaml", "--model", "dns.anomal"]).expect(0, &[]);
    let score = |more: &[&str]| {
        let first = ["score", "job.yaml", "--output", "r.csv", "--model"];
        workspace.anomal(&[&first[..], more].concat())
    };
    score(&["nothing.anomal"]).expect(2, &["cannot use nothing.anomal", "No such file"]);
    score(&["dns.csv"]).expect(2, &["it is not a model file of Anomal"]);
    score(&["dns.anomal", "--engine", "ECOD"]).expect(2, &["the model was fitted by HBOS"]);
    let mut damaged = workspace.bytes("dns.anomal");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    workspace.write("damaged.anomal", &damaged);
    score(&["damaged.anomal"]).expect(2, &["its checksum does not match"]);
    workspace.write("half.anomal", &workspace.bytes("dns.anomal")[..middle]);
    score(&["half.anomal"]).expect(2, &["its checksum does not match"]);
    let job = workspace.read("job.yaml").replace("name: network.bytes}", "name: bytes_in}");
    workspace.write("job.yaml", job.as_bytes());
    score(&["dns.anomal"]).expect(2, &["network.bytes (numeric)", "bytes_in (numeric)"]);
    assert!(!workspace.files().contains(&"r.csv".to_owned()));
    // A detector that scores all rows together has none.
    let gower = ["fit", "job.yaml", "--engine", "Gower", "--model", "g.anomal"];
    workspace.anomal(&gower).expect(2, &["Gower has no model to save", "HBOS"]);
    assert!(!workspace.files().contains(&"g.anomal".to_owned()));
}

#[test]
fn settings_save_and_load_models_too() {
    let workspace = example();
    let with = |model: &str| {
        workspace.read("job.yaml").replace("engine: HBOS", &format!("engine: HBOS, model: {model}"))
    };
    workspace.write("keep.yaml", with("{save: kept.anomal}").as_bytes());
    workspace.write("load.yaml", with("{load: kept.anomal}").as_bytes());
    workspace.write("both.yaml", with("{load: a, save: b}").as_bytes());
    workspace.write("over.yaml", with("{save: dns.csv}").as_bytes());
    workspace.anomal(&["run", "keep.yaml", "--output", "a.csv"]).expect(0, &["kept.anomal"]);
    workspace.anomal(&["run", "load.yaml", "--output", "b.csv"]).expect(0, &[]);
    assert_eq!(workspace.read("a.csv"), workspace.read("b.csv"));
    workspace.anomal(&["run", "both.yaml"]).expect(2, &["a model has `save`", "or `load`"]);
    workspace.anomal(&["run", "over.yaml"]).expect(2, &["is the input itself"]);
}

#[test]
fn results_are_evaluated_against_labels() {
    let workspace = example();
    for name in ["r.csv", "r.parquet", "r.ndjson"] {
        workspace.anomal(&["run", "job.yaml", "-q", "--output", name]).expect(0, &[]);
        let evaluated = workspace.anomal(&["evaluate", name, "--label", "label", "--json"]);
        let figures = summary(&evaluated.expect(0, &[]).stdout);
        let auroc = &figures["auroc"];
        let value = |figure: &str| auroc[figure].as_f64().unwrap();
        assert!(value("value") > 0.9 && value("value") < 1.0, "{figures}");
        assert!(value("low") < value("value") && value("value") < value("high"), "{figures}");
        assert_eq!(figures["rows"], 5_000);
    }
    let evaluated = workspace.anomal(&["evaluate", "r.csv", "--label", "label"]);
    for part in ["AUROC", "precision at "] {
        assert!(evaluated.stdout.contains(part), "no {part} in {evaluated:?}");
    }
    // One kind of anomaly against all others.
    let one = ["evaluate", "r.csv", "--label", "label", "--anomaly", "tunnelling", "--json"];
    let one = summary(&workspace.anomal(&one).expect(0, &[]).stdout);
    assert!(one["anomalies"].as_u64() < Some(60), "{one}");
    workspace.anomal(&["evaluate", "r.csv", "--label", "lable"]).expect(3, &["did you mean label"]);
    let none = ["evaluate", "r.csv", "--label", "label", "--anomaly", "nonesuch"];
    workspace.anomal(&none).expect(3, &["0 are anomalies"]);
    workspace.anomal(&["evaluate", "dns.csv", "--label", "label"]).expect(3, &["anomal.score"]);
}

#[test]
fn a_row_is_explained() {
    let workspace = example();
    for name in ["r.csv", "r.parquet", "r.ndjson"] {
        workspace.anomal(&["run", "job.yaml", "-q", "--output", name]).expect(0, &[]);
        let explained = workspace.anomal(&["explain", name, "--row", "17"]);
        explained.expect(0, &[]);
        for part in ["row 17, score", "Shares of the score", "dns.question.name: ", "\u{2588}"] {
            assert!(explained.stdout.contains(part), "no {part} of {name} in {}", explained.stdout);
        }
    }
    workspace.anomal(&["explain", "r.csv", "--row", "5000"]).expect(3, &["no row 5000 among 5000"]);
}

#[test]
fn detectors_are_listed() {
    let workspace = Workspace::default();
    let text = workspace.anomal(&["detectors"]);
    text.expect(0, &[]);
    for name in ["Gower", "HBOS", "Ensemble", "IsolationForest"] {
        assert!(text.stdout.contains(name), "{}", text.stdout);
    }
    let json = summary(&workspace.anomal(&["detectors", "--json"]).expect(0, &[]).stdout);
    let ensemble = json.as_array().unwrap().iter().find(|known| known["name"] == "Ensemble");
    assert_eq!(ensemble.unwrap()["rowWise"], true);
}

/// Rows that alone would have other types than those that the model was fitted on.
#[test]
fn columns_have_the_types_that_the_model_was_fitted_with() {
    let zips = ["01730", "80331", "1010", "8001"];
    let row = |row: usize, ms: &str, zip: &str| {
        format!("2026-01-{:02}T10:00:00Z,{ms},{zip},{}\n", row % 28 + 1, row % 3)
    };
    let header = "ts,ms,zip,n\n";
    let train: String =
        (0..300).map(|at| row(at, &format!("{}.5", at % 17), zips[at % 4])).collect();
    let job = "input: {csv: {path: train.csv}}
features:
  - {type: field, name: ms}
  - {type: field, name: zip}
  - {type: field, name: n}
  - {type: expression, name: digits, expression: \"LENGTH(zip)\"}
classification: {engine: HBOS}
";
    let workspace = Workspace::with_files(&[
        ("train.csv", format!("{header}{train}").as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    workspace.anomal(&["fit", "job.yaml", "--model", "m.anomal"]).expect(0, &[]);
    let score = |name: &str, rows: &str| {
        workspace.write("new.csv", format!("{header}{rows}").as_bytes());
        let output = format!("{name}.ndjson");
        let scored =
            ["score", "job.yaml", "--model", "m.anomal", "--input", "new.csv", "--output", &output];
        workspace.anomal(&scored).expect(0, &[]);
        workspace.read(&output)
    };
    // Whole numbers in a column of fractions, and codes without a leading zero.
    let whole: String = (0..3).map(|at| row(at, "7", "80331")).collect();
    assert!(score("whole", &whole).contains("\"zip\":\"80331\""));
    // A column without a value is one of numbers all the same.
    let none: String = (0..3).map(|at| row(at, "", "80331")).collect();
    score("none", &none);
    // A text is a stray, although half of the few rows have it.
    let texts = [row(0, "slow", "80331"), row(1, "7.5", "80331")].concat();
    assert!(score("texts", &texts).contains("stray_value"));
    // JSON has the types of its values, and those that the model was fitted with.
    let lines: String = train
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            format!("{{\"ms\":{},\"zip\":\"{}\",\"n\":{}}}\n", cells[1], cells[2], cells[3])
        })
        .collect();
    workspace.write("train.ndjson", lines.as_bytes());
    let fit = ["fit", "job.yaml", "--input", "train.ndjson", "--model", "j.anomal"];
    workspace.anomal(&fit).expect(0, &[]);
    workspace.write(
        "new.ndjson",
        b"{\"ms\":null,\"zip\":1730,\"n\":2}\n{\"ms\":7,\"zip\":\"x\",\"n\":1}\n",
    );
    let scored = ["score", "job.yaml", "--input", "new.ndjson", "--model", "j.anomal"];
    workspace.anomal(&scored).expect(0, &[]);
}
