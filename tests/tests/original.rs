//! The original program's command line and settings files.

use anomal_tests::{Workspace, repository};

fn example() -> Workspace {
    let workspace = Workspace::default();
    for name in ["dns.csv", "dns_features.yaml", "system_configs.yaml"] {
        let content = std::fs::read(repository().join("examples/dns").join(name)).unwrap();
        workspace.write(&format!("examples/{name}"), &content);
    }
    workspace
}

fn in_examples(workspace: &Workspace, name: &str) -> String {
    workspace.read(&format!("examples/{name}"))
}

const LINE: &str =
    "--no-ui --base-folder examples -di csv -do csv -in dns.csv -ff dns_features.yaml";

fn run(workspace: &Workspace, more: &str) -> anomal_tests::RunOutput {
    let line = format!("{LINE} {more}");
    workspace.anomal(&line.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn command_line_writes_the_originals_files() {
    let workspace = example();
    run(&workspace, "-out out_ -sFC").expect(0, &["suspicious by Gower"]);
    let features = in_examples(&workspace, "out_behavior_analysis.csv");
    assert!(features.lines().next().unwrap().contains("hostname_entropy"), "{features:.300}");
    assert_eq!(features.lines().count(), 5001);
    let classification = in_examples(&workspace, "out_classification.csv");
    assert_eq!(classification.lines().next(), Some("row,score,cluster"));
    assert_eq!(classification.lines().count(), 5001);
    let results = in_examples(&workspace, "out_results.csv");
    assert_eq!(results.lines().count(), 5001);
    let suspects = in_examples(&workspace, "out_suspects_original.csv");
    let as_features = in_examples(&workspace, "out_suspects_features.csv");
    assert!(suspects.lines().count() > 1, "no suspects");
    assert_eq!(suspects.lines().count(), as_features.lines().count());
    assert!(in_examples(&workspace, "out_beaconing_detector.csv").lines().count() > 1);
}

#[test]
fn csv_path_is_the_result_table() {
    let workspace = example();
    run(&workspace, "-out my.csv").expect(0, &[]);
    assert!(in_examples(&workspace, "my.csv").contains("anomal.score"));
    assert!(in_examples(&workspace, "my_suspects_original.csv").contains("dns.question.name"));
}

#[test]
fn settings_files_run() {
    let workspace = example();
    workspace.anomal(&["run", "examples/system_configs.yaml"]).expect(0, &["suspicious by Gower"]);
    workspace
        .anomal(&["--no-ui", "--base-folder", "examples", "-c", "system_configs.yaml"])
        .expect(0, &["suspicious by Gower"]);
}

#[test]
fn path_outside_the_base_folder_is_refused() {
    let workspace = example();
    run(&workspace, "-out ../out_").expect(2, &["../out_", "base folder"]);
}

#[test]
fn without_features_there_are_flags_only() {
    let workspace = example();
    let settings = in_examples(&workspace, "dns_features.yaml");
    let (before, rest) = settings.split_once("\nfeatures:").unwrap();
    let flags = rest.split_once("\nflags:").unwrap().1;
    workspace.write("examples/dns_features.yaml", format!("{before}\nflags:{flags}").as_bytes());
    run(&workspace, "-out out_").expect(0, &["flagged"]);
    assert!(in_examples(&workspace, "out_results.csv").contains(",,,,false,"));
}

#[test]
fn python_code_is_refused_and_shown() {
    let workspace = example();
    // `x = row['a'] * 2`
    let features = "features:\n  - {type: metric, name: x, data_needed: a, function_code: eCA9IHJvd1snYSddICogMg==}\n";
    workspace.write("examples/dns_features.yaml", features.as_bytes());
    run(&workspace, "-out out_").expect(2, &["x = row['a'] * 2", "expression"]);
}

#[test]
fn unknown_driver_is_refused() {
    let workspace = example();
    let line = LINE.replace("-do csv", "-do elastic");
    workspace.anomal(&line.split(' ').collect::<Vec<_>>()).expect(2, &["elastic"]);
}
