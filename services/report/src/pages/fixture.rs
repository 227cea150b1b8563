//! A made-up report, for tests: DNS queries, a few of them odd, some of them hostile to those who show them.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "figures that are made up are small"
)]

mod analysis;

use anomal_core::proto::{
    Column, DataType, Diagnostic, FeatureColumn, FeatureKind, Report, Severity,
    report::{FilterCount, FlagCount},
};

use crate::view::{Hit, Page, Point, Query, Reason, Record, ScoreHistogram, Value, View, Whole};

pub const ROWS: u64 = 499;
pub const SCRIPT: &str = "<script>alert('x')</script>\"&.example";
pub const TURNED: &str = "invoice\u{202e}gpj.exe";
const FEATURES: [(&str, FeatureKind, f64); 10] = [
    ("client.bytes", FeatureKind::Numeric, 1.0),
    ("network.bytes", FeatureKind::Numeric, 1.0),
    ("hostname_length", FeatureKind::Numeric, 1.0),
    ("hostname_entropy", FeatureKind::Numeric, 2.0),
    ("numbers_in_hostname", FeatureKind::Numeric, 1.0),
    ("subdomains", FeatureKind::Numeric, 1.0),
    ("ttl", FeatureKind::Numeric, 0.5),
    ("response_code", FeatureKind::Categorical, 1.0),
    ("query_type", FeatureKind::Categorical, 1.0),
    ("is_weekend", FeatureKind::Boolean, 0.5),
];
const COLUMNS: [(&str, DataType); 8] = [
    ("@timestamp", DataType::Datetime),
    ("source.ip", DataType::String),
    ("destination.ip", DataType::String),
    ("dns.question.name", DataType::String),
    ("dns.question.type", DataType::String),
    ("dns.response_code", DataType::String),
    ("client.bytes", DataType::Integer),
    ("network.bytes", DataType::Integer),
];

/// Numbers that look random and are the same each time.
fn noise(row: u64, salt: u64) -> f64 {
    let mut x =
        (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xd134_2543_de82_ef95);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 32;
    (x % 10_000) as f64 / 10_000.0
}

fn odd(row: u64) -> bool {
    row % 41 == 7
}

/// The leaf of the dendrogram that a row is in: 24 leaves, three for each of eight clusters.
fn leaf(row: u64) -> usize {
    let part = |share: f64, many: usize| ((share * many as f64) as usize).min(many - 1);
    if odd(row) { 21 + part(noise(row, 1), 3) } else { part(noise(row, 1).powf(1.7), 21) }
}

fn number(row: u64, feature: usize) -> f64 {
    let group = leaf(row) / 3;
    let n = noise(row, 10 + feature as u64);
    let odd = odd(row);
    match feature {
        0 => (60.0 + 25.0 * group as f64 + 40.0 * n + if odd { 900.0 * n } else { 0.0 }).round(),
        1 => (number(row, 0) * 2.4 + 6.0 * n).round(),
        2 => (12.0 + 3.0 * (group % 3) as f64 + 10.0 * n + if odd { 38.0 } else { 0.0 }).round(),
        3 => 2.6 + 0.8 * n + 0.1 * (group % 4) as f64 + if odd { 1.1 } else { 0.0 },
        4 => (3.0 * n * n + if odd { 12.0 * n } else { 0.0 }).round(),
        5 => (1.0 + 2.4 * n + if odd { 2.0 } else { 0.0 }).round(),
        _ => [30.0, 60.0, 300.0, 3600.0][(n * 4.0) as usize % 4],
    }
}

fn value(row: u64, feature: usize) -> Value {
    let text = |text: &str| Value { text: Some(text.to_owned()), number: None };
    let n = noise(row, 30 + feature as u64);
    match feature {
        7 if odd(row) => text(if n < 0.6 { "NXDOMAIN" } else { "SERVFAIL" }),
        7 => text(if n < 0.93 { "NOERROR" } else { "NXDOMAIN" }),
        8 if odd(row) => text(if n < 0.8 { "TXT" } else { "NULL" }),
        8 => text(if n < 0.7 { "A" } else { "AAAA" }),
        9 => Value { text: Some("false".to_owned()), number: Some(0.0) },
        6 if row.is_multiple_of(19) => Value::default(),
        _ => {
            let number = number(row, feature);
            let text = if feature == 3 { format!("{number:.3}") } else { format!("{number}") };
            Value { text: Some(text), number: Some(number) }
        }
    }
}

fn name(row: u64) -> String {
    match row {
        7 => SCRIPT.to_owned(),
        48 => TURNED.to_owned(),
        89 => "a".repeat(100_001),
        _ if odd(row) => format!(
            "{:016x}{:08x}.x{}.updates.example",
            row.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            row * 7919,
            row % 5
        ),
        _ => format!(
            "{}{}.intranet.example",
            ["www", "mail", "cdn", "api", "static"][(row % 5) as usize],
            row % 23
        ),
    }
}

