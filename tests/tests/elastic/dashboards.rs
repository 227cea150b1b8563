//! Sends the search of each panel of the printed dashboard and compares the response with the documents.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
};

use anomal_tests::{
    RunOutput, Workspace,
    elastic::{self, ADMIN, Flavor, Server, WRITER, kibana::Kibana},
    repository, tool,
};
use serde_json::{Value, json};

use super::{
    jobs::{RUN, TlsServer, example, load},
    query::{SearchResponse, aggregations_of, kuery, search},
};

/// A job on rows with users.
const PAYMENTS: &str = "input:
  csv: {path: payments.csv}
timeColumn: \"@timestamp\"
features:
  - {type: field, name: amount}
flags:
  - {type: direct, name: huge, expression: amount > 900, severity: high, description: Huge}
classification: {engine: Gower, threshold: {method: contamination, value: 0.02}}
";

fn flavor(server: &Server) -> &'static str {
    match server.flavor {
        Flavor::Elasticsearch => "kibana",
        Flavor::OpenSearch => "opensearch",
    }
}

/// Writes the results of two jobs and returns the prefix of their indices.
fn results(server: &Server) -> String {
    let (from, to) = (server.name("logs-dns"), server.name("board"));
    let tls_server = TlsServer::new(server);
    let workspace = example(server, &tls_server, &from, &format!("{to}-dns"));
    load(&workspace, &tls_server, &from);
    workspace.anomal(&RUN).expect(0, &[]);
    let mut payments = "@timestamp,user.name,amount\n".to_owned();
    for row in 0..200 {
        let amount = if row % 50 == 7 { 950 } else { row % 13 };
        payments.push_str(&format!("2026-03-02T0{}:00:00Z,user{},{amount}\n", row % 10, row % 7));
    }
    workspace.write("payments.csv", payments.as_bytes());
    let output = format!(
        "{PAYMENTS}outputs: [{{elasticsearch: {{url: \"{}\", auth: {{secretRef: {{name: elasticsearch}}}}, index: \
         {to}-payments}}}}]\n",
        tls_server.url
    );
    workspace.write("payments.yaml", output.as_bytes());
    workspace.anomal(&["run", "payments.yaml", "--secrets", "secrets"]).expect(0, &[]);
    to
}

fn objects(flavor: &str, index: &str) -> Vec<Value> {
    let printed = Workspace::default().anomal(&[
        "elastic",
        "dashboards",
        "--flavor",
        flavor,
        "--index",
        index,
    ]);
    printed.expect(0, &[]);
    printed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// All documents, and those of them that are alerts.
struct Documents(Vec<Value>);

impl Documents {
    fn alerts(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(|document| document["event"]["kind"] == "alert")
    }

    /// How many alerts have each value of a field, which may have several.
    fn counts(&self, pointer: &str) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for document in self.alerts() {
            let mut values: Vec<String> = match document.pointer(pointer) {
                Some(Value::Array(values)) => {
                    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
                }
                Some(value) => vec![value.as_str().unwrap().to_owned()],
                None => continue,
            };
            values.sort();
            values.dedup();
            for value in values {
                *counts.entry(value).or_default() += 1;
            }
        }
        counts
    }
}

