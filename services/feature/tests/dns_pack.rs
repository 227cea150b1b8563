//! The pack dns on the spellings that resolvers, exports and sensors use, through the engine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anomal_core::{
    ExtractRequest, Extraction, FeatureEngine, FeatureSettings, PlanRequest, Scope, Table,
    proto::{Column, DataType},
};
use anomal_feature::LocalFeatureEngine;
use polars::prelude::{
    Column as Values, DataFrame, DataType as Dtype, NamedFrom, Series, TimeUnit,
};
use serde_json::json;

/// Extracts features and flags from columns of text; `t` has times in microseconds.
async fn extract(settings: serde_json::Value, columns: Vec<Values>) -> Extraction {
    let engine = LocalFeatureEngine::default();
    let settings: FeatureSettings = serde_json::from_value(settings).unwrap();
    let schema = columns.iter().map(|column| Column {
        name: column.name().to_string(),
        data_type: match column.dtype() {
            Dtype::String => DataType::String,
            _ => DataType::Datetime,
        }
        .into(),
    });
    let request = PlanRequest { settings, schema: schema.collect(), times: Vec::new() };
    let plan = engine.plan(request).await.unwrap();
    let height = columns[0].len();
    let frame = DataFrame::new(height, columns).unwrap();
    let names = plan.columns.iter().map(|column| column.name.as_str());
    let table = Table::new((0..height as u64).collect(), frame.select(names).unwrap()).unwrap();
    let scope = if plan.global { Scope::Global } else { Scope::Row };
    let (settings, columns) = (plan.settings.as_str().into(), plan.columns);
    engine.extract(ExtractRequest { settings, columns, scope, table }).await.unwrap()
}

fn times(micros: Vec<i64>) -> Values {
    let times = Series::new("t".into(), micros);
    times.cast(&Dtype::Datetime(TimeUnit::Microseconds, None)).unwrap().into()
}

#[tokio::test]
async fn answers_are_found_in_every_form_of_list() {
    const SECRET: &str = "dGhpcyBpcyBiYXNlNjQgdG9v";
    let forms: [fn(&[&str]) -> String; 8] = [
        |items| serde_json::to_string(items).unwrap(),
        |items| format!("[{}]", items.join("\";\"")),
        |items| format!("['{}']", items.join("', '")),
        |items| items.join(","),
        |items| items.join(", "),
        |items| format!("[{}]", items.join(", ")),
        |items| format!("{{{}}}", items.join(",")),
        |items| format!("{{'{}'}}", items.join("', '")),
    ];
    let lists: [&[&str]; 5] = [
        &[SECRET],
        &["192.0.2.1", SECRET],
        &[SECRET, "192.0.2.1"],
        &["192.0.2.1", "cdn.example.net"],
        &["v=spf1 -all"],
    ];
    for (number, form) in forms.iter().enumerate() {
        let cells: Vec<String> = lists.iter().map(|list| form(list)).collect();
        let flag =
            json!({"type": "direct", "name": "has_dns_data_b64_encoded", "dataNeeded": ["a"]});
        let settings = json!({"packs": ["dns"], "flags": [flag]});
        let found = extract(settings, vec![Values::new("a".into(), &cells)]).await;
        assert_eq!(found.hits.rows(), [0, 1, 2], "form {number}: {cells:?}");
        let values = found.hits.columns().column("value").unwrap().clone();
        assert!(values.str().unwrap().iter().all(|value| value == Some(SECRET)), "{values:?}");
    }
}

#[tokio::test]
async fn spellings_of_a_name_are_one_name() {
    let spellings = [
        "www.bücher.example.com",
        "wWw.BüChEr.ExAmPlE.cOm",
        "www.xn--bcher-kva.example.com.",
        "www\u{3002}bücher\u{ff0e}example\u{ff61}com",
        r"www.b\195\188cher.example.com",
    ];
    let metric = |name: &str| json!({"type": "metric", "name": name, "dataNeeded": ["name"]});
    let metrics = [
        "hostname_length",
        "hostname_entropy",
        "label_count",
        "longest_label",
        "vowel_ratio",
        "numbers_in_hostname",
        "subdomain_length",
        "registered_domain",
        "domain_tld_extract",
        "levenshtein",
        "alexa_1m_rating",
    ];
    let features: Vec<serde_json::Value> = metrics.iter().map(|name| metric(name)).collect();
    let settings = json!({"packs": ["dns"], "features": features});
    let found = extract(settings, vec![Values::new("name".into(), spellings)]).await;
    for metric in metrics {
        let values = found.features.columns().column(metric).unwrap();
        assert_eq!((values.n_unique().unwrap(), values.null_count()), (1, 0), "{values:?}");
    }
}

