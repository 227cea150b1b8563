//! Failing shards, lost points in time, deleted indices: either all documents are read, or the run fails without output.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anomal_tests::{
    Workspace,
    elastic::{
        self, READER, Server,
        proxy::{Fault, Message, ProxiedRequest, Proxy},
    },
};
use serde_json::{Value, json};

use super::jobs::{RUN, filled_index, run, values, workspace, written};

const COUNT: usize = 3_000;

/// Sets faults by the number of the page request.
fn set_page_faults(proxy: &Proxy, rule: impl Fn(usize) -> Fault + Send + Sync + 'static) {
    let pages = AtomicUsize::new(0);
    proxy.set_faults(move |_, request: &Message| {
        let page = request.start.contains("/_search?")
            && String::from_utf8_lossy(&request.body).contains("\"_seq_no\":{\"gte\"");
        if page { rule(pages.fetch_add(1, Ordering::Relaxed)) } else { Fault::None }
    });
}

fn json_response(status: u16, body: &Value) -> Fault {
    let kind = ("content-type".to_owned(), "application/json".to_owned());
    Fault::Answer(status, vec![kind], body.to_string())
}

fn lost_point_in_time() -> Fault {
    let cause = json!({"type": "search_context_missing_exception", "reason": "No search context found for id [7]"});
    let error = json!({"root_cause": [cause], "type": "search_phase_execution_exception", "reason": "all shards failed",
        "failed_shards": [{"shard": 0, "reason": cause}]});
    json_response(404, &json!({"error": error, "status": 404}))
}

fn empty_page(failed: u32, timed_out: bool) -> Fault {
    let shards = json!({"total": 2, "successful": 2 - failed, "failed": failed});
    json_response(200, &json!({"timed_out": timed_out, "_shards": shards, "hits": {"hits": []}}))
}

/// A job that reads small pages of an index through a proxy.
fn begin(server: &Server, part: &str) -> (Proxy, String, Workspace) {
    let index = filled_index(server, part, 2, COUNT);
    let proxy = Proxy::start(server);
    let more = "pageSize: 100, slices: 3, retrySeconds: 5";
    let input = format!("{}, index: \"{index}*\", {more}", proxy.settings(READER));
    let workspace = workspace(server, &input);
    (proxy, index, workspace)
}

/// Asserts that the run reads all documents.
#[track_caller]
fn expect_all(workspace: &Workspace) {
    run(workspace).expect(0, &[]);
    let mut numbers: Vec<u64> =
        values(&written(workspace), "n").iter().map(|n| n.as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..COUNT as u64));
}

/// Asserts that the run fails without output.
#[track_caller]
fn expect_failure(workspace: &Workspace, code: i32, parts: &[&str]) {
    run(workspace).expect(code, parts);
    assert_eq!(workspace.files(), ["job.yaml", "secrets"]);
}

#[test]
fn failing_shards_are_retried_and_then_fail_the_run() {
    elastic::on_each_server(|server| {
        let (proxy, _, workspace) = begin(server, "logs-failing");
        set_page_faults(&proxy, |page| if page == 5 { empty_page(0, true) } else { Fault::None });
        expect_all(&workspace);
        std::fs::remove_file(workspace.path("out.ndjson")).unwrap();
        set_page_faults(&proxy, |page| if page > 5 { empty_page(1, false) } else { Fault::None });
        expect_failure(&workspace, 4, &["1 shards failed"]);
        set_page_faults(&proxy, |page| if page > 5 { Fault::unavailable() } else { Fault::None });
        expect_failure(&workspace, 4, &["503"]);
    });
}

#[test]
fn missing_documents_fail_the_run() {
    elastic::on_each_server(|server| {
        let (proxy, _, workspace) = begin(server, "logs-short");
        set_page_faults(&proxy, |page| if page == 7 { empty_page(0, false) } else { Fault::None });
        expect_failure(&workspace, 4, &["documents of", "that it had counted"]);
    });
}

#[test]
fn broken_connections_are_retried() {
    elastic::on_each_server(|server| {
        let (proxy, _, workspace) = begin(server, "logs-breaks");
        let job = workspace.read("job.yaml").replace("retrySeconds: 5", "retrySeconds: 60");
        workspace.write("job.yaml", job.as_bytes());
        set_page_faults(&proxy, |page| match page % 11 {
            1 => Fault::Refuse,
            4 => Fault::DropResponse,
            5 => Fault::Truncate(1_000),
            9 => Fault::too_many(),
            _ => Fault::None,
        });
        expect_all(&workspace);
    });
}

