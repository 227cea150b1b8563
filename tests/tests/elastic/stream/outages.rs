//! Whatever is not the fault of a document is an outage: results wait, the other output goes on, and nothing is refused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anomal_tests::elastic::{
    self, Flavor, Server, WRITER,
    proxy::{Fault, Proxy},
};
use anomal_tests::ledger::{away, balance};
use serde_json::{Value, json};

use super::jobs::{Stream, rows, summary, wait, wait_for_documents};

/// `ANOMAL_TEST_AWAY=600` takes it away for ten minutes.
#[test]
fn a_server_that_is_away_stops_nothing_else() {
    elastic::on_fresh_servers(|mut server| {
        let index = server.name("away");
        let stream = Stream::new(&server, &server.settings(WRITER), &index, "");
        stream.append(0..500);
        let child = stream.start();
        wait_for_documents(&server, &index, 500);
        server.kill();
        stream.append(500..1_500);
        stream.wait_for_results(1_500);
        std::thread::sleep(away(20));
        // The process is killed too, and starts while the server is away.
        let mut child = child;
        child.kill().unwrap();
        child.wait().unwrap();
        let child = stream.start();
        stream.append(1_500..2_000);
        stream.wait_for_results(2_000);
        server.restart();
        wait_for_documents(&server, &index, 2_000);
        let ended = Stream::stop(child);
        let name = format!("output elasticsearch {index}: ");
        ended
            .expect(0, &[&name, "results wait, and writing is tried again", "takes results again"]);
        assert_eq!(summary(&ended)["refused"], 0);
        let documents = server.admin().documents(&index);
        let faults = [("s without the server", away(20).as_secs()), ("SIGKILLs", 2)];
        balance(&faults, 2_000, &rows(&documents));
        assert!(!stream.workspace.path("job.refused.ndjson").exists());
    });
}

/// A server that forgets its users for a while: each request is answered by 401.
#[test]
fn credentials_that_are_refused_are_an_outage() {
    let Ok(server) = Server::start(Flavor::Elasticsearch) else { return };
    let index = server.name("denied");
    let stream = Stream::new(&server, &server.settings(WRITER), &index, "");
    stream.append(0..300);
    let child = stream.start();
    wait_for_documents(&server, &index, 300);
    let knows = || server.user(WRITER).send("GET", "/", "").status != 401;
    server.know_users(false);
    wait("a server that knows no users", || !knows());
    stream.append(300..600);
    stream.wait_for_results(600);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(server.admin().count(&index), 300);
    server.know_users(true);
    wait("a server that knows its users", knows);
    wait_for_documents(&server, &index, 600);
    let ended = Stream::stop(child);
    ended.expect(0, &["401", "results wait", "takes results again"]);
    assert_eq!(summary(&ended)["refused"], 0);
    assert_eq!(rows(&server.admin().documents(&index)), (0..600).collect::<Vec<u64>>());
}

#[test]
fn a_read_only_index_is_an_outage() {
    elastic::on_each_server(|server| {
        let index = server.name("blocked");
        let stream = Stream::new(server, &server.settings(WRITER), &index, "");
        stream.append(0..300);
        let child = stream.start();
        wait_for_documents(server, &index, 300);
        let admin = server.admin();
        let block = |on: Value| {
            let setting = json!({"index.blocks.read_only_allow_delete": on});
            admin.put(&format!("/{index}/_settings"), &setting);
        };
        block(json!(true));
        stream.append(300..600);
        stream.wait_for_results(600);
        std::thread::sleep(Duration::from_secs(5));
        assert_eq!(admin.count(&index), 300);
        block(Value::Null);
        wait_for_documents(server, &index, 600);
        let ended = Stream::stop(child);
        ended.expect(0, &["cluster_block_exception", "remove the index's block; results wait"]);
        assert_eq!(summary(&ended)["refused"], 0);
        assert_eq!(rows(&admin.documents(&index)), (0..600).collect::<Vec<u64>>());
        // Each change is said once, not with each attempt.
        assert_eq!(ended.stderr.matches("results wait").count(), 1, "{ended:#?}");
    });
}

/// Unknown credentials, missing rights, a missing index, an overloaded or broken server, and answers that get lost.
#[test]
fn what_a_server_answers_for_other_reasons_refuses_no_document() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("answers");
        let more = "bulk: {maxDocuments: 40}";
        let stream = Stream::new(server, &proxy.settings(WRITER), &index, more);
        let answer = |status: u16, kind: &str| {
            let body = json!({"error": {"type": kind, "reason": "of the test"}, "status": status});
            Fault::Answer(status, Vec::new(), body.to_string())
        };
        let items = json!({"items": vec![json!({"create": {"status": 404, "error":
            {"type": "index_not_found_exception", "reason": "no such index"}}}); 40]});
        let faults = [
            Fault::unauthorized(),
            answer(403, "security_exception"),
            answer(404, "index_not_found_exception"),
            Fault::Answer(200, Vec::new(), items.to_string()),
            Fault::too_many(),
            Fault::unavailable(),
            answer(500, "x"),
            Fault::DropResponse,
            Fault::Truncate(40),
            Fault::Refuse,
        ];
        let count = faults.len();
        let bulks = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&bulks);
        proxy.set_faults(move |_, request| {
            if !request.start.contains("/_bulk") {
                return Fault::None;
            }
            let number = seen.fetch_add(1, Ordering::Relaxed);
            // Each is answered twice, between requests that succeed.
            match number % 4 {
                1 | 2 => faults[number / 4 % faults.len()].clone(),
                _ => Fault::None,
            }
        });
        let child = stream.start();
        let mut written = 0;
        while bulks.load(Ordering::Relaxed) < 4 * count && written < 20_000 {
            stream.append(written..written + 40);
            written += 40;
            std::thread::sleep(Duration::from_millis(200));
        }
        assert!(bulks.load(Ordering::Relaxed) >= 4 * count, "{written}");
        proxy.set_faults(|_, _| Fault::None);
        wait_for_documents(server, &index, written);
        let ended = Stream::stop(child);
        ended.expect(0, &["results wait"]);
        assert_eq!(summary(&ended)["refused"], 0, "{ended:#?}");
        assert_eq!(rows(&server.admin().documents(&index)), (0..written).collect::<Vec<u64>>());
        assert_eq!(stream.results().len() as u64, written);
    });
}

#[test]
fn an_output_that_hangs_does_not_stop_the_other() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("hangs");
        let stream =
            Stream::new(server, &proxy.settings(WRITER), &index, "requestTimeoutSeconds: 5");
        let hangs = Arc::new(AtomicBool::new(false));
        let now = Arc::clone(&hangs);
        proxy.set_faults(move |_, _| {
            let hangs = now.load(Ordering::Relaxed);
            if hangs { Fault::Delay(Duration::from_secs(7)) } else { Fault::None }
        });
        stream.append(0..200);
        let child = stream.start();
        wait_for_documents(server, &index, 200);
        hangs.store(true, Ordering::Relaxed);
        for step in 0..10 {
            let first = 200 + step * 50;
            stream.append(first..first + 50);
            let since = std::time::Instant::now();
            let count = usize::try_from(first + 50).unwrap();
            wait("results of the other output", || stream.results().len() == count);
            assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
        }
        hangs.store(false, Ordering::Relaxed);
        wait_for_documents(server, &index, 700);
        Stream::stop(child).expect(0, &[]);
        assert_eq!(rows(&server.admin().documents(&index)), (0..700).collect::<Vec<u64>>());
    });
}
