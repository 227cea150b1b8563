//! JSON in any frame: what is a record, and what becomes of files that are no JSON or end too early.

use anomal_tests::Workspace;

use super::support::{Run, fields, job, run};

/// Events as `CloudTrail` has them.
fn events(count: usize) -> Vec<String> {
    let event = |row: usize| {
        format!(
            "{{\"eventName\": \"{}\", \"userIdentity\": {{\"type\": \"IAMUser\", \"userName\": \"user{}\"}}, \
             \"n\": {row}.5, \"responseElements\": null}}",
            if row % 9 == 8 { "StartLogging" } else { "GetObject" },
            row % 5
        )
    };
    (0..count).map(event).collect()
}

fn pretty(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

fn read(text: &[u8], input: &str) -> Run {
    run("in.json", text, &job(input, &fields(&["eventName", "n"])))
}

const INPUT: &str = "json: {path: in.json}";

#[test]
fn frames_have_the_same_records() {
    let events = events(40);
    let array = format!("[{}]", events.join(", "));
    let records = format!("{{\"Records\": {array}, \"next\": null}}");
    let lines = events.join("\n");
    let half = |part: &[String]| format!("{{\"Records\": [{}]}}", part.join(","));
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(array.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let expected = read(lines.as_bytes(), "ndjson: {path: in.json}").succeeded();
    let expected = expected.workspace.read("out.csv");
    for (text, notes) in [
        (lines.clone().into_bytes(), 0),
        (array.clone().into_bytes(), 0),
        (format!("\u{feff}{array}").into_bytes(), 0),
        (utf16, 0),
        (pretty(&array).into_bytes(), 0),
        (events.iter().map(|event| pretty(event)).collect::<String>().into_bytes(), 0),
        (format!("[\n{},\n]\n", events.join(",\n")).into_bytes(), 0),
        (format!("[{}][{}]", events[..9].join(","), events[9..].join(",")).into_bytes(), 0),
        (records.clone().into_bytes(), 1),
        (pretty(&records).into_bytes(), 1),
        (format!("{}\n{}\n", half(&events[..30]), half(&events[30..])).into_bytes(), 1),
    ] {
        let done = read(&text, INPUT).succeeded();
        assert_eq!(done.workspace.read("out.csv"), expected, "{}", String::from_utf8_lossy(&text));
        assert_eq!(done.notes("RECORDS").len(), notes);
    }
    let note = read(records.as_bytes(), INPUT).note("RECORDS");
    assert!(note.contains("`records: Records` sets that"), "{note}");
    // The remedy of the note.
    let set = read(records.as_bytes(), "json: {path: in.json, records: Records}").succeeded();
    assert_eq!(set.workspace.read("out.csv"), expected);
    assert!(set.notes("RECORDS").is_empty());
    // Standard input is read in the same way.
    let stdin = job("json: {path: '-'}", &fields(&["eventName", "n"]));
    let workspace = Workspace::with_files(&[("job.yaml", stdin.as_bytes())]);
    workspace.anomal_with_input(&["run", "job.yaml"], records.as_bytes()).expect(0, &[]);
    assert_eq!(workspace.read("out.csv"), expected);
}

#[test]
fn results_of_a_search_are_unwrapped() {
    let hits: Vec<String> = events(30)
        .into_iter()
        .enumerate()
        .map(|(row, event)| format!("{{\"_id\": \"{row}\", \"_source\": {event}}}"))
        .collect();
    let text = format!(
        "{{\"took\": 3, \"_shards\": {{\"total\": 1}}, \"hits\": {{\"total\": {{\"value\": 30}}, \"hits\": [{}]}}}}",
        hits.join(",")
    );
    let input = "json: {path: in.json, unwrap: _source, attach: [took]}";
    let done = read(text.as_bytes(), input).succeeded();
    assert!(done.note("RECORDS").contains("`records: hits.hits`"));
    assert_eq!(done.json("took"), ["3"].repeat(30));
    assert_eq!(done.json("n")[1], "1.5");
    let wrong = read(text.as_bytes(), "json: {path: in.json, records: hits, badLines: skip}");
    wrong.output.expect(2, &["no column `eventName`"]);
}

#[test]
fn ambiguous_frames_are_refused_with_all_arrays() {
    let text = format!("{{\"events\": [{}], \"errors\": [{{\"code\": 1}}]}}", events(30).join(","));
    let output = read(text.as_bytes(), INPUT).output;
    output.expect(3, &["in.json: the records may be in `events`, `errors`", "`records: events`"]);
    // The remedy of the message.
    let done = read(text.as_bytes(), "json: {path: in.json, records: events}").succeeded();
    assert_eq!(done.csv("eventName").len(), 30);
    let gone = read(text.as_bytes(), "json: {path: in.json, records: results}").output;
    gone.expect(3, &["in.json:1", "`records`"]);
}

#[test]
fn other_drivers_name_the_right_one() {
    let events = events(30);
    let array = format!("[{}]", events.join(", "));
    let records = format!("{{\"Records\": {array}}}");
    for text in [&array, &pretty(&array), &records, &pretty(&records)] {
        for driver in ["ndjson", "csv"] {
            let output = read(text.as_bytes(), &format!("{driver}: {{path: in.json}}")).output;
            output.expect(3, &["in.json is", "JSON", "`json: {path: in.json}`"]);
        }
        // The content selects the driver.
        let workspace = Workspace::with_files(&[("in.json", text.as_bytes())]);
        let inspected = workspace.anomal(&["inspect", "in.json"]);
        inspected.expect(0, &[]);
        let path = if text.contains("Records") { "records: Records" } else { "records: \"\"" };
        for part in ["in.json: json, ", path, "userIdentity.userName"] {
            assert!(inspected.stdout.contains(part), "{part} in {}", inspected.stdout);
        }
        let proposed = workspace.anomal(&["init", "in.json"]);
        proposed.expect(0, &[]);
        let path = if text.contains("Records") { "Records" } else { "\"\"" };
        let input = format!("json: {{path: in.json, records: {path}}}");
        assert!(proposed.stdout.contains(&input), "{input} in {}", proposed.stdout);
    }
    // A batch in each line is a record in each line, with a note.
    let batches = format!("{{\"Records\": [{}]}}\n", events[..2].join(",")).repeat(20);
    let text = batches.replace("{\"Records\"", "{\"v\": 1, \"Records\"");
    let done = run("in.json", text.as_bytes(), &job("ndjson: {path: in.json}", &fields(&["v"])));
    assert!(done.succeeded().note("RECORDS").contains("json: {path: in.json, records: Records}"));
}

#[test]
fn odd_files_have_clear_messages() {
    let event = &events(1)[0];
    for (text, parts) in [
        ("", ["in.json has no records", ""]),
        (" \n", ["in.json has no records", ""]),
        ("[]", ["in.json has no records", "in an array"]),
        ("{\"Records\": []}", ["in.json has no records", ""]),
        ("null", ["in.json:1", "not a JSON object"]),
        ("7", ["in.json:1", "not a JSON object"]),
        ("\"text\"", ["in.json:1", "not a JSON object"]),
        ("[[1, 2], [3]]", ["in.json:1", "not a JSON object"]),
        ("[NaN]", ["in.json:1", "not a JSON object"]),
        ("[{\"n\": NaN}]", ["in.json:1", "expected a value instead of `N`"]),
        ("[{\"n\": Infinity}]", ["in.json:1", "expected a value instead of `I`"]),
        ("// events\n[{\"n\": 1}]", ["in.json:1", "not a JSON object"]),
        ("[{\"n\": 1 /* one */}]", ["in.json:1", "not a JSON object"]),
        ("{\"n\": 1", ["in.json:1", "the file ends within the record"]),
        ("[{\"n\": 1}", ["in.json:1", "records are missing"]),
        ("[{\"n\": \"x\n\"}]", ["in.json:1", "a string is not closed"]),
        ("[{\"n\": [}]", ["in.json:1", "bracket"]),
    ] {
        run("in.json", text.as_bytes(), &job(INPUT, &fields(&["n"]))).output.expect(3, &parts);
    }
    for (text, rows, rejected) in [
        (format!("[{event}, {event}, 7, null, [], {{}}, {event}"), 4, 4),
        (format!("{event} NaN {event}\n{event}"), 3, 1),
        (
            format!("[{event}, {{\"a\": {}1{}}}, {event}]", "[".repeat(10_000), "]".repeat(10_000)),
            2,
            1,
        ),
        (format!("[{event}, {{\"a\": \"{}\"}}, {event}]", "x".repeat(20 << 20)), 2, 1),
        (format!("[{event},\n{{\"a\": [}},\n{event}]"), 2, 1),
    ] {
        let skip = "json: {path: in.json, badLines: skip}";
        let done = run("in.json", text.as_bytes(), &job(skip, &fields(&["eventName", "n"])));
        let done = done.succeeded();
        assert_eq!(done.csv("eventName").len(), rows);
        assert_eq!(done.workspace.read("job.rejected.ndjson").lines().count(), rejected);
    }
}

#[test]
fn a_name_that_is_there_twice_takes_its_last_value() {
    let text: String = (0..40)
        .map(|row| format!("{{\"v\": {row}, \"a\": \"x\", \"v\": {}}}\n", row % 7))
        .collect();
    for driver in ["ndjson", "json"] {
        let input = |more: &str| format!("{driver}: {{path: in.json{more}}}");
        let done = run("in.json", text.as_bytes(), &job(&input(""), &fields(&["v"]))).succeeded();
        assert_eq!(done.json("v")[..9], ["0", "1", "2", "3", "4", "5", "6", "0", "1"]);
        let note = done.note("DUPLICATE_NAME");
        assert!(note.contains("`v` is in a record twice (in.json:1)"), "{note}");
        let error = job(&input(", duplicateNames: error"), &fields(&["v"]));
        run("in.json", text.as_bytes(), &error)
            .output
            .expect(3, &["in.json:1", "duplicate name `v`"]);
    }
}

#[test]
fn names_in_settings_are_columns_however_many_there_are() {
    let names: Vec<String> = (0..2_100).map(|name| format!("\"name{name:04}\": {name}")).collect();
    let text = format!("{{{}, \"last\": 1}}\n", names.join(", ")).repeat(30)
        + &format!("{{{}, \"last\": 7}}\n", names.join(", "));
    let done =
        run("in.json", text.as_bytes(), &job(INPUT, &fields(&["name0000", "name2099", "last"])));
    let done = done.succeeded();
    assert!(done.note("TOO_MANY_COLUMNS").contains("51 that appear later have no column"));
    assert_eq!(done.json("last")[29..], ["1", "7"]);
    assert_eq!(done.json("name2099")[0], "2099");
    let header = done.workspace.read("out.csv");
    assert!(!header.contains("name2098,"));
}