#[tokio::test]
async fn flags_group_spellings_of_a_name() {
    // 30 spellings of one name, then 30 names, each in an hour of its own client.
    let spelling = |call: usize| {
        let name = "login.example.com".char_indices();
        let upper = |place: usize| call >> (place % 5) & 1 == 1;
        name.map(|(place, c)| if upper(place) { c.to_ascii_uppercase() } else { c }).collect()
    };
    let names: Vec<String> =
        (0..30).map(spelling).chain((0..30).map(|call| format!("h{call}.example.com"))).collect();
    let clients: Vec<&str> = (0..60).map(|call| if call < 30 { "a" } else { "b" }).collect();
    let micros = (0..60).map(|call| (call % 30) * 1_000_000).collect();
    let columns = vec![
        Values::new("client".into(), clients),
        times(micros),
        Values::new("name".into(), names),
    ];
    let flag = |name: &str, columns: &[&str], parameters: serde_json::Value| json!({"type": "aggregation", "name": name, "dataNeeded": columns, "params": parameters});
    let settings = json!({"packs": ["dns"], "flags": [
        flag("unique_subdomains", &["client", "t", "name"], json!({})),
    ]});
    let found = extract(settings, columns.clone()).await;
    assert_eq!(found.hits.rows(), (30..60).collect::<Vec<u64>>());
    let settings = json!({"packs": ["dns"], "flags": [
        flag("newly_seen_domain", &["name", "t"], json!({"learn": 0.0, "window": 60})),
    ]});
    // Each spelling has the registered domain of the first.
    assert_eq!(extract(settings, columns).await.hits.height(), 0);
}

#[tokio::test]
async fn what_is_no_name_has_no_metrics() {
    let cells = ["192.0.2.7", "2001:db8::1", r#"[{"rrname": "a.example", "rrtype": "A"}]"#];
    let metrics = [
        "hostname_length",
        "registered_domain",
        "domain_tld_extract",
        "subdomain_length",
        "levenshtein",
        "alexa_1m_rating",
        "unlisted_domain",
    ];
    let features: Vec<serde_json::Value> = metrics
        .iter()
        .map(|name| json!({"type": "metric", "name": name, "dataNeeded": ["name"]}))
        .collect();
    let settings = json!({"packs": ["dns"], "features": features});
    let found = extract(settings, vec![Values::new("name".into(), cells)]).await;
    for metric in metrics {
        let values = found.features.columns().column(metric).unwrap();
        assert_eq!(values.null_count(), 3, "{values:?}");
    }
}

/// Calls at random times in microseconds, by a linear congruential generator (Knuth, MMIX).
fn random_times(seed: u64, calls: usize, rate: f64) -> Vec<i64> {
    let (mut state, mut time) = (seed, 0.0);
    let next = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let uniform = ((state >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        time -= uniform.ln() / rate;
        #[expect(clippy::cast_possible_truncation, reason = "minutes in microseconds")]
        let micros = (time * 1e6) as i64;
        micros / 1_000 * 1_000
    };
    (0..calls).map(next).collect()
}

#[tokio::test]
async fn random_traffic_is_no_beacon_at_any_rate() {
    const CALLS: usize = 400;
    for rate in [5.0, 10.0, 30.0] {
        let (mut clients, mut micros) = (Vec::new(), Vec::new());
        for client in 0..1_000_u64 {
            clients.extend(std::iter::repeat_n(client.to_string(), CALLS));
            micros.extend(random_times(client * 977 + 1, CALLS, rate));
        }
        // And one beacon, every 20 s with a jitter of 1 s.
        clients.extend(std::iter::repeat_n("beacon".to_owned(), 30));
        micros.extend(
            (0..30_i64).map(|call| call * 20_000_000 + call * 7_919 % 11 * 200_000 - 1_000_000),
        );
        let flag = json!({"type": "aggregation", "name": "beaconing_detector", "dataNeeded": ["client", "t"]});
        let settings = json!({"packs": ["dns"], "flags": [flag]});
        let columns = vec![Values::new("client".into(), clients), times(micros)];
        let found = extract(settings, columns).await;
        let beacon = 1_000 * CALLS as u64..1_000 * CALLS as u64 + 30;
        assert_eq!(found.hits.rows(), beacon.collect::<Vec<_>>(), "{rate} a second");
    }
}
