//! Results in a server outside of the cluster, which a hook of the release has set up.

use anomal_tests::{
    cluster::{Namespace, cluster},
    elastic::{self, ADMIN, Flavor, PASSWORD, RUNNER, Server, kibana::Kibana, proxy::Proxy},
    skip,
};
use serde_json::{Value, json};

use super::{
    installation::{Release, exclusive_turn, remove_definition},
    jobs::{completes, example},
};

/// Creates a user's Secret.
fn secret(namespace: &Namespace, user: &str, proxy: &Proxy) {
    namespace.apply(&json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "elasticsearch"},
        "stringData": {"username": user, "password": PASSWORD, "ca.crt": proxy.ca()},
    }));
}

/// Loads requests, a few of which are for a random-looking name.
fn load(server: &Server, index: &str) {
    let document = |row: usize| {
        let name = if row % 100 == 7 {
            format!("x9q{row}zk4v8w2j7h5f3d1s6.example.net")
        } else {
            format!("www{}.example.com", row % 5)
        };
        json!({
            "@timestamp": format!("2026-03-04T05:{:02}:{:02}Z", row / 60 % 60, row % 60),
            "source": {"ip": format!("10.0.0.{}", row % 250)},
            "client": {"bytes": 40 + row % 30},
            "dns": {"question": {"name": name}, "response_code": "NOERROR"},
        })
    };
    server.admin().load(index, 0, &(0..600).map(document).collect::<Vec<Value>>());
}

/// The example with the server's address and index, without schedule and time range.
fn job(proxy: &Proxy, from: &str, to: &str, data_stream: bool) -> Value {
    let objects = example("elasticsearch");
    let mut job = objects.into_iter().find(|object| object["kind"] == "AnomalyJob").unwrap();
    let spec = job["spec"].as_object_mut().unwrap();
    spec.remove("schedule");
    let input = spec["input"]["elasticsearch"].as_object_mut().unwrap();
    input.remove("from");
    input.remove("to");
    input["url"] = proxy.url().into();
    input["index"] = format!("{from}*").into();
    let output = &mut spec["outputs"][0]["elasticsearch"];
    output["url"] = proxy.url().into();
    output["index"] = to.into();
    output["dataStream"] = data_stream.into();
    job
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn example_writes_to_a_server_outside_of_the_cluster() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let Some(machine) = cluster.machine_address() else {
        return skip("pods of a named cluster don't reach this machine");
    };
    elastic::on_fresh_servers(|server| {
        let proxy = Proxy::start_at(machine, &server);
        let (flavor, header) = match server.flavor {
            Flavor::Elasticsearch => ("kibana", "kbn-xsrf"),
            Flavor::OpenSearch => ("opensearch", "osd-xsrf"),
        };
        let kibana = Kibana::start_at(machine, header);
        let data_stream = server.flavor == Flavor::OpenSearch;
        remove_definition(cluster);
        let home = Namespace::new(cluster, flavor);
        let users = Namespace::new(cluster, &format!("{flavor}-users"));
        // Helm waits for the hook, and fails if it fails.
        secret(&home, ADMIN, &proxy);
        let to = server.name("dns-hourly");
        let more = json!({
            "elasticsearch": {"urls": [proxy.url()], "dataStream": data_stream},
            "kibana": {"url": kibana.url(), "flavor": flavor},
            "report": {"store": {"type": "emptyDir"}},
        });
        let release = Release::install(home, "kibana", &more);
        assert!(kibana.objects().keys().any(|(kind, _)| kind == "dashboard"));
        let templates = server.admin().get("/_index_template/anomal-results*");
        assert_eq!(templates["index_templates"].as_array().unwrap().len(), 1, "{templates}");

        let from = server.name("logs-dns");
        load(&server, &from);
        secret(&users, RUNNER, &proxy);
        users.apply(&job(&proxy, &from, &to, data_stream));
        let status = completes(&users, "dns-hourly");
        // The summary's counts are those of the index.
        let summary = &status["summary"];
        let admin = server.admin();
        assert_eq!(
            (&summary["rows"], &summary["rejected"]),
            (&json!(600), &json!(0)),
            "{status:#}"
        );
        let suspicious = admin.count_matching(&to, &json!({"term": {"anomal.suspicious": true}}));
        assert_eq!(summary["suspicious"], suspicious, "{status:#}");
        // One in a hundred, the first of them row 7.
        assert_eq!(suspicious, 6, "{status:#}");
        let documents = admin.documents(&to);
        let alerts = admin.count_matching(&to, &json!({"term": {"event.kind": "alert"}}));
        assert_eq!(documents.len() as u64, alerts);
        let report = status["reportURL"].as_str().unwrap();
        for (_, document) in &documents {
            assert_eq!(document["orchestrator"]["namespace"], users.name.as_str(), "{document}");
            let link = document["event"]["url"].as_str().unwrap();
            assert!(link.starts_with(report), "{link} is no row of {report}");
        }
        release.uninstall();
    });
}
