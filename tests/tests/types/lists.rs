//! Lists in any of the forms in which programs write them, and members of objects in lists.

use anomal_tests::Workspace;
use polars::prelude::{Column, DataFrame, NamedFrom, Series};
use polars_io::parquet::write::ParquetWriter;

use super::support::{Run, fields, run};

const ENCODED: &str = "dGhpcyBpcyBiYXNlNjQgdG9v";

/// A job with list metrics and the flag for answers that are base 64.
fn job(input: &str) -> String {
    let metrics = ["list_count", "list_distinct", "list_longest", "list_entropy_max"];
    let metrics = metrics.map(|name| {
        format!("- {{type: metric, name: {name}, dataNeeded: [dns.answers.data], as: {name}}}\n")
    });
    format!(
        "input: {{{input}}}\npacks: [dns]\nfeatures:\n{}flags:\n\
         - {{type: direct, name: has_dns_data_b64_encoded, dataNeeded: [dns.answers.data]}}\n\
         outputs:\n- csv: {{path: out.csv, include: [features]}}\n- ndjson: {{path: out.ndjson}}\n",
        metrics.concat()
    )
}

/// The rows that the flag hits, and the list metrics.
fn found(done: &Run) -> (Vec<usize>, Vec<Vec<String>>) {
    let flags = done.csv("anomal.flags");
    let hit = flags.iter().enumerate().filter(|(_, flags)| flags.contains("b64_encoded"));
    let metrics = ["list_count", "list_distinct", "list_longest", "list_entropy_max"];
    let metrics = metrics.map(|name| done.csv(&format!("anomal.features.{name}")));
    (hit.map(|(row, _)| row).collect(), metrics.into())
}

/// CSV with these answers.
fn csv(answers: &[String]) -> String {
    let rows = answers.iter().enumerate();
    let rows = rows.map(|(row, cell)| format!("{row},\"{}\"\n", cell.replace('"', "\"\"")));
    format!("n,dns.answers.data\n{}", rows.collect::<String>())
}

#[test]
fn the_same_answers_have_the_same_hits_in_any_form() {
    // Answers of each row.
    let rows: Vec<Vec<&str>> = (0..24)
        .map(|row| match row % 4 {
            0 => vec![ENCODED],
            1 => vec!["192.0.2.1", ENCODED],
            2 => vec!["192.0.2.1", "192.0.2.1", "cdn.example.com"],
            _ => vec!["198.51.100.7"],
        })
        .collect();
    let cells = |form: &dyn Fn(&[&str]) -> String| -> String {
        csv(&rows.iter().map(|row| form(row)).collect::<Vec<_>>())
    };
    let json = |row: &[&str]| format!("[\"{}\"]", row.join("\", \""));
    let lines: String = rows
        .iter()
        .map(|row| format!("{{\"n\": 1, \"dns\": {{\"answers\": {{\"data\": {}}}}}}}\n", json(row)))
        .collect();
    let expected =
        run("in.ndjson", lines.as_bytes(), &job("ndjson: {path: in.ndjson}")).succeeded();
    let expected = found(&expected);
    assert_eq!(expected.0, (0..24).filter(|row| row % 4 < 2).collect::<Vec<_>>());
    assert_eq!(expected.1[0][..4], ["1", "2", "3", "1"]);
    assert_eq!(expected.1[1][..4], ["1", "2", "2", "1"]);
    assert_eq!(expected.1[2][..4], ["24", "24", "15", "12"]);
    let forms: [&dyn Fn(&[&str]) -> String; 5] = [
        &json,
        &|row| format!("[{}]", row.join("\";\"")),
        &|row| row.join(","),
        &|row| row.join(", "),
        &|row| format!("['{}']", row.join("', '")),
    ];
    for form in forms {
        for input in [
            "csv: {path: in.csv, separator: ','}",
            "csv: {path: in.csv, separator: ',', types: {dns.answers.data: list}}",
        ] {
            let text = cells(form);
            let done = run("in.csv", text.as_bytes(), &job(input)).succeeded();
            assert_eq!(found(&done), expected, "{input}: {text}");
            // What is written is what was read.
            assert_eq!(done.csv("dns.answers.data")[1], form(&rows[1]));
        }
    }
    let types = "{dns.answers.data: {type: list, separator: '|'}}";
    let input = format!("csv: {{path: in.csv, separator: ',', types: {types}}}");
    let done = run("in.csv", cells(&|row| row.join("|")).as_bytes(), &job(&input)).succeeded();
    assert_eq!(found(&done), expected);
    let text = lines.replace("[\"", "\"").replace("\"]", "\"").replace("\", \"", "|");
    let input = format!("ndjson: {{path: in.ndjson, types: {types}}}");
    let done = run("in.ndjson", text.as_bytes(), &job(&input)).succeeded();
    assert_eq!(found(&done), expected);
    let input = format!("json: {{path: in.json, types: {types}}}");
    let done = run("in.json", text.as_bytes(), &job(&input)).succeeded();
    assert_eq!(found(&done), expected);
    // Texts and lists of Parquet.
    let lists: Vec<Series> =
        rows.iter().map(|row| Series::new("".into(), row.as_slice())).collect();
    let texts: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
    let columns = [
        Column::new("dns.answers.data".into(), lists),
        Column::new("dns.answers.data".into(), texts),
    ];
    for column in columns {
        let mut frame = DataFrame::new(column.len(), vec![column]).unwrap();
        let mut file = Vec::new();
        ParquetWriter::new(&mut file).finish(&mut frame).unwrap();
        let done = run("in.parquet", &file, &job("parquet: {path: in.parquet}")).succeeded();
        assert_eq!(found(&done), expected);
    }
}

