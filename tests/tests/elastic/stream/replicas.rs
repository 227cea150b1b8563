//! Two processes that take the same partitions of a topic for theirs, with checkpoints in an object store and no file in common.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Stdio},
    time::Duration,
};

use anomal_tests::{
    Workspace,
    elastic::{Flavor, Server, WRITER},
    kafka::Kafka,
    s3::S3,
};

use super::jobs::wait_for_documents;

/// A process on a machine of its own, killed with the test.
struct Process {
    child: Child,
    errors: BufReader<ChildStderr>,
}

impl Process {
    fn start(workspace: &Workspace, s3: &S3) -> Self {
        let mut command = workspace.command(&["run", "job.yaml", "--secrets", "secrets"]);
        command.args(["--replica", "0/1"]).envs(s3.environment());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        Self { child, errors }
    }

    /// Reads what it says until it has said this so many times.
    fn says(&mut self, part: &str, mut times: usize) {
        let mut text = String::new();
        while times > 0 {
            let start = text.len();
            assert!(self.errors.read_line(&mut text).unwrap() > 0, "no {part}: {text}");
            times -= usize::from(text[start..].contains(part));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn documents_of_partitions_with_two_owners_come_once() {
    let Some(server) = Server::shared(Flavor::Elasticsearch) else { return };
    let (Some(kafka), Some(s3)) = (Kafka::shared(), S3::start()) else { return };
    s3.bucket("state");
    kafka.topic("owners", 3, &[]);
    let index = server.name("replicas");
    let job = format!(
        "input:
  kafka: {{brokers: [\"{}\"], topics: [owners], types: {{id: integer, size: integer}}}}
features:
  - {{type: field, name: size}}
classification: {{engine: HBOS, seed: 7}}
stream:
  replicas: 1
  warmUp: {{rows: 50}}
  state: {{checkpoint: {{every: 1s, to: \"s3://state/job/\"}}}}
outputs:
  - elasticsearch: {{{}, index: {index}, rows: all}}
deadLetter: {{path: rejected.ndjson}}
",
        kafka.broker(),
        server.settings(WRITER)
    );
    let machines = [(); 2].map(|()| {
        let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
        server.secrets(&workspace);
        workspace
    });
    let mut sent: u64 = 0;
    let mut produce = |more: u64, bad: bool| {
        let line = |id: u64| format!("{{\"id\":{id},\"size\":{}}}", id * 7_919 % 900);
        let bad = bad.then(|| "no JSON".to_owned());
        kafka.produce("owners", (sent..sent + more).map(line).chain(bad));
        sent += more;
        sent
    };
    let mut first = Process::start(&machines[0], &s3);
    wait_for_documents(server, &index, produce(400, true));
    // It takes the partitions over; both send these, until the first one can't save its next checkpoints.
    let mut second = Process::start(&machines[1], &s3);
    for _ in 0..30 {
        produce(20, false);
        std::thread::sleep(Duration::from_millis(100));
    }
    first.says("another process has taken it over", 3);
    wait_for_documents(server, &index, produce(100, true));
    // Nothing comes for longer than an owner may be silent: it says that it lives, and they do not fight.
    std::thread::sleep(Duration::from_secs(25));
    wait_for_documents(server, &index, produce(100, false));
    // The second is gone, and the first takes over again.
    second.child.kill().unwrap();
    let sent = produce(200, false);
    first.says("it is read by this process now", 3);
    wait_for_documents(server, &index, sent);
    let mut fights = String::new();
    std::io::Read::read_to_string(&mut second.errors, &mut fights).unwrap();
    assert!(!fights.contains("another process has taken it over"), "{fights}");
    let documents = server.admin().documents(&index);
    let place = |document: &serde_json::Value| {
        ["partition", "row"].map(|key| document["anomal"][key].as_u64().unwrap())
    };
    let places: BTreeSet<_> = documents.iter().map(|(_, document)| place(document)).collect();
    assert_eq!((places.len() as u64, documents.len() as u64), (sent, sent));
}
