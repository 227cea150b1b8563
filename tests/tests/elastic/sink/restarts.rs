//! Servers that restart or become read-only during a run.

use std::{thread, time::Duration};

use anomal_tests::elastic::{self, Client, WRITER};
use serde_json::{Value, json};

use super::jobs::{counts, finish, run, start, workspace};

const ROWS: usize = 20_000;

/// Waits until the index has documents and returns their number.
fn wait_for_documents(client: &Client, index: &str) -> u64 {
    loop {
        let answer = client.try_send("GET", &format!("/{index}/_count"), "");
        let answer = answer.ok().filter(|answer| answer.status == 200);
        let count = answer.and_then(|answer| {
            serde_json::from_slice::<Value>(&answer.body).ok()?["count"].as_u64()
        });
        if let Some(count) = count.filter(|count| *count > 0) {
            return count;
        }
        let _ = client.try_send("POST", &format!("/{index}/_refresh"), "");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn restarting_node_loses_and_duplicates_nothing() {
    elastic::on_fresh_servers(|mut server| {
        let index = server.name("restart");
        let settings = server.settings(WRITER);
        let more = "rows: all, bulk: {maxDocuments: 50, inFlight: 2}";
        let workspace = workspace(ROWS, &format!("{settings}, index: {index}, {more}"));
        server.secrets(&workspace);
        let child = start(&workspace);
        let before = wait_for_documents(&server.admin(), &index);
        server.kill();
        assert!(before < ROWS as u64, "the run ended before the restart");
        thread::sleep(Duration::from_secs(1));
        server.restart();
        let (rows, _, refused) = counts(&finish(child));
        assert_eq!((rows, refused), (ROWS as u64, 0));
        assert_eq!(server.admin().count(&index), ROWS as u64);
    });
}

#[test]
fn read_only_index_is_retried_and_then_fails_the_run() {
    elastic::on_each_server(|server| {
        let index = server.name("full");
        let settings = server.settings(WRITER);
        let output = |seconds: u32| {
            format!("{settings}, index: {index}, rows: all, bulk: {{retrySeconds: {seconds}}}")
        };
        let first = workspace(2_000, &output(2));
        server.secrets(&first);
        let admin = server.admin();
        admin.put(&format!("/{index}"), &json!({}));
        // The block that a full disk causes.
        let block = |on: Value| {
            let setting = json!({"index.blocks.read_only_allow_delete": on});
            admin.put(&format!("/{index}/_settings"), &setting);
        };
        block(json!(true));
        run(&first).expect(4, &["cluster_block_exception", "remove the index's block"]);
        let later = workspace(2_000, &output(60));
        server.secrets(&later);
        let child = start(&later);
        thread::sleep(Duration::from_secs(3));
        assert_eq!(admin.count(&index), 0);
        block(Value::Null);
        assert_eq!(counts(&finish(child)), (2_000, 0, 0));
        assert_eq!(admin.count(&index), 2_000);
    });
}
