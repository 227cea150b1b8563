//! Jobs that use declarative packs.

use anomal_tests::{Workspace, csv_records, repository};

use super::{HOUSE, INPUT, OUTPUT, PACK, workspace};

/// The results of a job.
fn results(job: &str) -> String {
    let workspace = workspace(job);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    workspace.read("out.csv")
}

/// A column of results.
fn column(results: &str, name: &str) -> Vec<String> {
    let mut records = csv_records(results).into_iter();
    let place = records.next().unwrap().iter().position(|known| known == name).expect(name);
    records.map(|mut cells| cells.swap_remove(place)).collect()
}

const COMPONENTS: &str = "filters: [{name: house/own, dataNeeded: [name]}]\n\
    features:\n\
    - {type: metric, name: house/per_character, dataNeeded: [bytes, name], as: density, params: {factor: 2}}\n\
    - {type: metric, name: failures, dataNeeded: [client, code]}\n\
    flags:\n\
    - {type: direct, name: house/coded, dataNeeded: [code], as: coded, params: {good: [NOERROR, SERVFAIL]}}\n\
    - {type: aggregation, name: house/failing, dataNeeded: [client, code], as: failing}\n\
    - {type: aggregation, name: house/rare, dataNeeded: [code], as: rare}\n\
    classification: {engine: HBOS}\n";

#[test]
fn components_give_what_their_expressions_give_in_the_job() {
    let written = "filters: [{name: house/own, remove: \"ENDS_WITH(name, 'house.example')\"}]\n\
        features:\n\
        - {type: expression, name: density, expression: \"bytes * 2 / LENGTH(name)\"}\n\
        - {type: aggregate, name: failures, function: count, by: [client], where: \"code <> 'NOERROR'\"}\n\
        - {type: aggregate, name: recent, function: count, by: [client], where: \"code <> 'NOERROR'\", window: 1m, multiplier: 0}\n\
        flags:\n\
        - {type: direct, name: coded, expression: \"code NOT IN ('NOERROR', 'SERVFAIL')\", severity: high}\n\
        - {type: direct, name: failing, expression: 'recent > 1', severity: medium}\n\
        - {type: direct, name: rare, expression: 'COUNT(code) OVER (PARTITION BY code) = 1'}\n\
        classification: {engine: HBOS}\n";
    let packed = results(&format!("{INPUT}{HOUSE}{COMPONENTS}{OUTPUT}"));
    let plain = results(&format!("{INPUT}{written}{OUTPUT}"));
    for name in ["anomal.row", "anomal.features.density", "anomal.flags", "anomal.severity"] {
        assert_eq!(column(&packed, name), column(&plain, name), "{name}");
    }
    assert_eq!(column(&packed, "anomal.features.failures"), ["1", "1", "2", "3", "2"]);
    let flags = column(&packed, "anomal.flags");
    assert_eq!(flags, ["coded", "coded", "coded;failing", "failing;rare", "coded"]);
}

#[test]
fn a_pack_in_the_settings_is_that_of_a_folder() {
    let by_folder = results(&format!("{INPUT}{HOUSE}{COMPONENTS}{OUTPUT}"));
    let components = PACK.split_once("components:\n").unwrap().1;
    let indented = components.lines().map(|line| format!("      {line}\n")).collect::<String>();
    let inline = format!("packs:\n  - name: house\n    inline:\n      components:\n{indented}");
    assert_eq!(results(&format!("{INPUT}{inline}{COMPONENTS}{OUTPUT}")), by_folder);
}

#[test]
fn two_versions_of_a_pack_stand_side_by_side() {
    let job = format!(
        "{INPUT}packs: [{{name: old, ref: house}}, {{name: new, ref: newer}}]\n\
        features:\n\
        - {{type: metric, name: old/per_character, dataNeeded: [bytes, name], as: old}}\n\
        - {{type: metric, name: new/per_character, dataNeeded: [bytes, name], as: new}}\n\
        classification: {{engine: HBOS}}\n{OUTPUT}"
    );
    let workspace = workspace(&job);
    let newer = PACK.replace("{bytes} * {factor} / LENGTH({name})", "{bytes} + 0.5");
    workspace.write("newer/pack.yaml", newer.as_bytes());
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    let results = workspace.read("out.csv");
    assert_eq!(column(&results, "anomal.features.new")[..2], ["10.5", "20.5"]);
    assert_ne!(column(&results, "anomal.features.old")[0], "10.5");
    // A bare name that both have is refused.
    let ambiguous = job.replace("name: old/per_character", "name: per_character");
    workspace.write("job.yaml", ambiguous.as_bytes());
    let refused = workspace.anomal(&["run", "job.yaml"]);
    refused.expect(2, &["the packs old and new both have `per_character`"]);
}

#[test]
fn a_profile_adds_its_parts_with_the_columns_of_the_job() {
    let job = |profile: &str| {
        format!("{INPUT}{HOUSE}use: [{profile}]\nclassification: {{engine: HBOS}}\n{OUTPUT}")
    };
    let with = "{profile: house/log, with: {code: code}}";
    let found = results(&job(with));
    assert_eq!(column(&found, "anomal.features.name.density").len(), 5);
    assert_eq!(column(&found, "anomal.features.kib")[0], "0.009765625");
    assert!(column(&found, "anomal.flags").iter().any(|flags| flags.contains("house/failing")));
    // Without it the input lacks the column `rcode`: flags are left out, with a note.
    let workspace = workspace(&job("house/log"));
    let output = workspace.anomal(&["run", "job.yaml", "--summary", "json"]);
    output.expect(0, &[]);
    let summary: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let notes = summary["diagnostics"].as_array().unwrap();
    let note =
        notes.iter().find(|note| note["reason"] == "PROFILE_PARTS_LEFT_OUT").expect("a note");
    assert_eq!(note["count"], 2);
    assert!(note["message"].as_str().unwrap().contains("(rcode)"), "{note}");
    assert!(column(&workspace.read("out.csv"), "anomal.flags").iter().all(String::is_empty));
}

#[test]
fn a_manifest_has_the_contents_of_its_packs() {
    let workspace = workspace(&format!("{INPUT}{HOUSE}{COMPONENTS}{OUTPUT}"));
    let manifest = workspace.anomal(&["manifest", "job.yaml"]);
    manifest.expect(0, &[]);
    assert!(
        manifest.stdout.contains("inline:") && !manifest.stdout.contains("ref:"),
        "{}",
        manifest.stdout
    );
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    let expected = workspace.read("out.csv");
    // It runs where the pack is not.
    let elsewhere = Workspace::with_files(&[
        ("in.csv", super::LOG.as_bytes()),
        ("job.yaml", manifest.stdout.as_bytes()),
    ]);
    elsewhere.anomal(&["run", "job.yaml"]).expect(0, &[]);
    assert_eq!(elsewhere.read("out.csv"), expected);
}

#[test]
fn the_example_runs() {
    let job = repository().join("examples/packs/job.yaml");
    let workspace = Workspace::default();
    let output = workspace.anomal(&["run", job.to_str().unwrap(), "--output", "out.csv"]);
    output.expect(0, &[]);
    let results = workspace.read("out.csv");
    assert_eq!(results.lines().count(), 5_001);
    assert!(results.contains("house/many_failures"), "no failures");
    let folder = repository().join("examples/packs/house");
    let tested = workspace.anomal(&["pack", "test", folder.to_str().unwrap()]);
    assert_eq!(tested.expect(0, &[]).stdout, "4 passed, 0 failed\n");
}
