//! A synthetic report for tests: DNS queries, a few of them suspicious, some with hostile values.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "synthetic numbers are small and positive"
)]

mod analysis;
pub mod incidents;
mod rows;

use std::sync::Arc;

use anomal_core::proto::{
    Column, DataType, Diagnostic, FeatureColumn, FeatureKind, Report, Severity, Verdict,
    report::{FilterCount, FlagCount},
};

use self::rows::{contributions, is_suspicious, leaf, name, noise, number, score, value};
use crate::{
    pages::verdicts::ShownVerdicts,
    verdicts::VerdictBook,
    view::{Hit, Page, Point, Query, Reason, Record, ReportDocument, ScoreHistogram, View},
};

pub const ROWS: u64 = 499;
pub const SCRIPT: &str = "<script>alert('x')</script>\"&.example";
pub const BIDI_OVERRIDE: &str = "invoice\u{202e}gpj.exe";
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
        suspicious: is_suspicious(row),
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
        incident: incidents::number(row),
        time: Some(incidents::time(row)),
        actor: Some(incidents::actor(row)),
        target: Some(incidents::target(row)),
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
            "A client that repeats a query at regular intervals.",
            "{count} queries come at regular intervals.",
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
    let value_of_name = || crate::pages::format::text::truncate(&name(row), 200).0.to_owned();
    match flag {
        0 if is_suspicious(row) && row % 2 == 1 => Some(value_of_name()),
        1 if row % 11 == 3 => {
            Some(format!("every {} s, deviation {:.1} s", 30 + row % 5, noise(row, 5)))
        }
        2 if is_suspicious(row) => value(row, 8).text,
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
        .filter(|&row| is_suspicious(row) || (0..5).any(|flag| hit(row, flag).is_some()))
        .filter_map(record)
        .filter(|record| {
            let search = &query.filter.search;
            record.source.iter().flatten().any(|value| value.contains(search))
        })
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
    for (index, flag) in flags.iter_mut().enumerate() {
        flag.rows = hits(index, 0, 0).total as u64;
    }
    let suspects = suspects(&Query { limit: 1000, ..Query::default() });
    incidents::described(Report {
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
        suspicious: (0..ROWS).filter(|&row| is_suspicious(row)).count() as u64,
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
            message: "ttl is missing in some rows; it is not compared there".to_owned(),
            count: 27,
        }],
        duration_seconds: 2.43,
        bytes: 184_320,
        ..Report::default()
    })
}

fn feature(index: usize) -> FeatureColumn {
    let (name, kind, weight) = FEATURES[index];
    let origin =
        if name.contains('.') { format!("field {name}") } else { format!("metric {name}") };
    FeatureColumn {
        name: name.to_owned(),
        kind: kind.into(),
        weight,
        origin,
        ..FeatureColumn::default()
    }
}

pub fn view() -> View {
    let edges: Vec<f64> = (0..=40).map(|edge| f64::from(edge) / 40.0).collect();
    let (mut normal, mut suspicious) = (vec![0; 40], vec![0; 40]);
    for row in 0..ROWS {
        let bin = ((score(row) * 40.0) as usize).min(39);
        let bins: &mut Vec<u64> = if is_suspicious(row) { &mut suspicious } else { &mut normal };
        bins[bin] += 1;
    }
    View {
        scores: Some(ScoreHistogram { edges, normal, suspicious, cut: Some(0.5) }),
        points: (0..ROWS).map(point).collect(),
        leaf_labels: (0..7)
            .map(|clustering| (0..24).map(|leaf| analysis::leaf_label(clustering, leaf)).collect())
            .collect(),
    }
}

fn point(row: u64) -> Point {
    let group = leaf(row) / 3;
    let angle = group as f64 * 0.8 + noise(row, 7) * 0.5;
    let distance = 0.25
        + 0.12 * (group % 3) as f64
        + 0.12 * noise(row, 8)
        + if is_suspicious(row) { 0.5 * noise(row, 9) + 0.2 } else { 0.0 };
    Point {
        row,
        x: (angle.cos() * distance * 1.4) as f32,
        y: (angle.sin() * distance) as f32,
        count: 1 + u64::from(row.is_multiple_of(50)) * 6,
        suspicious: is_suspicious(row),
        score: Some(score(row)),
        labels: (0..7).map(|clustering| analysis::label(clustering, row)).collect(),
        features: (0..FEATURES.len()).map(|feature| value(row, feature).text).collect(),
    }
}

pub fn analysis() -> anomal_core::proto::Analysis {
    analysis::analysis()
}

pub fn document() -> ReportDocument {
    ReportDocument {
        report: report(),
        analysis: Some(analysis()),
        view: view(),
        suspects: suspects(&Query { limit: 20, ..Query::default() }).items,
        hits: (0..5).map(|flag| hits(flag, 0, 10).items).collect(),
        incidents: Some(incidents::table()),
        groups: (0..5).map(|flag| incidents::groups(flag).into_iter().take(10).collect()).collect(),
        lanes: incidents::lanes(4),
        incident_rows: vec![vec![record(7).unwrap(), record(48).unwrap()]; 5],
        verdicts: Some(verdicts()),
    }
}

/// Decisions about the first incidents, with hostile texts.
pub fn verdicts() -> ShownVerdicts {
    let verdict = |number: u64, verdict: &str, until: &str| Verdict {
        number,
        time: "2026-03-02T17:40:00Z".to_owned(),
        who: SCRIPT.to_owned(),
        report: SCRIPT.to_owned(),
        incident: number,
        title: BIDI_OVERRIDE.to_owned(),
        keys: vec![format!("{number:016x}")],
        rows: 1_000,
        flags: vec![SCRIPT.to_owned(), "dns_tunnelling".to_owned(), "beaconing".to_owned()],
        verdict: verdict.to_owned(),
        note: format!("{SCRIPT}\n{BIDI_OVERRIDE}"),
        until: until.to_owned(),
        ..Verdict::default()
    };
    let all = vec![
        verdict(1, "true-positive", ""),
        verdict(5, "benign", "2026-04-01"),
        verdict(6, "false-positive", SCRIPT),
        verdict(7, SCRIPT, "2026-04-01"),
    ];
    ShownVerdicts {
        book: VerdictBook::new(Arc::new(all)),
        day: jiff::civil::date(2026, 3, 3),
        problem: None,
    }
}
