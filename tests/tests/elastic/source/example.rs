//! The DNS example gives the same results from an index as from its file.

use std::collections::BTreeMap;

use anomal_tests::{
    Workspace,
    elastic::{self, READER, Server},
    repository,
};
use serde_json::{Map, Value, json};

use super::jobs::index;

const NUMBERS: [&str; 6] =
    ["bytes_in", "client.bytes", "network.bytes", "client.port", "destination.port", "dns.id"];

/// Loads the example's rows as documents; lists become arrays.
fn load(server: &Server, name: &str, shards: u32) {
    let text = std::fs::read_to_string(repository().join("examples/dns/dns.csv")).unwrap();
    let mut properties = Map::new();
    for number in NUMBERS {
        properties.insert(number.into(), json!({"type": "long"}));
    }
    for (field, kind) in [
        ("@timestamp", "date"),
        ("source.ip", "ip"),
        ("destination.ip", "ip"),
        ("dns.flags.authentic_data", "boolean"),
    ] {
        properties.insert(field.into(), json!({"type": kind}));
    }
    let keywords = [
        "id",
        "dns.question.name",
        "dns.response_code",
        "dns.type",
        "status",
        "dns.answers.data",
        "label",
    ];
    for field in keywords {
        properties.insert(field.into(), json!({"type": "keyword"}));
    }
    index(server, name, shards, &Value::Object(properties));
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let documents: Vec<Value> = lines
        .map(|line| {
            let mut document = Map::new();
            for (name, cell) in names.iter().zip(cells(line)) {
                let list = cell.strip_prefix('[').and_then(|list| list.strip_suffix(']'));
                let value = match (*name, list) {
                    (_, _) if cell.is_empty() => continue,
                    (name, _) if NUMBERS.contains(&name) => json!(cell.parse::<u64>().unwrap()),
                    ("dns.flags.authentic_data", _) => json!(cell == "true"),
                    (_, Some(list)) => list.split("\";\"").collect(),
                    _ => json!(cell),
                };
                document.insert((*name).to_owned(), value);
            }
            Value::Object(document)
        })
        .collect();
    server.admin().load(name, 0, &documents);
}

/// Splits a CSV line into cells; no cell of the example contains a line break.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells
}

/// Runs the example and returns the results by the records' ids.
fn results(workspace: &Workspace, input: &str) -> BTreeMap<String, Value> {
    let job = std::fs::read_to_string(repository().join("examples/dns/job.yaml")).unwrap();
    let (begin, end) = (job.find("packs:").unwrap(), job.find("outputs:").unwrap());
    let job = format!(
        "input: {input}\n{}outputs: [{{ndjson: {{path: out.ndjson, include: [features, contributions]}}}}]\n",
        &job[begin..end]
    );
    workspace.write("job.yaml", job.as_bytes());
    workspace.anomal(&["run", "job.yaml", "--secrets", "secrets"]).expect(0, &[]);
    let rows = super::jobs::written(workspace).into_iter();
    rows.map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect()
}

fn results_from_file() -> (Workspace, BTreeMap<String, Value>) {
    let workspace = Workspace::default();
    let data = std::fs::read(repository().join("examples/dns/dns.csv")).unwrap();
    workspace.write("dns.csv", &data);
    let results = results(&workspace, "{csv: {path: dns.csv}}");
    (workspace, results)
}

#[test]
fn one_shard_gives_identical_results() {
    elastic::on_each_server(|server| {
        let name = server.name("logs-same");
        load(server, &name, 1);
        let (workspace, expected) = results_from_file();
        server.secrets(&workspace);
        let input =
            format!("{{elasticsearch: {{{}, index: {name}, slices: 3}}}}", server.settings(READER));
        let found = results(&workspace, &input);
        assert_eq!((found.len(), expected.len()), (5_000, 5_000));
        for (id, row) in &expected {
            let (row, other) = (row.as_object().unwrap(), found[id].as_object().unwrap());
            for (column, value) in row {
                if column.starts_with("anomal.") {
                    assert_eq!(&other[column], value, "{id} {column}");
                }
                // A column that the settings do not name is text in the file and typed in the index.
                assert_eq!(text(&other[column]), text(value), "{id} {column}");
            }
            assert_eq!(other.len(), row.len() + 2, "{id}");
        }
    });
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// With several shards the order of the rows differs, which may only affect ties.
#[test]
fn several_shards_give_the_same_scores() {
    elastic::on_each_server(|server| {
        let name = server.name("logs-shards");
        load(server, &name, 3);
        let (workspace, expected) = results_from_file();
        server.secrets(&workspace);
        let input = format!("{{elasticsearch: {{{}, index: {name}}}}}", server.settings(READER));
        let found = results(&workspace, &input);
        assert_eq!(found.len(), 5_000);
        let features = |row: &Value| -> Vec<(String, Value)> {
            let all = row.as_object().unwrap().iter();
            let features = all.filter(|(name, _)| name.starts_with("anomal.features."));
            features.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        for (id, row) in &expected {
            let other = &found[id];
            assert_eq!(features(other), features(row), "{id}");
            assert_eq!(other["anomal.flags"], row["anomal.flags"], "{id}");
            let (a, b) =
                (other["anomal.score"].as_f64().unwrap(), row["anomal.score"].as_f64().unwrap());
            assert!((a - b).abs() < 1e-9, "{id}: {a} is {b}");
        }
    });
}
