//! An index that is rolled over while a stream is away: what it sends again is found in the index before.

use anomal_tests::elastic::{self, Flavor, STREAMER, Server};
use serde_json::{Value, json};

use super::jobs::{Stream, rows, wait_for_documents};

/// Writes, is killed before a checkpoint has the documents, and continues behind a rollover.
fn rolled_over(server: &Server, settings: &str, index: &str, more: &str) {
    // No checkpoint between the first and the kill.
    let stream = Stream::saving_each(server, settings, index, more, "1h");
    stream.append(0..700);
    let mut child = stream.start();
    wait_for_documents(server, index, 700);
    child.kill().unwrap();
    child.wait().unwrap();
    server.admin().post(&format!("/{index}/_rollover"), &json!({}));
    stream.append(700..1_000);
    let summary = stream.catch_up();
    assert_eq!((&summary["rows"], &summary["refused"]), (&1_000.into(), &0.into()));
    let documents = server.admin().documents(index);
    assert_eq!(rows(&documents), (0..1_000).collect::<Vec<u64>>());
    // It is another index by now, which has only what is new.
    let found =
        server.admin().get(&format!("/_cat/indices/{index}*?format=json&h=index,docs.count"));
    assert!(!found.to_string().contains("\"docs.count\":\"1000\""), "{found}");
}

#[test]
fn behind_an_alias_documents_come_once() {
    elastic::on_each_server(|server| {
        let alias = server.name("alias");
        let body = json!({"aliases": {alias.as_str(): {"is_write_index": true}}});
        server.admin().put(&format!("/{alias}-000001"), &body);
        let more = "manageTemplate: false, bulk: {maxDocuments: 90}";
        rolled_over(server, &server.settings(STREAMER), &alias, more);
    });
}

#[test]
fn in_a_data_stream_documents_come_once() {
    let Some(server) = Server::shared(Flavor::OpenSearch) else { return };
    let stream = server.name("data-stream");
    let more = "dataStream: true, bulk: {maxDocuments: 90}";
    rolled_over(server, &server.settings(STREAMER), &stream, more);
    let found: Value = server.admin().get(&format!("/_data_stream/{stream}"));
    assert_eq!(found["data_streams"][0]["indices"].as_array().unwrap().len(), 2, "{found}");
}