fn score(row: u64) -> f64 {
    if odd(row) { 0.52 + 0.4 * noise(row, 3) } else { 0.06 + 0.33 * noise(row, 3).powi(2) }
}

fn contributions(row: u64) -> Vec<f64> {
    let odd = odd(row);
    let parts: Vec<f64> = (0..FEATURES.len())
        .map(|feature| {
            let n = 0.3 + noise(row, 60 + feature as u64);
            match feature {
                9 => 0.001,
                3 if odd => 6.0 * n,
                2 | 8 if odd => 3.0 * n,
                _ if odd => 0.4 * n,
                _ => n,
            }
        })
        .collect();
    let sum: f64 = parts.iter().sum();
    parts.into_iter().map(|part| part / sum).collect()
}

pub fn record(row: u64) -> Option<Record> {
    if row >= ROWS {
        return None;
    }
    let contributions = contributions(row);
    let mut reasons: Vec<Reason> = FEATURES
        .iter()
        .zip(&contributions)
        .map(|((name, ..), &share)| Reason { feature: (*name).to_owned(), share })
        .collect();
    reasons.sort_by(|a, b| b.share.total_cmp(&a.share));
    reasons.truncate(3);
    let flags: Vec<String> = (0..5)
        .filter(|&flag| hit(row, flag).is_some())
        .map(|flag| flags()[flag].name.clone())
        .collect();
    Some(Record {
        row,
        score: Some(score(row)),
        rank: Some((score(row) / 0.92).min(0.998)),
        cluster: Some(analysis::label(6, row)),
        suspicious: odd(row),
        severity: flags.first().map(|_| Severity::High),
        flags,
        reasons,
        explanation: Some(format!(
            "hostname_entropy is {:.2}, above 99 % of the rows; query_type is {}, in 9 of 499 rows",
            number(row, 3),
            value(row, 8).text.unwrap_or_default()
        )),
        source: (0..COLUMNS.len())
            .map(|column| {
                Some(match column {
                    0 => format!(
                        "2025-11-24T{:02}:{:02}:{:02}Z",
                        row / 60 % 24,
                        row % 60,
                        row * 7 % 60
                    ),
                    1 => format!("10.1.{}.{}", row % 4, row % 200 + 2),
                    2 => "10.1.0.1".to_owned(),
                    3 => name(row),
                    4 => value(row, 8).text?,
                    5 => value(row, 7).text?,
                    6 => value(row, 0).text?,
                    _ => value(row, 1).text?,
                })
            })
            .collect(),
        features: (0..FEATURES.len()).map(|feature| value(row, feature)).collect(),
        contributions,
    })
}

fn flags() -> Vec<FlagCount> {
    let flag = |name: &str, severity: Severity, description: &str, message: &str| FlagCount {
        name: name.to_owned(),
        severity: severity.into(),
        description: description.to_owned(),
        message: message.to_owned(),
        rows: 0,
    };
    vec![
        flag(
            "dns_tunnelling",
            Severity::High,
            "Long names of high entropy under one domain.",
            "{count} queries look like a tunnel.",
        ),
        flag(
            "beaconing",
            Severity::Low,
            "A client that asks again and again in even steps.",
            "{count} queries come in even steps.",
        ),
        flag("rare_query_type", Severity::Medium, "", "{count} queries ask for TXT or NULL."),
        flag(SCRIPT, Severity::Medium, "A flag with a hostile name.", "<u>{count}</u> rows"),
        flag(
            "known_bad_domain",
            Severity::High,
            "Domains on the block list.",
            "{count} queries ask for a domain on the block list.",
        ),
    ]
}

fn hit(row: u64, flag: usize) -> Option<String> {
    let shown = || crate::pages::text::cut(&name(row), 200).0.to_owned();
    match flag {
        0 if odd(row) && row % 2 == 1 => Some(shown()),
        1 if row % 11 == 3 => {
            Some(format!("every {} s, deviation {:.1} s", 30 + row % 5, noise(row, 5)))
        }
        2 if odd(row) => value(row, 8).text,
        3 if row == 7 => Some(SCRIPT.to_owned()),
        _ => None,
    }
}

pub fn hits(flag: usize, offset: usize, limit: usize) -> Page<Hit> {
    let all: Vec<Hit> =
        (0..ROWS).filter_map(|row| hit(row, flag).map(|value| Hit { row, value })).collect();
    let total = all.len();
    Page { items: all.into_iter().skip(offset).take(limit).collect(), offset, total }
}

