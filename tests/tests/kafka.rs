//! Streams that read topics of a real broker: every record once, whatever is killed.

#[path = "kafka/faults.rs"]
mod faults;
#[path = "kafka/groups.rs"]
mod groups;
#[path = "kafka/job.rs"]
mod job;
#[path = "kafka/processes.rs"]
mod processes;
#[path = "kafka/refusals.rs"]
mod refusals;
#[path = "kafka/replicas.rs"]
mod replicas;
#[path = "kafka/time.rs"]
mod time;

use anomal_tests::{Workspace, kafka::Kafka};

use self::job::{catch_up, ids, line, results, summary, workspace};

#[test]
fn records_are_read_once_with_their_attributes_and_positions_are_kept() {
    let Some(kafka) = Kafka::shared() else { return };
    // The times of its records are long ago.
    kafka.topic("once", 3, &["retention.ms=-1"]);
    let workspace =
        workspace(&kafka.broker(), "once", "group: anomal-once, attach: {headers: [tenant]}");
    let record = |id: u64| {
        let value = line(id);
        serde_json::json!({
            "value": value, "key": format!("k{id}"), "partition": id % 3, "timestamp": 1_700_000_000_000 + id,
            "headers": [["tenant", "a"], ["tenant", format!("t{}", id % 2)]],
        })
    };
    let produce = |ids: std::ops::Range<u64>| {
        let records: String = ids.map(|id| record(id).to_string() + "\n").collect();
        kafka.client(&["produce", "once", "zstd"], &records);
    };
    produce(0..900);
    let first = catch_up(&workspace);
    first.expect(0, &[]);
    assert_eq!(summary(&first)["rows"], 900);
    produce(900..1_200);
    let second = catch_up(&workspace);
    second.expect(0, &[]);
    let counts = summary(&second);
    assert_eq!((&counts["rows"], &counts["results"]), (&1_200.into(), &1_200.into()));
    assert_eq!((&counts["warm"], counts.get("lost")), (&true.into(), None));
    assert_eq!(ids(&workspace), (0..1_200).collect::<Vec<_>>());
    for row in results(&workspace) {
        let id = row["id"].as_u64().unwrap();
        assert_eq!(row["kafka.topic"], "once");
        assert_eq!(
            (&row["kafka.partition"], &row["anomal.partition"]),
            (&(id % 3).into(), &(id % 3).into())
        );
        assert_eq!(
            (&row["kafka.offset"], &row["anomal.row"]),
            (&(id / 3).into(), &(id / 3).into())
        );
        assert_eq!(row["kafka.key"], format!("k{id}"));
        assert_eq!(row["kafka.headers.tenant"], format!("t{}", id % 2));
        assert!(
            row["kafka.timestamp"].as_str().unwrap().starts_with("2023-11-14T22:13:2"),
            "{row}"
        );
    }
    // For tools that show lag; never read.
    assert_eq!(kafka.client(&["committed", "anomal-once", "once"], "").trim(), "1200");
    let moved = workspace.read("job.yaml").replace("anomal-once", "other");
    workspace.write("job.yaml", moved.as_bytes());
    catch_up(&workspace).expect(0, &[]);
    assert_eq!(ids(&workspace).len(), 1_200);
}

#[test]
fn records_that_cannot_be_read_are_kept_aside() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("poison", 1, &["max.message.bytes=33554432"]);
    let workspace = workspace(&kafka.broker(), "poison", "attach: {headers: []}");
    let good = |id: u64| serde_json::json!({"value": line(id)}).to_string() + "\n";
    let nested = "[".repeat(10_000) + &"]".repeat(10_000);
    let poison = [
        serde_json::json!({"key": "k"}),
        serde_json::json!({"value": ""}),
        serde_json::json!({"value": "no JSON"}),
        serde_json::json!({"value": "[1]"}),
        serde_json::json!({"value": "{\"id\": NaN}"}),
        serde_json::json!({"value": "{\"id\": \"a\nb\"}"}),
        serde_json::json!({"value": format!("{{\"id\": {nested}}}")}),
        serde_json::json!({"base64": "eyJpZCI6ICL/In0="}),
        // A NUL within a text, and alone.
        serde_json::json!({"base64": "eyJpZCI6ICIAIn0="}),
        serde_json::json!({"base64": "AA=="}),
        serde_json::json!({"value": "{\"id\": 1}{\"id\": 2}"}),
        serde_json::json!({"value": format!("{{\"id\": 1, \"x\": \"{}\"}}", "x".repeat(20 << 20))}),
    ];
    let mut records: String = (0..20).map(good).collect();
    records.extend(poison.iter().map(|record| record.to_string() + "\n"));
    records.extend((20..40).map(good));
    // Not compressed, or the long one would be short.
    kafka.client(&["produce", "poison", "none"], &records);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    let counts = summary(&run);
    let rejected = workspace.read("job.rejected.ndjson");
    assert_eq!(counts["rows"], 52, "{rejected}");
    let rows = counts["rejected"].as_u64().unwrap() + counts["results"].as_u64().unwrap();
    assert_eq!(rows, 52);
    assert_eq!(ids(&workspace), (0..40).collect::<Vec<_>>(), "{rejected}");
    let offsets: Vec<u64> = rejected
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["file"], "poison/0");
            assert!(line.len() < 16_384);
            record["row"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(offsets, (20..32).collect::<Vec<_>>());
    for reason in ["tombstone", "the value is empty", "16 MiB", "line end"] {
        assert!(rejected.contains(reason), "{reason}: {rejected}");
    }
}