#[test]
fn every_panel_shows_the_documents() {
    elastic::on_each_server(|server| {
        let pattern = format!("{}-*", results(server));
        let documents = server.admin().documents(&pattern);
        let documents = Documents(documents.into_iter().map(|document| document.1).collect());
        let objects = objects(flavor(server), &pattern);
        let by_id = |id: &str| {
            let found = objects.iter().find(|object| object["id"] == id);
            found.unwrap_or_else(|| panic!("no {id}"))
        };
        assert_eq!(by_id("anomal-results")["attributes"]["title"], pattern);
        let answer = |id: &str| search(server, &pattern, by_id(id));
        let total = documents.alerts().count() as u64;
        assert!(total > 100);

        let figures = answer("anomal-figures");
        assert_eq!(figures.total, total);
        assert_eq!(figures.value("2"), 2.0, "runs");
        assert_eq!(figures.value("3"), 2.0, "jobs");
        let risk = |document: &Value| document["event"]["risk_score_norm"].as_f64().unwrap();
        let highest = documents.alerts().map(risk).fold(0.0, f64::max);
        assert!((figures.value("4") - highest).abs() < 1e-3);

        assert_severities(&answer("anomal-over-time"), &documents);

        let scores = answer("anomal-scores");
        let bars: Vec<(f64, u64)> = scores.buckets(&["2"]);
        assert_eq!(bars.iter().map(|bar| bar.1).sum::<u64>(), documents.0.len() as u64);
        assert!((5..=101).contains(&bars.len()), "{bars:?}");

        let response = answer("anomal-reasons");
        assert_reasons(&response, &documents);
        assert_drawn(by_id("anomal-reasons"), &response);

        let counted = |id: &str, bucket: &str| answer(id).terms(&[bucket]);
        let most = |counts: BTreeMap<String, u64>, size: usize| top(counts, size);
        assert_eq!(counted("anomal-flags", "2"), most(documents.counts("/rule/name"), 15));
        assert_eq!(counted("anomal-by-job", "5"), most(documents.counts("/anomal/job"), 50));
        let titles = documents.counts("/anomal/incident/title");
        let listed = counted("anomal-incidents", "5");
        assert_eq!(listed.len(), titles.len().min(50), "{titles:?}");
        assert!(listed.iter().all(|(title, rows)| titles[title] == *rows), "{listed:?}");
        for (id, pointer) in [
            ("anomal-by-address", "/related/ip"),
            ("anomal-by-host", "/related/hosts"),
            ("anomal-by-user", "/related/user"),
        ] {
            let counts = documents.counts(pointer);
            assert!(!counts.is_empty(), "{pointer}");
            assert_eq!(sorted_counts(&counted(id, "4")), sorted_counts(&most(counts, 50)), "{id}");
        }
        assert_suspects(server, &pattern, by_id("anomal-suspects"), &documents, highest);
    });
}

/// The most frequent, by count.
fn top(counts: BTreeMap<String, u64>, size: usize) -> BTreeMap<String, u64> {
    let mut sorted: Vec<(String, u64)> = counts.into_iter().collect();
    sorted.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), name.clone()));
    sorted.into_iter().take(size).collect()
}

/// The counts without names: among equal counts, any name may be the last one shown.
fn sorted_counts(counts: &BTreeMap<String, u64>) -> Vec<u64> {
    let mut counts: Vec<u64> = counts.values().copied().collect();
    counts.sort_unstable();
    counts
}

fn assert_severities(response: &SearchResponse, documents: &Documents) {
    let mut over_time: BTreeMap<String, u64> = BTreeMap::new();
    let moments = response.buckets_at(&["2"]);
    assert!(moments.len() > 5, "{moments:?}");
    for moment in moments {
        for bucket in moment["3"]["buckets"].as_array().unwrap() {
            let name = bucket["key"].as_str().unwrap().to_owned();
            *over_time.entry(name).or_default() += bucket["doc_count"].as_u64().unwrap();
        }
    }
    let mut expected = documents.counts("/anomal/severity");
    let unflagged = documents.alerts().filter(|document| document["anomal"]["severity"].is_null());
    expected.insert("__missing__".into(), unflagged.count() as u64);
    assert_eq!(over_time, expected);
}

fn assert_reasons(response: &SearchResponse, documents: &Documents) {
    let mut shares: BTreeMap<String, f64> = BTreeMap::new();
    for document in documents.alerts() {
        for reason in document["anomal"]["contributions"].as_array().into_iter().flatten() {
            let feature = reason["feature"].as_str().unwrap().to_owned();
            *shares.entry(feature).or_default() += reason["share"].as_f64().unwrap();
        }
    }
    assert!(shares.len() > 5, "{shares:?}");
    let buckets = response.buckets_at(&["alerts", "reasons", "features"]);
    assert_eq!(buckets.len(), shares.len().min(15));
    let mut before = f64::INFINITY;
    for bucket in buckets {
        let share = bucket["share"]["value"].as_f64().unwrap();
        assert!((share - shares[bucket["key"].as_str().unwrap()]).abs() < 1e-6, "{bucket}");
        assert!(share <= before, "the largest come first");
        before = share;
    }
}

