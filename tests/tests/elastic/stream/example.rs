//! The group of examples/kubernetes/stream-group.yaml as processes of this machine, with real servers.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use anomal_tests::{
    Workspace,
    elastic::{Flavor, LEARNER, Server},
    example,
    kafka::Kafka,
    process::Process,
    s3::S3,
};
use serde_json::{Value, json};

const PARTITIONS: u64 = 6;
const TOPIC: &str = "dns";
const GROUP: &str = "anomal-soc-dns-live";
const BUCKET: &str = "anomal-state";
const MEMBERS: [&str; 3] = ["a", "b", "c"];
/// Records from before the stream.
const HISTORY: u64 = 3_000;
const DAY: i64 = 24 * 3_600_000;

/// What a record is, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usual,
    /// A name of random letters.
    Random,
    /// A domain without an earlier request.
    New,
    /// A client that asks each minute.
    Beacon,
    /// Of names that the filter removes.
    Intranet,
    /// No JSON.
    Bad,
}

/// What was sent to each partition, by offsets.
struct Sent {
    kafka: &'static Kafka,
    /// The time of the start, in milliseconds since the epoch.
    now: i64,
    partitions: BTreeMap<u64, Vec<(Kind, Value)>>,
}

fn text(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).unwrap().to_string()
}

fn request(millis: i64, client: &str, name: &str, spread: u64) -> Value {
    json!({
        "@timestamp": text(millis), "source.ip": client, "client.bytes": 40 + spread % 30,
        "destination.port": 53, "dns.question.name": name,
        "dns.response_code": if spread % 40 == 3 { "NXDOMAIN" } else { "NOERROR" },
    })
}

/// Spreads numbers, so that they have no order.
fn spread(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}

fn usual(millis: i64, id: u64) -> Value {
    let name = format!("www{}.example.com", spread(id) % 7);
    request(millis, &format!("10.0.0.{}", spread(id) / 7 % 30), &name, spread(id))
}

impl Sent {
    /// Sends records whose times are in a range of minutes before the start, in the order of their times.
    fn send(&mut self, count: u64, from: i64, to: i64) {
        let first: u64 = self.total();
        let (start, end) = (self.now - from * 60_000, self.now - to * 60_000);
        let mut records: Vec<(i64, Kind, Value)> = (0..count)
            .map(|place| {
                let id = first + place;
                let time =
                    start + (end - start) * i64::try_from(place * 1_000 / count).unwrap() / 1_000;
                let client = format!("10.0.0.{}", id % 30);
                match id % 100 {
                    7 => {
                        let name = format!("x9q{id}zk4v8w2j7h5f3d1s6.example.net");
                        (time, Kind::Random, request(time, &client, &name, spread(id)))
                    }
                    31 => (
                        time,
                        Kind::New,
                        request(time, &client, "www.never-before.org", spread(id)),
                    ),
                    53 => (
                        time,
                        Kind::Intranet,
                        request(time, &client, "wiki.Intranet.example", spread(id)),
                    ),
                    71 => (time, Kind::Bad, json!(format!("{{\"@timestamp\": {id}"))),
                    _ => (time, Kind::Usual, usual(time, id)),
                }
            })
            .collect();
        records.extend((to + 1..=from).map(|minute| {
            let time = self.now - minute * 60_000;
            (time, Kind::Beacon, request(time, "10.0.9.9", "c2.example.com", 3 * 30))
        }));
        records.sort_by_key(|(time, ..)| *time);
        let lines: String =
            records.into_iter().map(|(_, kind, record)| self.line(kind, record)).collect();
        self.kafka.client(&["produce", TOPIC], &lines);
    }

    /// A record for the producer: a client is the key, and in one partition.
    fn line(&mut self, kind: Kind, record: Value) -> String {
        let client = record["source.ip"].as_str().unwrap_or("10.0.0.1").to_owned();
        let last: u64 = client.rsplit('.').next().unwrap().parse().unwrap();
        self.put(last % PARTITIONS, &client, kind, record)
    }

    fn put(&mut self, partition: u64, client: &str, kind: Kind, record: Value) -> String {
        let value = record.as_str().map_or_else(|| record.to_string(), str::to_owned);
        self.partitions.entry(partition).or_default().push((kind, record));
        let tenant = format!("tenant-{partition}");
        json!({"value": value, "key": client, "partition": partition, "headers": [["tenant", tenant]]}).to_string() + "\n"
    }

    /// A record of each partition.
    fn send_to_each(&mut self) {
        let time = self.now - 40 * 60_000;
        let lines: String = (0..PARTITIONS)
            .map(|partition| {
                let client = format!("10.0.0.{partition}");
                self.put(
                    partition,
                    &client,
                    Kind::Usual,
                    request(time, &client, "www1.example.com", 0),
                )
            })
            .collect();
        self.kafka.client(&["produce", TOPIC], &lines);
    }

