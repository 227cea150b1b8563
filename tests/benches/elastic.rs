//! Compares the speed of writing to and reading from a server with loops that do nothing else. `cargo xtask bench
//! elastic` installs the servers and runs it.

use std::{
    fs,
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anomal_tests::{
    Workspace,
    elastic::{Client, Flavor, READER, Server, WRITER},
};
use serde_json::{Value, json};

/// Documents to write.
const WRITTEN: usize = 250_000;
/// Documents to read.
const READ: usize = 1_000_000;
const LOADED: usize = 50_000;
/// Repetitions of each measurement, alternating; the best is reported.
const TURNS: usize = 3;
/// Request sizes of the plain loop; the best counts.
const BATCHES: [usize; 5] = [250, 500, 1_000, 2_500, 5_000];
/// Concurrent requests, also in the job's settings.
const CONCURRENCY: usize = 2;

fn main() {
    println!(
        "| server | what | plain loop, documents/s | anomal, documents/s | share | peak memory MB |"
    );
    println!("|---|---|---|---|---|---|");
    for flavor in [Flavor::Elasticsearch, Flavor::OpenSearch] {
        let server = Server::start_large(flavor).expect("a server");
        sink(&server);
        source(&server);
    }
}

fn line(server: &Server, what: &str, documents: usize, plain: Duration, ours: &Measurement) {
    let rate = |time: Duration| documents as f64 / time.as_secs_f64();
    println!(
        "| {:?} | {what} | {:.0} | {:.0} | {:.0} % | {:.0} |",
        server.flavor,
        rate(plain),
        rate(ours.time),
        100.0 * plain.as_secs_f64() / ours.time.as_secs_f64(),
        ours.peak as f64 / 1e6
    );
}

/// A complete run of `anomal`: its wall time and its peak memory in bytes.
struct Measurement {
    time: Duration,
    peak: u64,
}

/// Runs the job, which must read this number of rows.
fn run(workspace: &Workspace, rows: usize) -> Measurement {
    let log = fs::File::create(workspace.path("log.txt")).expect("a file");
    let began = Instant::now();
    let mut command: Command = workspace.command(&["run", "job.yaml", "--secrets", "secrets"]);
    let mut child = command.stdout(Stdio::null()).stderr(log).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("its state") {
            break ended;
        }
        let status = fs::read_to_string(&status).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
        peak = kib.and_then(|kib| kib.trim().parse::<u64>().ok()).map_or(peak, |kib| kib << 10);
        thread::sleep(Duration::from_millis(5));
    };
    let time = began.elapsed();
    let log = workspace.read("log.txt");
    assert!(ended.success(), "{ended}: {log}");
    // The first line is such as `job: 1,000,000 rows`.
    let count = log.lines().next().and_then(|line| line.split_once(" rows")?.0.rsplit(' ').next());
    assert_eq!(count.map(|count| count.replace(',', "")), Some(rows.to_string()), "{log}");
    Measurement { time, peak }
}

fn best(times: impl Iterator<Item = Measurement>) -> Measurement {
    times
        .reduce(|a, b| Measurement { time: a.time.min(b.time), peak: a.peak.max(b.peak) })
        .expect("one")
}

/// A log of DNS requests as CSV.
fn records() -> String {
    let mut text = String::from(
        "@timestamp,source.ip,source.port,destination.ip,destination.port,network.bytes,dns.question.name,\
         dns.response_code,dns.id,tests.note\n",
    );
    for row in 0..WRITTEN {
        text.push_str(&format!(
            "2026-03-04T05:{:02}:{:02}Z,10.0.{}.{},{},192.168.7.{},53,{},host-{row}.example.net,NOERROR,{},note {row}\n",
            row / 60 % 60,
            row % 60,
            row / 256 % 256,
            row % 256,
            1024 + row % 60_000,
            row % 250,
            row % 1_400,
            row % 65_536,
        ));
    }
    text
}

/// Measures a job from a file to an index, compared with prepared bulk requests. Only the job's time includes reading the
/// file and building the documents.
fn sink(server: &Server) {
    let workspace = Workspace::default();
    server.secrets(&workspace);
    workspace.write("in.csv", records().as_bytes());
    let ours = |index: &str| {
        let job = format!(
            "input: {{csv: {{path: in.csv}}}}\ntimeColumn: \"@timestamp\"\nflags:\n  - {{type: direct, name: big, \
             expression: '\"network.bytes\" > 1390', severity: high, description: Big}}\noutputs: [{{elasticsearch: \
             {{{}, index: {index}, rows: all, bulk: {{inFlight: {CONCURRENCY}}}}}}}]\n",
            server.settings(WRITER)
        );
        workspace.write("job.yaml", job.as_bytes());
        let measured = run(&workspace, WRITTEN);
        assert_eq!(server.admin().count(index), WRITTEN as u64);
        measured
    };
    let first = server.name("first");
    ours(&first);
    let documents = server.admin().documents(&first);
    let template = server.admin().get(&format!("/{first}"))[&first]["mappings"].clone();
    let mut plain = Duration::MAX;
    let mut measured = Vec::new();
    for _ in 0..TURNS {
        for batch in BATCHES {
            let index = server.name("plain");
            let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "codec": "best_compression"});
            let body = json!({"settings": settings, "mappings": template});
            server.admin().put(&format!("/{index}"), &body);
            plain = plain.min(bulk(&server.user(WRITER), &index, &documents, batch));
            assert_eq!(server.admin().count(&index), WRITTEN as u64);
            server.admin().delete(&format!("/{index}"));
        }
        let index = server.name("ours");
        measured.push(ours(&index));
        server.admin().delete(&format!("/{index}"));
    }
    line(server, "write", WRITTEN, plain, &best(measured.into_iter()));
}