/// Asserts that Vega draws a bar for each feature.
fn assert_drawn(object: &Value, response: &SearchResponse) {
    let state = object["attributes"]["visState"].as_str().unwrap();
    let state: Value = serde_json::from_str(state).unwrap();
    let spec: Value = serde_json::from_str(state["params"]["spec"].as_str().unwrap()).unwrap();
    let mut draw = Command::new("node");
    draw.arg(repository().join("tests/tests/elastic/draw.cjs")).arg(tool("ANOMAL_TEST_VEGA"));
    let input = json!({"spec": spec, "answer": response.to_json()}).to_string();
    let drawn: Value = serde_json::from_str(&output_with_input(&mut draw, &input)).unwrap();
    assert_eq!(drawn["warnings"], json!([]));
    let labels: Vec<&str> =
        drawn["labels"].as_array().unwrap().iter().map(|label| label.as_str().unwrap()).collect();
    let buckets = response.buckets_at(&["alerts", "reasons", "features"]);
    assert_eq!(labels.len(), buckets.len(), "{labels:?}");
    for bucket in buckets {
        let feature = format!("feature: {}", bucket["key"].as_str().unwrap());
        assert!(labels.iter().any(|label| label.contains(&feature)), "{feature}: {labels:?}");
    }
}

/// Runs a command with this standard input and returns its standard output.
fn output_with_input(command: &mut Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ran = RunOutput::from(child.wait_with_output().unwrap());
    ran.expect(0, &[]);
    ran.stdout
}