#[test]
fn lists_of_parquet_and_logs_have_settings() {
    let metrics = "- {type: metric, name: list_count, dataNeeded: [tags]}\n\
                   - {type: metric, name: list_longest, dataNeeded: [tags]}\n";
    let cells = ["a|bcd|e", "f", "", "g|h"];
    let cells: Vec<&str> = cells.into_iter().cycle().take(40).collect();
    let assert_counts = |done: &Run, first: &str| {
        assert_eq!(done.csv("anomal.features.list_count")[..2], ["3", "1"]);
        assert_eq!(done.csv("anomal.features.list_count")[3], "2");
        assert_eq!(done.csv("anomal.features.list_longest")[0], "3");
        // What is written is what was read.
        assert_eq!(done.csv("tags")[0], first);
    };
    let mut frame = DataFrame::new(40, vec![Column::new("tags".into(), &cells)]).unwrap();
    let mut file = Vec::new();
    ParquetWriter::new(&mut file).finish(&mut frame).unwrap();
    let types = "types: {tags: {type: list, separator: '|'}}";
    let settings = super::support::job(&format!("parquet: {{path: in.parquet, {types}}}"), metrics);
    assert_counts(&run("in.parquet", &file, &settings).succeeded(), "a|bcd|e");
    let log: String = cells.iter().map(|cell| format!("level=info tags=\"{cell}\"\n")).collect();
    let input = format!("log: {{path: in.log, format: logfmt, {types}}}");
    let settings = super::support::job(&input, metrics);
    assert_counts(&run("in.log", log.as_bytes(), &settings).succeeded(), "a|bcd|e");
    // Without the separator that is one item.
    let one = settings.replace(types, "types: {tags: list}");
    let done = run("in.log", log.as_bytes(), &one).succeeded();
    assert_eq!(done.csv("anomal.features.list_count")[0], "1");
}

/// Requests as Suricata's third form of DNS events has them.
fn suricata() -> String {
    (0..40)
        .map(|row| {
            let name = if row == 7 { "aGVsbG8gd29ybGQ.tunnel.example".into() } else { format!("www{}.example.com", row % 5) };
            let more = if row == 9 { ", {\"rrname\": \"second.example.org\", \"rrtype\": \"AAAA\"}" } else { "" };
            format!(
                "{{\"event_type\": \"dns\", \"src_ip\": \"192.0.2.{row}\", \"dns\": {{\"version\": 3, \"queries\": \
                 [{{\"rrname\": \"{name}\", \"rrtype\": \"A\", \"n\": {row}}}{more}]}}}}\n"
            )
        })
        .collect()
}

#[test]
fn members_of_objects_in_lists_have_names() {
    let text = suricata();
    let job = |input: &str| {
        format!(
            "input: {{{input}}}\npacks: [dns]\nfeatures:\n\
             - {{type: metric, name: registered_domain, dataNeeded: [dns.queries.rrname]}}\n\
             - {{type: metric, name: hostname_length, dataNeeded: [dns.queries.rrname]}}\n\
             - {{type: metric, name: list_count, dataNeeded: [dns.queries.rrname]}}\n\
             - {{type: field, name: dns.queries.n}}\n\
             - {{type: expression, name: is_a, expression: \"\\\"dns.queries.rrtype\\\" = 'A'\"}}\n\
             classification: {{engine: HBOS}}\noutputs:\n\
             - csv: {{path: out.csv, include: [features]}}\n- ndjson: {{path: out.ndjson, include: [features]}}\n"
        )
    };
    for driver in ["ndjson", "json"] {
        let input = format!("{driver}: {{path: eve.json}}");
        let done = run("eve.json", text.as_bytes(), &job(&input)).succeeded();
        let domains = done.csv("anomal.features.registered_domain");
        assert_eq!((domains[0].as_str(), domains[7].as_str()), ("example.com", "tunnel.example"));
        assert_eq!(done.csv("anomal.features.hostname_length")[0], "16");
        assert_eq!(done.csv("anomal.features.list_count")[8..10], ["1", "2"]);
        assert_eq!(done.json("anomal.features.dns.queries.n")[3], "3");
        assert_eq!(done.csv("anomal.features.is_a")[8..10], ["true", "false"]);
        // Outputs have the list as before, and no column for the member.
        assert_eq!(
            done.json("dns.queries")[0],
            "[{\"rrname\":\"www0.example.com\",\"rrtype\":\"A\",\"n\":0}]"
        );
        assert!(
            !done.workspace.read("out.csv").lines().next().unwrap().contains("dns.queries.rrname")
        );
    }
    let workspace = Workspace::with_files(&[("eve.ndjson", text.as_bytes())]);
    let inspected = workspace.anomal(&["inspect", "eve.ndjson"]);
    inspected.expect(0, &[]);
    let members = "members of lists that settings can name: dns.queries.rrname, dns.queries.rrtype, dns.queries.n";
    assert!(inspected.stdout.contains(members), "{}", inspected.stdout);
}

#[test]
fn a_list_of_objects_is_no_name_of_a_host() {
    let features = "- {type: metric, name: registered_domain, dataNeeded: [dns.queries], as: domain}\n\
                    - {type: metric, name: hostname_length, dataNeeded: [dns.queries], as: length}\n";
    let features = format!("{features}{}", fields(&["dns.version"]));
    let job = super::support::job("ndjson: {path: in.ndjson}", &features);
    let done =
        run("in.ndjson", suricata().as_bytes(), &job.replace("input:", "packs: [dns]\ninput:"));
    let done = done.succeeded();
    assert_eq!(done.csv("anomal.features.domain"), [""].repeat(40));
    assert_eq!(done.csv("anomal.features.length"), [""].repeat(40));
}