    fn total(&self) -> u64 {
        self.partitions.values().map(|records| records.len() as u64).sum()
    }
}

struct Machines {
    workspaces: [Workspace; 3],
    processes: Vec<Process>,
}

impl Machines {
    fn start(job: &str, server: &Server, kafka: &Kafka, s3: &S3) -> Self {
        let workspaces = MEMBERS.map(|_| {
            let workspace = Workspace::with_files(&[("dns-live.yaml", job.as_bytes())]);
            kafka.secrets(&workspace);
            server.secret(&workspace, "es", LEARNER);
            for (key, value) in s3.secret() {
                workspace.write(&format!("secrets/s3/{key}"), value.as_bytes());
            }
            workspace
        });
        let processes = (0..3).map(|number| Self::process(&workspaces[number], MEMBERS[number]));
        Self { processes: processes.collect(), workspaces }
    }

    fn process(workspace: &Workspace, member: &str) -> Process {
        let run = ["run", "dns-live.yaml", "--secrets", "secrets", "--member", member];
        let mut command = workspace.command(&run);
        command.args(["--summary", "json", "--report-store", "reports"]);
        Process::start(command)
    }

    /// SIGKILL of one while others go on, which is then started again by its name.
    fn kill_and_start(&mut self, number: usize, meanwhile: impl FnOnce()) {
        self.processes.remove(number).kill();
        meanwhile();
        let next = Self::process(&self.workspaces[number], MEMBERS[number]);
        self.processes.insert(number, next);
    }
}

/// The settings as they are printed, but for addresses, and what is sooner and of all rows.
fn job(server: &Server, kafka: &Kafka, index: &str) -> String {
    let text = example(
        "kubernetes/stream-group.yaml",
        &[
            ("[kafka-0.kafka:9093, kafka-1.kafka:9093]", &format!("[\"{}\"]", kafka.sasl_broker())),
            ("secretRef: {name: kafka}", "secretRef: {name: scram}"),
            ("https://es:9200", &server.url()),
            (
                "index: anomal-results-dns, dataStream: true",
                &format!("index: {index}, dataStream: true, rows: all"),
            ),
            ("every: 10s", "every: 1s"),
            ("learnFor: 7d", "learnFor: 6d"),
        ],
    );
    text.rsplit("---\n").next().unwrap().to_owned()
}