#[test]
fn aborted_transactions_are_left_out_unless_all_are_wanted() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("transactions", 1, &[]);
    let values: String = (0..12)
        .map(|id| {
            let abort = if id % 3 == 1 { "abort " } else { "" };
            format!("{abort}{}\n", line(id))
        })
        .collect();
    kafka.client(&["transactions", "transactions"], &values);
    let committed = workspace(&kafka.broker(), "transactions", "isolation: committed");
    catch_up(&committed).expect(0, &[]);
    assert_eq!(ids(&committed), (0..12).filter(|id| id % 3 != 1).collect::<Vec<_>>());
    let all = workspace(&kafka.broker(), "transactions", "isolation: uncommitted");
    catch_up(&all).expect(0, &[]);
    assert_eq!(ids(&all), (0..12).collect::<Vec<_>>());
}

#[test]
fn connections_are_encrypted_and_users_known() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("secure", 1, &[]);
    kafka.produce("secure", (0..50).map(line));
    for (broker, secret) in [
        (kafka.sasl_broker(), "scram"),
        (kafka.sasl_broker(), "plain"),
        (kafka.mutual_tls_broker(), "certificate"),
    ] {
        let settings = format!("tls: true, auth: {{secretRef: {{name: {secret}}}}}");
        let workspace = workspace(&broker, "secure", &settings);
        kafka.secrets(&workspace);
        let run = ["run", "job.yaml", "--until-caught-up", "--secrets", "secrets"];
        workspace.anomal(&run).expect(0, &[]);
        assert_eq!(ids(&workspace).len(), 50, "{secret}");
    }
}

#[test]
fn other_producers_and_formats_are_read() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("python", 2, &[]);
    let values: String = (0..200).map(line).map(|line| line + "\n").collect();
    kafka.client(&["produce_by_python", "python"], &values);
    let python = workspace(&kafka.broker(), "python", "attach: {topic: from, headers: [by]}");
    catch_up(&python).expect(0, &[]);
    assert_eq!(ids(&python), (0..200).collect::<Vec<_>>());
    assert!(results(&python).iter().all(|row| {
        row["kafka.headers.by"] == "python"
            && row["from"] == "python"
            && row.get("kafka.topic").is_none()
    }));

    kafka.topic("csv", 1, &[]);
    kafka.produce("csv", (0..30).map(|id| format!("{id};{};\"GET;x\"", id * 7 % 13)));
    let csv =
        workspace(&kafka.broker(), "csv", "format: csv, names: [id, size, method], separator: ;");
    catch_up(&csv).expect(0, &[]);
    assert_eq!(ids(&csv), (0..30).collect::<Vec<_>>());
    assert_eq!(results(&csv)[3]["method"], "GET;x");

    kafka.topic("syslog", 1, &[]);
    let line = |id| format!("<34>1 2026-01-31T06:00:0{}Z web app 1 - - size={id}", id % 10);
    kafka.produce("syslog", (0..30).map(line));
    let syslog = Workspace::with_files(&[(
        "job.yaml",
        job::SYSLOG.replace("BROKER", &kafka.broker()).as_bytes(),
    )]);
    catch_up(&syslog).expect(0, &[]);
    assert_eq!(results(&syslog).len(), 30);
}

#[test]
fn a_start_is_chosen_once() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("start", 1, &["retention.ms=-1"]);
    let records: String = (0..40)
        .map(|id| {
            let time = 1_700_000_000_000_u64 + id * 1000;
            serde_json::json!({"value": line(id), "timestamp": time}).to_string() + "\n"
        })
        .collect();
    kafka.client(&["produce", "start"], &records);
    let workspace = workspace(&kafka.broker(), "start", "start: \"2023-11-14T22:13:30Z\"");
    catch_up(&workspace).expect(0, &[]);
    assert_eq!(ids(&workspace), (10..40).collect::<Vec<_>>());
    kafka.produce("start", (40..50).map(line));
    let earliest =
        workspace.read("job.yaml").replace("start: \"2023-11-14T22:13:30Z\"", "start: earliest");
    workspace.write("job.yaml", earliest.as_bytes());
    catch_up(&workspace).expect(0, &[]);
    assert_eq!(ids(&workspace), (10..50).collect::<Vec<_>>());
}
