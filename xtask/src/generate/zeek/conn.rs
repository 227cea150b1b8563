//! Connections: web, mail, names, files and shells of people, and attacks.

use super::{BENIGN, HOUR, Row, host, office_time, port};
use crate::generate::random::Random;

pub(super) const FIELDS: &str = "id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state \
    local_orig local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents";
pub(super) const TYPES: &str = "addr port addr port enum string interval count count string bool bool count string count count \
    count count set[string]";

type Family = fn(&mut Random, u64, &mut Vec<Row>);

/// The families of attacks.
pub(super) fn families(held_out: bool) -> Vec<Family> {
    if held_out { vec![exfiltration, brute_force] } else { vec![scan, beacon, tunnel] }
}

/// What a server is for, its address, port, service, and the usual bytes of both sides.
const SERVERS: [(&str, u64, &str, &str, u64, u64); 9] = [
    ("203.0.113.10", 443, "tcp", "ssl", 1_800, 26_000),
    ("203.0.113.24", 443, "tcp", "ssl", 2_400, 90_000),
    ("198.51.100.7", 443, "tcp", "ssl", 900, 12_000),
    ("198.51.100.80", 80, "tcp", "http", 420, 8_000),
    ("10.20.0.2", 53, "udp", "dns", 45, 130),
    ("10.20.0.3", 445, "tcp", "gssapi,smb", 22_000, 48_000),
    ("10.20.0.4", 993, "tcp", "ssl", 1_400, 5_200),
    ("10.20.0.5", 22, "tcp", "ssh", 4_200, 6_100),
    ("10.20.0.2", 123, "udp", "ntp", 48, 48),
];

/// A connection.
struct Conn {
    from: String,
    to: String,
    to_port: u64,
    proto: &'static str,
    service: &'static str,
    /// In milliseconds.
    duration: u64,
    bytes: (u64, u64),
    state: &'static str,
}

impl Conn {
    fn row(&self, random: &mut Random, time: u64, label: &'static str) -> Row {
        let Self { from, to, to_port, proto, service, duration, bytes: (sent, received), state } =
            self;
        let packets = |bytes: u64| bytes / 1_200 + 1 + u64::from(*proto == "tcp") * 3;
        let (history, answered) = match *state {
            "S0" => ("S", false),
            "REJ" => ("Sr", false),
            _ if *proto == "udp" => ("Dd", true),
            "S1" => ("ShADad", true),
            "RSTO" => ("ShADadR", true),
            _ => ("ShADadFf", true),
        };
        let (out, back) = (packets(*sent), if answered { packets(*received) } else { 0 });
        let local = |address: &str| if address.starts_with("10.") { "T" } else { "F" };
        let length = if answered {
            format!("{}.{:06}", duration / 1_000, duration % 1_000 * 1_000)
        } else {
            "-".into()
        };
        let count = |bytes: u64| if answered { bytes.to_string() } else { "-".to_owned() };
        let fields = format!(
            "{from}\t{}\t{to}\t{to_port}\t{proto}\t{}\t{length}\t{}\t{}\t{state}\t{}\t{}\t0\t{history}\t{out}\t{}\t{back}\t{}\t-",
            port(random),
            if answered { service } else { "-" },
            count(*sent),
            count(*received),
            local(from),
            local(to),
            sent + out * 40,
            if answered { received + back * 40 } else { 0 },
        );
        Row { time, fields, label }
    }
}

