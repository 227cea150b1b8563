//! The formats of text logs: what jobs, `inspect` and `init` make of them.

use anomal_tests::Workspace;

use super::support::{Run, fields, job, run};

/// A DNS log of Zeek: one client asks for a name about once a minute, others at any time.
fn dns_log() -> String {
    let mut rows: Vec<(u64, String)> = Vec::new();
    let mut row = |millis: u64, client: u64, query: &str, rtt: &str| {
        let text = format!(
            "{}.{:03}917\tC{millis}\t10.55.1.{client}\t4000\t10.55.0.1\t53\tudp\t{rtt}\t{query}\t192.0.2.7,192.0.2.8\tF",
            1_517_336_000 + millis / 1_000,
            millis % 1_000
        );
        rows.push((millis, text));
    };
    for call in 0..90_u64 {
        row(call * 60_000 + call * 7_919 % 1_500, 7, "c2.example.net", "0.021000");
        let at = call * 2_654_435_761 % 5_400_000;
        let query = ["www.example.org", "mail.example.com", "cdn.example.edu"][(call % 3) as usize];
        row(at, 20 + call % 5, query, if call % 4 == 0 { "-" } else { "0.024000" });
    }
    rows.sort();
    let rows: String = rows.into_iter().map(|(_, row)| row + "\n").collect();
    format!(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#open\t2018-01-30-18-13-20\n\
         #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\trtt\tquery\tanswers\trejected\n\
         #types\ttime\tstring\taddr\tport\taddr\tport\tenum\tinterval\tstring\tvector[string]\tbool\n{rows}#close\t2018-01-30\n"
    )
}

const BEACON: &str = "packs: [dns]\nfeatures:\n  - {type: field, name: rtt}\nflags:\n  - type: aggregation\n    name: \
    beaconing_detector\n    dataNeeded: [id.orig_h, ts]\n    params: {domain: query}\nclassification: {engine: HBOS}\noutputs:\n  - \
    csv: {path: out.csv, include: [features]}\n";

/// Clients in the rows that the flag for beacons has hit.
fn beacons(run: &Run) -> Vec<String> {
    let (clients, flags) = (run.csv("id.orig_h"), run.csv("anomal.flags"));
    let hits =
        clients.into_iter().zip(flags).filter(|(_, flags)| flags.contains("beaconing_detector"));
    let mut clients: Vec<String> = hits.map(|(client, _)| client).collect();
    clients.dedup();
    clients
}

/// A log of Zeek is read as it is by both drivers, also where the separator is set.
#[test]
fn zeek_is_read_as_it_is() {
    let inputs = [
        "log: {path: dns.log, format: zeek}",
        "log: {path: dns.log}",
        "csv: {path: dns.log}",
        "csv: {path: dns.log, separator: \"\\t\", nullValues: [\"-\", \"(empty)\", \"\"]}",
    ];
    for input in inputs {
        let job = format!("input: {{{input}}}\n{BEACON}");
        let run = run("dns.log", dns_log().as_bytes(), &job).succeeded();
        assert_eq!(run.csv("ts").len(), 180, "{input}");
        assert_eq!(beacons(&run), ["10.55.1.7"], "{input}");
        // Cells stay as they were read.
        assert!(run.csv("ts")[0].starts_with("151733") && run.csv("rtt").contains(&"-".to_owned()));
    }
}

#[test]
fn iis_is_read_as_it_is() {
    let rows: String = (0..60)
        .map(|row| {
            let (status, taken) = if row == 41 { (500, 9_000) } else { (200, 20 + row % 9) };
            format!(
                "2025-11-12 06:21:{row:02} 192.0.2.1 GET /p{}.png {status} 900 {taken}\n",
                row % 5
            )
        })
        .collect();
    let text = format!(
        "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2025-11-12 06:21:37\r\n#Fields: date \
         time s-ip cs-method cs-uri-stem sc-status sc-bytes time-taken\r\n{}",
        rows.replace('\n', "\r\n")
    );
    let features =
        "- {type: field, name: time-taken}\n- {type: field, name: sc-status, kind: categorical}\n";
    for input in [
        "log: {path: in.log, format: w3c}",
        "csv: {path: in.log}",
        "csv: {path: in.log, separator: \" \"}",
    ] {
        let run = run("in.log", text.as_bytes(), &job(input, features)).succeeded();
        assert_eq!(run.highest(), Some(41), "{input}");
        assert_eq!(run.csv("@timestamp")[41], "2025-11-12 06:21:41");
        assert_eq!(run.csv("sc-status")[41], "500");
    }
}

