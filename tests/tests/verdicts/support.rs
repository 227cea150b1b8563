//! The DNS example with a store of reports.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use anomal_tests::{RunOutput, Workspace, repository};
use serde_json::Value;

/// The DNS example in a workspace, with these settings after its own.
pub fn example(more: &str) -> Workspace {
    let workspace = Workspace::default();
    let folder = repository().join("examples/dns");
    workspace.write("dns.csv", &std::fs::read(folder.join("dns.csv")).unwrap());
    let job = std::fs::read_to_string(folder.join("job.yaml")).unwrap();
    workspace.write("job.yaml", format!("{job}\n{more}\n").as_bytes());
    workspace
}

/// Runs `anomal` with the workspace's store.
pub fn anomal(workspace: &Workspace, arguments: &[&str]) -> RunOutput {
    workspace.anomal(&[arguments, &["--report-store", "store"]].concat())
}

/// Runs the job, and returns its summary.
pub fn run(workspace: &Workspace) -> Value {
    let ran = anomal(workspace, &["run", "job.yaml", "--summary", "json"]);
    ran.expect(0, &[]);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The verdicts of the example's job.
pub fn listed(workspace: &Workspace) -> Vec<Value> {
    let ran = anomal(workspace, &["verdicts", "list", "--job", "job", "--json"]);
    ran.expect(0, &[]);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// A day so many days from now, in UTC.
pub fn day(days: i64) -> String {
    let now = jiff::Timestamp::now().as_second() + days * 86_400;
    jiff::Timestamp::from_second(now).unwrap().strftime("%Y-%m-%d").to_string()
}

/// A server of the workspace's store; killed when dropped.
pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    pub fn start(workspace: &Workspace, more: &[&str]) -> Self {
        let serve = ["report", "serve", "--listen", "127.0.0.1:0", "--report-store", "store"];
        let mut command = workspace.command(&[&serve, more].concat());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find(|line| line.contains("The report is at")).expect("an address");
        let address = line.split(' ').find(|word| word.starts_with("http://")).unwrap().to_owned();
        // Later output must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
