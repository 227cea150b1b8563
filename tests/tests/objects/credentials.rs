//! Named secrets, and the messages for missing and wrong ones.

use anomal_tests::{RunOutput, Workspace, s3::S3};

use super::jobs::{csv, job};

const INPUT: &str = "csv: {path: \"s3://logs/a.csv\", auth: {secretRef: {name: s3-logs}}}";
const OUTPUT: &str = "csv: {path: \"s3://logs/out.csv\", auth: {secretRef: {name: s3-logs}}}";

fn store_with_records() -> Option<(S3, Workspace)> {
    let s3 = S3::start()?;
    s3.bucket("logs");
    s3.put("logs", "a.csv", &csv(200));
    let workspace = Workspace::default();
    workspace.write("job.yaml", job(INPUT, &[OUTPUT]).as_bytes());
    Some((s3, workspace))
}

fn write_secret(workspace: &Workspace, keys: &[(&'static str, String)]) {
    for (key, value) in keys {
        workspace.write(&format!("secrets/s3-logs/{key}"), format!("{value}\n").as_bytes());
    }
}

const RUN: [&str; 4] = ["run", "job.yaml", "--secrets", "secrets"];

#[test]
fn a_secret_from_files_or_variables() {
    let Some((s3, workspace)) = store_with_records() else { return };
    write_secret(&workspace, &s3.secret());
    workspace.write("secrets/s3-logs/colour", b"blue");
    // An unknown key is named, its value is not.
    let ran = workspace.anomal(&RUN);
    ran.expect(0, &["s3-logs", "colour"]);
    assert!(!ran.stderr.contains("blue"), "{}", ran.stderr);
    let first = s3.get("logs", "out.csv");
    let mut command = workspace.command(&["run", "job.yaml"]);
    for (key, value) in s3.secret() {
        command.env(format!("ANOMAL_SECRET_S3_LOGS_{}", key.to_uppercase()), value);
    }
    RunOutput::from(command.output().unwrap()).expect(0, &[]);
    assert!(s3.get("logs", "out.csv") == first);
}

#[test]
fn missing_or_incomplete_secret_is_an_error_in_the_settings() {
    let Some((s3, workspace)) = store_with_records() else { return };
    let ran = workspace.anomal(&["run", "job.yaml"]);
    ran.expect(
        2,
        &["job.yaml:", "input.csv.auth.secretRef", "--secrets", "ANOMAL_SECRET_S3_LOGS_KEY"],
    );
    let mut some = s3.secret();
    some.retain(|(key, _)| *key != "secretAccessKey");
    write_secret(&workspace, &some);
    workspace.anomal(&RUN).expect(2, &["input.csv.auth.secretRef", "not secretAccessKey"]);
    // The error of an output names its path.
    let file = job("csv: {path: in.csv}", &["csv: {path: o.csv}", OUTPUT]);
    workspace.write("job.yaml", file.as_bytes());
    workspace.write("in.csv", &csv(50));
    workspace.anomal(&["run", "job.yaml"]).expect(2, &["outputs[1].csv.auth.secretRef"]);
    assert_eq!(s3.keys("logs"), ["a.csv"]);
}

#[test]
fn wrong_credentials_are_refused_and_not_printed() {
    let Some((s3, workspace)) = store_with_records() else { return };
    let mut wrong = s3.secret();
    wrong.retain(|(key, _)| *key != "secretAccessKey");
    wrong.push(("secretAccessKey", "quite-another-secret".into()));
    write_secret(&workspace, &wrong);
    let ran = workspace.anomal(&RUN);
    ran.expect(4, &["s3://logs/a.csv can't be read", "credentials"]);
    let access = s3.secret().into_iter().find(|(key, _)| *key == "accessKeyId").unwrap().1;
    assert!(!ran.stderr.contains("quite-another-secret"), "{}", ran.stderr);
    assert!(!ran.stderr.replace("anomal:", "").contains(&format!(">{access}<")), "{}", ran.stderr);
    // The run fails before its work if results can't be written.
    workspace.write("job.yaml", job("csv: {path: in.csv}", &[OUTPUT]).as_bytes());
    workspace.write("in.csv", &csv(50));
    workspace.anomal(&RUN).expect(4, &["s3://logs/out.csv can't be written", "credentials"]);
    assert_eq!(s3.keys("logs"), ["a.csv"]);
}
