//! Limits of connections, of silence and of the journal.

use std::io::{Read, Write};

use anomal_tests::{disk::SmallDisk, http::Answer};

use super::{
    job::{hold, ids, line, lines, results, wait, workspace},
    running::Running,
};

#[test]
fn more_connections_than_allowed_are_closed_at_once() {
    let input =
        "tcp: {host: 127.0.0.1, port: 0, badLines: skip, maxConnections: 2, idleTimeout: 1h}";
    let workspace = workspace(input, "");
    let running = Running::job(&workspace);
    let mut open: Vec<_> = (0..2).map(|_| running.connect()).collect();
    for (stream, id) in open.iter_mut().zip(0..) {
        stream.write_all(line(id).as_bytes()).unwrap();
    }
    wait(|| results(&workspace).len() == 2);
    let mut more = running.connect();
    assert_eq!(more.read(&mut [0]).unwrap_or(0), 0);
    // One that ends leaves its place to another.
    open.pop();
    wait(|| {
        let mut stream = running.connect();
        let _ = stream.write_all(line(2).as_bytes());
        stream.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
        // It is open still.
        stream.read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    });
    wait(|| results(&workspace).len() >= 3);
    open[0].write_all(line(3).as_bytes()).unwrap();
    wait(|| ids(&workspace).contains(&3));
    running.terminate().expect(0, &["maxConnections"]);
}

#[test]
fn a_connection_that_is_silent_is_closed() {
    let input = "tcp: {host: 127.0.0.1, port: 0, badLines: skip, idleTimeout: 1s}";
    let workspace = workspace(input, "");
    let running = Running::job(&workspace);
    let mut silent = running.connect();
    silent.write_all(format!("{}{{\"id\"", line(0)).as_bytes()).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
    wait(|| results(&workspace).len() == 1);
    let ended = running.terminate();
    ended.expect(0, &["it was silent for too long"]);
    assert!(workspace.read("job.rejected.ndjson").contains("it ends within an object"));
}

/// Posts records until they are not taken, and counts those that are.
fn post_until_refused(running: &Running, sent: &mut u64) -> Answer {
    loop {
        let answer = running.post(&[], lines(*sent..*sent + 500).as_bytes());
        if answer.status != 200 {
            return answer;
        }
        *sent += 500;
        assert!(*sent < 100_000, "it is never full");
    }
}

#[test]
fn a_full_journal_asks_senders_to_come_later() {
    let input = "http: {listen: \"127.0.0.1:0\", maxBody: 64Ki}";
    let workspace = workspace(input, "maxBytes: 1Mi");
    let running = Running::job(&workspace);
    assert_eq!(running.post(&[], lines(0..100).as_bytes()).status, 200);
    wait(|| results(&workspace).len() == 100);
    let held = hold(&workspace);
    let mut sent = 100;
    let refused = post_until_refused(&running, &mut sent);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(refused.text().contains("the journal is full"), "{}", refused.text());
    let health = running.get("/v1/health");
    assert_eq!((health.status, health.text().as_str()), (503, "{\"status\":\"full\"}"));
    held.release();
    // It comes later.
    wait(|| running.post(&[], lines(sent..sent + 500).as_bytes()).status == 200);
    assert_eq!(running.get("/v1/health").status, 200);
    sent += 500;
    let rows = usize::try_from(sent).unwrap();
    wait(|| results(&workspace).len() == rows);
    running.terminate().expect(0, &[]);
    assert_eq!(ids(&workspace), (0..sent).collect::<Vec<_>>());
    let kept = workspace.files().into_iter().filter(|name| name.contains(".journal"));
    assert!(kept.count() <= 9);
}

/// The disk is full but for what is left to others while results can't be written; then all of it is freed, again and again.
#[test]
fn a_disk_that_is_smaller_than_a_segment_of_the_journal_becomes_free_again() {
    let input = "http: {listen: \"127.0.0.1:0\", maxBody: 64Ki}";
    let workspace = workspace(input, "path: small/journal, maxBytes: 64Mi");
    let Some(small) = SmallDisk::mount(workspace.path("small")) else { return };
    let running = Running::job(&workspace);
    assert_eq!(running.post(&[], lines(0..500).as_bytes()).status, 200);
    wait(|| results(&workspace).len() == 500);
    let held = hold(&workspace);
    let mut sent = 500;
    let refused = post_until_refused(&running, &mut sent);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(refused.text().contains("the journal is full"), "{}", refused.text());
    assert_eq!(running.get("/v1/health").status, 503);
    workspace.write("small/other", &vec![0; 64 << 10]);
    std::fs::remove_file(workspace.path("small/other")).unwrap();
    held.release();
    let full = sent;
    while sent < 4 * full {
        wait(|| running.post(&[], lines(sent..sent + 500).as_bytes()).status == 200);
        sent += 500;
    }
    let rows = usize::try_from(sent).unwrap();
    wait(|| results(&workspace).len() == rows);
    running.terminate().expect(0, &["its disk is full"]);
    assert_eq!(ids(&workspace), (0..sent).collect::<Vec<_>>());
    drop(small);
}

#[test]
fn a_full_disk_of_the_journal_asks_senders_to_come_later() {
    let input = "http: {listen: \"127.0.0.1:0\", maxBody: 64Ki}";
    let workspace = workspace(input, "path: small/journal, maxBytes: 64Mi");
    let Some(small) = SmallDisk::mount(workspace.path("small")) else { return };
    let running = Running::job(&workspace);
    assert_eq!(running.post(&[], lines(0..100).as_bytes()).status, 200);
    wait(|| results(&workspace).len() == 100);
    let filler = small.fill();
    let mut sent = 100;
    let refused = post_until_refused(&running, &mut sent);
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    // What was acknowledged before is judged, and what was not taken comes again.
    let rows = usize::try_from(sent).unwrap();
    wait(|| results(&workspace).len() == rows);
    std::fs::remove_file(filler).unwrap();
    wait(|| running.post(&[], lines(sent..sent + 500).as_bytes()).status == 200);
    sent += 500;
    let rows = usize::try_from(sent).unwrap();
    wait(|| results(&workspace).len() == rows);
    running.terminate().expect(0, &[]);
    assert_eq!(ids(&workspace), (0..sent).collect::<Vec<_>>());
    drop(small);
}
