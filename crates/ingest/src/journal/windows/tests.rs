use std::{path::Path, sync::Arc};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::{
    journal::{Appender, Journal, JournalOptions},
    record::{Batch, NewRecord},
};

const SECOND: i64 = 1_000_000;

fn options() -> WindowOptions {
    WindowOptions { length: Duration::from_secs(10), most_bytes: 1 << 20, closed: false }
}

fn open(folder: &Path, options: WindowOptions) -> WindowLog {
    let journal = JournalOptions {
        folder: folder.to_owned(),
        max_bytes: 4 << 20,
        sync: Duration::from_millis(1),
        remember: None,
    };
    WindowLog::new(JournalLog::new(Journal::open(journal).unwrap()), options)
}

/// Appends records that arrive at these seconds.
async fn push(appender: &Appender, seconds: &[i64]) {
    for second in seconds {
        let text = Bytes::from(format!("{{\"second\":{second}}}"));
        let records = vec![NewRecord::new(text)];
        let batch = Batch { arrival: second * SECOND, sender: Arc::from("10.0.0.1:5"), records };
        appender.append(batch).await.unwrap();
    }
}

/// Reads at a second of the clock and since the start.
fn at(log: &mut WindowLog, second: i64, elapsed: u64) -> Option<Chunk<Collected>> {
    log.read_at(second * SECOND, Duration::from_secs(elapsed)).unwrap()
}

/// Checkpoints have the end.
fn saved(log: &mut WindowLog) {
    for _ in 0..SAVES {
        assert!(log.must_save());
        log.saving();
        log.saved(&Positions::default());
    }
    assert!(!log.must_save());
}

#[tokio::test]
async fn a_checkpoint_that_was_begun_before_does_not_have_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), WindowOptions { closed: true, ..options() });
    push(&log.records().journal().appender().unwrap(), &[100]).await;
    log.saving();
    assert!(at(&mut log, 100, 0).is_none() && log.must_save());
    for _ in 0..=SAVES {
        log.saved(&Positions::default());
    }
    assert!(log.must_save() && at(&mut log, 100, 0).is_none());
}

/// The next window, whose end is found now: its records and its times, in seconds.
fn next(log: &mut WindowLog, second: i64) -> Option<(Vec<u64>, i64, i64)> {
    assert!(at(log, second, 0).is_none(), "no window is read before its end is saved");
    if !log.must_save() {
        return None;
    }
    assert!(at(log, second, 0).is_none() && !log.caught_up());
    saved(log);
    let chunk = at(log, second, 0).unwrap();
    let Collected { window, records } = chunk.records;
    assert_eq!((chunk.first, chunk.first + chunk.count), (records[0].number, window.end));
    let numbers = records.iter().map(|record| record.number).collect();
    Some((numbers, window.from / SECOND, window.to / SECOND))
}

#[tokio::test]
async fn a_window_has_what_arrives_during_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), options());
    assert!(next(&mut log, 50).is_none() && log.caught_up());
    let appender = log.records().journal().appender().unwrap();
    push(&appender, &[100, 104, 103, 109]).await;
    assert!(next(&mut log, 109).is_none());
    // By a record behind it, whatever the clock says.
    push(&appender, &[110, 111]).await;
    assert_eq!(next(&mut log, 109), Some((vec![0, 1, 2, 3], 100, 110)));
    // By the clock, and by the time since its first record was seen, should the clock be put back.
    assert_eq!(next(&mut log, 119), None);
    assert_eq!(next(&mut log, 120), Some((vec![4, 5], 110, 120)));
    push(&appender, &[500]).await;
    assert!(at(&mut log, 90, 5).is_none() && at(&mut log, 90, 14).is_none() && !log.must_save());
    assert!(at(&mut log, 90, 15).is_none() && log.must_save());
    saved(&mut log);
    assert_eq!(at(&mut log, 90, 15).unwrap().first, 6);
    // Nothing comes, so there are no windows.
    assert!(next(&mut log, 10_000).is_none() && log.caught_up());
}

