//! Records that can't be read, in a folder of an object store.

use std::{
    collections::BTreeMap,
    process::{Child, Stdio},
};

use anomal_tests::{RunOutput, Workspace, s3::S3};
use serde_json::Value as Json;

use super::{
    append,
    job::{JOB, lines, results},
    objects::wait,
};

/// Its credentials are those of the checkpoints.
fn job() -> String {
    let state = "to: \"s3://state/job/\", auth: {secretRef: {name: store}}";
    JOB.replace("to: state", state) + "deadLetter: {path: \"s3://state/job.rejected/\"}\n"
}

fn start(workspace: &Workspace) -> Child {
    let mut command = workspace.command(&["run", "job.yaml", "--secrets", "secrets"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn run(workspace: &Workspace) -> RunOutput {
    let arguments = ["run", "job.yaml", "--secrets", "secrets", "--until-caught-up"];
    workspace.command(&arguments).output().unwrap().into()
}

/// The texts of the rejected records, by how often each is there.
fn rejected(s3: &S3) -> BTreeMap<String, usize> {
    let keys = s3.keys("state").into_iter().filter(|key| key.starts_with("job.rejected/"));
    let mut found = BTreeMap::new();
    for key in keys.filter(|key| key.ends_with(".ndjson")) {
        let bytes = s3.find("state", &key).unwrap_or_default();
        for line in String::from_utf8(bytes).unwrap().lines() {
            let record: Json = serde_json::from_str(line).unwrap();
            *found.entry(record["raw"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    found
}

#[test]
fn rejected_records_are_objects_each_once_through_kills_and_outages() {
    let Some(mut s3) = S3::start() else { return };
    s3.bucket("state");
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", job().as_bytes()),
    ]);
    for (key, value) in s3.secret() {
        workspace.write(&format!("secrets/store/{key}"), value.as_bytes());
    }
    let mut bad = 0;
    let mut more = |count: u64| {
        for _ in 0..count {
            append(&workspace, "app.ndjson", &format!("bad {bad}\n"));
            bad += 1;
        }
        bad
    };
    for kill in 0..3 {
        let mut child = start(&workspace);
        let before = more(2);
        wait("objects", || rejected(&s3).len() as u64 == before);
        // Some of it is sent and in no checkpoint, or not sent.
        more(3);
        std::thread::sleep(std::time::Duration::from_millis(300 * kill));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let child = start(&workspace);
    let before = more(1);
    wait("objects", || rejected(&s3).len() as u64 == before);
    s3.kill();
    let all = more(1);
    append(&workspace, "app.ndjson", &lines(400..500));
    wait("results", || results(&workspace).lines().count() == 500);
    std::thread::sleep(std::time::Duration::from_secs(3));
    s3.restart();
    wait("objects", || rejected(&s3).len() as u64 == all);
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").arg(id).status().unwrap().success());
    let ended: RunOutput = child.wait_with_output().unwrap().into();
    ended.expect(0, &["deadLetter s3://state/job.rejected/"]);
    let found = rejected(&s3);
    assert_eq!(found.len() as u64, all);
    assert!(found.values().all(|count| *count == 1), "{found:?}");

    // Another stream does not continue them.
    let settings = job().replace("s3://state/job/", "s3://state/other/");
    let settings = settings.replace("path: results.ndjson", "path: other.ndjson");
    workspace.write("job.yaml", settings.as_bytes());
    run(&workspace).expect(1, &["s3://state/job.rejected/", "not from this stream"]);
}
