//! The DNS example with a store of reports.

pub use anomal_tests::report_server::ReportServer as Server;
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
