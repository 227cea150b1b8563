//! The examples of streams by `kubectl apply`, with a broker and an index on this machine.

use std::{
    io::Write,
    net::{TcpStream, UdpSocket},
    path::Path,
    time::Duration,
};

use anomal_tests::{
    Engine, Workspace,
    cluster::{Namespace, Operator, PATIENCE, Volume, cluster, eventually},
    elastic::{Flavor, PASSWORD, STREAMER, Server, proxy::Proxy},
    example, http, kafka,
    kafka::Kafka,
    s3::S3,
    skip,
};
use serde_json::{Value, json};

use crate::group;
use crate::stream_faults::{evict, uid, wait_for_next};

/// Applies a manifest of examples/kubernetes with parts replaced, each of which has to be there.
pub fn apply(here: &Namespace, name: &str, parts: &[(&str, &str)]) {
    let text = example(&format!("kubernetes/{name}"), parts);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    here.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).unwrap();
}

/// The keys of a Secret with a certificate authority, behind others.
fn authority(pem: &str) -> String {
    let lines: Vec<String> = pem.lines().map(|line| format!("    {line}\n")).collect();
    format!("  ca.crt: |\n{}", lines.concat())
}

/// What the Secret of an example has.
pub const KAFKA_SECRET: &str =
    "  mechanism: SCRAM-SHA-512\n  username: anomal\n  password: CHANGE-ME\n";
pub const INDEX_SECRET: &str = "  username: anomal\n  password: CHANGE-ME\n";

/// What takes the place of [`KAFKA_SECRET`].
pub fn of_kafka(kafka: &Kafka) -> String {
    let (user, password, ca) = (kafka::USER, kafka::PASSWORD, authority(kafka.ca()));
    format!("  mechanism: SCRAM-SHA-512\n  username: {user}\n  password: {password}\n{ca}")
}

/// An index outside of the cluster, behind an address that pods reach.
pub struct Index {
    pub server: Server,
    pub proxy: Proxy,
}

impl Index {
    fn start(machine: &str) -> Option<Self> {
        let server = Server::start(Flavor::Elasticsearch).map_err(|reason| skip(&reason)).ok()?;
        let proxy = Proxy::start_at(machine, &server);
        Some(Self { server, proxy })
    }

    /// What takes the place of [`INDEX_SECRET`].
    pub fn secret(&self, user: &str) -> String {
        format!("  username: {user}\n  password: {PASSWORD}\n{}", authority(self.proxy.ca()))
    }

    pub fn count(&self, index: &str) -> u64 {
        let admin = self.server.admin();
        // It exists from the first document on.
        let found = admin.send("GET", &format!("/{index}/_count"), "").status == 200;
        if found { admin.count(index) } else { 0 }
    }

    #[track_caller]
    pub fn wait_for(&self, index: &str, count: u64) {
        eventually(&format!("{count} documents of {index}"), PATIENCE, || {
            (self.count(index) >= count).then_some(())
        });
    }

    /// The places of all documents: one for each record, from the first on in each partition.
    #[track_caller]
    fn assert_each_once(&self, index: &str, records: u64) {
        let documents = self.server.admin().documents(index);
        let mut places: Vec<(u64, u64)> = documents
            .iter()
            .map(|(_, document)| {
                let place = |key: &str| document["anomal"][key].as_u64().unwrap();
                (place("partition"), place("row"))
            })
            .collect();
        assert_eq!(places.len() as u64, records, "lost or doubled");
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len() as u64, records, "doubled");
    }
}

/// Small requests of resources, all rows, quick checkpoints: what tests have other than users.
const SMALL: [(&str, &str); 2] =
    [("dataStream: true", "rows: all"), ("memory: 1Gi}", "memory: 64Mi}")];