/// Writes the same documents under the same ids.
fn bulk(client: &Client, index: &str, documents: &[(String, Value)], batch: usize) -> Duration {
    let body = |part: &[(String, Value)]| {
        let lines = part
            .iter()
            .map(|(id, document)| format!("{{\"create\":{{\"_id\":\"{id}\"}}}}\n{document}\n"));
        lines.collect::<String>().into_bytes()
    };
    let bodies = Mutex::new(documents.chunks(batch).map(body).collect::<Vec<_>>());
    let path = format!("/{index}/_bulk?filter_path=errors");
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CONCURRENCY {
            scope.spawn(|| {
                let mut connection = client.connection();
                while let Some(body) = { bodies.lock().expect("no panic").pop() } {
                    let answer = connection.post(&path, body);
                    assert_eq!(answer, b"{\"errors\":false}");
                }
            });
        }
    });
    began.elapsed()
}

/// Measures reading all records of an index, compared with two sliced scrolls: one reads only the scroll id, the other
/// parses the documents, as any real client must.
fn source(server: &Server) {
    let index = server.name("logs-speed");
    let client = server.admin();
    let settings = json!({"number_of_shards": 2, "number_of_replicas": 0});
    client.put(&format!("/{index}"), &json!({"settings": settings}));
    let document = |row: usize| {
        json!({
            "@timestamp": format!("2026-03-04T05:{:02}:{:02}Z", row / 60 % 60, row % 60),
            "source": {"ip": format!("10.0.{}.{}", row / 256 % 256, row % 256), "port": 1024 + row % 60_000},
            "destination": {"ip": format!("192.168.7.{}", row % 250), "port": 53},
            "network": {"bytes": row % 1_400, "transport": "udp", "type": "ipv4"},
            "dns": {"question": {"name": format!("host-{row}.example.net"), "type": "A"}, "id": row % 65_536},
            "host": {"name": format!("sensor-{}", row % 7)},
            "message": format!("query {row} of a client that asks for what it needs"),
        })
    };
    for first in (0..READ).step_by(LOADED) {
        client.load(&index, first, &(first..first + LOADED).map(document).collect::<Vec<_>>());
    }
    let workspace = Workspace::default();
    server.secrets(&workspace);
    let job = format!(
        "input: {{elasticsearch: {{{}, index: {index}, slices: {CONCURRENCY}}}}}\nflags:\n  - {{type: direct, name: big, \
         expression: '\"network.bytes\" > 1390', severity: high, description: Big}}\n",
        server.settings(READER)
    );
    workspace.write("job.yaml", job.as_bytes());
    let (mut plain, mut parsed, mut measured) = (Duration::MAX, Duration::MAX, Vec::new());
    for _ in 0..TURNS {
        for size in [1_000, 2_500, 5_000, 10_000] {
            plain = plain.min(scroll(&server.user(READER), &index, size, false));
            parsed = parsed.min(scroll(&server.user(READER), &index, size, true));
        }
        measured.push(run(&workspace, READ));
    }
    let measured = best(measured.into_iter());
    line(server, "read", READ, plain, &measured);
    line(server, "read, loop that parses", READ, parsed, &measured);
}

fn scroll(client: &Client, index: &str, size: usize, parse: bool) -> Duration {
    let began = Instant::now();
    let read = |slice: usize| {
        let mut connection = client.connection();
        let first =
            json!({"size": size, "sort": ["_doc"], "slice": {"id": slice, "max": CONCURRENCY}});
        let first = first.to_string().into_bytes();
        let mut page = connection.post(&format!("/{index}/_search?scroll=1m"), first);
        let mut count = 0;
        loop {
            let hits = memchr::memmem::find_iter(&page, b"\"_id\":").count();
            if hits == 0 {
                return count;
            }
            count += hits;
            if parse {
                std::hint::black_box(serde_json::from_slice::<Value>(&page).expect("JSON"));
            }
            let id = between(&page, b"\"_scroll_id\":\"", b'"');
            let next = [b"{\"scroll\":\"1m\",\"scroll_id\":\"", id, b"\"}"].concat();
            page = connection.post("/_search/scroll", next);
        }
    };
    let count: usize = thread::scope(|scope| {
        let slices: Vec<_> =
            (0..CONCURRENCY).map(|slice| scope.spawn(move || read(slice))).collect();
        slices.into_iter().map(|slice| slice.join().expect("no panic")).sum()
    });
    assert_eq!(count, READ);
    began.elapsed()
}

fn between<'a>(text: &'a [u8], before: &[u8], end: u8) -> &'a [u8] {
    let start = memchr::memmem::find(text, before).expect("it is there") + before.len();
    let length = memchr::memchr(end, &text[start..]).expect("it ends");
    &text[start..start + length]
}
