//! Checkpoints in an object store.

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anomal_tests::{
    RunOutput, Workspace,
    ledger::{away, balance},
    s3::S3,
};

use super::{
    append, catch_up,
    job::{JOB, lines, results},
};

const RUN: [&str; 4] = ["run", "job.yaml", "--summary", "json"];

pub fn wait(what: &str, until: impl Fn() -> bool) {
    let since = Instant::now();
    while !until() {
        assert!(since.elapsed() < Duration::from_mins(3), "no {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn start(s3: &S3, workspace: &Workspace) -> Child {
    let mut command = workspace.command(&RUN);
    command.envs(s3.environment()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn run(s3: &S3, workspace: &Workspace) -> RunOutput {
    let mut command = workspace.command(&RUN);
    command.arg("--until-caught-up").envs(s3.environment()).output().unwrap().into()
}

fn stop(child: Child) -> RunOutput {
    let killed = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.unwrap().success());
    child.wait_with_output().unwrap().into()
}

fn job(to: &str) -> String {
    JOB.replace("to: state", &format!("to: \"{to}\""))
}

#[test]
fn a_stream_continues_from_checkpoints_in_an_object_store() {
    let Some(mut s3) = S3::start() else { return };
    s3.bucket("state");
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", job("s3://state/of/job/").as_bytes()),
    ]);
    let first = run(&s3, &workspace);
    first.expect(0, &[]);
    assert!(first.stdout.contains("\"state\":\"s3://state/of/job/\""), "{first:#?}");
    append(&workspace, "app.ndjson", &lines(400..500));
    let mut child = start(&s3, &workspace);
    wait("results", || results(&workspace).lines().count() == 500);
    // Files have one writer, whatever the checkpoints are in.
    let second = run(&s3, &workspace);
    assert_ne!(second.code, Some(0), "{second:#?}");
    assert!(second.stderr.contains("another process writes it"), "{second:#?}");
    child.kill().unwrap();
    child.wait().unwrap();

    // The store is away: results are written all the same.
    let newest = || s3.keys("state").into_iter().filter(|key| key.contains(".ckpt")).max();
    let before = newest();
    let child = start(&s3, &workspace);
    wait("the new owner", || newest() != before);
    s3.kill();
    append(&workspace, "app.ndjson", &lines(500..600));
    wait("results", || results(&workspace).lines().count() == 600);
    std::thread::sleep(away(4));
    s3.restart();
    append(&workspace, "app.ndjson", &lines(600..700));
    wait("results", || results(&workspace).lines().count() == 700);
    let ended = stop(child);
    ended.expect(0, &["cannot save a checkpoint", "checkpoints are saved again"]);
    let keys = s3.keys("state");
    let checkpoints = keys.iter().filter(|key| key.contains(".ckpt")).count();
    assert!((1..=3).contains(&checkpoints), "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("of/job/")), "{keys:?}");

    let expected = Workspace::with_files(&[
        ("app.ndjson", lines(0..700).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    catch_up(&expected).expect(0, &[]);
    assert_eq!(results(&workspace), results(&expected));
    let id = |row: &str| serde_json::from_str::<serde_json::Value>(row).unwrap()["id"].as_u64();
    let ids: Vec<u64> = results(&workspace).lines().map(|row| id(row).unwrap()).collect();
    balance(&[("s without the store", away(4).as_secs()), ("SIGKILLs", 1)], 700, &ids);
}

#[test]
fn of_two_owners_one_is_fenced() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("state");
    let input = Workspace::with_files(&[("app.ndjson", lines(0..400).as_bytes())]);
    let path = input.path("app.ndjson");
    let job = job("s3://state/job/").replace("app.ndjson", path.to_str().unwrap());
    // Two machines, which share the input and the state alone.
    let machines = [(); 2].map(|()| Workspace::with_files(&[("job.yaml", job.as_bytes())]));
    let first = start(&s3, &machines[0]);
    wait("results", || results(&machines[0]).lines().count() == 400);
    let second = start(&s3, &machines[1]);
    // Its first checkpoint takes the number that the first process would use next.
    let ended: RunOutput = first.wait_with_output().unwrap().into();
    assert_ne!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stderr.contains("was written by another process"), "{ended:#?}");
    append(&input, "app.ndjson", &lines(400..500));
    wait("results", || results(&machines[1]).lines().count() >= 100);
    stop(second).expect(0, &[]);
}

#[test]
fn an_object_store_that_can_not_be_used_is_named() {
    let Some(s3) = S3::start() else { return };
    let files = [("app.ndjson", lines(0..400))];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_bytes()));
    let workspace = Workspace::with_files(&files);
    workspace.write("job.yaml", job("s3://gone/job/").as_bytes());
    let ran = run(&s3, &workspace);
    ran.expect(2, &["stream.state.checkpoint.to", "s3://gone/job/", "check the bucket"]);
}
