//! Requests for names: those that people's programs make, and attacks.

use super::{BENIGN, HOUR, Row, host, office_time, port};
use crate::generate::random::Random;

pub(super) const FIELDS: &str = "id.orig_h id.orig_p id.resp_h id.resp_p proto trans_id rtt query qclass qclass_name qtype \
    qtype_name rcode rcode_name AA TC RD RA Z answers TTLs rejected";
pub(super) const TYPES: &str = "addr port addr port enum count interval string count string count string count string bool bool \
    bool bool count vector[string] vector[interval] bool";

type Family = fn(&mut Random, u64, &mut Vec<Row>);

/// The families of attacks.
pub(super) fn families(held_out: bool) -> Vec<Family> {
    if held_out { vec![generated_names, transfer] } else { vec![scan, beacon, tunnel] }
}

const SITES: [&str; 16] = [
    "google.com",
    "microsoft.com",
    "office.com",
    "github.com",
    "wikipedia.org",
    "amazonaws.com",
    "cloudflare.com",
    "mozilla.org",
    "ubuntu.com",
    "debian.org",
    "python.org",
    "apple.com",
    "zoom.us",
    "slack.com",
    "linkedin.com",
    "bbc.co.uk",
];
const NAMES: [&str; 12] = [
    "www", "api", "cdn", "mail", "login", "static", "update", "img", "docs", "m", "assets", "play",
];
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const ENCODED: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A request and its answer.
struct Lookup<'a> {
    from: String,
    query: String,
    /// The number and the name of the type.
    kind: (u64, &'static str),
    /// The number and the name of the answer's code.
    code: (u64, &'static str),
    answers: &'a str,
}

impl Lookup<'_> {
    fn row(&self, random: &mut Random, time: u64, label: &'static str) -> Row {
        let Self { from, query, kind, code, answers } = self;
        let lifetimes = match *answers {
            "-" => "-".to_owned(),
            answers => vec!["300.000000"; answers.split(',').count()].join(","),
        };
        let fields = format!(
            "{from}\t{}\t10.20.0.2\t53\tudp\t{}\t0.{:06}\t{query}\t1\tC_INTERNET\t{}\t{}\t{}\t{}\tF\tF\tT\tT\t0\t{answers}\t\
             {lifetimes}\tF",
            port(random),
            random.below(65_536),
            random.between(900, 60_000),
            kind.0,
            kind.1,
            code.0,
            code.1,
        );
        Row { time, fields, label }
    }
}

const FOUND: (u64, &str) = (0, "NOERROR");
const MISSING: (u64, &str) = (3, "NXDOMAIN");

/// A host asks for the names of a few pages.
pub(super) fn visit(random: &mut Random, rows: &mut Vec<Row>) {
    let from = host(random.below(super::HOSTS));
    let mut time = office_time(random);
    for _ in 0..random.between(3, 15) {
        time += random.between(20, 30_000);
        let site = SITES[random.index(SITES.len()) * random.index(SITES.len()) / SITES.len()];
        let query = match random.below(4) {
            0 => site.to_owned(),
            _ => format!("{}.{site}", random.pick(&NAMES)),
        };
        let answers = format!("203.0.113.{}", random.between(1, 254));
        let lookup = if random.chance(0.015) {
            let query = format!("{}.corp.example.com", random.pick(&["wpad", "isatap", "printer"]));
            Lookup { from: from.clone(), query, kind: (1, "A"), code: MISSING, answers: "-" }
        } else if random.chance(0.2) {
            Lookup { from: from.clone(), query, kind: (28, "AAAA"), code: FOUND, answers: "-" }
        } else {
            let answers = &answers;
            Lookup { from: from.clone(), query, kind: (1, "A"), code: FOUND, answers }
        };
        rows.push(lookup.row(random, time, BENIGN));
    }
}

/// One host asks for the names of all addresses.
fn scan(random: &mut Random, count: u64, rows: &mut Vec<Row>) {
    let mut time = office_time(random);
    for address in 0..count {
        time += random.between(5, 80);
        let query = format!("{}.1.20.10.in-addr.arpa", address % 256);
        let lookup =
            Lookup { from: host(37), query, kind: (12, "PTR"), code: MISSING, answers: "-" };
        rows.push(lookup.row(random, time, "scan"));
    }
}

/// One host asks for one name at regular intervals, day and night.
fn beacon(random: &mut Random, count: u64, rows: &mut Vec<Row>) {
    let interval = 23 * HOUR / count.max(1);
    for call in 0..count {
        let lookup = Lookup {
            from: host(12),
            query: "x7f3kq9d.example-cdn.top".to_owned(),
            kind: (1, "A"),
            code: FOUND,
            answers: "192.0.2.66",
        };
        let time = call * interval + random.below(interval / 20 + 1);
        rows.push(lookup.row(random, time, "beacon"));
    }
}

/// One host sends data in the names below a domain.
fn tunnel(random: &mut Random, count: u64, rows: &mut Vec<Row>) {
    let mut time = office_time(random);
    for _ in 0..count {
        time += random.between(200, 3_000);
        let length = random.between(40, 60);
        let (data, more) = (random.text(ENCODED, length), random.text(ENCODED, length / 2));
        let answers = random.text(ENCODED, length * 2);
        let lookup = Lookup {
            from: host(51),
            query: format!("{data}.{more}.t.example-files.net"),
            kind: (16, "TXT"),
            code: FOUND,
            answers: &format!("TXT {} {answers}", answers.len()),
        };
        rows.push(lookup.row(random, time, "tunnel"));
    }
}

/// One host asks for generated names, of which few are there.
fn generated_names(random: &mut Random, count: u64, rows: &mut Vec<Row>) {
    let mut time = office_time(random);
    for _ in 0..count {
        time += random.between(300, 9_000);
        let length = random.between(12, 20);
        let end = random.pick(&["com", "net", "info", "biz"]);
        let query = format!("{}.{end}", random.text(LETTERS, length));
        let lookup = Lookup { from: host(8), query, kind: (1, "A"), code: MISSING, answers: "-" };
        rows.push(lookup.row(random, time, "generated_names"));
    }
}

/// One host asks for whole zones.
fn transfer(random: &mut Random, count: u64, rows: &mut Vec<Row>) {
    let mut time = office_time(random);
    for _ in 0..count {
        time += random.between(500, 5_000);
        let query =
            format!("{}.example.com", random.pick(&["corp", "dev", "lab", "ad", "internal"]));
        let lookup = Lookup {
            from: host(29),
            query,
            kind: (252, "AXFR"),
            code: (5, "REFUSED"),
            answers: "-",
        };
        rows.push(lookup.row(random, time, "transfer"));
    }
}
