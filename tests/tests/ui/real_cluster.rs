//! A real cluster with its operator: what is seen of jobs and streams while they run.

use std::process::{Command, Stdio};

use anomal_tests::{
    RunOutput, Workspace,
    cluster::{
        Namespace, Operator, PATIENCE, Volume, append_rows, cluster, eventually, job, stream_with,
    },
    program,
    pty::Terminal,
};

/// `anomal job …` in the namespace.
fn job_command(here: &Namespace, arguments: &[&str]) -> RunOutput {
    let mut command = Command::new(program("anomal"));
    command.arg("job").args(arguments).args(["--namespace", &here.name]);
    command.env("KUBECONFIG", here.cluster.kubeconfig()).stdin(Stdio::null());
    RunOutput::from(command.output().expect("anomal runs"))
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn runs_and_streams_are_looked_at_as_they_go_on() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "ui");
    let _operator = Operator::start(&here, &[]);
    let volume = Volume::new(&here, "data");
    append_rows(volume.path(), 0..300);
    let workspace = Workspace::default();
    let kubeconfig = cluster.kubeconfig().to_string_lossy().into_owned();
    let environment = [("KUBECONFIG", kubeconfig.as_str())];
    let folder = workspace.folder.path();
    let mut terminal = Terminal::start_with(folder, &["ui"], 120, 45, &environment);
    terminal.wait_for("Open a data file");
    terminal.keys("K").wait_for("AnomalyJobs of default, live");
    terminal.keys("o").wait_for("The namespace");
    terminal.keys(&format!("\x15{}\r", here.name)).wait_for("There is none");
    terminal.wait_for(&format!("AnomalyJobs of {}, live", here.name));

    // Both kinds are seen to come and to go on.
    here.apply(&job("hourly"));
    here.apply(&stream_with("live", |_| ()));
    let line = |text: &str, name: &str, state: &str| {
        text.lines().any(|line| line.contains(name) && line.contains(state))
    };
    terminal.wait_until("a run that has ended", |text| line(text, "hourly", "Complete"));
    terminal.wait_until("a stream that goes on", |text| line(text, "live", "Streaming"));
    terminal.wait_for("2 jobs, read only");

    // The run: its pod, its events, and what its log says.
    terminal.keys("g\r").wait_for(&format!("hourly in {}", here.name));
    let state = terminal.wait_for("Found:");
    assert!(state.contains("6 rows in ") && state.contains("succeeded"), "{state}");
    terminal.keys("GGG").wait_for("Complete");
    terminal.keys("l").wait_for("suspicious by KNN");

    // The stream: its pod, and another one after it is gone.
    terminal.keys("\x1b").wait_for("2 jobs, read only");
    terminal.keys("j").wait_for("> live");
    terminal.keys("\r").wait_for(&format!("live in {}", here.name));
    let state = terminal.wait_for("live-0 runs on ");
    assert!(state.contains("Streaming") && state.contains("Running"), "{state}");
    let ran = job_command(&here, &["status", "live"]);
    ran.expect(0, &[]);
    assert!(ran.stdout.contains("Pod:         live-0 runs on "), "{ran:#?}");
    let results = || {
        let text = std::fs::read_to_string(volume.path().join("results-000001.ndjson"));
        text.unwrap_or_default().lines().count()
    };
    eventually("results", PATIENCE, || (results() == 300).then_some(()));
    // What it says of itself comes with the next look of the operator at it.
    terminal.wait_for("300 records");
    terminal.wait_for("CaughtUp");
    here.kubectl(&["delete", "pod", "live-0", "--grace-period=0", "--force"]).expect("deleted");
    // A stream that has nothing to warn of writes nothing.
    terminal.keys("l").wait_for("nothing is written to it yet");

    // Settings that it can't go on with: its pod is started again and again, and its log says why.
    here.apply(&stream_with("live", |spec| spec["classification"]["engine"] = "ECOD".into()));
    terminal.wait_for("the state is of other settings");
    terminal.keys("l").wait_for("SettingsRefused");
    terminal.wait_for("started again ");
    terminal.wait_for("correct its spec, and it runs again");
    let other = "the state is of other settings";
    eventually("the log of its first start", PATIENCE, || {
        let logs = job_command(&here, &["logs", "live", "--previous"]);
        (logs.code == Some(0) && logs.stdout.contains(other)).then_some(())
    });
    let logs = job_command(&here, &["logs", "live"]);
    assert!(logs.code == Some(0) && logs.stdout.contains(other), "{logs:#?}");
    job_command(&here, &["report", "live"]).expect(1, &["live is a stream"]);

    // Both go, and are no longer there.
    terminal.keys("\x1b").wait_for("> live");
    here.kubectl(&["delete", "aj", "live", "hourly"]).expect("deleted");
    terminal.wait_for("There is none");
    assert_eq!(terminal.keys("\x1bq").ends(), 0);
    terminal.assert_restored();
}
