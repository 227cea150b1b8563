//! A report of many requests for names, of any size, the same on each call.

mod analysis;

use anomal_core::proto::{
    Column, DataType, Diagnostic, FeatureColumn, FeatureKind, Report, Severity,
    report::{FilterCount, FlagCount},
};

use crate::view::{Hit, Reason, Record, ReportDocument, Value, View};
use analysis::{analysis, view};

const FEATURES: [(&str, f64, &str); 10] = [
    ("client.bytes", 0.5, "field client.bytes"),
    ("network.bytes", 1.0, "field network.bytes"),
    ("dns.response_code", 1.0, "field dns.response_code"),
    ("hostname_entropy", 2.0, "metric hostname_entropy"),
    ("numbers_in_hostname", 1.0, "metric numbers_in_hostname"),
    ("subdomain_length", 1.0, "metric subdomain_length"),
    ("vowel_ratio", 1.0, "metric vowel_ratio"),
    ("popularity", 1.0, "metric alexa_1m_rating"),
    ("typo_distance", 1.0, "metric levenshtein"),
    ("answer_entropy", 2.0, "metric entropy"),
];
const COLUMNS: [&str; 8] = [
    "@timestamp",
    "source.ip",
    "dns.question.name",
    "dns.response_code",
    "client.bytes",
    "dns.answers.data",
    "network.bytes",
    "label",
];
const FLAGS: [(&str, Severity, &str, &str); 5] = [
    (
        "unique_subdomains",
        Severity::High,
        "Many different names below one domain in an hour, as a tunnel has",
        "{count} requests for many different names below one domain",
    ),
    (
        "has_dns_data_b64_encoded",
        Severity::Medium,
        "An answer is base64",
        "{count} answers carry base64",
    ),
    (
        "typosquatting",
        Severity::Medium,
        "A domain one or two letters from a popular one, and not popular itself",
        "{count} requests for domains that look like popular ones",
    ),
    (
        "nxdomain_ratio",
        Severity::Medium,
        "A client that asks for many names that do not exist, as generated ones do",
        "{count} names that do not exist, asked for by clients with many of them",
    ),
    (
        "beaconing_detector",
        Severity::Low,
        "A client calls a domain at regular intervals (so do update checks)",
        "{count} requests at regular intervals",
    ),
];

/// Numbers of 0..1 that look as if by chance.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal: mean 0, deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }

    fn below(&mut self, limit: u32) -> u32 {
        let mut place = 0;
        let at = self.next() * f64::from(limit);
        while f64::from(place + 1) <= at && place + 1 < limit {
            place += 1;
        }
        place
    }

    fn word(&mut self, length: u32) -> String {
        (0..length).map(|_| char::from_digit(self.below(36), 36).unwrap()).collect()
    }
}

/// A report with that many suspects, points of the map, and rows for each flag.
pub fn whole(suspects: u32, points: u32, hits: u32) -> ReportDocument {
    let mut chance = Chance(7);
    ReportDocument {
        report: report(suspects, hits),
        analysis: Some(analysis(&mut chance, suspects)),
        view: view(&mut chance, points),
        suspects: (0..suspects).map(|place| record(&mut chance, place)).collect(),
        hits: FLAGS
            .iter()
            .map(|_| (0..hits).map(|place| hit(&mut chance, place)).collect())
            .collect(),
        ..ReportDocument::default()
    }
}

/// The same without a classification.
pub fn flags_only(suspects: u32, hits: u32) -> ReportDocument {
    let mut whole =
        ReportDocument { analysis: None, view: View::default(), ..whole(suspects, 0, hits) };
    whole.report.engine.clear();
    whole.report.threshold.clear();
    whole.report.features.clear();
    whole.report.suspicious = 0;
    for record in &mut whole.suspects {
        *record = Record {
            row: record.row,
            flags: vec!["unique_subdomains".to_owned()],
            severity: Some(Severity::High),
            source: record.source.clone(),
            ..Record::default()
        };
    }
    whole
}

