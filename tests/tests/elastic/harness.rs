//! Self-tests of the test servers and of the proxy.

use std::{path::Path, time::Duration};

use anomal_tests::{
    elastic::{
        self, ADMIN, Client, Flavor, READER, Server, WRITER,
        proxy::{Fault, Proxy},
    },
    http::Answer,
    repository,
};
use serde_json::{Value, json};

fn documents(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({"number": number, "text": "x".repeat(100)})).collect()
}

#[test]
fn server_stores_documents() {
    elastic::on_each_server(|server| {
        let index = server.name("stored");
        server.admin().load(&index, 0, &documents(6_000));
        assert_eq!(server.admin().count(&index), 6_000);
        assert_eq!(
            server.admin().count_matching(&index, &json!({"range": {"number": {"lt": 10}}})),
            10
        );
        let documents = server.admin().documents(&index);
        assert_eq!(documents.len(), 6_000);
        assert_eq!(documents[10].0, documents[10].1["number"].to_string());
    });
}

/// The example's roles grant what they should and nothing else.
#[test]
fn users_have_only_the_rights_of_their_roles() {
    let Some(server) = Server::shared(Flavor::Elasticsearch) else { return };
    let document = "{\"create\": {}}\n{\"a\": 1}\n";
    let status = |client: &Client, method: &str, path: &str, body: &str| {
        let answer = client.send(method, path, body);
        let text: Value = serde_json::from_str(&answer.text()).unwrap();
        // For a bulk request, the status of its item.
        text["items"][0]["create"]["status"].as_u64().unwrap_or_else(|| answer.status.into())
    };
    let (writer, reader) = (server.user(WRITER), server.user(READER));
    let (results, logs) = (server.name("rights"), server.name("logs-rights"));
    server.admin().load(&logs, 0, &documents(1));
    assert_eq!(status(&writer, "POST", &format!("/{results}/_bulk"), document), 201);
    assert_eq!(status(&writer, "GET", &format!("/{results}/_search"), ""), 403);
    assert_eq!(status(&writer, "DELETE", &format!("/{results}"), ""), 403);
    assert_eq!(status(&writer, "POST", &format!("/{logs}/_bulk"), document), 403);
    assert_eq!(status(&reader, "GET", &format!("/{logs}/_search"), ""), 200);
    assert_eq!(status(&reader, "GET", &format!("/{results}/_search"), ""), 403);
    assert_eq!(status(&reader, "POST", &format!("/{logs}/_bulk"), document), 403);
    let stranger = server.admin().with_basic_auth(ADMIN, "wrong");
    assert_eq!(status(&stranger, "GET", "/_cluster/health", ""), 401);
}

#[test]
fn documentation_shows_the_examples_roles() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    let documentation = read("docs/elasticsearch.md");
    for role in ["anomal-writer", "anomal-reader", "anomal-stream-writer"] {
        let text = read(&format!("examples/elasticsearch/roles/{role}.json"));
        let request = format!("PUT _security/role/{role}\n{text}");
        let block: Vec<String> = request.lines().map(|line| format!("    {line}\n")).collect();
        assert!(
            documentation.contains(&block.concat()),
            "docs/elasticsearch.md shows another {role}"
        );
    }
}

#[test]
fn server_restarts_with_its_data_and_leaves_nothing() {
    elastic::on_fresh_servers(|mut server| {
        server.admin().load("anomal-results-a", 0, &documents(100));
        server.kill();
        assert!(server.admin().try_send("GET", "/", "").is_err());
        server.restart();
        assert_eq!(server.admin().count("anomal-results-a"), 100);
        let folder = server.folder().to_owned();
        assert!(folder.exists());
        drop(server);
        assert!(!folder.exists());
        assert!(!process_exists_in(&folder));
    });
}

/// Whether a process has the folder's name in its command line.
fn process_exists_in(folder: &Path) -> bool {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.into_iter().any(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&name)
    })
}

#[test]
fn proxy_injects_the_faults_that_are_set() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let client = server.client_through(&proxy, ADMIN);
        let index = server.name("proxied");
        client.load(&index, 0, &documents(50));
        assert_eq!(client.count(&index), 50);
        let ask = |client: &Client| client.try_send("GET", &format!("/{index}/_count"), "");

        proxy.set_faults(|number, _| if number < 2 { Fault::too_many() } else { Fault::None });
        let statuses = [0, 1, 2].map(|_| ask(&client).unwrap().status);
        assert_eq!(statuses, [429, 429, 200]);
        proxy.set_faults(|_, _| Fault::unavailable());
        assert_eq!(ask(&client).unwrap().status, 503);
        for fault in [Fault::Refuse, Fault::DropResponse, Fault::Truncate(5)] {
            let rule = fault.clone();
            proxy.set_faults(move |_, _| rule.clone());
            assert!(ask(&client).is_err(), "{fault:?}");
        }
        proxy.set_faults(|_, _| Fault::Drip(Duration::from_millis(1)));
        assert_eq!(ask(&client).unwrap().status, 200);

        // The server has processed the request with the lost response, but not the refused one.
        let put = |id: u8| client.try_send("PUT", &format!("/{index}/_doc/lost-{id}"), "{}");
        proxy.set_faults(|_, _| Fault::DropResponse);
        assert!(put(0).is_err());
        proxy.set_faults(|_, _| Fault::Refuse);
        assert!(put(1).is_err());
        proxy.set_faults(|_, _| Fault::None);
        assert_eq!(client.count(&index), 51);

        let status = |answer: std::io::Result<Answer>| answer.unwrap().status;
        assert_eq!(status(ask(&client.clone().with_basic_auth(ADMIN, "wrong"))), 401);
        let bearer = client.clone().with_authorization("Bearer abc");
        assert_eq!(status(ask(&bearer)), 401);
        proxy.accept("Bearer abc", ADMIN);
        assert_eq!(status(ask(&bearer)), 200);
        proxy.revoke("Bearer abc");
        assert_eq!(status(ask(&bearer)), 401);
        let seen = proxy.requests();
        assert!(seen.iter().any(|seen| seen.path.ends_with("/_bulk") && seen.status == Some(200)));
        assert_eq!(seen.iter().filter(|seen| seen.status == Some(429)).count(), 2);
    });
}
