//! Processes that share the partitions of a job.

use std::{
    thread,
    time::{Duration, Instant},
};

use anomal_tests::{Workspace, ledger::balance, process::Process};
use serde_json::json;

use super::job::{catch_up, ids, job, summary};

/// The job for several processes, with these settings of its input.
pub fn shared_workspace(broker: &str, topic: &str, replicas: usize, settings: &str) -> Workspace {
    let job = job(broker, topic, settings);
    let job = job.replace("stream:\n", &format!("stream:\n  replicas: {replicas}\n"));
    let job = job.replace("rows: 200", "rows: 50");
    Workspace::with_files(&[("job.yaml", job.as_bytes())])
}

/// A process of this number, such as `1/3`.
pub fn start(workspace: &Workspace, replica: &str) -> Process {
    start_with(workspace, &["--replica", replica])
}

/// With these further arguments.
pub fn start_with(workspace: &Workspace, arguments: &[&str]) -> Process {
    let arguments = [&["run", "job.yaml", "--summary", "json"], arguments].concat();
    Process::start(workspace.command(&arguments))
}

/// Of a count of processes, each.
pub fn start_all(workspace: &Workspace, count: usize) -> Vec<Process> {
    (0..count).map(|number| start(workspace, &format!("{number}/{count}"))).collect()
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
