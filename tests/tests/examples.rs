//! The examples run as their READMEs describe, and find the labelled anomalies.

use std::collections::BTreeMap;

use anomal_evaluation::Ranking;
use anomal_tests::{Workspace, program, repository};

/// The example's settings with newly generated data.
fn example(name: &str, seed: u32, rows: u32) -> Workspace {
    let workspace = Workspace::default();
    let data = workspace.path(&format!("{name}.csv"));
    let mut generate = std::process::Command::new(program("xtask"));
    generate.args(["generate", name, "--rows", &rows.to_string(), "--seed", &seed.to_string()]);
    assert!(generate.arg("--output").arg(data).status().unwrap().success());
    let job = std::fs::read(repository().join(format!("examples/{name}/job.yaml"))).unwrap();
    workspace.write("job.yaml", &job);
    workspace
}

/// A result row: score, flags, label.
struct Row {
    score: f64,
    flagged: bool,
    label: String,
}

fn results(workspace: &Workspace, label: &str) -> Vec<Row> {
    let text = workspace.read("results.csv");
    let mut lines = records(&text).into_iter();
    let header = lines.next().unwrap();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (score, flags, label) = (place("anomal.score"), place("anomal.flags"), place(label));
    lines
        .map(|cells| Row {
            score: cells[score].parse().unwrap(),
            flagged: !cells[flags].is_empty(),
            label: cells[label].clone(),
        })
        .collect()
}

/// A simple RFC 4180 reader.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut cells, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                cells.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut cells));
            }
            other => cell.push(other),
        }
    }
    records
}

/// The area under the ROC curve.
fn auroc(rows: &[Row], positive: impl Fn(&Row) -> bool) -> f64 {
    let rows: Vec<(f64, bool)> = rows.iter().map(|row| (row.score, positive(row))).collect();
    Ranking::new(&rows).auroc()
}

fn assert_intrusions_found(seed: u32, rows: u32) {
    let workspace = example("dns", seed, rows);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &["suspicious by Gower"]);
    let results = results(&workspace, "label");
    assert_eq!(results.len(), rows as usize, "a row each");
    let intrusions = results.iter().filter(|row| !row.label.is_empty()).count();
    let share = intrusions as f64 / results.len() as f64;
    assert!((0.01..=0.02).contains(&share), "{share} of the rows are intrusions");
    let auroc = auroc(&results, |row| !row.label.is_empty());
    assert!(auroc >= 0.90, "AUROC {auroc} with seed {seed} at {rows} rows");

    let mut scores: Vec<f64> = results.iter().map(|row| row.score).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    let cut = scores[results.len() / 50];
    let mut families: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for row in results.iter().filter(|row| !row.label.is_empty()) {
        let family = families.entry(&row.label).or_default();
        family.0 += 1;
        family.1 += u32::from(row.score > cut || row.flagged);
    }
    assert_eq!(families.len(), 5, "{families:?}");
    for (family, (rows, found)) in families {
        assert!(rows >= 10, "{family}: {rows} rows");
        assert!(found > 0, "{family}: none of {rows} found with seed {seed}");
    }
}

#[test]
fn dns_finds_the_intrusions_with_five_seeds() {
    (1..=5).for_each(|seed| assert_intrusions_found(seed, 5_000));
}

#[test]
fn dns_finds_the_intrusions_among_50_000_rows() {
    assert_intrusions_found(1, 50_000);
}

#[test]
fn ensemble_ranks_dns_as_well_as_gower() {
    let workspace = example("dns", 1, 5_000);
    let [gower, ensemble] = ["Gower", "Ensemble"].map(|engine| {
        let summary = format!("suspicious by {engine}");
        workspace.anomal(&["run", "job.yaml", "--engine", engine]).expect(0, &[&summary]);
        auroc(&results(&workspace, "label"), |row| !row.label.is_empty())
    });
    assert!(ensemble >= gower - 0.01, "AUROC {ensemble}, Gower's is {gower}");
}

