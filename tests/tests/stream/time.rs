//! Event time and windows through the binary: the same hits and figures as those of a run over the file, records that come
//! late or with wrong clocks, and a process that is killed in the middle of a window.

use std::{
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

use anomal_tests::{Workspace, repository};
use serde_json::{Value as Json, json};

use super::{append, catch_up, job::results, summary};

/// The flags of examples/dns, and aggregates, over windows of an hour.
const STEPS: &str = "\
timeColumn: '@timestamp'
packs: [dns]
features:
  - {type: field, name: client.bytes}
  - {type: aggregate, name: names_5m, function: distinct, of: dns.question.name, by: [source.ip], window: 5m}
  - {type: aggregate, name: failed, function: mean, where: \"\\\"dns.response_code\\\" = 'NXDOMAIN'\", by: [source.ip], window: 10m}
  - {type: aggregate, name: new_size, function: exceedance, of: client.bytes, by: [source.ip], window: 1h}
  - {type: expression, name: names_and_failed, expression: names_5m * failed}
flags:
  - {type: aggregation, name: unique_subdomains, dataNeeded: [source.ip, '@timestamp', dns.question.name], params: {max: 10}, window: 1h, severity: high}
  - {type: aggregation, name: nxdomain_ratio, dataNeeded: [source.ip, dns.response_code, '@timestamp', dns.question.name], params: {minRequests: 10}, window: 1h}
  - {type: aggregation, name: beaconing_detector, dataNeeded: [source.ip, '@timestamp'], params: {domain: dns.question.name, threshold: 0.6}, window: 1d}
  - {type: aggregation, name: query_type_rare, dataNeeded: [dns.response_code], params: {maxShare: 0.01}, window: 1h}
  - {type: aggregation, name: newly_seen_domain, dataNeeded: [dns.question.name, '@timestamp'], params: {learnFor: 3600}, window: 30d}
  - {type: direct, name: many, expression: names_5m > 20}
";
const OUTPUT: &str = "outputs: [{ndjson: {path: OUT, include: [features]ROTATE}}]\n";

fn stream(input: &str, time: &str) -> String {
    let output = OUTPUT.replace("OUT", "results.ndjson").replace("ROTATE", ", rotate: 256Mi");
    let state = "state: {checkpoint: {every: 1s, to: state}}";
    format!(
        "input: {{ndjson: {{path: {input}, badLines: skip, types: {{client.bytes: integer}}}}}}\n{STEPS}stream: {{{time}{state}}}\n{output}"
    )
}

fn batch(input: &str, steps: &str) -> String {
    let output = OUTPUT.replace("OUT", "batch.ndjson").replace("ROTATE", "");
    format!(
        "input: {{ndjson: {{path: {input}, types: {{client.bytes: integer}}}}}}\n{steps}roles: {{grouping: off}}\n{output}"
    )
}

/// The records of examples/dns as lines of JSON, in the order of time.
fn dns() -> Vec<Json> {
    let csv = std::fs::read_to_string(repository().join("examples/dns/dns.csv")).unwrap();
    let workspace = Workspace::with_files(&[
        ("dns.csv", csv.as_bytes()),
        (
            "job.yaml",
            b"input: {csv: {path: dns.csv}}\nfeatures: [{type: field, name: client.bytes}]\noutputs: [{ndjson: {path: out.ndjson}}]\n",
        ),
    ]);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    let mut records: Vec<Json> = workspace
        .read("out.ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for record in &mut records {
        record.as_object_mut().unwrap().retain(|key, _| !key.starts_with("anomal."));
    }
    records.sort_by_key(|record| record["@timestamp"].as_str().unwrap().to_owned());
    records
}

fn text(records: &[Json]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

fn rows(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Without what only a stream says.
fn as_in_a_run(mut row: Json) -> Json {
    let own = [
        "anomal.partition",
        "anomal.warm",
        "anomal.pvalue",
        "anomal.model",
        "anomal.late",
        "anomal.skewed",
    ];
    row.as_object_mut().unwrap().retain(|key, _| !own.contains(&key.as_str()));
    row
}

fn flags(row: &Json) -> Vec<String> {
    let flags = row["anomal.flags"].as_array().into_iter().flatten();
    flags.map(|flag| flag.as_str().unwrap().to_owned()).collect()
}

#[test]
fn hits_and_figures_over_windows_are_those_of_a_run_over_the_file() {
    let records = dns();
    let workspace = Workspace::with_files(&[
        ("dns.ndjson", text(&records).as_bytes()),
        ("batch.yaml", batch("dns.ndjson", STEPS).as_bytes()),
        ("job.yaml", stream("dns.ndjson", "").as_bytes()),
    ]);
    workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
    workspace.anomal(&["run", "batch.yaml"]).expect(0, &[]);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    let stream: Vec<Json> = rows(&results(&workspace)).into_iter().map(as_in_a_run).collect();
    let expected = rows(&workspace.read("batch.ndjson"));
    assert_eq!(stream.len(), records.len());
    for (stream, expected) in stream.iter().zip(&expected) {
        assert_eq!(stream, expected);
    }
    let found: std::collections::BTreeSet<String> = stream.iter().flat_map(flags).collect();
    let names = found.iter().map(String::as_str).collect::<Vec<_>>();
    assert!(names.contains(&"unique_subdomains") && names.contains(&"nxdomain_ratio"), "{names:?}");
    assert!(names.contains(&"beaconing_detector") && names.contains(&"many"), "{names:?}");
    // A flag over windows hits rows that one over all rows hits, from the one on with which there are enough.
    let whole =
        STEPS.replace(", window: 1h", "").replace(", window: 1d", "").replace(", window: 30d", "");
    workspace.write("batch.yaml", batch("dns.ndjson", &whole).as_bytes());
    workspace.anomal(&["run", "batch.yaml"]).expect(0, &[]);
    let of = |rows: &[Json], name: &str| -> Vec<usize> {
        let hit = |row: &usize| flags(&rows[*row]).iter().any(|flag| flag == name);
        (0..rows.len()).filter(hit).collect()
    };
    let whole = rows(&workspace.read("batch.ndjson"));
    for name in ["unique_subdomains", "nxdomain_ratio"] {
        let (window, all) = (of(&stream, name), of(&whole, name));
        assert!(window.iter().all(|row| all.contains(row)), "{name}: {window:?} of {all:?}");
        assert!(window.len() * 5 >= all.len() * 2, "{name}: {} of {}", window.len(), all.len());
    }
}

#[test]
fn a_process_that_is_killed_in_a_window_continues_with_it() {
    let records = dns();
    let all = text(&records);
    let expected = Workspace::with_files(&[
        ("dns.ndjson", all.as_bytes()),
        ("job.yaml", stream("dns.ndjson", "").as_bytes()),
    ]);
    catch_up(&expected).expect(0, &[]);
    let (head, tail) = records.split_at(records.len() / 2);
    let workspace = Workspace::with_files(&[
        ("dns.ndjson", text(head).as_bytes()),
        ("job.yaml", stream("dns.ndjson", "").as_bytes()),
    ]);
    for part in tail.chunks(tail.len() / 4 + 1) {
        let mut command = workspace.command(&["run", "job.yaml", "-q"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (since, before) = (Instant::now(), results(&workspace).lines().count());
        append(&workspace, "dns.ndjson", &text(part));
        // In the middle of what it reads, or behind it.
        while results(&workspace).lines().count() <= before {
            assert!(since.elapsed() < Duration::from_mins(1), "{:?}", workspace.files());
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    catch_up(&workspace).expect(0, &[]);
    assert_eq!(results(&workspace), results(&expected));
}

/// A group flag of a declarative pack, and a figure, by the same steps.
#[test]
fn group_flags_of_packs_are_judged_in_windows() {
    const PACK: &str = r#"apiVersion: anomal.dev/pack/v1
name: house
version: 1.2.3
description: Rules of the house.
license: Apache-2.0
components:
- name: failing
  type: flag
  description: A client that fails more than `most` times within `within`.
  inputs: [{name: client, type: text}, {name: code, type: text}]
  parameters: {most: {type: integer, default: 1}, within: {type: duration, default: 10m}}
  aggregate: {function: count, by: [client], where: "{code} <> 'NOERROR'", window: "{within}"}
  expression: "{aggregate} > {most}"
  severity: medium
- name: lone
  type: flag
  description: A code that few rows have.
  inputs: [{name: code, type: text}]
  expression: "COUNT({code}) OVER (PARTITION BY {code}) = 1"
"#;
    let flag = "  - {type: aggregation, name: failing, dataNeeded: [source.ip, dns.response_code], params: {most: 3}}\n";
    let with_pack = |job: &str, flag: &str| {
        let job = job.replace("packs: [dns]", "packs: [dns, {name: house, ref: house}]");
        job.replace("flags:\n", &format!("flags:\n{flag}"))
    };
    let records = dns();
    let workspace = Workspace::with_files(&[
        ("dns.ndjson", text(&records).as_bytes()),
        ("house/pack.yaml", PACK.as_bytes()),
        ("batch.yaml", with_pack(&batch("dns.ndjson", STEPS), flag).as_bytes()),
        ("job.yaml", with_pack(&stream("dns.ndjson", ""), flag).as_bytes()),
    ]);
    workspace.anomal(&["run", "batch.yaml"]).expect(0, &[]);
    catch_up(&workspace).expect(0, &[]);
    let hits = |text: &str| -> Vec<bool> {
        let is_hit = |row: &Json| flags(row).iter().any(|flag| flag == "failing");
        rows(text).iter().map(is_hit).collect()
    };
    let found = hits(&results(&workspace));
    assert_eq!(found, hits(&workspace.read("batch.ndjson")));
    assert!(found.iter().filter(|hit| **hit).count() > 5);

    let lone = "  - {type: aggregation, name: lone, dataNeeded: [dns.response_code]}\n";
    let of_flags = ["flags[0]", "compares rows with each other"];
    for (flag, parts) in [
        (lone.to_owned(), of_flags),
        (flag.replace("}}", "}, window: 1h}"), ["flags[0].window", "name their own"]),
    ] {
        workspace.write("job.yaml", with_pack(&stream("dns.ndjson", ""), &flag).as_bytes());
        workspace.anomal(&["validate", "job.yaml"]).expect(2, &parts);
    }
}

/// Requests of a client to one name, a second each.
fn request(second: i64, number: u64) -> Json {
    let time = second_text(second);
    json!({
        "@timestamp": time, "source.ip": "10.0.0.5", "client.bytes": 60 + number % 7,
        "dns.question.name": format!("n{number}.example.com"),
        "dns.response_code": "NOERROR",
    })
}

fn second_text(second: i64) -> String {
    let (days, rest) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": a civil date of days since the epoch.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_place = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_place + 2) / 5 + 1;
    let month = if month_place < 10 { month_place + 3 } else { month_place - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest % 3_600 / 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[test]
fn late_records_go_aside_where_that_is_asked_for() {
    let begin = 1_767_225_600;
    let mut records: Vec<Json> = (0..200).map(|n| request(begin + n, n.unsigned_abs())).collect();
    records.insert(120, request(begin + 20, 902));
    records.insert(130, request(begin - 86_400, 903));
    let job = stream("dns.ndjson", &TIME.replace("ahead: 2m", "ahead: 2m, late: deadLetter"));
    let workspace = Workspace::with_files(&[
        ("dns.ndjson", text(&records).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    let found = rows(&results(&workspace));
    assert!(found.iter().all(|row| row["anomal.late"] == false));
    assert_eq!(found.last().unwrap()["anomal.features.names_5m"], 200);
    let counts = summary(&run);
    let counted = ["rows", "results", "rejected", "late"].map(|name| counts[name].as_u64());
    assert_eq!(counted, [202, 200, 2, 2].map(Some));
    let aside = rows(&workspace.read("job.rejected.ndjson"));
    let places: Vec<u64> = aside.iter().map(|record| record["row"].as_u64().unwrap()).collect();
    assert_eq!(places, [120, 130]);
    for (record, name) in aside.iter().zip(["n902", "n903"]) {
        let reason = record["reason"].as_str().unwrap();
        assert!(reason.starts_with("LATE: ") && reason.contains("`lateness`, 1m"), "{reason}");
        assert!(record["raw"].as_str().unwrap().contains(name), "{record}");
    }
    // In small parts, each by a separate process, too.
    let parts = Workspace::with_files(&[(
        "job.yaml",
        job.replace("stream: {", "stream: {batch: {rows: 7, wait: 1s}, ").as_bytes(),
    )]);
    for part in records.chunks(50) {
        append(&parts, "dns.ndjson", &text(part));
        catch_up(&parts).expect(0, &[]);
    }
    assert!(results(&parts) == results(&workspace));
    let again = rows(&parts.read("job.rejected.ndjson"));
    let raw = |records: &[Json]| records.iter().map(|it| it["raw"].clone()).collect::<Vec<_>>();
    assert_eq!(raw(&again), raw(&aside));
}

const TIME: &str = "time: {disorder: 10s, lateness: 1m, ahead: 2m}, ";

#[test]
fn records_that_are_late_or_of_the_future_are_written_and_marked() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap() - 3_600;
    let mut records: Vec<Json> = (0..200).map(|n| request(now + n, n.unsigned_abs())).collect();
    // Within the disorder, within the lateness, beyond it, a year behind, a day ahead, without a time.
    let others = [
        (105, request(now + 100, 900)),
        (110, request(now + 50, 901)),
        (120, request(now + 20, 902)),
        (130, request(now - 365 * 86_400, 903)),
        (140, request(now + 3_600 + 86_400, 904)),
        (
            150,
            json!({"source.ip": "10.0.0.5", "client.bytes": 1, "dns.question.name": "n905.example.com"}),
        ),
    ];
    for (place, record) in others.iter().rev() {
        records.insert(*place, record.clone());
    }
    let workspace = Workspace::with_files(&[
        ("dns.ndjson", text(&records).as_bytes()),
        ("job.yaml", stream("dns.ndjson", TIME).as_bytes()),
    ]);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    let found = rows(&results(&workspace));
    assert_eq!(found.len(), 206);
    let marked = |key: &str| -> Vec<&str> {
        let marked = found.iter().filter(|row| row[key] == true);
        marked.map(|row| row["dns.question.name"].as_str().unwrap()).collect()
    };
    assert_eq!(marked("anomal.late"), ["n902.example.com", "n903.example.com"]);
    assert_eq!(marked("anomal.skewed"), ["n904.example.com"]);
    let counts = summary(&run);
    assert_eq!((&counts["late"], &counts["skewed"]), (&2.into(), &1.into()));
    assert_eq!((&counts["rows"], &counts["results"]), (&206.into(), &206.into()));
    // Late ones are in no window; the others count at their own times, or at the newest one.
    for row in &found {
        let names = &row["anomal.features.names_5m"];
        assert_eq!(names.is_null(), row["anomal.late"] == true, "{row}");
    }
    let last = found.last().unwrap();
    assert_eq!(last["anomal.features.names_5m"], 204, "{last}");
    assert!(flags(last).contains(&"unique_subdomains".to_owned()), "{last}");

    // A replay gives the same bytes: of the whole, and in two parts.
    let other = Workspace::with_files(&[
        ("dns.ndjson", text(&records[..137]).as_bytes()),
        ("job.yaml", stream("dns.ndjson", TIME).as_bytes()),
    ]);
    catch_up(&other).expect(0, &[]);
    append(&other, "dns.ndjson", &text(&records[137..]));
    catch_up(&other).expect(0, &[]);
    assert_eq!(results(&other), results(&workspace));
}

/// A file is out of order within the bounds: rows that are the newest of their window have what a run over the sorted rows
/// before them has, and nothing is late.
#[test]
fn unsorted_records_within_the_disorder_are_counted_at_their_own_times() {
    let records: Vec<Json> =
        (0..300).map(|n| request(1_700_000_000 + n, n.unsigned_abs())).collect();
    let mut unsorted = records.clone();
    unsorted.chunks_mut(5).for_each(<[Json]>::reverse);
    let workspace = Workspace::with_files(&[
        ("dns.ndjson", text(&unsorted).as_bytes()),
        ("sorted.ndjson", text(&records).as_bytes()),
        ("batch.yaml", batch("sorted.ndjson", STEPS).as_bytes()),
        ("job.yaml", stream("dns.ndjson", TIME).as_bytes()),
    ]);
    workspace.anomal(&["run", "batch.yaml"]).expect(0, &[]);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    assert_eq!(summary(&run)["late"], 0);
    let (stream, batch) = (rows(&results(&workspace)), rows(&workspace.read("batch.ndjson")));
    // The last to arrive of each five has all of them before it, and is the oldest.
    for (five, batch) in stream.chunks(5).zip(batch.chunks(5)) {
        let (last, newest) = (&five[4], &batch[4]);
        assert_eq!(last["anomal.features.names_5m"], newest["anomal.features.names_5m"], "{last}");
        assert_eq!(flags(last), flags(newest), "{last}");
    }
}

#[test]
fn a_stream_is_tested_on_files_and_evaluated() {
    let records = dns();
    let job = stream("live.ndjson", "warmUp: {rows: 1000}, ").replacen(
        "timeColumn",
        "labelColumn: label\nclassification: {engine: HBOS, seed: 7}\ntimeColumn",
        1,
    );
    let workspace = Workspace::with_files(&[
        ("history.ndjson", text(&records).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    let arguments = ["run", "job.yaml", "--until-caught-up", "--input", "history.ndjson"];
    workspace.anomal(&arguments).expect(0, &["5,000 rows"]);
    let evaluation = workspace.anomal(&["evaluate", "results-000001.ndjson", "--label", "label"]);
    evaluation.expect(0, &[]);
    assert!(evaluation.stdout.contains("4000 rows, 65 of them anomalies"), "{evaluation:#?}");
}

#[test]
fn what_has_no_window_is_refused() {
    let refused = |from: &str, to: &str, parts: &[&str]| {
        let job = stream("dns.ndjson", TIME);
        assert!(job.contains(from), "{from}");
        let records: Vec<Json> = (0..30).map(|n| request(n, n.unsigned_abs())).collect();
        let workspace = Workspace::with_files(&[
            ("dns.ndjson", text(&records).as_bytes()),
            ("job.yaml", job.replacen(from, to, 1).as_bytes()),
        ]);
        workspace.anomal(&["validate", "job.yaml"]).expect(2, parts);
        workspace.anomal(&["run", "job.yaml", "--until-caught-up"]).expect(2, parts);
    };
    refused(
        "params: {max: 10}, window: 1h, severity: high}",
        "params: {max: 10}, severity: high}",
        &["flags[0]", "give a flag of type aggregation a `window`"],
    );
    refused(
        "params: {learnFor: 3600}, ",
        "",
        &["flags[4].params.learnFor", "a stream has no whole time"],
    );
    refused(
        "window: 1h, severity: high}",
        "window: 1x, severity: high}",
        &["flags[0].window", "1x"],
    );
    refused(
        "params: {maxShare: 0.01}, window: 1h",
        "params: {maxShare: 2}, window: 1h",
        &["flags[3].params.maxShare"],
    );
    refused(
        "params: {max: 10}, window: 1h",
        "params: {window: 60}, window: 1h",
        &["flags[0].params.window", "the flag's own `window` takes its place"],
    );
    refused(
        "expression: names_5m > 20}",
        "expression: names_5m > 20, window: 1h}",
        &["flags[5]", "`window` belongs to"],
    );
    refused(", window: 5m}", "}", &["features[1]", "add a `window`"]);
    refused("timeColumn: '@timestamp'\n", "", &["timeColumn"]);
    refused("timeColumn: '@timestamp'", "timeColumn: dns.question.name", &["timeColumn"]);
    refused("disorder: 10s", "disorder: often", &["stream.time.disorder"]);
}

#[test]
fn an_aggregate_without_an_end_is_refused_in_packs_too() {
    let pack = "\
apiVersion: anomal.dev/pack/v1
name: own
version: 0.1.0
description: Aggregates of all rows so far.
license: Apache-2.0
components:
  - name: often
    type: flag
    description: A client with many requests.
    inputs: [{name: client, type: text}]
    aggregate: {function: count, by: [client]}
    expression: \"{aggregate} > 100\"
    severity: low
    message: \"{count} requests of such clients\"
";
    let flag = "  - {type: aggregation, name: own/often, dataNeeded: [source.ip]}\n";
    let job =
        stream("dns.ndjson", "").replace("packs: [dns]", "packs: [dns, {name: own, ref: ./own}]");
    let job = job.replace("flags:\n", &format!("flags:\n{flag}"));
    let workspace = Workspace::with_files(&[
        ("dns.ndjson", text(&dns()[..50]).as_bytes()),
        ("own/pack.yaml", pack.as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    let parts = ["flags[0]", "aggregates all rows so far", "`window`, such as 1h"];
    workspace.anomal(&["validate", "job.yaml"]).expect(2, &parts);
    workspace.anomal(&["run", "job.yaml", "--until-caught-up"]).expect(2, &parts);
}
