//! SIGKILL at random moments while senders post, and what is damaged on disk. `ANOMAL_TEST_KILLS=200` kills more often.

use std::{
    collections::BTreeSet,
    net::TcpStream,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anomal_tests::{
    Workspace,
    ledger::{Moment, balance},
};
use serde_json::Value;

use super::{
    job::{catch_up, ids, line, lines, of_file, rejected, results, summary, wait, workspace},
    running::{Running, post},
};

/// What senders know.
#[derive(Default)]
pub struct Ledger {
    pub next: AtomicU64,
    /// Ids of records whose batch was answered by 200.
    pub acknowledged: Mutex<BTreeSet<u64>>,
    /// Batches without an answer, which were sent again.
    pub unanswered: AtomicU64,
    pub stop: AtomicBool,
    /// Behind each batch.
    pub pause: Duration,
}

/// Posts batches of 25 good lines and a bad one, each until it is acknowledged.
pub fn send(ledger: &Ledger, address: &Mutex<String>) {
    while !ledger.stop.load(Ordering::Relaxed) {
        let first = ledger.next.fetch_add(25, Ordering::Relaxed);
        let body = lines(first..first + 25) + "no JSON\n";
        loop {
            let to = address.lock().unwrap().clone();
            let answer = TcpStream::connect(to).and_then(|mut stream| {
                stream.set_read_timeout(Some(Duration::from_mins(1)))?;
                post(&mut stream, &[], body.as_bytes())
            });
            match answer {
                Ok(answer) if answer.text().starts_with("{\"accepted\":25,") => {
                    assert_eq!(answer.status, 200);
                    ledger.acknowledged.lock().unwrap().extend(first..first + 25);
                    std::thread::sleep(ledger.pause);
                    break;
                }
                Ok(answer) if answer.text().starts_with("{\"error\":") => {
                    assert_eq!(answer.status, 503, "{}", answer.text());
                }
                // Nobody, or another program that has the port of one that was killed.
                Ok(_) | Err(_) => {
                    ledger.unanswered.fetch_add(1, Ordering::Relaxed);
                    if ledger.stop.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn what_is_acknowledged_survives_kills() {
    let kills = std::env::var("ANOMAL_TEST_KILLS").ok().and_then(|kills| kills.parse().ok());
    let kills = kills.unwrap_or(6_u64);
    let input = "http: {listen: \"127.0.0.1:0\", types: {id: integer, size: integer}}";
    // Small segments, so that they are removed meanwhile.
    let workspace = workspace(input, "maxBytes: 128Mi, sync: 2ms");
    // In long loops, less between two kills: all results are compared in memory.
    let ledger = Ledger { pause: Duration::from_millis(kills / 2), ..Ledger::default() };
    let running = Running::job(&workspace);
    let address = Mutex::new(running.address.clone());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| send(&ledger, &address));
        }
        let mut running = Some(running);
        for kill in 0..kills {
            let current = running.take().unwrap_or_else(|| {
                let next = Running::job(&workspace);
                address.lock().unwrap().clone_from(&next.address);
                next
            });
            Moment::of_round(kill).wait(&workspace.path("state"), &workspace.path(""));
            let ended = current.kill();
            let errors = ended.stderr.lines().filter(|line| line.contains("ERROR"));
            assert_eq!(errors.count(), 0, "kill {kill}: {ended:#?}");
        }
        ledger.stop.store(true, Ordering::Relaxed);
    });
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    let counts = summary(&last);
    let results = results(&workspace);
    // Every record once, by its number in the journal.
    let rejected = rejected(&workspace);
    let numbers = results.iter().map(|row| &row["anomal.row"]);
    let numbers = numbers.chain(rejected.iter().map(|row| &row["row"]));
    let numbers: Vec<u64> = numbers.map(|number| number.as_u64().unwrap()).collect();
    let rows = counts["rows"].as_u64().unwrap();
    balance(&[("SIGKILLs", kills)], rows, &numbers);
    assert_eq!(counts["results"].as_u64().unwrap() + counts["rejected"].as_u64().unwrap(), rows);
    // Everything that was acknowledged, and nothing that was not sent.
    let acknowledged = ledger.acknowledged.into_inner().unwrap();
    let found = ids(&workspace);
    let distinct: BTreeSet<u64> = found.iter().copied().collect();
    assert!(acknowledged.is_subset(&distinct));
    assert!(acknowledged.len() > 500, "{}", acknowledged.len());
    assert!(*distinct.last().unwrap() < ledger.next.into_inner());
    // Doubled is at most what senders sent again.
    let again = (found.len() - distinct.len()) as u64;
    assert!(again <= 25 * ledger.unanswered.into_inner(), "{again}");
    // The same results as those of an undisturbed run over the same records, also over those that can't be read.
    let mut ids = results.iter().map(|row| (&row["anomal.row"], row["id"].as_u64().unwrap()));
    let mut next = ids.next();
    let mut text = String::new();
    for number in 0..rows {
        match next {
            Some((row, id)) if *row == number => {
                text += &line(id);
                next = ids.next();
            }
            _ => text += "no JSON\n",
        }
    }
    let same = of_file(&text);
    catch_up(&same).expect(0, &[]);
    let plain = |row: &Value| {
        let mut row = row.clone();
        for key in ["event.ingested", "log.source.address"] {
            row.as_object_mut().unwrap().remove(key);
        }
        row
    };
    let expected: Vec<Value> = super::job::results(&same).iter().map(plain).collect();
    let differs = results.iter().map(plain).zip(&expected).find(|(one, two)| one != *two);
    assert!(differs.is_none() && results.len() == expected.len(), "{differs:?}");
}

fn journal(workspace: &Workspace) -> Vec<std::path::PathBuf> {
    let folder = std::fs::read_dir(workspace.path("job.journal")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "journal"));
    files.sort();
    files
}

#[test]
fn a_damaged_frame_is_named_and_counted_and_a_torn_one_cut_off() {
    let input = "http: {listen: \"127.0.0.1:0\"}";
    let workspace = workspace(input, "");
    let running = Running::job(&workspace);
    assert_eq!(running.post(&[], lines(0..10).as_bytes()).status, 200);
    wait(|| results(&workspace).len() == 10);
    wait(|| {
        running.post(&[], b"");
        workspace.path("state/0000000000000002.ckpt").exists()
    });
    // Taken, and not judged: the process is stopped before it reads on.
    assert_eq!(running.post(&[], lines(10..30).as_bytes()).status, 200);
    running.kill();
    let path = journal(&workspace).pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(8).position(|part| part == b"{\"id\":15").unwrap();
    bytes[place + 3] ^= 1;
    bytes.truncate(bytes.len() - 3);
    std::fs::write(&path, bytes).unwrap();
    let judged = results(&workspace).len();
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    let found = ids(&workspace);
    if judged == 10 {
        run.expect(0, &["damaged bytes; the records in them are left out"]);
        assert_eq!(summary(&run)["lost"], 1);
        let expected: Vec<u64> = (0..29).filter(|id| *id != 15).collect();
        assert_eq!(found, expected);
    } else {
        // It was faster.
        assert!(found.len() >= judged);
    }
    let second = Running::job(&workspace);
    let other = workspace.anomal(&["run", "job.yaml"]);
    other.expect(2, &["another process"]);
    second.terminate().expect(0, &[]);
}