/// A host works for a few minutes.
pub(super) fn visit(random: &mut Random, rows: &mut Vec<Row>) {
    let from = host(random.below(super::HOSTS));
    let mut time = office_time(random);
    for _ in 0..random.between(3, 15) {
        time += random.between(50, 40_000);
        // The first are the most popular.
        let place = random.index(SERVERS.len()) * random.index(SERVERS.len()) / SERVERS.len();
        let (to, to_port, proto, service, sent, received) = SERVERS[place];
        let around = |random: &mut Random, bytes: u64| random.between(bytes / 2, bytes * 2);
        let state = match proto {
            "tcp" if random.chance(0.01) => "S0",
            "tcp" if random.chance(0.02) => "RSTO",
            "tcp" if random.chance(0.03) => "S1",
            _ => "SF",
        };
        let duration = match proto {
            "udp" => random.between(1, 40),
            _ => random.between(80, 20_000),
        };
        let bytes = match proto {
            "udp" => (sent + random.below(20), received + random.below(60)),
            _ => (around(random, sent), around(random, received)),
        };
        let conn = Conn {
            from: from.clone(),
            to: to.to_owned(),
            to_port,
            proto,
            service,
            duration,
            bytes,
            state,
        };
        rows.push(conn.row(random, time, BENIGN));
    }
}

/// One host tries the ports of a server.
fn scan(random: &mut Random, count: u64, rows: &mut Vec<Row>) {
    let mut time = office_time(random);
    for _ in 0..count {
        time += random.between(2, 60);
        let conn = Conn {
            from: host(37),
            to: "10.20.0.5".to_owned(),
            to_port: random.between(1, 10_000),
            proto: "tcp",
            service: "-",
            duration: 0,
            bytes: (0, 0),
            state: if random.chance(0.7) { "REJ" } else { "S0" },
        };
        rows.push(conn.row(random, time, "scan"));
    }
}

/// One host reports to a server at regular intervals, day and night.
fn beacon(random: &mut Random, count: u64, rows: &mut Vec<Row>) {
    let interval = 23 * HOUR / count.max(1);
    for call in 0..count {
        let conn = Conn {
            from: host(12),
            to: "192.0.2.66".to_owned(),
            to_port: 8_443,
            proto: "tcp",
            service: "ssl",
            duration: random.between(140, 180),
            bytes: (random.between(310, 330), random.between(180, 200)),
            state: "SF",
        };
        let time = call * interval + random.below(interval / 20 + 1);
        rows.push(conn.row(random, time, "beacon"));
    }
}

/// One host has long exchanges with a server of names outside.
fn tunnel(random: &mut Random, count: u64, rows: &mut Vec<Row>) {
    let mut time = office_time(random);
    for _ in 0..count {
        time += random.between(1_000, 20_000);
        let conn = Conn {
            from: host(51),
            to: "192.0.2.53".to_owned(),
            to_port: 53,
            proto: "udp",
            service: "dns",
            duration: random.between(10_000, 90_000),
            bytes: (random.between(20_000, 90_000), random.between(10_000, 40_000)),
            state: "SF",
        };
        rows.push(conn.row(random, time, "tunnel"));
    }
}

/// One host sends much to a server that receives little elsewhere.
fn exfiltration(random: &mut Random, count: u64, rows: &mut Vec<Row>) {
    let mut time = 2 * HOUR;
    for _ in 0..count {
        time += random.between(10_000, 90_000);
        let conn = Conn {
            from: host(8),
            to: "198.51.100.7".to_owned(),
            to_port: 443,
            proto: "tcp",
            service: "ssl",
            duration: random.between(5_000, 60_000),
            bytes: (random.between(4_000_000, 30_000_000), random.between(4_000, 9_000)),
            state: "SF",
        };
        rows.push(conn.row(random, time, "exfiltration"));
    }
}

/// One host tries passwords on a server, one connection each.
fn brute_force(random: &mut Random, count: u64, rows: &mut Vec<Row>) {
    let mut time = office_time(random);
    for _ in 0..count {
        time += random.between(400, 2_500);
        let conn = Conn {
            from: host(29),
            to: "10.20.0.5".to_owned(),
            to_port: 22,
            proto: "tcp",
            service: "ssh",
            duration: random.between(1_200, 2_800),
            bytes: (random.between(1_700, 1_900), random.between(2_000, 2_200)),
            state: "RSTO",
        };
        rows.push(conn.row(random, time, "brute_force"));
    }
}