/// Lines of nginx; some requests are garbage.
fn access_log() -> String {
    (0..400)
        .map(|row| {
            let request = match row % 50 {
                17 => "\\x16\\x03\\x01\\x02\\x00".to_owned(),
                33 => String::new(),
                _ => format!("GET /p{}?q=%20{row} HTTP/1.1", row % 7),
            };
            let status = if row % 50 == 17 || row % 50 == 33 { 400 } else { 200 };
            format!(
                "203.0.113.{} - - [14/Dec/2019:06:{:02}:{:02} +0000] \"{request}\" {status} {} \"-\" \"Mozilla/5.0 (X11)\"\n",
                row % 20,
                row / 60,
                row % 60,
                700 + row % 13
            )
        })
        .collect()
}

#[test]
fn times_of_access_logs_are_times() {
    let job = "input: {log: {path: in.log, format: combined}}\ntimeColumn: \"@timestamp\"\nfeatures:\n- {type: aggregate, name: n, \
        function: count, by: [source.address], window: 1m}\n- {type: field, name: http.response.status_code, kind: \
        categorical}\nclassification: {engine: HBOS}\noutputs: [{csv: {path: out.csv, include: [features]}}]\n";
    let run = run("in.log", access_log().as_bytes(), job).succeeded();
    assert_eq!(run.csv("@timestamp")[61], "14/Dec/2019:06:01:01 +0000");
    // Each client has a request every 20 seconds.
    assert_eq!(run.csv("anomal.features.n")[399], "3");
    assert_eq!(
        (run.csv("url.original")[17].as_str(), run.csv("http.request.method")[17].as_str()),
        (r"\x16\x03\x01\x02\x00", "")
    );
    assert_eq!(run.csv("url.original")[33], "");
}

#[test]
fn inspect_names_the_format_with_its_evidence() {
    let mut text = access_log();
    text.push_str("what is this\n");
    let workspace = Workspace::with_files(&[("access.log", text.as_bytes())]);
    let output = workspace.anomal(&["inspect", "access.log"]);
    output.expect(0, &[]);
    for part in [
        "access.log: log, utf-8, 10 columns, 400 rows",
        "format: combined",
        "combined: 400 of the first 401 lines",
        "format: combined\n",
        "badLines: skip",
    ] {
        assert!(output.stdout.contains(part), "{part}: {}", output.stdout);
    }
    let (_, settings) = output.stdout.split_once("without a guess:\n").expect("settings");
    let rest = job("", &fields(&["http.response.body.bytes"]));
    let rest = rest.strip_prefix("input: {}\n").expect("an input");
    workspace.write("job.yaml", format!("{settings}{rest}").as_bytes());
    let output = workspace.anomal(&["run", "job.yaml", "--summary", "json"]);
    let run = Run { workspace, output }.succeeded();
    assert_eq!(run.csv("source.address").len(), 400);
    assert_eq!(run.notes("LOG_FORMAT"), [""; 0]);
    assert_eq!(run.workspace.read("job.rejected.ndjson").lines().count(), 1);
}

#[test]
fn inspect_prints_json() {
    let workspace = Workspace::with_files(&[("in.txt", dns_log().as_bytes())]);
    let output = workspace.anomal(&["inspect", "in.txt", "--json"]);
    output.expect(0, &[]);
    let found: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&found["driver"], &found["format"]["name"]), (&"log".into(), &"zeek".into()));
    assert_eq!(found["input"]["log"]["format"], "zeek");
    assert_eq!(found["columns"][0]["type"], "datetime");
    // The types of the format need no settings.
    assert_eq!(found["input"]["log"]["types"], serde_json::Value::Null);
}

