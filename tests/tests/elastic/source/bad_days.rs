//! Shards that fail, points in time that are lost, indices that go: all documents, or an error and no file.

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

use super::jobs::{RUN, filled, run, values, workspace, written};

const COUNT: usize = 3_000;

/// By the number of the search for a page.
fn of_pages(proxy: &Proxy, rule: impl Fn(usize) -> Fault + Send + Sync + 'static) {
    let pages = AtomicUsize::new(0);
    proxy.faults(move |_, request: &Message| {
        let page = request.start.contains("/_search?")
            && String::from_utf8_lossy(&request.body).contains("\"_seq_no\":{\"gte\"");
        if page { rule(pages.fetch_add(1, Ordering::Relaxed)) } else { Fault::None }
    });
}

fn answer(status: u16, body: &Value) -> Fault {
    let kind = ("content-type".to_owned(), "application/json".to_owned());
    Fault::Answer(status, vec![kind], body.to_string())
}

fn lost() -> Fault {
    let cause = json!({"type": "search_context_missing_exception", "reason": "No search context found for id [7]"});
    let error = json!({"root_cause": [cause], "type": "search_phase_execution_exception", "reason": "all shards failed",
        "failed_shards": [{"shard": 0, "reason": cause}]});
    answer(404, &json!({"error": error, "status": 404}))
}

fn page(failed: u32, timed_out: bool) -> Fault {
    let shards = json!({"total": 2, "successful": 2 - failed, "failed": failed});
    answer(200, &json!({"timed_out": timed_out, "_shards": shards, "hits": {"hits": []}}))
}

/// A job that reads small pages of an index through a proxy.
fn begin(server: &Server, part: &str) -> (Proxy, String, Workspace) {
    let index = filled(server, part, 2, COUNT);
    let proxy = Proxy::start(server);
    let more = "pageSize: 100, slices: 3, retrySeconds: 5";
    let input = format!("{}, index: \"{index}*\", {more}", proxy.settings(READER));
    let workspace = workspace(server, &input);
    (proxy, index, workspace)
}

#[track_caller]
fn all(workspace: &Workspace) {
    run(workspace).expect(0, &[]);
    let mut numbers: Vec<u64> =
        values(&written(workspace), "n").iter().map(|n| n.as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..COUNT as u64));
}

#[track_caller]
fn fails(workspace: &Workspace, code: i32, parts: &[&str]) {
    run(workspace).expect(code, parts);
    assert_eq!(workspace.files(), ["job.yaml", "secrets"]);
}

#[test]
fn shards_that_fail_are_asked_again_and_then_told() {
    elastic::on_each_server(|server| {
        let (proxy, _, workspace) = begin(server, "logs-failing");
        of_pages(&proxy, |page| if page == 5 { self::page(0, true) } else { Fault::None });
        all(&workspace);
        std::fs::remove_file(workspace.path("out.ndjson")).unwrap();
        of_pages(&proxy, |page| if page > 5 { self::page(1, false) } else { Fault::None });
        fails(&workspace, 4, &["1 shards failed"]);
        of_pages(&proxy, |page| if page > 5 { Fault::unavailable() } else { Fault::None });
        fails(&workspace, 4, &["503"]);
    });
}

#[test]
fn a_page_without_its_documents_is_noticed() {
    elastic::on_each_server(|server| {
        let (proxy, _, workspace) = begin(server, "logs-short");
        of_pages(&proxy, |page| if page == 7 { self::page(0, false) } else { Fault::None });
        fails(&workspace, 4, &["documents of", "that it has counted"]);
    });
}

#[test]
fn connections_that_break_are_made_again() {
    elastic::on_each_server(|server| {
        let (proxy, _, workspace) = begin(server, "logs-breaks");
        let job = workspace.read("job.yaml").replace("retrySeconds: 5", "retrySeconds: 60");
        workspace.write("job.yaml", job.as_bytes());
        of_pages(&proxy, |page| match page % 11 {
            1 => Fault::Refuse,
            4 => Fault::DropResponse,
            5 => Fault::Truncate(1_000),
            9 => Fault::too_many(),
            _ => Fault::None,
        });
        all(&workspace);
    });
}

