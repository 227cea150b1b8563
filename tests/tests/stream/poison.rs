//! A record at which the process itself ends: here by a lack of memory, which nothing in it can catch.

use std::{
    os::unix::process::{CommandExt, ExitStatusExt},
    process::Command,
};

use anomal_tests::{RunOutput, Workspace};
use serde_json::Value;

use super::{
    append,
    job::{JOB, line, lines, results},
    summary,
};

/// Bytes of memory that a process may have, in KiB.
const LIMIT: &str = "3000000";
const RUN: [&str; 5] = ["run", "job.yaml", "--until-caught-up", "--summary", "json"];

/// Runs the job with little memory, until it ends by itself; returns how many processes have ended without a word.
fn run(workspace: &Workspace) -> (u32, RunOutput) {
    let plain = workspace.command(&RUN);
    for deaths in 0..10 {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v $0; exec \"$@\"", LIMIT]).arg(plain.get_program());
        command.args(RUN).current_dir(workspace.folder.path()).env("NO_COLOR", "1");
        let output = command.process_group(0).output().unwrap();
        if output.status.signal().is_none() {
            return (deaths, output.into());
        }
    }
    panic!("it dies again and again");
}

#[test]
fn a_record_at_which_the_process_ends_is_left_out() {
    let repeated = vec!["note"; 400].join(", ");
    let job = JOB
        .replace("expression: size * 2", &format!("expression: 'LENGTH(CONCAT({repeated}))'"))
        .replace("name: doubled", "name: length");
    let with_note =
        |text: &str, note: &str| text.replace("\"size\"", &format!("\"note\":\"{note}\",\"size\""));
    let records = |numbers: std::ops::Range<u64>| with_note(&lines(numbers), "x");
    let poison = with_note(&line(450), &"x".repeat(12 << 20));
    let workspace = Workspace::with_files(&[
        ("app.ndjson", records(0..400).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    let (deaths, first) = run(&workspace);
    first.expect(0, &[]);
    assert_eq!((deaths, &summary(&first)["results"]), (0, &400.into()));

    append(
        &workspace,
        "app.ndjson",
        &format!("{}{poison}{}", records(400..450), records(451..500)),
    );
    let (deaths, second) = run(&workspace);
    second.expect(0, &["1 records are left out", "3 processes have ended at it"]);
    // One more where a checkpoint was saved just before it.
    assert!((5..=6).contains(&deaths), "{deaths}");
    let counts = summary(&second);
    assert_eq!((&counts["rows"], &counts["rejected"]), (&500.into(), &1.into()));
    let rejected = workspace.read("job.rejected.ndjson");
    let rejected: Vec<Value> =
        rejected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rejected.len(), 1);
    assert_eq!((&rejected[0]["row"], &rejected[0]["line"]), (&450.into(), &451.into()));
    assert!(rejected[0]["reason"].as_str().unwrap().starts_with("PROCESS_ENDED: "), "{rejected:?}");
    let ids = |text: &str| -> Vec<u64> {
        let id = |row: &str| serde_json::from_str::<Value>(row).unwrap()["id"].as_u64().unwrap();
        text.lines().map(id).collect()
    };
    let expected: Vec<u64> = (0..500).filter(|id| *id != 450).collect();
    assert_eq!(ids(&results(&workspace)), expected);
    // What was marked is forgotten, but for the record.
    let marks = std::fs::read_dir(workspace.path("state")).unwrap();
    let marks = marks.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let marks: Vec<String> = marks.filter(|name| name.contains(".mark")).collect();
    assert_eq!(marks, ["omitted-0-450.mark"]);

    // A replay from an older checkpoint leaves it out too, and goes on behind it at once.
    let written = results(&workspace);
    let newest = super::checkpoints::numbers(&workspace).pop().unwrap();
    std::fs::remove_file(workspace.path(&format!("state/{newest}"))).unwrap();
    append(&workspace, "app.ndjson", &records(500..520));
    let (deaths, third) = run(&workspace);
    third.expect(0, &[]);
    assert_eq!(deaths, 0);
    assert_eq!((&summary(&third)["rows"], &summary(&third)["rejected"]), (&520.into(), &1.into()));
    assert!(results(&workspace).starts_with(&written));
    assert_eq!(ids(&results(&workspace)).len(), 519);
    assert_eq!(workspace.read("job.rejected.ndjson").lines().count(), 1);
}
