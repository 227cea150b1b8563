//! The example, on real servers: from a file into an index by its loader, from index to index by its job.

use std::{collections::BTreeMap, process::Command};

use anomal_evaluation::Ranking;
use anomal_tests::{
    RunOutput, Workspace,
    elastic::{self, ADMIN, Flavor, RUNNER, Server, proxy::Proxy},
    repository, tool,
};
use serde_json::{Value, json};

/// A server as the example has it: by TLS, and with a secret. What OpenSearch itself lacks, a proxy has.
pub struct Door {
    pub url: String,
    _proxy: Option<Proxy>,
}

impl Door {
    pub fn to(server: &Server) -> Self {
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
pub fn example(server: &Server, door: &Door, from: &str, to: &str) -> Workspace {
    let workspace = Workspace::default();
    for file in ["job.yaml", "load.py", "index.json"] {
        let path = repository().join("examples/elasticsearch").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace("https://localhost:9200", &door.url);
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

pub fn load(workspace: &Workspace, door: &Door, index: &str) {
    let mut load = Command::new(tool("ANOMAL_TEST_PYTHON"));
    load.args(["load.py", &door.url, index, "dns.csv"]).current_dir(workspace.folder.path());
    load.env("ELASTIC_USER", ADMIN).env("ELASTIC_PASSWORD", elastic::PASSWORD);
    load.env("ELASTIC_CA", "ca.crt");
    let loaded = RunOutput::from(load.output().unwrap());
    loaded.expect(0, &[]);
    assert_eq!(loaded.stdout, format!("5000 documents are in {index}\n"));
}

pub const RUN: [&str; 8] =
    ["run", "job.yaml", "--secrets", "secrets", "--run", "march", "--summary", "json"];

#[test]
fn from_index_to_index_the_intrusions_are_found() {
    elastic::on_each_server(|server| {
        let (from, to) = (server.name("logs-dns"), server.name("dns"));
        let door = Door::to(server);
        let workspace = example(server, &door, &from, &to);
        load(&workspace, &door, &from);
        // Loaded again, nothing is there twice.
        load(&workspace, &door, &from);
        assert_eq!(server.admin().count(&from), 5_000);

        let ran = workspace.anomal(&RUN);
        ran.expect(0, &[]);
        let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
        let results = server.admin().documents(&to);
        balance(server, &to, &summary, &results);
        finds(&results);

        // The same run again: every document is there already, under the same id.
        let again = workspace.anomal(&RUN);
        again.expect(0, &[]);
        let ids = |documents: &[(String, Value)]| -> Vec<String> {
            documents.iter().map(|document| document.0.clone()).collect()
        };
        assert_eq!(ids(&server.admin().documents(&to)), ids(&results));
    });
}

/// Rows read are documents written, and the summary's counts are those of the index.
fn balance(server: &Server, index: &str, summary: &Value, results: &[(String, Value)]) {
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
    // Each row once, and each has the record that it came from.
    let mut rows: Vec<u64> =
        results.iter().map(|(_, document)| document["anomal"]["row"].as_u64().unwrap()).collect();
    rows.sort_unstable();
    assert!(rows.into_iter().eq(0..5_000));
}

fn finds(results: &[(String, Value)]) {
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

/// Two files say the same of what describes a request.
#[test]
fn the_example_describes_requests_as_that_of_files_does() {
    let part = |example: &str| {
        let path = repository().join("examples").join(example).join("job.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        let (begin, end) = (text.find("packs:").unwrap(), text.find("outputs:").unwrap());
        text[begin..end].to_owned()
    };
    assert_eq!(part("elasticsearch"), part("dns"));
}
