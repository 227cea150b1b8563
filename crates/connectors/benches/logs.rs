//! How fast text logs are read, beside the same records as CSV, from the page cache.
#![expect(clippy::unwrap_used, reason = "a bench stops where something is wrong")]

use std::{fmt::Write, path::PathBuf};

use anomal_connectors::{OpenOptions, open};
use anomal_dataflow::read_batches;
use anomal_spec::{CsvInput, Input, LogFormat, LogInput};
use divan::{Bencher, counter::BytesCount};

const RECORDS: usize = 300_000;
/// A combined line in twelve groups.
const PATTERN: &str = r#"^(?<address>\S+) (?<ident>\S+) (?<user>\S+) \[(?<time>[^\]]+)\] "(?<method>[A-Z]+) (?<path>[^ "?]*)(?<query>\?[^ "]*)? HTTP/(?<version>[\d.]+)" (?<status>\d{3}) (?<bytes>\d+|-) "(?<referrer>[^"]*)" "(?<agent>[^"]*)"$"#;

fn main() {
    divan::main();
}

/// The cells of a request.
struct Request {
    address: String,
    hour: usize,
    minute: usize,
    second: usize,
    path: String,
    status: &'static str,
    bytes: usize,
    agent: &'static str,
}

fn requests() -> impl Iterator<Item = Request> {
    (0..RECORDS).map(|record| {
        let mixed = record.wrapping_mul(2_654_435_761) >> 7;
        Request {
            address: format!("10.{}.{}.{}", mixed % 200, record % 256, mixed % 97),
            hour: record / 3600 % 24,
            minute: record / 60 % 60,
            second: record % 60,
            path: format!("/products/{}?page={}", mixed % 5000, mixed % 977),
            status: ["200", "200", "304", "404"][mixed % 4],
            bytes: mixed % 60_000,
            agent: ["Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", "curl/8.7"][mixed % 2],
        }
    })
}

/// A file with a header and a line for each request.
fn file(
    name: &str,
    header: &str,
    line: impl Fn(&mut String, &Request),
) -> (tempfile::TempDir, PathBuf) {
    let mut text = String::from(header);
    for request in requests() {
        line(&mut text, &request);
        text.push('\n');
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn read(bencher: Bencher, path: &PathBuf, input: &Input) {
    let bytes = std::fs::metadata(path).unwrap().len();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let mut source = open(input, &OpenOptions::default()).unwrap();
        source.select(&[]).unwrap();
        let rows: usize = read_batches(source).map(|batch| batch.unwrap().height()).sum();
        assert_eq!(rows, RECORDS);
    });
}

fn read_log(
    bencher: Bencher,
    format: LogFormat,
    header: &str,
    line: impl Fn(&mut String, &Request),
) {
    let (_folder, path) = file("in.log", header, line);
    let pattern = (format == LogFormat::Regex).then(|| PATTERN.to_owned());
    let input = LogInput { format, pattern, ..LogInput::new(path.to_str().unwrap()) };
    read(bencher, &path, &input.into());
}

fn access(out: &mut String, request: &Request, agent: bool) {
    let Request { address, hour, minute, second, path, status, bytes, .. } = request;
    write!(
        out,
        "{address} - - [02/Mar/2026:{hour:02}:{minute:02}:{second:02} +0000] \"GET {path} HTTP/1.1\" {status} {bytes}"
    )
    .unwrap();
    if agent {
        write!(out, " \"https://shop.example/\" \"{}\"", request.agent).unwrap();
    }
}

/// The cells of a combined line between separators.
fn cells(out: &mut String, request: &Request, separator: char) {
    let Request { address, hour, minute, second, path, status, bytes, agent } = request;
    let s = separator;
    write!(
        out,
        "{address}{s}-{s}2026-03-02 {hour:02}:{minute:02}:{second:02}{s}GET{s}{path}{s}1.1{s}{status}{s}{bytes}{s}\
         https://shop.example/{s}{agent}"
    )
    .unwrap();
}

#[divan::bench(sample_count = 10)]
fn csv(bencher: Bencher) {
    let header = "address,user,time,method,path,version,status,bytes,referrer,agent\n";
    let (_folder, path) = file("in.csv", header, |out, request| cells(out, request, ','));
    read(bencher, &path, &CsvInput::new(path.to_str().unwrap()).into());
}

#[divan::bench(sample_count = 10)]
fn combined(bencher: Bencher) {
    read_log(bencher, LogFormat::Combined, "", |out, request| access(out, request, true));
}

#[divan::bench(sample_count = 10)]
fn common(bencher: Bencher) {
    read_log(bencher, LogFormat::Common, "", |out, request| access(out, request, false));
}

#[divan::bench(sample_count = 10)]
fn zeek(bencher: Bencher) {
    let header = "#separator \\x09\n#fields\taddress\tuser\ttime\tmethod\tpath\tversion\tstatus\tbytes\treferrer\tagent\n";
    read_log(bencher, LogFormat::Zeek, header, |out, request| cells(out, request, '\t'));
}

#[divan::bench(sample_count = 10)]
fn w3c(bencher: Bencher) {
    let header = "#Fields: c-ip date time cs-method cs-uri-stem sc-status sc-bytes cs(Referer) cs(User-Agent)\n";
    read_log(bencher, LogFormat::W3c, header, |out, request| {
        let Request { address, hour, minute, second, path, status, bytes, agent } = request;
        let agent = agent.replace(' ', "+");
        write!(
            out,
            "{address} 2026-03-02 {hour:02}:{minute:02}:{second:02} GET {path} {status} {bytes} https://shop.example/ {agent}"
        )
        .unwrap();
    });
}

#[divan::bench(sample_count = 10)]
fn syslog(bencher: Bencher) {
    read_log(bencher, LogFormat::Syslog, "", |out, request| {
        let Request { hour, minute, second, .. } = request;
        write!(out, "<34>Mar  2 {hour:02}:{minute:02}:{second:02} web1 nginx[417]: ").unwrap();
        access(out, request, true);
    });
}

#[divan::bench(sample_count = 10)]
fn logfmt(bencher: Bencher) {
    read_log(bencher, LogFormat::Logfmt, "", |out, request| {
        let Request { address, hour, minute, second, path, status, bytes, agent } = request;
        write!(
            out,
            "ts=2026-03-02T{hour:02}:{minute:02}:{second:02}Z level=info client={address} method=GET path={path} \
             status={status} bytes={bytes} referrer=https://shop.example/ agent=\"{agent}\""
        )
        .unwrap();
    });
}

#[divan::bench(sample_count = 10)]
fn regex(bencher: Bencher) {
    read_log(bencher, LogFormat::Regex, "", |out, request| access(out, request, true));
}
