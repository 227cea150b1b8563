//! Busy clusters, broken connections, lost responses: every row is written once.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anomal_tests::{
    Workspace,
    elastic::{
        self, Server, WRITER,
        proxy::{Fault, Message, Proxy},
    },
};
use serde_json::json;

use super::jobs::{counts, run, workspace};

const ROWS: usize = 6_000;

fn job_workspace(server: &Server, proxy: &Proxy, index: &str, more: &str) -> Workspace {
    let output = format!("{}, index: {index}, rows: all, {more}", proxy.settings(WRITER));
    let workspace = workspace(ROWS, &output);
    server.secrets(&workspace);
    workspace
}

/// Sets faults by the number of the bulk request.
fn set_bulk_faults(proxy: &Proxy, rule: impl Fn(usize) -> Fault + Send + Sync + 'static) {
    let bulks = AtomicUsize::new(0);
    proxy.set_faults(move |_, request: &Message| {
        if request.start.contains("/_bulk") {
            rule(bulks.fetch_add(1, Ordering::Relaxed))
        } else {
            Fault::None
        }
    });
}

#[test]
fn busy_cluster_is_retried_for_a_minute() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let begun = Instant::now();
        proxy.set_faults(move |_, request| {
            let busy = begun.elapsed() < Duration::from_mins(1);
            if busy && request.start.contains("/_bulk") { Fault::too_many() } else { Fault::None }
        });
        let index = server.name("busy");
        let workspace = job_workspace(server, &proxy, &index, "bulk: {maxDocuments: 500}");
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, 0, 0));
        assert_eq!(server.admin().count(&index), ROWS as u64);
        let busy = proxy.requests().iter().filter(|request| request.status == Some(429)).count();
        // Retried, with growing pauses.
        assert!((3..60).contains(&busy), "{busy}");
    });
}

/// All documents of the first three requests are refused as busy.
#[test]
fn only_refused_documents_are_sent_again() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("some");
        set_bulk_faults(&proxy, |number| {
            let busy = json!({"create": {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "busy"}}});
            let items = vec![busy; 500];
            match number {
                0..3 => Fault::Answer(200, Vec::new(), json!({"items": items}).to_string()),
                _ => Fault::None,
            }
        });
        let workspace = job_workspace(server, &proxy, &index, "bulk: {maxDocuments: 500}");
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, 0, 0));
        assert_eq!(server.admin().count(&index), ROWS as u64);
        let bulks =
            proxy.requests().iter().filter(|request| request.path.contains("/_bulk")).count();
        assert_eq!(bulks, ROWS / 500 + 3);
    });
}

/// After a lost response the server has the documents although the client does not know it.
#[test]
fn lost_and_truncated_responses_cause_no_duplicates() {
    elastic::on_each_server(|server| {
        for fault in [Fault::DropResponse, Fault::Truncate(40), Fault::Refuse, Fault::unavailable()]
        {
            let proxy = Proxy::start(server);
            let index = server.name("lost");
            let (rule, written) =
                (fault.clone(), matches!(fault, Fault::DropResponse | Fault::Truncate(_)));
            set_bulk_faults(
                &proxy,
                move |number| {
                    if number % 3 == 1 { rule.clone() } else { Fault::None }
                },
            );
            let workspace = job_workspace(server, &proxy, &index, "bulk: {maxDocuments: 1000}");
            let (rows, existing, refused) = counts(&run(&workspace));
            assert_eq!((rows, refused), (ROWS as u64, 0), "{fault:?}");
            assert_eq!(existing > 0, written, "{fault:?}");
            assert_eq!(server.admin().count(&index), ROWS as u64, "{fault:?}");
        }
    });
}

#[test]
fn unavailable_cluster_fails_the_run_and_a_rerun_completes_it() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("away");
        set_bulk_faults(
            &proxy,
            |number| if number < 2 { Fault::None } else { Fault::unavailable() },
        );
        let more = "bulk: {maxDocuments: 500, inFlight: 1, retrySeconds: 2}";
        let workspace = job_workspace(server, &proxy, &index, more);
        run(&workspace).expect(4, &["503", "run the job again"]);
        assert_eq!(server.admin().count(&index), 1000);
        proxy.set_faults(|_, _| Fault::None);
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, 1000, 0));
        assert_eq!(server.admin().count(&index), ROWS as u64);
    });
}

#[test]
fn expired_token_fails_the_run_unless_it_is_renewed() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("expired");
        proxy.accept("Bearer old", WRITER);
        set_bulk_faults(
            &proxy,
            |number| if number < 2 { Fault::None } else { Fault::unauthorized() },
        );
        let output = format!(
            "url: \"{}\", auth: {{secretRef: {{name: bearer}}}}, index: {index}, rows: all, \
             bulk: {{maxDocuments: 500, inFlight: 1}}",
            proxy.url()
        );
        let workspace = workspace(ROWS, &output);
        proxy.secret(&workspace, "bearer", "token", "old");
        run(&workspace).expect(4, &["401", "secret bearer", "expired"]);
        assert_eq!(server.admin().count(&index), 1000);
        // Kubernetes may renew a secret during a run: it is read again.
        let file = workspace.path("secrets/bearer/token");
        proxy.accept("Bearer new", WRITER);
        let bulks = AtomicUsize::new(0);
        proxy.set_faults(move |_, request| {
            let old = request.header("authorization") == Some("Bearer old");
            if request.start.contains("/_bulk") && bulks.fetch_add(1, Ordering::Relaxed) == 3 {
                fs::write(&file, "new").unwrap();
            }
            let renewed = fs::read(&file).unwrap() == b"new";
            if old && renewed { Fault::unauthorized() } else { Fault::None }
        });
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, 1000, 0));
        assert_eq!(server.admin().count(&index), ROWS as u64);
    });
}

#[test]
fn unreachable_node_is_skipped() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("nodes");
        // No server listens on port 1.
        let output = format!(
            "urls: [\"https://127.0.0.1:1\", \"{}\"], auth: {{secretRef: {{name: {WRITER}}}}}, index: {index}, \
             rows: all, bulk: {{maxDocuments: 200}}",
            proxy.url()
        );
        let workspace = workspace(ROWS, &output);
        server.secrets(&workspace);
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, 0, 0));
        assert_eq!(server.admin().count(&index), ROWS as u64);
    });
}