#[track_caller]
fn wait(what: &str, mut until: impl FnMut() -> bool) {
    let since = Instant::now();
    while !until() {
        assert!(since.elapsed() < Duration::from_mins(3), "no {what}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Documents by their places.
fn documents(server: &Server, index: &str) -> BTreeMap<(u64, u64), Value> {
    let admin = server.admin();
    if admin.send("GET", &format!("/{index}/_count"), "").status != 200 {
        return BTreeMap::new();
    }
    let mut found = BTreeMap::new();
    for (_, document) in admin.documents(index) {
        let place = ["partition", "row"].map(|key| document["anomal"][key].as_u64().unwrap());
        let before = found.insert((place[0], place[1]), document);
        assert!(before.is_none(), "{place:?} is there twice");
    }
    found
}

/// The places of records in the dead letters.
fn dead_letters(s3: &S3) -> Vec<(u64, u64)> {
    let keys = s3.keys(BUCKET);
    let keys = keys
        .iter()
        .filter(|key| key.starts_with("soc/dns-live.rejected/") && key.ends_with(".ndjson"));
    let texts = keys.map(|key| String::from_utf8(s3.get(BUCKET, key)).unwrap());
    let mut places: Vec<(u64, u64)> = texts
        .flat_map(|text| {
            let place = |line: &str| {
                let letter: Value = serde_json::from_str(line).unwrap();
                let partition = letter["file"].as_str().unwrap().strip_prefix("dns/").unwrap();
                (partition.parse().unwrap(), letter["row"].as_u64().unwrap())
            };
            text.lines().map(place).collect::<Vec<_>>()
        })
        .collect();
    places.sort_unstable();
    places
}

#[test]
fn the_example_of_a_group_runs_on_machines() {
    let Some(server) = Server::shared(Flavor::Elasticsearch) else { return };
    let (Some(kafka), Some(s3)) = (Kafka::shared(), S3::start()) else { return };
    s3.bucket(BUCKET);
    kafka.topic(TOPIC, u32::try_from(PARTITIONS).unwrap(), &[]);
    let now = jiff::Timestamp::now().as_millisecond();
    let history: Vec<Value> = (0..HISTORY)
        .map(|id| {
            // Of seven days but for an hour at each end.
            let share = i64::try_from(id * 7_919 % HISTORY).unwrap();
            usual(
                now - 7 * DAY
                    + DAY / 24
                    + share * (7 * DAY - DAY / 12) / i64::try_from(HISTORY).unwrap(),
                id,
            )
        })
        .collect();
    server.admin().load("logs-dns-week", 0, &history);
    let index = server.name("dns-live");
    let job = job(server, kafka, &index);
    let mut machines = Machines::start(&job, server, kafka, &s3);
    let mut sent = Sent { kafka, now, partitions: BTreeMap::new() };
    // It begins with what comes from now on: in each partition with one of these.
    wait("documents of all partitions", || {
        sent.send_to_each();
        thread::sleep(Duration::from_secs(1));
        let found: BTreeSet<u64> =
            documents(server, &index).keys().map(|(partition, _)| *partition).collect();
        found.len() as u64 == PARTITIONS
    });
    wait("members with two partitions each", || {
        let members: BTreeMap<String, Vec<String>> =
            serde_json::from_str(&kafka.client(&["members", GROUP], "")).unwrap();
        members.len() == 3 && members.values().all(|partitions| partitions.len() == 2)
    });
    sent.send(1_200, 40, 6);
    let saved = || {
        let keys = s3.keys(BUCKET);
        (0..PARTITIONS).all(|number| {
            keys.iter()
                .any(|key| key.starts_with(&format!("soc/dns-{number}/")) && key.ends_with("ckpt"))
        })
    };
    wait("checkpoints of all partitions", saved);
    machines.kill_and_start(1, || sent.send(600, 6, 3));
    sent.send(600, 3, 0);
    let first: BTreeMap<u64, u64> = documents(server, &index).keys().rev().copied().collect();
    let wanted = |kind: &dyn Fn(Kind) -> bool| -> Vec<(u64, u64)> {
        let places = sent.partitions.iter().flat_map(|(partition, records)| {
            let rows =
                (0..).zip(records).filter(|(row, (of, _))| *row >= first[partition] && kind(*of));
            rows.map(|(row, _)| (*partition, row)).collect::<Vec<(u64, u64)>>()
        });
        places.collect()
    };
    let judged = wanted(&|kind| !matches!(kind, Kind::Bad | Kind::Intranet));
    wait("documents of all records", || documents(server, &index).len() >= judged.len());
    let bad = wanted(&|kind| kind == Kind::Bad);
    wait("dead letters", || dead_letters(&s3).len() >= bad.len());
    for process in machines.processes.drain(..) {
        process.stop().expect(0, &[]);
    }
    let found = documents(server, &index);
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), judged, "lost or doubled");
    assert_eq!(dead_letters(&s3), bad);
    assert_judged(&sent, &found, &wanted);
    for workspace in &machines.workspaces {
        let reports = std::fs::read_dir(workspace.path("reports")).unwrap();
        assert!(reports.count() > 0, "no report at the end");
    }
}

/// `wanted` gives the places of records of some kinds, in order.
fn assert_judged(
    sent: &Sent,
    found: &BTreeMap<(u64, u64), Value>,
    wanted: &dyn Fn(&dyn Fn(Kind) -> bool) -> Vec<(u64, u64)>,
) {
    for ((partition, row), document) in found {
        let (_, record) = &sent.partitions[partition][usize::try_from(*row).unwrap()];
        let (source, anomal) = (&document["anomal"]["source"], &document["anomal"]);
        assert_eq!(source["kafka.topic"], TOPIC, "{document:#}");
        assert_eq!(source["kafka.key"], record["source.ip"]);
        assert_eq!(source["kafka.headers.tenant"], format!("tenant-{partition}"));
        assert_eq!(document["dns"]["question"]["name"], record["dns.question.name"]);
        assert!(anomal["warm"] == true && anomal["pvalue"].is_number(), "{document:#}");
        assert!(anomal["suspicious"] == false || anomal["explanation"].is_string(), "{document:#}");
    }
    let flagged = |place: &(u64, u64), flag: &str| {
        let flags = found[place]["anomal"]["flags"].as_array();
        flags.is_some_and(|flags| flags.iter().any(|name| name == flag))
    };
    // Its calls from before a process was killed are known to the next one.
    assert!(flagged(wanted(&|kind| kind == Kind::Beacon).last().unwrap(), "beaconing_detector"));
    let suspicious = |place: &&(u64, u64)| found[*place]["anomal"]["suspicious"] == true;
    let random = wanted(&|kind| kind == Kind::Random);
    assert!(random.iter().filter(suspicious).count() * 2 > random.len());
    // The first in each partition; other domains are known from before.
    let mut partitions = BTreeSet::new();
    for place in wanted(&|kind| kind == Kind::New) {
        assert_eq!(flagged(&place, "newly_seen_domain"), partitions.insert(place.0), "{place:?}");
    }
    assert!(!partitions.is_empty());
    for place in wanted(&|kind| matches!(kind, Kind::Usual | Kind::Beacon)) {
        assert!(!flagged(&place, "newly_seen_domain"), "{place:?}");
    }
}