#[test]
fn proposals_name_the_format() {
    let syslog: String = (0..200)
        .map(|row| {
            format!(
                "Mar {:2} 10:00:{:02} web{} sshd[{}]: Failed password for u{}\n",
                1 + row / 60,
                row % 60,
                row % 3,
                100 + row % 9,
                row % 11
            )
        })
        .collect();
    let logfmt: String = (0..200)
        .map(|row| {
            format!(
                "ts=2026-03-02T10:{:02}:{:02}Z level={} user=u{} ms={}\n",
                row / 60,
                row % 60,
                ["info", "warn"][row % 2],
                row % 9,
                row * 7 % 31
            )
        })
        .collect();
    let cases: [(&str, &str, &[&str]); 4] = [
        (
            "access.log",
            &access_log(),
            &[
                "log: {path: access.log, format: combined}",
                "timeColumn: \"@timestamp\"",
                "{type: field, name: http.response.status_code, kind: categorical}",
                "as: url.original.length",
                "name: source.address.rows_",
                "name: source.address.failures_",
            ],
        ),
        (
            "dns.log",
            &dns_log(),
            &[
                "log: {path: dns.log, format: zeek}",
                "timeColumn: ts",
                "packs: [dns]",
                "name: hostname_entropy, dataNeeded: [query]",
                "name: id.orig_h.rows_",
            ],
        ),
        (
            "auth.log",
            &syslog,
            &["log: {path: auth.log, format: syslog, times: {year: ", "timeColumn: \"@timestamp\""],
        ),
        (
            "app.log",
            &logfmt,
            &["log: {path: app.log, format: logfmt}", "timeColumn: ts", "name: user.rows_"],
        ),
    ];
    for (name, text, parts) in cases {
        let workspace = Workspace::with_files(&[(name, text.as_bytes())]);
        let output = workspace.anomal(&["init", name, "--output", "job.yaml"]);
        output.expect(0, &[]);
        let settings = workspace.read("job.yaml");
        for part in parts {
            assert!(settings.contains(part), "{part} in {settings}");
        }
        let run = workspace.anomal(&["run", "job.yaml", "--output", "o.csv", "--summary", "json"]);
        run.expect(0, &[]);
        assert!(!run.stdout.contains("LOG_FORMAT"), "{}", run.stdout);
    }
}

#[test]
fn patterns_have_columns_and_types() {
    let text: String = (0..50)
        .map(|row| format!("[2024-05-01T10:00:{row:02}Z] INFO 10.0.0.{row}: {} ms\n", row * 3))
        .collect();
    let pattern = "'\\[(?<ts>[^\\]]+)\\] (?<level>[A-Z]+) (?<source__ip>\\S+): (?<ms>\\d+) ms'";
    let input = format!(
        "log: {{path: in.log, format: regex, pattern: {pattern}, raw: true, types: {{ms: float}}}}"
    );
    let done = run("in.log", text.as_bytes(), &job(&input, &fields(&["ms", "level"]))).succeeded();
    assert_eq!(done.csv("source.ip")[7], "10.0.0.7");
    assert_eq!(done.csv("ms")[7], "21");
    assert_eq!(done.csv("event.original")[0], "[2024-05-01T10:00:00Z] INFO 10.0.0.0: 0 ms");
    // A line that does not match says where.
    let wrong = format!("{text}[2024-05-01T10:00:00Z] INFO 10.0.0.1: many ms\n");
    let failed = run("in.log", wrong.as_bytes(), &job(&input, &fields(&["ms"])));
    failed.output.expect(
        3,
        &["in.log:51", "from character 39 on (`many ms`), where `(?<ms>\\d+) ms` is expected"],
    );
    let broken = job("log: {path: in.log, format: regex, pattern: '(?<a>x'}", &fields(&["a"]));
    run("in.log", text.as_bytes(), &broken)
        .output
        .expect(2, &["input.log.pattern", "unclosed group"]);
}

#[test]
fn syslog_needs_a_year_only_where_times_are_needed() {
    let text: String =
        (0..50).map(|row| format!("Dec 31 23:59:{row:02} h p[{row}]: m\n")).collect();
    let text = format!("{text}Jan  1 00:00:01 h p[1]: m\n");
    let used = fields(&["process.pid"]);
    let plain = run("in.log", text.as_bytes(), &job("log: {path: in.log, format: syslog}", &used))
        .succeeded();
    assert_eq!(plain.csv("host.name")[50], "h");
    let timed = |input: &str| format!("timeColumn: \"@timestamp\"\n{}", job(input, &used));
    let failed = run("in.log", text.as_bytes(), &timed("log: {path: in.log, format: syslog}"));
    failed.output.expect(2, &["has no year", "times: {year: "]);
    let year = "log: {path: in.log, format: syslog, times: {year: 2025, zone: UTC}}";
    let done = run("in.log", text.as_bytes(), &timed(year)).succeeded();
    assert_eq!(done.csv("@timestamp")[50], "Jan  1 00:00:01");
}
