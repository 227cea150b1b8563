//! The example on real servers: its loader from a file to an index, its job from index to index.

use std::{collections::BTreeMap, process::Command};

use anomal_evaluation::Ranking;
use anomal_tests::{
    RunOutput, Workspace,
    elastic::{self, ADMIN, Flavor, RUNNER, Server, proxy::Proxy},
    repository, tool,
};
use serde_json::{Value, json};

/// A server as the example expects it, with TLS and a password. A proxy provides both for OpenSearch.
pub struct TlsServer {
    pub url: String,
    _proxy: Option<Proxy>,
}

impl TlsServer {
    pub fn new(server: &Server) -> Self {
        match server.flavor {
            Flavor::Elasticsearch => Self { url: server.url(), _proxy: None },
            Flavor::OpenSearch => {
                let proxy = Proxy::start(server);
                Self { url: proxy.url(), _proxy: Some(proxy) }
            }
        }
    }
}

/// The example's files and its data, with its server and indices replaced.
pub fn example(server: &Server, tls_server: &TlsServer, from: &str, to: &str) -> Workspace {
    let workspace = Workspace::default();
    for file in ["job.yaml", "load.py", "index.json"] {
        let path = repository().join("examples/elasticsearch").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace("https://localhost:9200", &tls_server.url);
        let text = text.replace("logs-dns-*", &format!("{from}*"));
        let text = text.replace("index: anomal-results-dns", &format!("index: {to}"));
        workspace.write(file, text.as_bytes());
    }
    let data = std::fs::read(repository().join("examples/dns/dns.csv")).unwrap();
    workspace.write("dns.csv", &data);
    server.secret(&workspace, "elasticsearch", RUNNER);
    workspace.write("ca.crt", server.ca().as_bytes());
    workspace
}

pub fn load(workspace: &Workspace, tls_server: &TlsServer, index: &str) {
    let mut load = Command::new(tool("ANOMAL_TEST_PYTHON"));
    load.args(["load.py", &tls_server.url, index, "dns.csv"]).current_dir(workspace.folder.path());
    load.env("ELASTIC_USER", ADMIN).env("ELASTIC_PASSWORD", elastic::PASSWORD);
    load.env("ELASTIC_CA", "ca.crt");
    let loaded = RunOutput::from(load.output().unwrap());
    loaded.expect(0, &[]);
    assert_eq!(loaded.stdout, format!("5000 documents are in {index}\n"));
}

pub const RUN: [&str; 8] =
    ["run", "job.yaml", "--secrets", "secrets", "--run", "march", "--summary", "json"];

#[test]
fn job_from_index_to_index_finds_the_intrusions() {
    elastic::on_each_server(|server| {
        let (from, to) = (server.name("logs-dns"), server.name("dns"));
        let tls_server = TlsServer::new(server);
        let workspace = example(server, &tls_server, &from, &to);
        load(&workspace, &tls_server, &from);
        // Loading again creates no duplicates.
        load(&workspace, &tls_server, &from);
        assert_eq!(server.admin().count(&from), 5_000);

        let ran = workspace.anomal(&RUN);
        ran.expect(0, &[]);
        let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
        let results = server.admin().documents(&to);
        assert_counts_balance(server, &to, &summary, &results);
        assert_intrusions_found(&results);
        let incidents = assert_incidents_are_of_rows(server, &summary, &results);

        // The same run again: every document exists already, under the same id.
        let again = workspace.anomal(&RUN);
        again.expect(0, &[]);
        let ids = |documents: &[(String, Value)]| -> Vec<String> {
            documents.iter().map(|document| document.0.clone()).collect()
        };
        assert_eq!(ids(&server.admin().documents(&to)), ids(&results));
        let summary: Value = serde_json::from_str(&again.stdout).unwrap();
        let repeated = assert_incidents_are_of_rows(server, &summary, &results);
        assert_eq!(ids(&repeated), ids(&incidents));
        let outcome = summary["outputs"].as_array().unwrap().last().unwrap();
        assert!(outcome["target"].as_str().unwrap().contains("/anomal-incidents-"), "{outcome}");
        assert_eq!(outcome["existing"], incidents.len());
    });
}

