//! The examples run, on free ports.

use std::{ops::Range, process::Command, thread, time::Duration};

use anomal_tests::{Workspace, example, program, repository, tls::Authority};
use prost::Message;
use serde_json::Value;

use super::{
    job::{results, wait},
    otlp::{PROTOBUF, logs},
    running::Running,
};

fn on_free_ports(name: &str, ports: &[&str]) -> Workspace {
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
    let workspace = on_free_ports("http.yaml", &["8088"]);
    let running = Running::job(&workspace);
    assert_eq!(running.post(&[], &requests(1_500)).status, 200);
    wait(|| results(&workspace).len() == 1_500);
    running.terminate().expect(0, &[]);
    let scored = results(&workspace).iter().filter(|row| row["anomal.score"].is_number()).count();
    assert_eq!(scored, 500);
}

#[test]
fn logs_of_opentelemetry_are_judged() {
    let workspace = on_free_ports("otlp.yaml", &["4318", "4317"]);
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
    let workspace = on_free_ports("tcp.yaml", &["4141"]);
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
    let workspace = on_free_ports("windows.yaml", &["4142"]);
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
    let workspace = on_free_ports("syslog.yaml", &["5514"]);
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

#[test]
fn requests_of_known_senders_are_judged_in_windows() {
    let parts = [("port: 4141", "port: 0"), ("collectionTime: 60s", "collectionTime: 1s")];
    let authority = Authority::new();
    let workspace = Workspace::with_files(&[
        ("job.yaml", example("push/windows-tls.yaml", &parts).as_bytes()),
        ("secrets/agents/token", b"t0ken"),
    ]);
    authority.write_server(&workspace);
    let running = Running::start(&workspace, &["run", "job.yaml", "-v", "--secrets", "secrets"]);
    let (own, own_key) = authority.certificate("sender");
    let (foreign, foreign_key) = Authority::new().certificate("sender");
    let send = |identity: Option<(&str, &str)>, text: &str| {
        authority.send(running.connect(), identity, text)
    };
    let reading = |id| format!("{{\"id\": {id}, \"bytes\": \"{}\"}}\n", 1_000 + id * 7 % 90);
    let readings = |ids: Range<u64>| ids.map(reading).collect::<String>();
    let hello = "{\"token\": \"t0ken\"}\n";
    let known = Some((own.as_str(), own_key.as_str()));
    send(known, &format!("{hello}{}no JSON\n", readings(0..200))).unwrap();
    for stranger in [None, Some((foreign.as_str(), foreign_key.as_str()))] {
        assert!(send(stranger, &format!("{hello}{}", readings(1_000..1_010))).is_err());
    }
    // Without the token it is closed.
    let _ = send(known, &readings(2_000..2_010));
    thread::sleep(Duration::from_secs(2));
    send(known, &format!("{hello}{}", readings(200..300))).unwrap();
    thread::sleep(Duration::from_secs(2));
    running.terminate().expect(0, &["does not begin with a valid"]);
    assert_eq!(workspace.read("results/job.rejected.ndjson").lines().count(), 1);
    let text = workspace.unzstd("results").concat();
    let found = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut ids: Vec<u64> = found.map(|row| row["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..300).collect::<Vec<_>>());
}