fn assert_suspects(
    server: &Server,
    index: &str,
    object: &Value,
    documents: &Documents,
    highest: f64,
) {
    let attributes = &object["attributes"];
    let columns: Vec<&str> = attributes["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let sort = &attributes["sort"][0];
    let body = json!({
        "size": 500,
        "query": {"bool": {"filter": [kuery(object)]}},
        "sort": [{sort[0].as_str().unwrap(): {"order": sort[1], "unmapped_type": "boolean"}}],
        "fields": columns.iter().map(|name| json!({"field": name})).collect::<Vec<_>>(),
        "track_total_hits": true,
        "_source": false,
    });
    let found = server.admin().post(&format!("/{index}/_search"), &body);
    assert_eq!(found["hits"]["total"]["value"], documents.alerts().count());
    let hits = found["hits"]["hits"].as_array().unwrap();
    let first = hits[0]["fields"]["event.risk_score_norm"][0].as_f64().unwrap();
    assert!((first - highest).abs() < 1e-3);
    // A job without a report has no links.
    for column in columns.iter().filter(|name| **name != "event.url") {
        let filled = hits.iter().filter(|hit| hit["fields"][*column].is_array()).count();
        assert!(filled > 0, "no row has {column}");
    }
}

/// pybana, an independent reader of Kibana's saved objects, derives the same aggregations as `query`, except for
/// parameters that it ignores: missing values and intervals.
#[test]
fn pybana_derives_the_same_aggregations() {
    for flavor in ["kibana", "opensearch"] {
        let objects = objects(flavor, "anomal-results-*");
        let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
        let mut read = Command::new(tool("ANOMAL_TEST_DASHBOARDS_PYTHON"));
        read.arg(repository().join("tests/tests/elastic/translate.py"));
        let read = output_with_input(&mut read, &lines);
        let mut theirs = read.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        for object in &objects {
            let Some(ours) = aggregations_of(object, &|_| (0.0, 1.0)) else { continue };
            let theirs = theirs.next().unwrap();
            assert_eq!(theirs["id"], object["id"]);
            assert_eq!(without_ignored(theirs["aggs"].clone()), without_ignored(ours));
            let index = &theirs["index"];
            assert!(index.is_null() || *index == json!(["anomal-results-*"]), "{index}");
        }
        assert!(theirs.next().is_none());
    }
}

/// Removes the parameters that one of the two ignores.
fn without_ignored(mut value: Value) -> Value {
    const IGNORED: [&str; 6] =
        ["missing", "interval", "fixed_interval", "min_doc_count", "format", "time_zone"];
    if let Value::Object(fields) = &mut value {
        fields.retain(|name, _| !IGNORED.contains(&name.as_str()));
        fields.values_mut().for_each(|field| *field = without_ignored(field.take()));
    }
    value
}

#[test]
fn setup_installs_templates_and_dashboards() {
    elastic::on_each_server(|server| {
        let tls_server = TlsServer::new(server);
        let workspace = Workspace::default();
        server.secret(&workspace, "es", ADMIN);
        let (flavor, header) = match server.flavor {
            Flavor::Elasticsearch => ("kibana", "kbn-xsrf"),
            Flavor::OpenSearch => ("opensearch", "osd-xsrf"),
        };
        let kibana = Kibana::start(header);
        let index = format!("{}-*", server.name("setup"));
        let kibana_url = kibana.url();
        let setup = |more: &[&str]| {
            let common =
                ["elastic", "setup", "--index", &index, "--secret", "es", "--secrets", "secrets"];
            workspace.anomal(&[&common, more].concat())
        };
        let both = ["--url", &tls_server.url, "--kibana-url", &kibana_url];
        setup(&both).expect(0, &["templates", "installed the dashboard"]);
        // A second setup succeeds too.
        setup(&both).expect(0, &[]);
        let printed = objects(flavor, &index);
        let imported: Vec<Value> = kibana.objects().into_values().collect();
        assert_eq!(imported.len(), printed.len());
        assert!(printed.iter().all(|object| imported.contains(object)));

        // The template applies to a new index of the pattern, also when a user with write access only creates it.
        let new_index = index.replace('*', "new_index");
        let document =
            "{\"create\":{}}\n{\"@timestamp\":\"2026-03-02T00:00:00Z\",\"anomal\":{\"score\":1}}\n";
        let written = server.user(WRITER).send("POST", &format!("/{new_index}/_bulk"), document);
        assert_eq!(written.status, 200, "{}", written.text());
        let mapping = server.admin().get(&format!("/{new_index}/_mapping"));
        let properties = &mapping[&new_index]["mappings"]["properties"];
        assert_eq!(properties["anomal"]["properties"]["contributions"]["type"], "nested");

        kibana.refuse("anomal-flags");
        let only = ["--kibana-url", &kibana_url, "--flavor", flavor];
        setup(&only).expect(4, &["anomal-flags", "unsupported_type"]);
        let elsewhere = format!("{kibana_url}/s");
        setup(&["--kibana-url", &elsewhere, "--flavor", flavor]).expect(4, &["404", "URL"]);
        let few = ["elastic", "setup", "--kibana-url", &kibana_url];
        workspace.anomal(&few).expect(2, &["--flavor"]);
    });
}

#[test]
fn printed_templates_are_accepted_by_the_servers() {
    elastic::on_each_server(|server| {
        let flavor = match server.flavor {
            Flavor::Elasticsearch => "elasticsearch",
            Flavor::OpenSearch => "opensearch",
        };
        let index = server.name("printed");
        let printed = Workspace::default()
            .anomal(&["elastic", "template", "--flavor", flavor, "--index", &index]);
        printed.expect(0, &[]);
        let requests = printed.stdout.split("PUT ").skip(1);
        let put = requests.map(|request| {
            let (path, body) = request.split_once('\n').unwrap();
            server.admin().put(path, &serde_json::from_str(body).unwrap());
        });
        assert_eq!(put.count(), 3);
        server.admin().put(&format!("/{index}"), &json!({}));
        let mapping = server.admin().get(&format!("/{index}/_mapping"));
        let mapping = &mapping[&index]["mappings"];
        let source = &mapping["properties"]["anomal"]["properties"]["source"]["type"];
        let expected = if flavor == "opensearch" { "flat_object" } else { "flattened" };
        assert_eq!(source, expected);
    });
}