#[test]
fn a_point_in_time_that_is_lost_is_replaced_by_one_of_the_same_documents() {
    elastic::on_each_server(|server| {
        let (proxy, index, workspace) = begin(server, "logs-lost");
        all(&workspace);
        let expected = workspace.bytes("out.ndjson");
        let renewed = |proxy: &Proxy| {
            let opened = |path: &str| path.contains("_pit?") || path.contains("point_in_time?");
            proxy.seen().iter().filter(|seen| opened(&seen.path)).count()
        };
        of_pages(&proxy, |page| if page == 9 || page == 15 { lost() } else { Fault::None });
        run(&workspace).expect(0, &[]);
        assert!(workspace.bytes("out.ndjson") == expected);
        assert_eq!(renewed(&proxy), 4);

        // Really lost: an index that was closed and opened again has no readers any more.
        // One request at a time: none is to find it closed.
        let job = workspace.read("job.yaml").replace("slices: 3", "slices: 1");
        workspace.write("job.yaml", job.as_bytes());
        let admin = server.admin();
        let name = index.clone();
        of_pages(&proxy, move |page| {
            if page == 10 {
                admin.act(&format!("/{name}/_close"));
                admin.act(&format!("/{name}/_open"));
                admin.get(&format!("/_cluster/health/{name}?wait_for_status=green&timeout=30s"));
            }
            Fault::None
        });
        run(&workspace).expect(0, &[]);
        assert!(workspace.bytes("out.ndjson") == expected);
        assert!(renewed(&proxy) > 5);
    });
}

#[test]
fn other_documents_are_not_taken_for_those_that_were_lost() {
    elastic::on_each_server(|server| {
        let (proxy, index, workspace) = begin(server, "logs-changed");
        let admin = Arc::new(server.admin());
        // One goes and another one comes: as many as before.
        let name = index.clone();
        of_pages(&proxy, move |page| {
            if page != 9 {
                return Fault::None;
            }
            admin.delete(&format!("/{name}/_doc/17"));
            admin.load(&name, COUNT, &[json!({"n": 17, "@timestamp": "2026-03-04T00:00:17Z"})]);
            lost()
        });
        fails(&workspace, 4, &["documents have changed since", "run again"]);
    });
}

#[test]
fn an_index_that_is_deleted_while_it_is_read() {
    elastic::on_each_server(|server| {
        let (proxy, index, workspace) = begin(server, "logs-deleted");
        // The other one of the pattern stays.
        server.admin().load(&format!("{index}-more"), 0, &[json!({"n": 1})]);
        let admin = server.admin();
        of_pages(&proxy, move |page| {
            if page == 9 {
                admin.delete(&format!("/{index}"));
            }
            Fault::None
        });
        fails(&workspace, 3, &["was deleted or closed while it was read"]);
    });
}

#[test]
fn documents_written_while_it_reads_are_not_of_this_run() {
    elastic::on_each_server(|server| {
        let (proxy, index, workspace) = begin(server, "logs-busy");
        let admin = server.admin();
        of_pages(&proxy, move |page| {
            if page % 5 == 2 {
                admin.load(&index, 10 + page, &[json!({"n": 99_999}), json!({"n": 99_998})]);
            }
            Fault::None
        });
        all(&workspace);
    });
}

#[test]
fn what_was_opened_is_given_back() {
    elastic::on_each_server(|server| {
        let (proxy, _, workspace) = begin(server, "logs-closed");
        all(&workspace);
        let closed = |seen: &ProxiedRequest| seen.method == "DELETE" && seen.status == Some(200);
        assert_eq!(proxy.seen().iter().filter(|seen| closed(seen)).count(), 1);
    });
}

#[test]
fn a_run_that_is_stopped_leaves_nothing() {
    elastic::on_each_server(|server| {
        let (proxy, _, workspace) = begin(server, "logs-stopped");
        of_pages(&proxy, |_| Fault::Delay(Duration::from_millis(300)));
        let mut child = workspace.command(&RUN).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(2));
        let pid = child.id().to_string();
        let killed = std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(killed.success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(workspace.files(), ["job.yaml", "secrets"]);
    });
}
