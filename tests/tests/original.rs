//! The original's command line and files.

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
fn its_command_line_writes_its_files() {
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
    let same = in_examples(&workspace, "out_suspects_features.csv");
    assert_eq!(suspects.lines().count(), same.lines().count());
    assert!(in_examples(&workspace, "out_beaconing_detector.csv").lines().count() > 1);
}

#[test]
fn a_csv_name_is_the_result_table_itself() {
    let workspace = example();
    run(&workspace, "-out my.csv").expect(0, &[]);
    assert!(in_examples(&workspace, "my.csv").contains("anomal.score"));
    assert!(in_examples(&workspace, "my_suspects_original.csv").contains("dns.question.name"));
}

#[test]
fn its_two_files_run() {
    let workspace = example();
    workspace.anomal(&["run", "examples/system_configs.yaml"]).expect(0, &["suspicious by Gower"]);
    workspace
        .anomal(&["--no-ui", "--base-folder", "examples", "-c", "system_configs.yaml"])
        .expect(0, &["suspicious by Gower"]);
}

#[test]
fn a_path_that_leaves_the_base_folder_is_refused() {
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
fn drivers_that_are_not_there_say_so() {
    let workspace = example();
    let line = LINE.replace("-do csv", "-do elastic");
    workspace.anomal(&line.split(' ').collect::<Vec<_>>()).expect(2, &["elastic"]);
}