#[test]
fn lost_point_in_time_is_replaced() {
    elastic::on_each_server(|server| {
        let (proxy, index, workspace) = begin(server, "logs-lost");
        expect_all(&workspace);
        let expected = workspace.bytes("out.ndjson");
        let opened_count = |proxy: &Proxy| {
            let opened = |path: &str| path.contains("_pit?") || path.contains("point_in_time?");
            proxy.requests().iter().filter(|request| opened(&request.path)).count()
        };
        set_page_faults(&proxy, |page| {
            if page == 9 || page == 15 { lost_point_in_time() } else { Fault::None }
        });
        run(&workspace).expect(0, &[]);
        assert!(workspace.bytes("out.ndjson") == expected);
        assert_eq!(opened_count(&proxy), 4);

        // A real loss: closing and reopening an index ends its points in time.
        // One request at a time, so that none meets the closed index.
        let job = workspace.read("job.yaml").replace("slices: 3", "slices: 1");
        workspace.write("job.yaml", job.as_bytes());
        let admin = server.admin();
        let name = index.clone();
        set_page_faults(&proxy, move |page| {
            if page == 10 {
                admin.post_empty(&format!("/{name}/_close"));
                admin.post_empty(&format!("/{name}/_open"));
                admin.get(&format!("/_cluster/health/{name}?wait_for_status=green&timeout=30s"));
            }
            Fault::None
        });
        run(&workspace).expect(0, &[]);
        assert!(workspace.bytes("out.ndjson") == expected);
        assert!(opened_count(&proxy) > 5);
    });
}

#[test]
fn lost_point_in_time_with_other_documents_fails_the_run() {
    elastic::on_each_server(|server| {
        let (proxy, index, workspace) = begin(server, "logs-changed");
        let admin = Arc::new(server.admin());
        // One document is deleted and another added: the count stays the same.
        let name = index.clone();
        set_page_faults(&proxy, move |page| {
            if page != 9 {
                return Fault::None;
            }
            admin.delete(&format!("/{name}/_doc/17"));
            admin.load(&name, COUNT, &[json!({"n": 17, "@timestamp": "2026-03-04T00:00:17Z"})]);
            lost_point_in_time()
        });
        expect_failure(&workspace, 4, &["documents have changed since", "run the job again"]);
    });
}

#[test]
fn deleted_index_fails_the_run() {
    elastic::on_each_server(|server| {
        let (proxy, index, workspace) = begin(server, "logs-deleted");
        // The pattern's other index stays.
        server.admin().load(&format!("{index}-more"), 0, &[json!({"n": 1})]);
        let admin = server.admin();
        set_page_faults(&proxy, move |page| {
            if page == 9 {
                admin.delete(&format!("/{index}"));
            }
            Fault::None
        });
        expect_failure(&workspace, 3, &["was deleted or closed while it was read"]);
    });
}

#[test]
fn documents_written_during_the_run_are_not_read() {
    elastic::on_each_server(|server| {
        let (proxy, index, workspace) = begin(server, "logs-busy");
        let admin = server.admin();
        set_page_faults(&proxy, move |page| {
            if page % 5 == 2 {
                admin.load(&index, 10 + page, &[json!({"n": 99_999}), json!({"n": 99_998})]);
            }
            Fault::None
        });
        expect_all(&workspace);
    });
}

#[test]
fn point_in_time_is_closed() {
    elastic::on_each_server(|server| {
        let (proxy, _, workspace) = begin(server, "logs-closed");
        expect_all(&workspace);
        let closed =
            |request: &ProxiedRequest| request.method == "DELETE" && request.status == Some(200);
        assert_eq!(proxy.requests().iter().filter(|request| closed(request)).count(), 1);
    });
}

#[test]
fn interrupted_run_leaves_nothing() {
    elastic::on_each_server(|server| {
        let (proxy, _, workspace) = begin(server, "logs-stopped");
        set_page_faults(&proxy, |_| Fault::Delay(Duration::from_millis(300)));
        let mut child = workspace.command(&RUN).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(2));
        let pid = child.id().to_string();
        let killed = std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(killed.success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(workspace.files(), ["job.yaml", "secrets"]);
    });
}