fn request(id: u64) -> String {
    let name = if id % 100 == 7 {
        format!("x9q{id}zk4v8w2j7h5f3d1s6.example.net")
    } else {
        format!("www{}.example.com", id % 5)
    };
    json!({
        "@timestamp": format!("2026-03-04T05:{:02}:{:02}Z", id / 60 % 60, id % 60),
        "source.ip": format!("10.0.0.{}", id % 50), "client.bytes": 40 + id % 30,
        "dns.question.name": name, "dns.response_code": "NOERROR",
    })
    .to_string()
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn records_of_kafka_are_documents_of_elasticsearch() {
    let Some(cluster) = cluster() else { return };
    let Some(machine) = cluster.machine_address() else {
        return skip("pods of a named cluster don't reach this machine");
    };
    let servers = (Kafka::start_at(machine), Index::start(machine), S3::start_at(machine));
    let (Some(kafka), Some(index), Some(s3)) = servers else { return };
    kafka.topic("dns", 3, &["retention.ms=-1"]);
    kafka.produce("dns", (0..1_000).map(request));
    let here = Namespace::new(cluster, "live");
    let store = Workspace::default();
    let folder = store.folder.path().display().to_string();
    let web = format!("{machine}:0");
    let of_reports = ["--store", &folder, "--web-listen", &web, "--auth", "token"];
    let token = ("ANOMAL_REPORT_TOKEN", "token-of-the-reports");
    let reports = Engine::start_at(
        machine,
        "anomal-report-engine",
        &of_reports,
        &[(token.0, token.1.to_owned())],
    );
    let env =
        format!("runner:\n    env: [{{name: {}, value: {}}}]\n    resources:", token.0, token.1);
    let _operator = Operator::start(&here, &["--report-endpoint", &reports.address]);
    let _volume = Volume::for_claim(&here, "dns-live");
    let of_kafka = of_kafka(&kafka);
    let brokers = format!("[\"{}\"]", kafka.sasl_broker());
    let parts = [
        (KAFKA_SECRET, of_kafka.as_str()),
        (INDEX_SECRET, &index.secret(STREAMER)),
        ("[\"kafka-0.kafka:9093\", \"kafka-1.kafka:9093\"]", &brokers),
        ("https://es.example:9200", &index.proxy.url()),
        ("cpu: \"1\"", "cpu: 50m"),
        ("every: 1h", "every: 5s"),
        ("runner:\n    resources:", &env),
        (
            "state: {checkpoint: {to: state}}",
            "warmUp: {rows: 500}\n    state: {checkpoint: {to: state, every: 2s}}",
        ),
    ];
    apply(&here, "stream.yaml", &[&parts[..], &SMALL].concat());
    here.kubectl(&["wait", "--for=condition=Running", "aj/dns-live", "--timeout=120s"]).unwrap();
    let results = "anomal-results-dns";
    index.wait_for(results, 1_000);
    // The pod is killed while more comes.
    kafka.produce("dns", (1_000..1_400).map(request));
    here.kubectl(&["delete", "pod", "dns-live-0", "--grace-period=0", "--force"]).unwrap();
    kafka.produce("dns", (1_400..2_000).map(request));
    index.wait_for(results, 2_000);
    here.kubectl(&["wait", "--for=condition=CaughtUp", "aj/dns-live", "--timeout=90s"]).unwrap();
    index.assert_each_once(results, 2_000);
    let status = here.status("dns-live");
    assert_eq!(status["stream"]["warm"], true, "{status:#}");
    // Random names among a few.
    let suspicious = json!({"term": {"anomal.suspicious": true}});
    assert!(index.server.admin().count_matching(results, &suspicious) > 0);
    eventually("a report of the stream", PATIENCE, || {
        let list = ["report", "list", "--json", "--report-endpoint", &reports.address];
        let listed = store.command(&list).env(token.0, token.1).output().ok()?;
        let stored: Value = serde_json::from_slice(&listed.stdout).ok()?;
        (stored[0]["title"] == "DNS live" && stored[0]["namespace"] == here.name).then_some(())
    });
    here.kubectl(&["delete", "aj", "dns-live"]).unwrap();
    // The larger example, with these servers.
    group::runs(&here, &kafka, &index, &s3, token);
    pods_share_its_partitions(&here, &kafka, &index, &s3);
}

/// Pods that share the topic of the example, with its secrets, are evicted and scaled.
fn pods_share_its_partitions(here: &Namespace, kafka: &Kafka, index: &Index, s3: &S3) {
    s3.bucket("states");
    let values: serde_json::Map<String, Value> =
        s3.secret().into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    here.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s3"}, "stringData": values,
    }));
    let secret = |name: &str| json!({"secretRef": {"name": name}});
    let checkpoint = json!({"to": "s3://states/shared/", "every": "1s", "auth": secret("s3")});
    let results = "anomal-results-shared";
    here.apply(&json!({
        "apiVersion": "anomal.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "shared"},
        "spec": {
            "input": {"kafka": {
                "brokers": [kafka.sasl_broker()], "topics": ["dns"], "auth": secret("kafka"), "tls": true,
            }},
            "timeColumn": "@timestamp",
            "features": [{"type": "field", "name": "client.bytes"}],
            "classification": {"engine": "HBOS", "threshold": {"method": "risk", "value": 0.01}},
            "stream": {"replicas": 2, "warmUp": {"rows": 100}, "state": {"checkpoint": checkpoint}},
            "deadLetter": {"path": "rejected.ndjson"},
            "outputs": [{"elasticsearch": {
                "url": index.proxy.url(), "auth": secret("elasticsearch"), "index": results, "rows": "all",
            }}],
            "runner": {
                "volumes": [{"name": "data", "emptyDir": {}}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
        },
    }));
    let mut sent = 2_000;
    let mut produce = || {
        let record = |id| json!({"value": request(id), "partition": id % 3}).to_string() + "\n";
        kafka.client(&["produce", "dns"], &(sent..sent + 300).map(record).collect::<String>());
        sent += 300;
        sent
    };
    assert_eq!(wait_for_partitions(here, "shared", 2, 3), [1, 2]);
    index.wait_for(results, produce());

    // A drain takes one pod, and the other one only when the first is ready again.
    let budget = || here.get("poddisruptionbudget", "shared").unwrap_or_default();
    eventually("a budget for an eviction", PATIENCE, || {
        (budget()["status"]["disruptionsAllowed"] == 1).then_some(())
    });
    let (first, second) = (uid(here, "shared-0"), uid(here, "shared-1"));
    evict(here, "shared-1").unwrap();
    let refused = evict(here, "shared-0").unwrap_err();
    assert!(
        refused.contains("TooManyRequests") && refused.contains("disruption budget"),
        "{refused}"
    );
    produce();
    wait_for_next(here, "shared-1", &second);
    eventually("the eviction of the other one", PATIENCE, || evict(here, "shared-0").ok());
    wait_for_next(here, "shared-0", &first);
    index.wait_for(results, produce());

    // Its partitions move as it is scaled, while records come.
    for (replicas, partitions) in [(3, vec![1, 1, 1]), (1, vec![3])] {
        here.kubectl(&["scale", "aj/shared", &format!("--replicas={replicas}")]).unwrap();
        produce();
        assert_eq!(wait_for_partitions(here, "shared", replicas, 3), partitions);
        index.wait_for(results, produce());
    }
    index.assert_each_once(results, sent);
    let figures = figures(here, "shared-0").unwrap();
    assert_eq!(
        (&figures["rows"], &figures["results"]),
        (&json!(sent), &json!(sent)),
        "{figures:#}"
    );
    eventually("a status of one pod", PATIENCE, || {
        let stream = &here.status("shared")["stream"];
        (stream["replicas"] == 1 && stream["readyReplicas"] == 1).then_some(())
    });
}

/// How long a pod may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The figures that a pod reports.
fn figures(here: &Namespace, pod: &str) -> Option<Value> {
    let pod = here.get("pod", pod)?;
    let address = pod["status"]["podIP"].as_str()?;
    let address = format!("{address}:9400").parse().ok()?;
    // A pod that is being deleted may leave a connection without an end.
    let mut connection = TcpStream::connect_timeout(&address, TIMEOUT).ok()?;
    connection.set_read_timeout(Some(TIMEOUT)).ok()?;
    let answer = http::exchange(&mut connection, "GET", "/status", &["host: pod"], b"").ok()?;
    serde_json::from_str(&answer.text()).ok()
}

/// Waits until so many pods of a job read all partitions, and returns how many they have, the fewest first.
#[track_caller]
pub fn wait_for_partitions(here: &Namespace, job: &str, pods: usize, partitions: u64) -> Vec<u64> {
    eventually(&format!("{pods} pods that read all partitions"), PATIENCE, || {
        let is_of_job = |pod: &Value| pod["metadata"]["labels"]["anomal.dev/job"] == job;
        if here.list("pods").iter().filter(|pod| is_of_job(pod)).count() != pods {
            return None;
        }
        let mut counts: Vec<u64> = (0..pods)
            .map(|number| {
                let counts = figures(here, &format!("{job}-{number}"))?["partitions"].clone();
                (counts["owned"] == counts["read"]).then(|| counts["read"].as_u64())?
            })
            .collect::<Option<_>>()?;
        counts.sort_unstable();
        (counts.iter().sum::<u64>() == partitions).then_some(counts)
    })
}

/// The cluster's address of the Service of a stream.
fn door(here: &Namespace, job: &str) -> String {
    eventually("a Service with a pod behind it", PATIENCE, || {
        let slices = here.list("endpointslices");
        let of_service = |slice: &&Value| {
            slice["metadata"]["labels"]["kubernetes.io/service-name"] == format!("{job}-in")
        };
        let address = &slices.iter().find(of_service)?["endpoints"][0];
        (address["conditions"]["ready"] == true).then_some(())?;
        Some(here.get("service", &format!("{job}-in"))?["spec"]["clusterIP"].as_str()?.to_owned())
    })
}

/// How long the answer to records may take.
const ANSWER: Duration = Duration::from_secs(20);

/// Posts a body until it is taken.
fn post(address: &str, body: &str) {
    eventually("an answer", PATIENCE, || {
        let mut connection = TcpStream::connect(address).ok()?;
        // One to a pod that has just ended may have no end.
        connection.set_read_timeout(Some(ANSWER)).ok()?;
        let length = format!("content-length: {}", body.len());
        let headers = ["host: web-in", "authorization: Bearer t0ken", &length];
        let answer =
            http::exchange(&mut connection, "POST", "/v1/records", &headers, body.as_bytes())
                .ok()?;
        (answer.status == 200).then_some(())
    });
}

fn reading(id: u64) -> String {
    let state = if id.is_multiple_of(40) { "open" } else { "closed" };
    json!({"id": id, "temperature": 20 + id % 7, "vibration": format!("0.{}", id % 5).parse::<f64>().unwrap(), "state": state}).to_string() + "\n"
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn what_agents_push_is_documents_of_elasticsearch() {
    let Some(cluster) = cluster() else { return };
    let Some(machine) = cluster.machine_address() else {
        return skip("pods of a named cluster don't reach this machine");
    };
    let Some(index) = Index::start(machine) else { return };
    let here = Namespace::new(cluster, "agents");
    let _operator = Operator::start(&here, &[]);
    let _volumes = ["web", "hosts", "sensors"].map(|claim| Volume::for_claim(&here, claim));
    let parts = [
        ("  token: CHANGE-ME\n", "  token: t0ken\n"),
        (INDEX_SECRET, &index.secret(STREAMER)),
        ("https://es.example:9200", &index.proxy.url()),
        ("cpu: 500m", "cpu: 50m"),
        ("state: {checkpoint: {to: state}}", "state: {checkpoint: {to: state, every: 2s}}"),
        ("collectionTime: 60s", "collectionTime: 5s"),
    ];
    apply(&here, "agents.yaml", &[&parts[..], &SMALL].concat());
    for job in ["web", "hosts", "sensors"] {
        here.wait_for_status(job, "Streaming", "Streaming");
    }
    let web = format!("{}:8088", door(&here, "web"));
    let requests = |ids: std::ops::Range<u64>| -> String {
        let request = |id| {
            json!({
                "@timestamp": format!("2026-03-04T05:{:02}:{:02}Z", id / 60 % 60, id % 60),
                "http.request.method": "GET", "http.response.status_code": if id % 50 == 0 { 500 } else { 200 },
                "http.response.body.bytes": 1_000 + id % 90, "event.duration": 10 + id % 9,
            })
            .to_string()
                + "\n"
        };
        ids.map(request).collect()
    };
    post(&web, &requests(0..600));
    let refused = {
        let mut connection = TcpStream::connect(&web).unwrap();
        let headers = ["host: web-in", "content-length: 2"];
        http::exchange(&mut connection, "POST", "/v1/records", &headers, b"{}").unwrap()
    };
    assert_eq!(refused.status, 401);

    let hosts = format!("{}:5514", door(&here, "hosts"));
    let message = |id: u64| {
        format!(
            "<{}>1 2026-03-04T05:00:{:02}Z h{} app - - - message {id}\n",
            8 + id % 7,
            id % 60,
            id % 3
        )
    };
    let mut connection = TcpStream::connect(&hosts).unwrap();
    connection.write_all((0..400).map(message).collect::<String>().as_bytes()).unwrap();
    drop(connection);
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    for id in 400..410 {
        socket.send_to(message(id).trim().as_bytes(), &hosts).unwrap();
    }

    let sensors = format!("{}:4141", door(&here, "sensors"));
    let send = |ids: std::ops::Range<u64>| {
        let readings: String = ids.map(reading).collect();
        TcpStream::connect(&sensors).unwrap().write_all(readings.as_bytes()).unwrap();
    };
    send(0..200);
    index.wait_for("anomal-results-sensors", 200);
    send(200..300);

    // What was acknowledged has its document, though the pod is killed at once.
    post(&web, &requests(600..900));
    let killed = uid(&here, "web-0");
    here.kubectl(&["delete", "pod", "web-0", "--grace-period=0", "--force"]).unwrap();
    // A record that the one before takes without an answer would be sent twice.
    wait_for_next(&here, "web-0", &killed);
    post(&web, &requests(900..1_000));
    index.wait_for("anomal-results-web", 1_000);
    index.wait_for("anomal-results-hosts", 410);
    index.wait_for("anomal-results-sensors", 300);
    index.assert_each_once("anomal-results-web", 1_000);
    index.assert_each_once("anomal-results-hosts", 410);
    index.assert_each_once("anomal-results-sensors", 300);
    let windows = index.server.admin().documents("anomal-results-sensors");
    assert!(windows.iter().all(|(_, document)| document["anomal"]["score"].is_number()));
}

/// The original's form: what comes in a time is judged once, and the run ends.
#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn what_comes_over_tcp_is_judged_once() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "collects");
    let _operator = Operator::start(&here, &[]);
    let volume = Volume::new(&here, "data");
    here.apply(&json!({
        "apiVersion": "anomal.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "sensors"},
        "spec": {
            "input": {"tcp": {"host": "0.0.0.0", "port": 4141, "collectionTime": "2s", "badLines": "skip"}},
            "features": [{"type": "field", "name": "temperature"}, {"type": "field", "name": "state", "kind": "categorical"}],
            "classification": {"engine": "Gower"},
            "outputs": [{"ndjson": {"path": "results.ndjson"}}],
            "runner": {
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
        },
    }));
    let readings: String = (0..100).map(reading).collect();
    eventually("a run that listens", PATIENCE, || {
        let pods = here.list("pods");
        let address = pods.first()?["status"]["podIP"].as_str()?.to_owned();
        TcpStream::connect(format!("{address}:4141")).ok()?.write_all(readings.as_bytes()).ok()
    });
    let status = here.wait_for_status("sensors", "Complete", "Completed");
    assert_eq!(status["summary"]["rows"], 100, "{status:#}");
    assert_eq!(lines(&volume.path().join("results.ndjson")), 100);
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}
