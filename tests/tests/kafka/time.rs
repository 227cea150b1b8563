//! Times that the records of a topic have themselves.

use anomal_tests::{Workspace, kafka::Kafka};

use super::job::{catch_up, line, results, summary};

const JOB: &str = "\
input:
  kafka: {brokers: [\"BROKER\"], topics: [timed], types: {id: integer, size: integer}}
timeColumn: kafka.timestamp
features:
  - {type: field, name: size}
  - {type: aggregate, name: recent, function: count, by: [method], window: 10s}
classification: {engine: HBOS, seed: 7, threshold: {method: budget, value: 20}}
stream:
  time: {disorder: 1s, lateness: 1m}
  warmUp: {rows: 200}
  state: {checkpoint: {every: 1s, to: state}}
outputs:
  - ndjson: {path: results.ndjson, rotate: 64Ki, include: [features]}
";
/// Of the first record.
const START: u64 = 1_700_000_000_000;
/// Between two records.
const STEP: u64 = 700;

fn record(id: u64, time: u64) -> String {
    serde_json::json!({"value": line(id), "timestamp": time}).to_string() + "\n"
}

#[test]
fn the_timestamp_of_a_record_is_its_time() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("timed", 1, &["retention.ms=-1"]);
    let job = JOB.replace("BROKER", &kafka.broker());
    let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
    let time = |id: u64| START + id * STEP;
    let records: String = (0..500).map(|id| record(id, time(id))).collect();
    // An hour behind, and then one that is not.
    let late = record(500, time(500) - 3_600_000) + &record(501, time(501));
    kafka.client(&["produce", "timed", "zstd"], &(records + &late));
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    let counts = summary(&run);
    assert_eq!(
        (&counts["rows"], &counts["late"], &counts["skewed"]),
        (&502.into(), &1.into(), &0.into())
    );
    let rows = results(&workspace);
    assert_eq!(rows.len(), 502);
    for (id, row) in (0..).zip(&rows) {
        let recent = &row["anomal.features.recent"];
        assert_eq!(row["anomal.late"], id == 500, "{row}");
        if id == 500 {
            assert!(recent.is_null(), "{row}");
            continue;
        }
        let is_counted = |other: &&serde_json::Value| {
            let other_id = other["id"].as_u64().unwrap();
            other_id != 500 && other_id <= id && time(id) - time(other_id) < 10_000
        };
        let others = rows.iter().filter(is_counted);
        let expected = others.filter(|other| other["method"] == row["method"]).count();
        assert_eq!(recent.as_f64(), Some(expected as f64), "{row}");
    }
    // 5,143 records an hour: 20 of them are one of 257.
    assert!(counts["warm"] == true && counts["models"]["generation"] == 1, "{counts}");
    let suspicious = counts["suspicious"].as_u64().unwrap();
    assert!(suspicious <= 12, "{suspicious}");
}
