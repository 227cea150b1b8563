//! Clusters that are busy, gateways that break off, answers that get lost: every row is there once.

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

fn made(server: &Server, proxy: &Proxy, index: &str, more: &str) -> Workspace {
    let output = format!("{}, index: {index}, rows: all, {more}", proxy.settings(WRITER));
    let workspace = workspace(ROWS, &output);
    server.secrets(&workspace);
    workspace
}

/// By the number of the bulk request.
fn of_bulks(proxy: &Proxy, rule: impl Fn(usize) -> Fault + Send + Sync + 'static) {
    let bulks = AtomicUsize::new(0);
    proxy.faults(move |_, request: &Message| {
        if request.start.contains("/_bulk") {
            rule(bulks.fetch_add(1, Ordering::Relaxed))
        } else {
            Fault::None
        }
    });
}

#[test]
fn a_cluster_that_is_busy_for_a_minute_is_waited_for() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let begun = Instant::now();
        proxy.faults(move |_, request| {
            let busy = begun.elapsed() < Duration::from_mins(1);
            if busy && request.start.contains("/_bulk") { Fault::too_many() } else { Fault::None }
        });
        let index = server.name("busy");
        let workspace = made(server, &proxy, &index, "bulk: {maxDocuments: 500}");
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, 0, 0));
        assert_eq!(server.admin().count(&index), ROWS as u64);
        let busy = proxy.seen().iter().filter(|seen| seen.status == Some(429)).count();
        // Tried again, and not all the time.
        assert!((3..60).contains(&busy), "{busy}");
    });
}

/// Of the documents of a request, some are told to be tried again.
#[test]
fn only_what_was_not_taken_is_sent_again() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("some");
        of_bulks(&proxy, |number| {
            let busy = json!({"create": {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "busy"}}});
            let items = vec![busy; 500];
            match number {
                0..3 => Fault::Answer(200, Vec::new(), json!({"items": items}).to_string()),
                _ => Fault::None,
            }
        });
        let workspace = made(server, &proxy, &index, "bulk: {maxDocuments: 500}");
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, 0, 0));
        assert_eq!(server.admin().count(&index), ROWS as u64);
        let bulks = proxy.seen().iter().filter(|seen| seen.path.contains("/_bulk")).count();
        assert_eq!(bulks, ROWS / 500 + 3);
    });
}

/// The server has written them; nobody has heard of it.
#[test]
fn answers_that_are_lost_or_cut_double_nothing() {
    elastic::on_each_server(|server| {
        for fault in [Fault::DropResponse, Fault::Truncate(40), Fault::Refuse, Fault::unavailable()]
        {
            let proxy = Proxy::start(server);
            let index = server.name("lost");
            let (rule, told) =
                (fault.clone(), matches!(fault, Fault::DropResponse | Fault::Truncate(_)));
            of_bulks(
                &proxy,
                move |number| {
                    if number % 3 == 1 { rule.clone() } else { Fault::None }
                },
            );
            let workspace = made(server, &proxy, &index, "bulk: {maxDocuments: 1000}");
            let (rows, existing, refused) = counts(&run(&workspace));
            assert_eq!((rows, refused), (ROWS as u64, 0), "{fault:?}");
            assert_eq!(existing > 0, told, "{fault:?}");
            assert_eq!(server.admin().count(&index), ROWS as u64, "{fault:?}");
        }
    });
}

#[test]
fn a_cluster_that_stays_away_fails_the_run_and_a_rerun_completes_it() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("away");
        of_bulks(&proxy, |number| if number < 2 { Fault::None } else { Fault::unavailable() });
        let more = "bulk: {maxDocuments: 500, inFlight: 1, retrySeconds: 2}";
        let workspace = made(server, &proxy, &index, more);
        run(&workspace).expect(4, &["503", "run the job again"]);
        assert_eq!(server.admin().count(&index), 1000);
        proxy.faults(|_, _| Fault::None);
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, 1000, 0));
        assert_eq!(server.admin().count(&index), ROWS as u64);
    });
}

#[test]
fn a_token_that_expires_ends_the_run_with_the_remedy() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("expired");
        proxy.accept("Bearer old", WRITER);
        of_bulks(&proxy, |number| if number < 2 { Fault::None } else { Fault::unauthorized() });
        let output = format!(
            "url: \"{}\", auth: {{secretRef: {{name: bearer}}}}, index: {index}, rows: all, \
             bulk: {{maxDocuments: 500, inFlight: 1}}",
            proxy.url()
        );
        let workspace = workspace(ROWS, &output);
        proxy.secret(&workspace, "bearer", "token", "old");
        run(&workspace).expect(4, &["401", "secret bearer", "expired"]);
        assert_eq!(server.admin().count(&index), 1000);
        // As Kubernetes renews a secret under a run: what is read again is tried.
        let file = workspace.path("secrets/bearer/token");
        proxy.accept("Bearer new", WRITER);
        let bulks = AtomicUsize::new(0);
        proxy.faults(move |_, request| {
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
fn a_node_that_is_away_is_passed_over() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("nodes");
        // Nobody listens on port 1.
        let output = format!(
            "urls: [\"https://127.0.0.1:1\", \"{}\"], auth: {{secretRef: {{name: {WRITER}}}}}, index: {index}, \
             rows: all, bulk: {{maxDocuments: 200}}",
            proxy.url()
        );
        let workspace = workspace(ROWS, &output);
        server.secrets(&workspace);
        let begun = Instant::now();
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, 0, 0));
        assert_eq!(server.admin().count(&index), ROWS as u64);
        assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    });
}
