//! Processes that share the partitions of a job.

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anomal_tests::{RunOutput, Workspace, ledger::balance};
use serde_json::json;

use super::job::{catch_up, ids, job, summary};

/// The job for several processes, with these settings of its input.
pub fn shared_workspace(broker: &str, topic: &str, replicas: usize, settings: &str) -> Workspace {
    let job = job(broker, topic, settings);
    let job = job.replace("stream:\n", &format!("stream:\n  replicas: {replicas}\n"));
    let job = job.replace("rows: 200", "rows: 50");
    Workspace::with_files(&[("job.yaml", job.as_bytes())])
}

/// A process that is killed with the test.
pub struct Process(Option<Child>);

impl Process {
    pub fn start(workspace: &Workspace, replica: &str) -> Self {
        Self::with(workspace, &["--replica", replica])
    }

    /// With these further arguments.
    pub fn with(workspace: &Workspace, arguments: &[&str]) -> Self {
        let arguments = [&["run", "job.yaml", "--summary", "json"], arguments].concat();
        let mut command = workspace.command(&arguments);
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// Of a count of processes, each.
    pub fn start_all(workspace: &Workspace, count: usize) -> Vec<Self> {
        (0..count).map(|number| Self::start(workspace, &format!("{number}/{count}"))).collect()
    }

    /// SIGTERM.
    pub fn stop(mut self) -> RunOutput {
        let child = self.0.take().unwrap();
        let killed = Command::new("kill").arg(child.id().to_string()).status();
        assert!(killed.unwrap().success());
        child.wait_with_output().unwrap().into()
    }
}

impl Drop for Process {
    /// SIGKILL.
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn wait_for(workspace: &Workspace, rows: u64) {
    let since = Instant::now();
    loop {
        let found = ids_so_far(workspace).len() as u64;
        if found >= rows {
            return;
        }
        assert!(since.elapsed() < Duration::from_mins(3), "{found} of {rows}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Runs the job alone to the end of its topics, and compares the results with the records that were sent to so many partitions.
pub fn catch_up_and_balance(workspace: &Workspace, (sent, partitions): (u64, u64), kills: u64) {
    let last = catch_up(workspace);
    last.expect(0, &[]);
    let counts = summary(&last);
    assert_eq!((&counts["rows"], &counts["results"]), (&sent.into(), &sent.into()));
    assert_eq!(counts["partitions"], json!({"owned": partitions, "read": partitions}));
    balance(&[("SIGKILLs", kills)], sent, &ids(workspace));
}

/// The last line may be half written.
pub fn ids_so_far(workspace: &Workspace) -> Vec<u64> {
    let names = workspace.files().into_iter().filter(|name| name.starts_with("results-"));
    // It may be gone since, where what was not saved is written again.
    let read = |name: String| std::fs::read_to_string(workspace.path(&name)).unwrap_or_default();
    let text: Vec<String> = names.map(read).collect();
    let rows = text.iter().flat_map(|text| text.lines());
    let rows = rows.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    rows.filter_map(|row| row["id"].as_u64()).collect()
}
