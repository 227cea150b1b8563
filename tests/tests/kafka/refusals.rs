//! Settings, secrets and brokers that are wrong.

use anomal_tests::{Workspace, kafka::Kafka};

use super::job::{job, workspace};

#[test]
fn wrong_settings_are_refused_with_their_place() {
    for (broker, settings, parts) in [
        ("kafka", "start: latest", ["input.kafka.brokers[0]", "a broker is host:port"]),
        ("k:9092", "start: yesterday", ["input.kafka.start", "earliest, latest, or a time"]),
        ("k:9092", "format: regex", ["input.kafka", "`pattern` belongs to `format: regex`"]),
        ("k:9092", "format: csv", ["input.kafka", "`names` belongs to `format: csv`"]),
        ("k:9092", "separator: ;", ["input.kafka", "`separator` belongs to `format: csv`"]),
        ("k:9092", "groups: x", ["input.kafka", "groups"]),
        ("k:9092", "topicPattern: t*", ["input.kafka", "by `topicPattern`, and not both"]),
        ("k:9092", "attach: {key: kafka.topic}", ["input.kafka.attach", "columns of their own"]),
        ("k:9092", "attach: {topic: kafka.offset}", ["input.kafka.attach", "columns of their own"]),
        (
            "k:9092",
            "badLines: error",
            ["input.kafka.badLines", "a stream goes on behind a bad record"],
        ),
    ] {
        let workspace = workspace(broker, "t", settings);
        workspace.anomal(&["validate", "job.yaml"]).expect(2, &parts);
    }
    let right = job("k:9092", "t", "start: latest");
    for (from, to, parts) in [
        (
            "stream:\n",
            "stream:\n  follow: {start: end}\n",
            ["stream.follow", "`follow` is for files"],
        ),
        (&right[right.find("stream:").unwrap()..], "", ["input.kafka", "add `stream: {}`"]),
    ] {
        let job = right.replace(from, to);
        let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
        workspace.anomal(&["validate", "job.yaml"]).expect(2, &parts);
    }
    let workspace = workspace("k:9092", "t", "start: latest");
    workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
}

#[test]
fn wrong_secrets_are_refused_with_their_name() {
    for (keys, tls, parts) in [
        (&[("username", "u")][..], true, ["secret kafka", "both keys, username and password"]),
        (&[("ca.crt", "x")], false, ["input.kafka.tls", "set `tls: true`"]),
        (
            &[("mechanism", "GSSAPI"), ("username", "u"), ("password", "p")],
            true,
            ["GSSAPI", "SCRAM-SHA-512"],
        ),
    ] {
        let settings = format!("tls: {tls}, auth: {{secretRef: {{name: kafka}}}}");
        let workspace = workspace("127.0.0.1:9", "t", &settings);
        for (name, value) in keys {
            workspace.write(&format!("secrets/kafka/{name}"), value.as_bytes());
        }
        workspace.anomal(&["run", "job.yaml", "--secrets", "secrets"]).expect(2, &parts);
    }
}

/// A stream waits for what may come: it says why, once, and ends when it is told to.
#[test]
fn a_broker_that_refuses_is_reported_while_the_stream_waits() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("refused", 1, &[]);
    let secret = |name: &str| format!("tls: true, auth: {{secretRef: {{name: {name}}}}}");
    for (broker, topic, settings, part) in [
        (kafka.broker(), "absent", "start: earliest".to_owned(), "topic absent: it does not exist"),
        (kafka.sasl_broker(), "refused", secret("wrong"), "check `auth`"),
        (kafka.mutual_tls_broker(), "refused", secret("authority"), "the certificates of `auth`"),
        ("127.0.0.1:9".to_owned(), "refused", "start: earliest".to_owned(), "127.0.0.1:9"),
    ] {
        let workspace = workspace(&broker, topic, &settings);
        kafka.secrets(&workspace);
        let run = workspace.command(&["run", "job.yaml", "--secrets", "secrets"]);
        let output = super::faults::stopped_after(run, part);
        output.expect(0, &[]);
        assert_eq!(output.stderr.matches("reading is tried again").count(), 1, "{}", output.stderr);
    }
}