#[test]
fn finance_finds_the_fraud() {
    let workspace = example("finance", 1, 5_000);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &["suspicious by"]);
    let results = results(&workspace, "isFraud");
    let auroc = auroc(&results, |row| row.label == "1");
    assert!(auroc >= 0.8, "AUROC {auroc}");
}

#[test]
fn logins_flags_both_attacks_and_nothing_else() {
    let workspace = example("logins", 1, 2_000);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &["password_guessing", "password_spraying"]);
    let results = results(&workspace, "label");
    for attack in ["bruteforce", "spraying"] {
        let rows = results.iter().filter(|row| row.label == attack);
        let flagged = rows.filter(|row| row.flagged).count();
        assert!((30..60).contains(&flagged), "{flagged} of 60 rows of {attack}");
    }
    assert!(!results.iter().any(|row| row.label.is_empty() && row.flagged));
    assert!(
        workspace.bytes("logins.csv")
            == std::fs::read(repository().join("examples/logins/logins.csv")).unwrap(),
        "examples/logins/logins.csv is not what the generator writes"
    );
}

/// Runs them as a new user does, in a copy of the folder.
#[test]
fn every_example_runs_in_all_its_forms() {
    for name in ["dns", "finance", "logins"] {
        let workspace = Workspace::default();
        for entry in std::fs::read_dir(repository().join("examples").join(name)).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap();
            workspace.write(file, &std::fs::read(&path).unwrap());
        }
        workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
        workspace.anomal(&["run", "job.yaml"]).expect(0, &["Done in"]);
        let results = workspace.bytes("results.csv");
        // The job's manifest gives the same results.
        let manifest = workspace.anomal(&["manifest", "job.yaml"]);
        workspace.write("manifest.yaml", manifest.stdout.as_bytes());
        workspace.anomal(&["run", "manifest.yaml"]).expect(0, &["Done in"]);
        assert!(workspace.bytes("results.csv") == results);
        // In the original's form.
        if workspace.path("system_configs.yaml").exists() {
            workspace.anomal(&["run", "system_configs.yaml"]).expect(0, &["Done in"]);
        }
    }
}

/// As `anomal validate` sees them; the streams of them, and those that are pushed, run elsewhere.
#[test]
fn manifests_are_valid() {
    let mut jobs = 0;
    for file in std::fs::read_dir(repository().join("examples/kubernetes")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for job in text.split("\n---\n").filter(|part| part.contains("\nkind: AnomalyJob\n")) {
            let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
            let validated = workspace.anomal(&["validate", "job.yaml"]);
            assert_eq!(validated.code, Some(0), "{}: {validated:?}", path.display());
            jobs += 1;
        }
    }
    assert!(jobs > 8, "{jobs}");
}

#[test]
fn documented_schema_is_up_to_date() {
    let ran = Workspace::default().anomal(&["schema"]);
    let documented =
        std::fs::read_to_string(repository().join("docs/anomalyjob.schema.json")).unwrap();
    assert!(ran.stdout == documented, "run `anomal schema > docs/anomalyjob.schema.json`");
}

#[test]
fn every_component_and_detector_is_documented() {
    let ran = Workspace::default().anomal(&["components", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let documentation = std::fs::read_to_string(repository().join("docs/components.md")).unwrap();
    for kind in ["components", "detectors"] {
        let items = listed[kind].as_array().unwrap();
        assert!(!items.is_empty(), "no {kind}");
        for item in items {
            let text = |key: &str| item[key].as_str().unwrap();
            let (name, description) = (text("name"), text("description"));
            assert!(
                documentation.contains(&format!("`{name}`"))
                    || documentation.contains(&format!("### {name}\n")),
                "{name} is not in docs/components.md"
            );
            assert!(
                documentation.contains(description),
                "docs/components.md describes {name} differently"
            );
        }
    }
}
