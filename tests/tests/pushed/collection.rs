//! TCP without `stream`: what comes during a time is one run.

use anomal_tests::{Workspace, repository};

use super::{
    job::{line, lines, summary},
    running::Running,
};

const JOB: &str = "\
input:
  tcp: {host: 127.0.0.1, port: 0, collectionTime: 2s, badLines: skip, types: {id: integer}}
features:
  - {type: field, name: size}
  - {type: field, name: method, kind: categorical}
classification: {engine: Gower}
outputs: [{ndjson: {path: results.ndjson}}]
";

#[test]
fn what_comes_during_a_time_is_judged_together() {
    let workspace = Workspace::with_files(&[("job.yaml", JOB.as_bytes())]);
    let running = Running::job(&workspace);
    running.send(lines(0..150).as_bytes());
    for id in 150..160 {
        running.send(line(id).trim().as_bytes());
    }
    running.send(b"no JSON\n{\"id\":\n1");
    let ended = running.wait();
    ended.expect(0, &[]);
    let counts = summary(&ended);
    assert_eq!((&counts["rows"], &counts["rejected"]), (&162.into(), &2.into()), "{ended:#?}");
    let rows = workspace.read("results.ndjson");
    let row = |row: &str| serde_json::from_str::<serde_json::Value>(row).unwrap();
    let mut ids: Vec<u64> = rows.lines().map(|it| row(it)["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..160).collect::<Vec<_>>());
    assert!(rows.lines().all(|it| row(it)["anomal.score"].is_number()));
    assert_eq!(workspace.read("job.rejected.ndjson").lines().count(), 2);
}

#[test]
fn the_original_s_two_files_and_its_command_line_run_that_way() {
    let workspace = Workspace::default();
    let features = std::fs::read(repository().join("examples/dns/dns_features.yaml")).unwrap();
    workspace.write("dns_features.yaml", &features);
    let main = "data: {host: 127.0.0.1, port: 0, collection_time: 1, out_path: results.csv}\n\
                features: {path: dns_features.yaml}\n\
                setup: {classification_engine: Gower, input_driver: TCP, output_driver: CSV}\n";
    workspace.write("system_configs.yaml", main.as_bytes());
    let records = dns_records();
    let running = Running::start(&workspace, &["run", "system_configs.yaml", "-v"]);
    // One object a connection, as the original has it.
    for record in &records {
        running.send(record.as_bytes());
    }
    running.wait().expect(0, &["suspicious by Gower"]);
    let table = workspace.read("results.csv");
    assert!(table.lines().count() > 100, "{table:.200}");
    assert!(table.lines().next().unwrap().contains("anomal.score"), "{table:.200}");

    let line = "--no-ui -v -di tcp --tcp-in-host 127.0.0.1 --tcp-in-port 0 --collection-time 1 -do csv -out my_ \
                -ff dns_features.yaml -ce Gower";
    let running = Running::start(&workspace, &line.split_whitespace().collect::<Vec<_>>());
    running.send(records.concat().as_bytes());
    running.wait().expect(0, &["suspicious by Gower"]);
    assert_eq!(workspace.read("my_results.csv").lines().count(), records.len() + 1);
}

/// The first rows of the example as nested objects, of which the fields are named by paths.
fn dns_records() -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("examples/dns/dns.csv")).unwrap();
    let mut rows = anomal_tests::csv_records(&text).into_iter();
    let header = rows.next().unwrap();
    let record = |cells: Vec<String>| {
        let cells = header.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
        let cells = cells.map(|(name, cell)| match cell.parse::<u64>() {
            Ok(number) => (name.clone(), number.into()),
            Err(_) => (name.clone(), serde_json::Value::from(cell)),
        });
        serde_json::Value::Object(cells.collect()).to_string()
    };
    rows.take(200).map(record).collect()
}

#[test]
fn settings_that_do_not_fit_are_refused_with_a_remedy() {
    let wrong = |job: &str, parts: &[&str]| {
        let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
        workspace.anomal(&["validate", "job.yaml"]).expect(2, parts);
    };
    wrong(&JOB.replace("collectionTime: 2s, ", ""), &["input.tcp", "collectionTime: 60s"]);
    let stream = JOB.replace("{path: results.ndjson}", "{path: results.ndjson, rotate: 1h}");
    let stream = format!("{stream}stream: {{}}\n");
    let http = stream.split_once("features:").unwrap().1;
    let http = |input: &str| format!("input: {{http: {{listen: \"{input}\"}}}}\nfeatures:{http}");
    wrong(&http("8088"), &["input.http.listen", "host:port"]);
    wrong(&http("0.0.0.0:80").replace("stream: {}\n", ""), &["add `stream: {}`"]);
    let small = http("0.0.0.0:80").replace("stream: {}", "stream: {journal: {maxBytes: 64Mi}}");
    wrong(&small, &["input.http.maxBody", "a fourth of the journal"]);
    let syslog = |listen: &str| {
        http("0.0.0.0:80").replace("http: {listen: \"0.0.0.0:80\"}", &format!("syslog: {listen}"))
    };
    wrong(&syslog("{listen: [{}]}"), &["input.syslog.listen[0]", "either `udp` or `tcp`"]);
    wrong(
        &syslog("{listen: [{udp: \"h:1\"}], timeZone: Europe/Viena}"),
        &["input.syslog.timeZone", "Europe/Vienna"],
    );
    let follow = http("0.0.0.0:80").replace("stream: {}", "stream: {follow: {start: end}}");
    wrong(&follow, &["stream.follow", "is pushed"]);
}
