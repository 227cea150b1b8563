//! Full disks.

use std::{process::Command, time::Duration};

use anomal_tests::{RunOutput, Workspace, disk::SmallDisk};

use super::{
    append, catch_up,
    job::{JOB, lines},
    objects::wait,
};

fn stop(child: std::process::Child) -> RunOutput {
    let killed = Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.unwrap().success());
    child.wait_with_output().unwrap().into()
}

fn start(workspace: &Workspace) -> std::process::Child {
    let mut command = workspace.command(&["run", "job.yaml", "--summary", "json"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn a_full_disk_stops_nothing_else_and_loses_nothing() {
    let job =
        JOB.replace("outputs:\n", "outputs:\n  - ndjson: {path: small/rows.ndjson, rotate: 1Gi}\n");
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    let Some(small) = SmallDisk::mount(workspace.path("small")) else { return };
    workspace.write("small/filler", &vec![0; 800 << 10]);
    let child = start(&workspace);
    append(&workspace, "app.ndjson", &lines(400..2_000));
    let count = || super::results(&workspace).lines().count();
    wait("results of the other output", || count() == 2_000);
    std::thread::sleep(Duration::from_secs(2));
    std::fs::remove_file(workspace.path("small/filler")).unwrap();
    let rows = || workspace.read("small/rows-000001.ndjson").lines().count();
    wait("results on the disk that was full", || rows() == 2_000);
    let ended = stop(child);
    ended.expect(0, &["No space left on device", "results wait", "takes results again"]);
    let expected = Workspace::with_files(&[
        ("app.ndjson", lines(0..2_000).as_bytes()),
        ("job.yaml", job.replace("small/", "").as_bytes()),
    ]);
    catch_up(&expected).expect(0, &[]);
    assert_eq!(workspace.read("small/rows-000001.ndjson"), expected.read("rows-000001.ndjson"));
    drop(small);
}

#[test]
fn a_full_disk_of_checkpoints_is_waited_for() {
    let job = JOB.replace("to: state", "to: small/state");
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    let Some(small) = SmallDisk::mount(workspace.path("small")) else { return };
    let mut child = start(&workspace);
    let count = || super::results(&workspace).lines().count();
    wait("results", || count() == 400);
    let filler = small.fill();
    append(&workspace, "app.ndjson", &lines(400..800));
    wait("results", || count() == 800);
    std::thread::sleep(Duration::from_secs(3));
    append(&workspace, "app.ndjson", &lines(800..1_000));
    wait("results", || count() == 1_000);
    child.kill().unwrap();
    let ended: RunOutput = child.wait_with_output().unwrap().into();
    assert!(ended.stderr.contains("cannot save a checkpoint"), "{ended:#?}");
    std::fs::remove_file(filler).unwrap();
    catch_up(&workspace).expect(0, &[]);
    let expected = Workspace::with_files(&[
        ("app.ndjson", lines(0..1_000).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    catch_up(&expected).expect(0, &[]);
    assert_eq!(super::results(&workspace), super::results(&expected));
    drop(small);
}

#[test]
fn a_full_disk_of_rejected_records_is_waited_for() {
    let job = JOB.replace("stream:\n", "deadLetter: {path: small/rejected.ndjson}\nstream:\n");
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    let Some(small) = SmallDisk::mount(workspace.path("small")) else { return };
    let child = start(&workspace);
    let count = || super::results(&workspace).lines().count();
    wait("results", || count() == 400);
    let filler = small.fill();
    append(&workspace, "app.ndjson", &format!("no JSON\n{}{{\n", lines(400..700)));
    wait("results of the other records", || count() == 700);
    std::thread::sleep(Duration::from_secs(2));
    std::fs::remove_file(filler).unwrap();
    let rejected = || std::fs::read_to_string(workspace.path("small/rejected.ndjson"));
    wait("both rejected records", || rejected().is_ok_and(|text| text.lines().count() == 2));
    let ended = stop(child);
    ended.expect(0, &["No space left on device", "results wait", "takes results again"]);
    let counts = super::summary(&ended);
    assert_eq!(
        (&counts["rows"], &counts["results"], &counts["rejected"]),
        (&702.into(), &700.into(), &2.into())
    );
    drop(small);
}
