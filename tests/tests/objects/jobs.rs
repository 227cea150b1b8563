//! Records, and jobs on files and objects.

use std::process::Command;

use anomal_tests::{RunOutput, Workspace, s3::S3};

/// Records with two columns and an outlier in every 97 rows.
pub fn csv(rows: usize) -> Vec<u8> {
    let mut csv = String::from("name,amount\n");
    for row in 0..rows {
        let amount = if row % 97 == 3 { 9_000 + row } else { 10 + row % 37 };
        csv += &format!("n{},{amount}\n", row % 5);
    }
    csv.into_bytes()
}

pub fn ndjson(rows: usize) -> Vec<u8> {
    let csv = String::from_utf8(csv(rows)).expect("text");
    let line = |line: &str| {
        let (name, amount) = line.split_once(',').expect("two cells");
        format!("{{\"name\":\"{name}\",\"amount\":{amount}}}\n")
    };
    csv.lines().skip(1).map(line).collect::<String>().into_bytes()
}

/// A job on an input, with outputs, each such as `csv: {path: out.csv}`.
pub fn job(input: &str, outputs: &[&str]) -> String {
    format!(
        "input: {{{input}}}\n\
         features:\n  - {{type: field, name: amount}}\n  - {{type: field, name: name, kind: categorical}}\n\
         flags:\n  - {{type: direct, name: much, expression: amount > 9100, severity: high}}\n\
         classification: {{engine: HBOS, threshold: {{method: contamination, value: 0.01}}}}\n\
         outputs:\n  - {}\n",
        outputs.join("\n  - ")
    )
}

/// A job without whole-table steps, so that rows are written while others are read.
pub fn row_wise_job(input: &str, outputs: &[&str]) -> String {
    format!(
        "input: {{{input}}}\n\
         flags:\n  - {{type: direct, name: much, expression: amount > 9100, severity: high}}\n\
         outputs:\n  - {}\n",
        outputs.join("\n  - ")
    )
}

/// Runs a job with the store's credentials in the environment.
pub fn run(s3: &S3, workspace: &Workspace, job: &str) -> RunOutput {
    run_at(s3, &s3.endpoint(), workspace, job)
}

/// The same through another endpoint.
pub fn run_at(s3: &S3, endpoint: &str, workspace: &Workspace, job: &str) -> RunOutput {
    workspace.write("job.yaml", job.as_bytes());
    let mut command = workspace.command(&["run", "job.yaml"]);
    environment(&mut command, s3, endpoint);
    command.output().expect("anomal runs").into()
}

pub fn environment(command: &mut Command, s3: &S3, endpoint: &str) {
    command.envs(s3.environment()).env("AWS_ENDPOINT", endpoint);
}

/// The results of the same job on a local file.
pub fn local_results(name: &str, content: &[u8], driver: &str) -> Vec<u8> {
    let workspace = Workspace::with_files(&[(name, content)]);
    let job = job(&format!("{driver}: {{path: {name}}}"), &["csv: {path: out.csv}"]);
    workspace.write("job.yaml", job.as_bytes());
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    workspace.bytes("out.csv")
}