/// The documents of the run's incidents: one each, with the counts of the summary and of the documents of rows.
fn assert_incidents_are_of_rows(
    server: &Server,
    summary: &Value,
    results: &[(String, Value)],
) -> Vec<(String, Value)> {
    let index = format!("anomal-incidents-{}", summary["job"].as_str().unwrap());
    let mut incidents = server.admin().documents(&index);
    incidents.retain(|(_, document)| document["anomal"]["run"] == "march");
    let count = &summary["incidentCount"];
    let total: u64 =
        ["high", "medium", "low"].iter().map(|name| count[name].as_u64().unwrap()).sum();
    assert_eq!(incidents.len() as u64, total);
    let mut rows: BTreeMap<u64, u64> = BTreeMap::new();
    for (_, document) in results {
        let of_row = &document["anomal"]["incident"];
        if let Some(number) = of_row["number"].as_u64() {
            *rows.entry(number).or_default() += 1;
            assert!(of_row["title"].is_string() && of_row["key"].is_string(), "{of_row}");
        }
    }
    for (_, document) in &incidents {
        let incident = &document["anomal"]["incident"];
        let number = incident["number"].as_u64().unwrap();
        assert_eq!(incident["rows"].as_u64(), rows.remove(&number), "{incident}");
        assert_eq!(document["event"]["dataset"], "anomal.incidents");
    }
    assert!(rows.is_empty(), "{rows:?}");
    let first = &summary["incidents"][0];
    let (_, document) =
        incidents.iter().find(|(_, it)| it["anomal"]["incident"]["number"] == 1).unwrap();
    assert_eq!(document["event"]["reason"], first["title"]);
    assert_eq!(document["source"]["ip"], first["actors"][0]["value"]);
    assert_eq!(document["dns"]["question"]["registered_domain"], first["targets"][0]["value"]);
    // Alerts are grouped by single values.
    let title = json!({"term": {"anomal.incident.title": first["title"]}});
    let of_run = json!({"bool": {"filter": [title, {"term": {"anomal.run": "march"}}]}});
    assert_eq!(server.admin().count_matching(&index, &of_run), 1);
    incidents
}

/// Asserts that all rows read were written, and that the summary's counts are those of the index.
fn assert_counts_balance(
    server: &Server,
    index: &str,
    summary: &Value,
    results: &[(String, Value)],
) {
    assert_eq!(results.len(), 5_000);
    let counts = ["rows", "rejected", "filtered", "results"].map(|name| &summary[name]);
    assert_eq!(counts, [&json!(5_000), &json!(0), &json!(0), &json!(5_000)], "{summary:#}");
    let alerts = server.admin().count_matching(index, &json!({"term": {"event.kind": "alert"}}));
    let suspicious =
        server.admin().count_matching(index, &json!({"term": {"anomal.suspicious": true}}));
    let flagged =
        server.admin().count_matching(index, &json!({"exists": {"field": "anomal.flags"}}));
    assert_eq!(summary["suspicious"], suspicious, "{summary:#}");
    assert_eq!(summary["flagged"], flagged, "{summary:#}");
    let expected = results.iter().filter(|(_, document)| {
        document["anomal"]["suspicious"] == true || document["anomal"]["flags"].is_array()
    });
    assert_eq!(expected.count() as u64, alerts);
    // Each row is there once.
    let mut rows: Vec<u64> =
        results.iter().map(|(_, document)| document["anomal"]["row"].as_u64().unwrap()).collect();
    rows.sort_unstable();
    assert!(rows.into_iter().eq(0..5_000));
}

fn assert_intrusions_found(results: &[(String, Value)]) {
    let label = |document: &Value| {
        document["anomal"]["source"]["label"].as_str().unwrap_or_default().to_owned()
    };
    let mut ranked = Vec::new();
    let mut families: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for (_, document) in results {
        let label = label(document);
        ranked.push((document["anomal"]["score"].as_f64().unwrap(), !label.is_empty()));
        if !label.is_empty() {
            let family = families.entry(label).or_default();
            family.0 += 1;
            family.1 += u32::from(document["event"]["kind"] == "alert");
        }
    }
    let auroc = Ranking::new(&ranked).auroc();
    assert!(auroc >= 0.90, "AUROC {auroc}");
    assert_eq!(families.len(), 5, "{families:?}");
    assert!(families.values().all(|(_, found)| *found > 0), "{families:?}");
}

#[test]
fn both_dns_examples_have_the_same_features_and_flags() {
    let part = |example: &str| {
        let path = repository().join("examples").join(example).join("job.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        let (begin, end) = (text.find("packs:").unwrap(), text.find("outputs:").unwrap());
        text[begin..end].to_owned()
    };
    assert_eq!(part("elasticsearch"), part("dns"));
}