fn report(suspects: u32, hits: u32) -> Report {
    Report {
        id: "01JD3Y8Q6N4T5Z7W9XKB2M0CFH".to_owned(),
        namespace: "security".to_owned(),
        job: "dns".to_owned(),
        create_time: "2026-11-24T09:41:07Z".to_owned(),
        version: "0.1.0".to_owned(),
        input: "csv examples/dns/dns.csv".to_owned(),
        rows: 20_480,
        rejected: 12,
        filtered: 468,
        results: 20_000,
        suspicious: u64::from(suspects),
        flagged: u64::from(hits) * 5,
        suspects: u64::from(suspects),
        filters: vec![FilterCount { name: "remove_local_names".to_owned(), rows: 468 }],
        flags: FLAGS
            .iter()
            .map(|(name, severity, description, message)| FlagCount {
                name: (*name).to_owned(),
                severity: (*severity).into(),
                description: (*description).to_owned(),
                message: (*message).to_owned(),
                rows: u64::from(hits),
            })
            .collect(),
        engine: "Gower".to_owned(),
        threshold: "contamination 0.02".to_owned(),
        columns: COLUMNS
            .iter()
            .map(|name| Column { name: (*name).to_owned(), data_type: DataType::String.into() })
            .collect(),
        features: columns(),
        diagnostics: vec![Diagnostic {
            path: "features[7]".to_owned(),
            reason: "MISSING_VALUES".to_owned(),
            message: "values are missing".to_owned(),
            count: 42,
        }],
        duration_seconds: 3.84,
        ..Report::default()
    }
}

fn columns() -> Vec<FeatureColumn> {
    FEATURES
        .iter()
        .map(|(name, weight, origin)| FeatureColumn {
            name: (*name).to_owned(),
            kind: match *name {
                "dns.response_code" => FeatureKind::Categorical,
                _ => FeatureKind::Numeric,
            }
            .into(),
            weight: *weight,
            origin: (*origin).to_owned(),
            ..FeatureColumn::default()
        })
        .collect()
}

fn record(chance: &mut Chance, place: u32) -> Record {
    let name = format!("{}.{}.tunnel.example.net", chance.word(28), chance.word(6));
    let score = 0.62 - f64::from(place) * 0.001;
    let shares = [0.41, 0.27, 0.16, 0.09];
    let first = usize::try_from(chance.below(6)).unwrap();
    Record {
        row: u64::from(place * 97 + 13),
        score: Some(score),
        rank: Some(1.0 - f64::from(place + 1) / 20_000.0),
        cluster: Some(2),
        suspicious: true,
        severity: place.is_multiple_of(3).then_some(Severity::High),
        flags: if place.is_multiple_of(3) {
            vec!["unique_subdomains".to_owned()]
        } else {
            Vec::new()
        },
        reasons: shares
            .iter()
            .enumerate()
            .map(|(i, share)| Reason { feature: FEATURES[first + i].0.to_owned(), share: *share })
            .collect(),
        explanation: Some(format!(
            "{} is {:.2}, higher than in 99.4 % of the rows (median 2.81); {} is unusual too.",
            FEATURES[first].0,
            4.0 + chance.next(),
            FEATURES[first + 1].0
        )),
        source: vec![
            Some(format!("2026-11-23T1{}:{:02}:{:02}Z", place % 10, place % 60, (place * 7) % 60)),
            Some(format!("10.0.{}.{}", place % 4, place % 250)),
            Some(name),
            Some("NOERROR".to_owned()),
            Some((60 + place).to_string()),
            (!place.is_multiple_of(4)).then(|| format!("{}==", chance.word(60))),
            Some("412".to_owned()),
            None,
        ],
        features: FEATURES
            .iter()
            .map(|(name, ..)| match *name {
                "dns.response_code" => Value { text: Some("NOERROR".to_owned()), number: None },
                _ => {
                    let number = chance.next() * 5.0;
                    Value { text: Some(number.to_string()), number: Some(number) }
                }
            })
            .collect(),
        contributions: vec![0.1; FEATURES.len()],
        ..Record::default()
    }
}

fn hit(chance: &mut Chance, place: u32) -> Hit {
    Hit { row: u64::from(place * 31 + 4), value: format!("{}.tunnel.example.net", chance.word(18)) }
}