pub fn suspects(query: &Query) -> Page<Record> {
    let mut all: Vec<Record> = (0..ROWS)
        .filter(|&row| odd(row) || (0..5).any(|flag| hit(row, flag).is_some()))
        .filter_map(record)
        .filter(|record| record.source.iter().flatten().any(|value| value.contains(&query.search)))
        .collect();
    all.sort_by(|a, b| b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0)));
    if query.sort == "row" {
        all.sort_by_key(|record| record.row);
    }
    let total = all.len();
    let items = all.into_iter().skip(query.offset).take(query.limit).collect();
    Page { items, offset: query.offset, total }
}

pub fn report() -> Report {
    let mut flags = flags();
    for (place, flag) in flags.iter_mut().enumerate() {
        flag.rows = hits(place, 0, 0).total as u64;
    }
    let suspects = suspects(&Query { limit: 1000, ..Query::default() });
    Report {
        id: "0193f6c1-dns".to_owned(),
        namespace: "security".to_owned(),
        job: "dns-tunnels".to_owned(),
        create_time: "2025-11-24T21:20:05Z".to_owned(),
        version: "0.1.0".to_owned(),
        input: "file dns_logs_example.csv".to_owned(),
        rows: 1_512,
        rejected: 3,
        filtered: 1_010,
        results: ROWS,
        suspicious: (0..ROWS).filter(|&row| odd(row)).count() as u64,
        flagged: suspects.items.iter().filter(|record| !record.flags.is_empty()).count() as u64,
        suspects: suspects.total as u64,
        filters: vec![
            FilterCount { name: "internal_zones".to_owned(), rows: 986 },
            FilterCount { name: "duplicates".to_owned(), rows: 24 },
        ],
        flags,
        engine: "Gower".to_owned(),
        threshold: "contamination 0.025".to_owned(),
        columns: COLUMNS
            .iter()
            .map(|(name, kind)| Column { name: (*name).to_owned(), data_type: (*kind).into() })
            .collect(),
        features: (0..FEATURES.len()).map(feature).collect(),
        diagnostics: vec![Diagnostic {
            path: "features[6].name".to_owned(),
            reason: "VALUES_MISSING".to_owned(),
            message: "ttl is missing in some rows; there it is not compared".to_owned(),
            count: 27,
        }],
        duration_seconds: 2.43,
        bytes: 184_320,
        ..Report::default()
    }
}

fn feature(place: usize) -> FeatureColumn {
    let (name, kind, weight) = FEATURES[place];
    let origin =
        if name.contains('.') { format!("field {name}") } else { format!("metric {name}") };
    FeatureColumn { name: name.to_owned(), kind: kind.into(), weight, origin }
}

pub fn view() -> View {
    let edges: Vec<f64> = (0..=40).map(|edge| f64::from(edge) / 40.0).collect();
    let (mut normal, mut suspicious) = (vec![0; 40], vec![0; 40]);
    for row in 0..ROWS {
        let bin = ((score(row) * 40.0) as usize).min(39);
        let bins: &mut Vec<u64> = if odd(row) { &mut suspicious } else { &mut normal };
        bins[bin] += 1;
    }
    View {
        scores: Some(ScoreHistogram { edges, normal, suspicious, cut: Some(0.5) }),
        points: (0..ROWS).map(point).collect(),
        leaf_labels: (0..7)
            .map(|clustering| (0..24).map(|leaf| analysis::of_leaf(clustering, leaf)).collect())
            .collect(),
    }
}

fn point(row: u64) -> Point {
    let group = leaf(row) / 3;
    let angle = group as f64 * 0.8 + noise(row, 7) * 0.5;
    let away = 0.25
        + 0.12 * (group % 3) as f64
        + 0.12 * noise(row, 8)
        + if odd(row) { 0.5 * noise(row, 9) + 0.2 } else { 0.0 };
    Point {
        row,
        x: (angle.cos() * away * 1.4) as f32,
        y: (angle.sin() * away) as f32,
        count: 1 + u64::from(row.is_multiple_of(50)) * 6,
        suspicious: odd(row),
        score: Some(score(row)),
        labels: (0..7).map(|clustering| analysis::label(clustering, row)).collect(),
        features: (0..FEATURES.len()).map(|feature| value(row, feature).text).collect(),
    }
}

pub fn analysis() -> anomal_core::proto::Analysis {
    analysis::analysis()
}

pub fn whole() -> Whole {
    Whole {
        report: report(),
        analysis: Some(analysis()),
        view: view(),
        suspects: suspects(&Query { limit: 20, ..Query::default() }).items,
        hits: (0..5).map(|flag| hits(flag, 0, 10).items).collect(),
    }
}
