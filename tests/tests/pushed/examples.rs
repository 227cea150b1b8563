//! The examples run, on free ports.

use std::process::Command;

use anomal_tests::{Workspace, program, repository};
use prost::Message;
use serde_json::Value;

use super::{
    job::{results, wait},
    otlp::{PROTOBUF, logs},
    running::Running,
};

fn example(name: &str, ports: &[&str]) -> Workspace {
    let path = repository().join("examples/push").join(name);
    let mut job = std::fs::read_to_string(path).unwrap();
    for port in ports {
        assert!(job.contains(port), "{job}");
        job = job.replace(port, "0");
    }
    Workspace::with_files(&[("job.yaml", job.as_bytes())])
}

fn requests(rows: u32) -> Vec<u8> {
    let mut generate = Command::new(program("xtask"));
    generate.args(["generate", "web", "--format", "ndjson", "--rows", &rows.to_string()]);
    let generated = generate.output().unwrap();
    assert!(generated.status.success());
    generated.stdout
}

#[test]
fn requests_are_posted() {
    let workspace = example("http.yaml", &["8088"]);
    let running = Running::job(&workspace);
    assert_eq!(running.post(&[], &requests(1_500)).status, 200);
    wait(|| results(&workspace).len() == 1_500);
    running.terminate().expect(0, &[]);
    let scored = results(&workspace).iter().filter(|row| row["anomal.score"].is_number()).count();
    assert_eq!(scored, 500);
}

#[test]
fn logs_of_opentelemetry_are_judged() {
    let workspace = example("otlp.yaml", &["4318", "4317"]);
    let running = Running::with_doors(&workspace, &["run", "job.yaml", "-v"], 2);
    let answer = running.ask("POST", "/v1/logs", &[PROTOBUF], &logs(0..1_200).encode_to_vec());
    assert_eq!(answer.status, 200);
    wait(|| results(&workspace).len() == 1_200);
    running.terminate().expect(0, &[]);
    let scored = results(&workspace).iter().filter(|row| row["anomal.score"].is_number()).count();
    assert_eq!(scored, 200);
}

#[test]
fn requests_are_collected() {
    let workspace = example("tcp.yaml", &["4141"]);
    let job = workspace.read("job.yaml").replace("30s", "1s");
    workspace.write("job.yaml", job.as_bytes());
    let running = Running::job(&workspace);
    running.send(&requests(300));
    running.wait().expect(0, &[]);
    let rows = workspace.read("suspects.csv").lines().count() - 1;
    assert!((1..100).contains(&rows), "{rows}");
}

#[test]
fn requests_are_judged_in_windows() {
    let workspace = example("windows.yaml", &["4142"]);
    let job = workspace.read("job.yaml").replace("30s", "1s");
    let job = job.replace("stream: {}", "stream: {state: {checkpoint: {every: 1s}}}");
    workspace.write("job.yaml", job.as_bytes());
    let running = Running::job(&workspace);
    let rows = || -> Vec<Value> {
        let text = workspace.gunzip("windows").concat();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    running.send(&requests(300));
    wait(|| !rows().is_empty());
    let first = rows().len();
    running.send(&requests(300));
    wait(|| rows().len() > first);
    running.terminate().expect(0, &[]);
    let mut windows: Vec<_> =
        rows().iter().map(|row| row["anomal.window.start"].to_string()).collect();
    windows.dedup();
    assert!(windows.len() >= 2, "{windows:?}");
}

#[test]
fn messages_of_syslog_are_judged() {
    let workspace = example("syslog.yaml", &["5514"]);
    let arguments = ["run", "job.yaml", "-v"];
    let running = Running::with_doors(&workspace, &arguments, 2);
    let messages: String = (0..1_200)
        .map(|number| {
            let severity = 8 + number % 7;
            let second = number % 60;
            format!(
                "<{severity}>1 2026-03-01T00:00:{second:02}Z h app{} - - - {number}\n",
                number % 3
            )
        })
        .collect();
    let mut stream = std::net::TcpStream::connect(&running.addresses[1]).unwrap();
    std::io::Write::write_all(&mut stream, messages.as_bytes()).unwrap();
    wait(|| results(&workspace).len() == 1_200);
    running.terminate().expect(0, &[]);
    let rows = results(&workspace);
    assert_eq!(rows.iter().filter(|row| row["anomal.score"].is_number()).count(), 200);
}
