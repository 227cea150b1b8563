//! The example of a consumer group, by `kubectl apply`: three pods, of which one is lost while records come.

use anomal_tests::{
    cluster::{Namespace, PATIENCE, eventually},
    elastic::LEARNER,
    kafka::Kafka,
    s3::S3,
};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::examples::{INDEX_SECRET, Index, KAFKA_SECRET, apply, of_kafka, wait_for_partitions};

const TOPIC: &str = "live";
const JOB: &str = "dns-group";
const RESULTS: &str = "anomal-results-group";
const PARTITIONS: u64 = 6;

/// A record so many seconds ago.
fn request(seconds: i64, id: u64) -> Value {
    let time = Timestamp::now() - SignedDuration::from_secs(seconds);
    json!({
        "@timestamp": time.to_string(), "source.ip": format!("10.0.0.{}", id % 30),
        "client.bytes": 40 + id * 7 % 30, "destination.port": 53,
        "dns.question.name": format!("www{}.example.com", id * 11 % 7), "dns.response_code": "NOERROR",
    })
}

/// Records to all partitions in turn.
struct Producer<'a> {
    kafka: &'a Kafka,
    sent: u64,
}

impl Producer<'_> {
    fn send(&mut self, more: u64) {
        let record = |id: u64| {
            let value = request(60, id).to_string();
            let key = format!("10.0.0.{}", id % 30);
            json!({"value": value, "key": key, "partition": id % PARTITIONS}).to_string() + "\n"
        };
        let records: String = (self.sent..self.sent + more).map(record).collect();
        self.kafka.client(&["produce", TOPIC], &records);
        self.sent += more;
    }
}

/// The places of the documents, by partition, in order.
fn places(index: &Index) -> Vec<Vec<u64>> {
    let mut places = vec![Vec::new(); usize::try_from(PARTITIONS).unwrap()];
    // It exists from the first document on.
    if index.count(RESULTS) > 0 {
        for (_, document) in index.server.admin().documents(RESULTS) {
            let place = |key: &str| document["anomal"][key].as_u64().unwrap();
            places[usize::try_from(place("partition")).unwrap()].push(place("row"));
        }
    }
    places.iter_mut().for_each(|rows| rows.sort_unstable());
    places
}

/// `token` is that of the report engine: its variable and its value.
pub fn runs(here: &Namespace, kafka: &Kafka, index: &Index, s3: &S3, token: (&str, &str)) {
    kafka.topic(TOPIC, u32::try_from(PARTITIONS).unwrap(), &[]);
    s3.bucket("anomal-state");
    let history: Vec<Value> =
        (0..2_000).map(|id| request(i64::try_from(600 + id * 250).unwrap(), id)).collect();
    index.server.admin().load("logs-dns-week", 0, &history);
    let of_s3 = s3.secret().into_iter().map(|(key, value)| format!("  {key}: \"{value}\"\n"));
    let of_s3 = of_s3.collect::<Vec<_>>().concat();
    let (namespace, job) = (format!("namespace: {}", here.name), format!("name: {JOB}"));
    let (brokers, topics) =
        (format!("[\"{}\"]", kafka.sasl_broker()), format!("topics: [{TOPIC}]"));
    let output = format!("index: {RESULTS}, dataStream: true, rows: all");
    let env = format!("runner:\n    env: [{{name: {}, value: {}}}]", token.0, token.1);
    apply(
        here,
        "stream-group.yaml",
        &[
            ("namespace: soc", &namespace),
            ("name: dns-live", &job),
            (KAFKA_SECRET, &of_kafka(kafka)),
            (INDEX_SECRET, &index.secret(LEARNER)),
            (
                "  region: eu-central-1\n  accessKeyId: CHANGE-ME\n  secretAccessKey: CHANGE-ME\n",
                &of_s3,
            ),
            ("[kafka-0.kafka:9093, kafka-1.kafka:9093]", &brokers),
            ("topics: [dns]", &topics),
            ("https://es:9200", &index.proxy.url()),
            ("index: anomal-results-dns, dataStream: true", &output),
            ("requests: {cpu: \"2\", memory: 4Gi}", "requests: {cpu: 50m, memory: 64Mi}"),
            ("every: 10s", "every: 2s"),
            ("  runner:", &format!("  {env}")),
        ],
    );
    let mut producer = Producer { kafka, sent: 0 };
    // It begins with what comes from now on: in each partition with one of these.
    eventually("documents of all partitions", PATIENCE, || {
        producer.send(PARTITIONS);
        places(index).iter().all(|rows| !rows.is_empty()).then_some(())
    });
    here.kubectl(&["wait", "--for=condition=Running", &format!("aj/{JOB}"), "--timeout=120s"])
        .unwrap();
    assert_eq!(wait_for_partitions(here, JOB, 3, PARTITIONS), [2, 2, 2]);
    producer.send(600);
    here.kubectl(&["delete", "pod", &format!("{JOB}-1"), "--grace-period=0", "--force"]).unwrap();
    producer.send(600);
    let records = producer.sent / PARTITIONS;
    eventually("documents of all records", PATIENCE, || {
        places(index).iter().all(|rows| rows.last() == Some(&(records - 1))).then_some(())
    });
    here.kubectl(&["wait", "--for=condition=CaughtUp", &format!("aj/{JOB}"), "--timeout=90s"])
        .unwrap();
    for (partition, rows) in places(index).iter().enumerate() {
        let all: Vec<u64> = (rows[0]..records).collect();
        assert_eq!(*rows, all, "lost or doubled in partition {partition}");
    }
    let is_learned = json!({"exists": {"field": "anomal.pvalue"}});
    let admin = index.server.admin();
    assert_eq!(admin.count_matching(RESULTS, &is_learned), admin.count(RESULTS));
    let status = here.status(JOB);
    assert_eq!(
        (&status["stream"]["replicas"], &status["stream"]["warm"]),
        (&json!(3), &json!(true)),
        "{status:#}"
    );
    here.kubectl(&["delete", "aj", JOB]).unwrap();
}