#[tokio::test]
async fn a_replay_has_the_same_windows_whatever_has_come_since() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), options());
    let appender = log.records().journal().appender().unwrap();
    push(&appender, &[100, 101]).await;
    let before = log.place().unwrap();
    assert!(at(&mut log, 110, 0).is_none() && log.must_save());
    let announced = log.place().unwrap();
    assert_ne!(announced, before);
    // One whose arrival is in the window, and that was written too late for it.
    push(&appender, &[109]).await;
    drop((appender, log));
    for _ in 0..2 {
        let mut log = open(folder.path(), options());
        log.restore(&announced).unwrap();
        assert_eq!(log.place().unwrap(), announced);
        let window = at(&mut log, 110, 0).unwrap().records;
        assert_eq!(window.records.len(), 2);
        assert_eq!((window.window.from, window.window.to), (100 * SECOND, 110 * SECOND));
        assert_eq!(next(&mut log, 200), Some((vec![2], 109, 119)));
    }
    // Where the end was not saved, nothing was said of the window, and it may be another.
    let mut log = open(folder.path(), options());
    log.restore(&before).unwrap();
    assert_eq!(next(&mut log, 110), Some((vec![0, 1, 2], 100, 110)));
}

#[tokio::test]
async fn a_replay_from_further_back_has_the_windows_of_the_newest_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), options());
    let appender = log.records().journal().appender().unwrap();
    let before = log.place().unwrap();
    let mut windows = Vec::new();
    for start in [100, 200, 300] {
        push(&appender, &[start, start + 1]).await;
        windows.push(next(&mut log, start + 10).unwrap());
        // Too late for its window.
        push(&appender, &[start + 2]).await;
    }
    let newest = log.place().unwrap();
    drop((appender, log));
    let mut log = open(folder.path(), options());
    log.restore(&before).unwrap();
    log.replays_to(&newest).unwrap();
    for (numbers, from, _) in &windows {
        let found = at(&mut log, 1_000, 0).unwrap().records;
        let found: Vec<u64> = found.records.iter().map(|record| record.number).collect();
        assert_eq!(&found, numbers, "{from}");
    }
    assert_eq!(next(&mut log, 1_000), Some((vec![6, 7, 8], 300, 310)));
    // What is not read again is forgotten.
    let all = log.place().unwrap().len();
    log.released(&[(0, 6)].into_iter().collect());
    assert!(log.place().unwrap().len() < all);
}

#[tokio::test]
async fn a_window_that_is_too_large_is_cut_and_the_last_one_ends_with_the_records() {
    let folder = tempfile::tempdir().unwrap();
    // Of records of 14 bytes.
    let mut log = open(folder.path(), WindowOptions { most_bytes: 30, closed: true, ..options() });
    let appender = log.records().journal().appender().unwrap();
    push(&appender, &[100, 101, 102, 103, 104]).await;
    assert_eq!(next(&mut log, 100), Some((vec![0, 1], 100, 101)));
    assert_eq!(next(&mut log, 100), Some((vec![2, 3], 102, 103)));
    assert_eq!(next(&mut log, 100), Some((vec![4], 104, 104)));
    assert!(next(&mut log, 100).is_none() && log.caught_up());
}

#[tokio::test]
async fn a_window_ends_where_it_was_to_end_though_records_are_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), options());
    let appender = log.records().journal().appender().unwrap();
    push(&appender, &[100, 101, 102, 111, 112]).await;
    assert!(at(&mut log, 112, 0).is_none() && log.must_save());
    let place = log.place().unwrap();
    drop((appender, log));
    damage(&folder, b"{\"second\":101}");
    let mut log = open(folder.path(), options());
    log.restore(&place).unwrap();
    let numbers = |window: Collected| -> Vec<u64> {
        window.records.iter().map(|record| record.number).collect()
    };
    assert_eq!(numbers(at(&mut log, 112, 0).unwrap().records), [0, 2]);
    assert_eq!(next(&mut log, 130), Some((vec![3, 4], 111, 121)));
    assert_eq!(log.records().lost(), 1);
}

fn damage(folder: &TempDir, text: &[u8]) {
    let mut entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let path = entries.find(|path| path.extension().is_some_and(|it| it == "journal"));
    let path = path.unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(text.len()).position(|part| part == text).unwrap();
    bytes[place] ^= 1;
    std::fs::write(&path, bytes).unwrap();
}
