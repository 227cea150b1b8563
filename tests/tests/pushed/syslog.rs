//! Syslog over UDP and TCP.

use std::{
    io::Write,
    net::{TcpStream, UdpSocket},
    process::Command,
};

use anomal_tests::{Workspace, tls::Authority};
use serde_json::Value;

use super::{
    job::{catch_up, rejected, results, summary, wait},
    running::Running,
};

const JOB: &str = "\
input:
  syslog:
    listen: [{udp: \"127.0.0.1:0\"}, {tcp: \"127.0.0.1:0\"}]
    timeZone: Europe/Vienna
    maxMessage: 4Ki
timeColumn: syslog.timestamp
features:
  - {type: field, name: syslog.severity, kind: numeric}
  - {type: field, name: syslog.appname, kind: categorical}
flags:
  - {type: direct, name: urgent, expression: '\"syslog.severity\" <= 2', severity: high}
classification: {engine: HBOS, seed: 7}
stream: {warmUp: {rows: 20}, state: {checkpoint: {every: 1s, to: state}}}
outputs: [{ndjson: {path: results.ndjson, rotate: 1h}}]
";

fn logger(address: &str, arguments: &[&str], message: &str) {
    let (host, port) = address.rsplit_once(':').unwrap();
    let mut command = Command::new("logger");
    command.args(["--server", host, "--port", port, "--tag", "anomal", "--id=42"]);
    let sent = command.args(arguments).arg("--").arg(message).status().unwrap();
    assert!(sent.success(), "{arguments:?}");
}

#[test]
fn messages_come_by_datagrams_counted_and_in_lines() {
    let workspace = Workspace::with_files(&[("job.yaml", JOB.as_bytes())]);
    let arguments = ["run", "job.yaml", "-v", "--summary", "json"];
    let running = Running::with_doors(&workspace, &arguments, 2);
    let [udp, tcp] = &running.addresses[..] else { panic!("two doors") };
    let mut stream = TcpStream::connect(tcp).unwrap();
    for number in 0..30 {
        writeln!(
            stream,
            "<14>1 2026-03-01T00:00:{number:02}Z h app - - [a b=\"{number}\"] line {number}"
        )
        .unwrap();
    }
    let counted = "<9>1 2026-03-01T00:01:00Z fe80:: app - - - two\nlines";
    writeln!(stream, "{} {counted}{} {counted}<13>plain", counted.len(), counted.len()).unwrap();
    let long = "x".repeat(5_000);
    write!(stream, "<14>{long}\n5004 <14>{long}<14>last\n").unwrap();
    wait(|| results(&workspace).len() == 34);
    // The tool of Debian, in its forms.
    logger(udp, &["--udp", "--rfc3164", "-p", "auth.crit"], "by a datagram");
    wait(|| results(&workspace).len() == 35);
    logger(udp, &["--udp", "--rfc5424", "-p", "user.notice"], "new");
    logger(tcp, &["--tcp", "--octet-count", "--rfc5424"], "counted");
    logger(tcp, &["--tcp", "--rfc3164"], "in a line");
    wait(|| results(&workspace).len() == 38);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"", udp).unwrap();
    socket.send_to(b"<14>1 2026-03-01T00:02:00Z - - - - - caf\xe9\n", udp).unwrap();
    wait(|| results(&workspace).len() == 39);
    let own = socket.local_addr().unwrap().to_string();
    drop(stream);
    let ended = running.terminate();
    ended.expect(0, &[]);
    let counts = summary(&ended);
    assert_eq!((&counts["rows"], &counts["rejected"]), (&41.into(), &2.into()));
    assert_eq!(counts["flagged"], 3);
    let rows = results(&workspace);
    let by = |message: &str| -> &Value {
        let found = rows.iter().find(|row| row["syslog.message"] == message);
        found.unwrap_or_else(|| panic!("{message}: {rows:#?}"))
    };
    let line = by("line 7");
    assert_eq!((&line["syslog.parsed"], &line["syslog.facility"]), (&"rfc5424".into(), &1.into()));
    assert_eq!(line["syslog.sd.a.b"].to_string().trim_matches('"'), "7");
    assert!(
        line["syslog.timestamp"].as_str().unwrap().starts_with("2026-03-01T00:00:07"),
        "{line}"
    );
    assert_eq!(by("two\nlines")["syslog.hostname"], "fe80::");
    assert_eq!(by("plain")["syslog.parsed"], "text");
    assert_eq!(
        (&by("last")["syslog.severity"], &by("last")["syslog.parsed"]),
        (&6.into(), &"text".into())
    );
    let datagram = by("by a datagram");
    assert_eq!(
        (&datagram["syslog.parsed"], &datagram["syslog.severity"]),
        (&"rfc3164".into(), &2.into())
    );
    assert_eq!(
        (&datagram["syslog.appname"], &datagram["syslog.procid"]),
        (&"anomal".into(), &"42".into())
    );
    assert_eq!(by("new")["syslog.appname"], "anomal");
    assert_eq!(
        (&by("counted")["syslog.parsed"], &by("in a line")["syslog.parsed"]),
        (&"rfc5424".into(), &"rfc3164".into())
    );
    assert_eq!(by("caf\u{fffd}")["syslog.peer"], own);
    let rejected = rejected(&workspace);
    assert_eq!(rejected.len(), 2);
    assert!(rejected.iter().all(|row| row["reason"].as_str().unwrap().contains("maxMessage")));
}

#[test]
fn what_was_taken_is_judged_by_the_next_process() {
    let job = JOB.replace("{udp: \"127.0.0.1:0\"}, ", "");
    let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
    let running = Running::job(&workspace);
    let lines: String = (0..500).map(|number| format!("<14>1 - h app - - - {number}\n")).collect();
    running.send(lines.as_bytes());
    wait(|| !results(&workspace).is_empty());
    running.kill();
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    let rows = summary(&last)["rows"].as_u64().unwrap();
    let found: Vec<String> = results(&workspace)
        .iter()
        .map(|row| row["syslog.message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found, (0..rows).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn messages_come_encrypted_from_senders_with_a_certificate() {
    let authority = Authority::new();
    let tls = "{tcp: \"127.0.0.1:0\", tls: {cert: tls.crt, key: tls.key, clientCa: ca.crt}}";
    let job = JOB.replace("{udp: \"127.0.0.1:0\"}, {tcp: \"127.0.0.1:0\"}", tls);
    let job = job.replace(
        "maxMessage: 4Ki",
        "rfc: rfc5424\n    parse: {json: message, keyValue: true}\n    badLines: skip",
    );
    let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
    authority.write_server(&workspace);
    let running = Running::job(&workspace);
    let send = |identity: Option<(&str, &str)>, text: &str| {
        authority.send(running.connect(), identity, text)
    };
    let (own, own_key) = authority.certificate("sender");
    let counted = "<14>1 2026-03-01T00:00:00Z h app - - - @cee: {\"user\": {\"id\": 7}}";
    let old = "<14>Mar  1 00:00:01 h app: action=deny port=53";
    let text = format!("{} {counted}{} {old}", counted.len(), old.len());
    send(Some((&own, &own_key)), &text).unwrap();
    assert!(send(None, &text).is_err());
    let (foreign, foreign_key) = Authority::new().certificate("sender");
    assert!(send(Some((&foreign, &foreign_key)), &text).is_err());
    wait(|| results(&workspace).len() == 2);
    running.terminate().expect(0, &[]);
    let rows = results(&workspace);
    assert_eq!(
        (&rows[0]["syslog.parsed"], &rows[1]["syslog.parsed"]),
        (&"rfc5424".into(), &"text".into())
    );
    assert_eq!(rows[0]["syslog.message.user.id"], 7);
    assert_eq!(
        (&rows[1]["syslog.message.action"], &rows[1]["syslog.message.port"]),
        (&"deny".into(), &"53".into())
    );
}
