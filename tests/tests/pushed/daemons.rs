//! Syslog from its daemons: rsyslog and syslog-ng, which read a file and send its lines in three ways at once.

use anomal_tests::{Workspace, tls::Authority};

use super::{
    job::{results, summary, wait},
    running::Running,
    sender::{Sender, program},
};

/// Lines of the file.
const LINES: usize = 100;
const JOB: &str = "\
input:
  syslog:
    listen:
      - {tcp: \"127.0.0.1:0\"}
      - {tcp: \"127.0.0.1:0\", tls: {cert: tls.crt, key: tls.key}}
      - {udp: \"127.0.0.1:0\"}
timeColumn: syslog.timestamp
features:
  - {type: field, name: syslog.severity, kind: numeric}
  - {type: field, name: syslog.appname, kind: categorical}
classification: {engine: HBOS, seed: 7}
stream: {warmUp: {rows: 50}, state: {checkpoint: {every: 1s, to: state}}}
outputs: [{ndjson: {path: results.ndjson, rotate: 1h}}]
";

/// Starts the job and a daemon, waits for all messages, and balances them. `settings`: of the daemon, with the ports.
fn send(variable: &str, settings: impl Fn(&Workspace, [&str; 3]) -> String, arguments: &[&str]) {
    let Some(program) = program(variable) else { return };
    let authority = Authority::new();
    let (certificate, key) = authority.certificate("127.0.0.1");
    let workspace = Workspace::with_files(&[
        ("job.yaml", JOB.as_bytes()),
        ("tls.crt", certificate.as_bytes()),
        ("tls.key", key.as_bytes()),
        ("ca.crt", authority.pem().as_bytes()),
    ]);
    let lines: String = (0..LINES).map(|number| format!("line {number} of the file\n")).collect();
    workspace.write("in.log", lines.as_bytes());
    let arguments_of_job = ["run", "job.yaml", "-v", "--summary", "json"];
    let running = Running::with_doors(&workspace, &arguments_of_job, 3);
    let ports: Vec<&str> =
        running.addresses.iter().map(|it| it.rsplit_once(':').unwrap().1).collect();
    let settings = settings(&workspace, [ports[0], ports[1], ports[2]]);
    workspace.write("sender.conf", settings.as_bytes());
    let sender = Sender::start(&workspace, &program, arguments);
    wait(|| {
        let count = results(&workspace).len();
        assert!(count <= 3 * LINES, "{count}");
        count == 3 * LINES
    });
    drop(sender);
    let ended = running.terminate();
    ended.expect(0, &[]);
    let counts = summary(&ended);
    assert_eq!((&counts["rows"], &counts["rejected"]), (&(3 * LINES).into(), &0.into()));
    let rows = results(&workspace);
    for number in 0..LINES {
        let text = format!("line {number} of the file");
        let of_line = rows.iter().filter(|row| row["syslog.message"] == text.as_str());
        let mut forms: Vec<&str> =
            of_line.map(|row| row["syslog.parsed"].as_str().unwrap()).collect();
        forms.sort_unstable();
        assert_eq!(forms, ["rfc3164", "rfc5424", "rfc5424"], "{text}: {:#?}", rows[0]);
    }
    for row in &rows {
        assert_eq!(row["syslog.appname"], "app", "{row}");
        assert!(row["syslog.hostname"].is_string() && row["syslog.timestamp"].is_string(), "{row}");
    }
}

#[test]
fn rsyslog() {
    let settings = |workspace: &Workspace, [tcp, tls, udp]: [&str; 3]| {
        let folder = workspace.path(".").display().to_string();
        let forward = "action(type=\"omfwd\" target=\"127.0.0.1\"";
        let new = "protocol=\"tcp\" TCP_Framing=\"octet-counted\" template=\"RSYSLOG_SyslogProtocol23Format\"";
        let driver =
            "StreamDriver=\"ossl\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/certvalid\"";
        format!(
            "global(workDirectory=\"{folder}\" DefaultNetstreamDriverCAFile=\"{folder}/ca.crt\")\n\
             module(load=\"imfile\" mode=\"polling\" PollingInterval=\"1\")\n\
             {forward} port=\"{tcp}\" {new})\n\
             {forward} port=\"{tls}\" {new} {driver})\n\
             {forward} port=\"{udp}\" protocol=\"udp\" template=\"RSYSLOG_TraditionalForwardFormat\")\n\
             input(type=\"imfile\" File=\"{folder}/in.log\" Tag=\"app:\" freshStartTail=\"off\")\n"
        )
    };
    send("ANOMAL_TEST_RSYSLOG", settings, &["-n", "-i", "sender.pid", "-f", "sender.conf"]);
}

#[test]
fn syslog_ng() {
    let settings = |workspace: &Workspace, [tcp, tls, udp]: [&str; 3]| {
        let folder = workspace.path(".").display().to_string();
        format!(
            "@version: 3.35\n\
             source s {{ file(\"{folder}/in.log\" program-override(\"app\") flags(no-parse)); }};\n\
             destination tcp {{ syslog(\"127.0.0.1\" port({tcp}) transport(\"tcp\")); }};\n\
             destination tls {{ syslog(\"127.0.0.1\" port({tls}) transport(\"tls\") tls(ca-file(\"{folder}/ca.crt\") \
             peer-verify(required-trusted))); }};\n\
             destination udp {{ network(\"127.0.0.1\" port({udp}) transport(\"udp\")); }};\n\
             log {{ source(s); destination(tcp); destination(tls); destination(udp); }};\n"
        )
    };
    let arguments = [
        "--foreground",
        "--no-caps",
        "--cfgfile=sender.conf",
        "--persist-file=sender.persist",
        "--pidfile=sender.pid",
        "--control=sender.ctl",
    ];
    send("ANOMAL_TEST_SYSLOG_NG", settings, &arguments);
}
