use std::{path::Path, sync::Arc};

use anomal_stream::{Log, Positions};
use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::record::{Batch, NewRecord, Record};

fn options(folder: &Path, max_bytes: u64) -> JournalOptions {
    JournalOptions {
        folder: folder.to_owned(),
        max_bytes,
        sync: Duration::from_millis(1),
        remember: None,
    }
}

fn open(folder: &TempDir, max_bytes: u64) -> JournalLog {
    JournalLog::new(Journal::open(options(folder.path(), max_bytes)).unwrap())
}

fn batch(texts: &[&str]) -> Batch {
    let records = texts.iter().map(|text| NewRecord::new(Bytes::copy_from_slice(text.as_bytes())));
    Batch { arrival: 7, sender: Arc::from("10.0.0.1:5"), records: records.collect() }
}

fn numbered(numbers: std::ops::Range<u64>, length: usize) -> Batch {
    let texts: Vec<String> = numbers.map(|number| format!("{number:0length$}")).collect();
    batch(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A record with its number as text.
fn one(number: u64, length: usize) -> Batch {
    batch(&[&format!("{number:0length$}")])
}

/// All that can be read, with the numbers that the texts have.
fn read(log: &mut JournalLog) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(chunk) = log.read().unwrap() {
        assert_eq!(chunk.first, chunk.records[0].number);
        for record in chunk.records {
            assert_eq!(
                str::from_utf8(&record.text).unwrap().parse::<u64>().unwrap(),
                record.number
            );
            numbers.push(record.number);
        }
    }
    numbers
}

fn segments(folder: &TempDir) -> Vec<PathBuf> {
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> =
        names.filter(|path| path.extension().is_some_and(|ending| ending == "journal")).collect();
    names.sort();
    names
}

#[tokio::test]
async fn records_are_read_as_they_were_taken_also_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder, 1 << 20);
    assert!(log.read().unwrap().is_none() && log.caught_up());
    let appender = log.journal().appender().unwrap();
    let refused = NewRecord::refused(&Bytes::from_static(b"no"), "it is no JSON object");
    let mut first = batch(&["{\"a\":1}", ""]);
    first.records.push(refused);
    appender.append(first).await.unwrap();
    let chunk = log.read().unwrap().unwrap();
    assert_eq!((chunk.partition, chunk.first, chunk.count), (0, 0, 3));
    let record = |number, text: &'static str, refused: &str| Record {
        number,
        arrival: 7,
        sender: "10.0.0.1:5".to_owned(),
        text: Bytes::from_static(text.as_bytes()),
        refused: refused.to_owned(),
        key: None,
    };
    let records =
        [record(0, "{\"a\":1}", ""), record(1, "", ""), record(2, "no", "it is no JSON object")];
    assert_eq!(chunk.records, records);
    let place = log.place().unwrap();
    appender.append(numbered(3..5, 1)).await.unwrap();
    let second = Journal::open(options(folder.path(), 1 << 20)).err().unwrap();
    assert!(second.to_string().contains("another process"), "{second}");
    drop((appender, log));
    let mut log = open(&folder, 1 << 20);
    log.restore(&place).unwrap();
    assert_eq!((read(&mut log), log.lost(), log.journal().next()), (vec![3, 4], 0, 5));
    let again = open_first(&log);
    assert_eq!(again.len(), 0);
}

fn open_first(log: &JournalLog) -> Vec<Record> {
    log.first(10, 1 << 20).unwrap()
}

#[tokio::test]
async fn segments_are_removed_when_they_are_released_and_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder, 1 << 20);
    let appender = log.journal().appender().unwrap();
    let mut taken = 0;
    let error = loop {
        match appender.append(numbered(taken..taken + 10, 1000)).await {
            Ok(_) => taken += 10,
            Err(error) => break error,
        }
    };
    assert_eq!(error, AppendError::Full);
    assert!(appender.is_full() && (950..1_024).contains(&taken), "{taken}");
    assert!(segments(&folder).len() >= 8, "{:?}", segments(&folder));
    assert_eq!(appender.append(numbered(0..600, 1000)).await, Err(AppendError::TooLarge));
    // Nothing is removed before it is released.
    assert_eq!(read(&mut log), (0..taken).collect::<Vec<_>>());
    log.released(&Positions::default());
    assert_eq!(appender.append(numbered(taken..taken + 10, 1000)).await, Err(AppendError::Full));
    log.released(&[(0, taken - 1)].into_iter().collect());
    assert!(segments(&folder).len() <= 2 && !appender.is_full());
    appender.append(numbered(taken..taken + 10, 1000)).await.unwrap();
    assert_eq!(read(&mut log), (taken..taken + 10).collect::<Vec<_>>());
    // A new stream begins with what is there.
    drop((appender, log));
    let mut log = open(&folder, 1 << 20);
    let numbers = read(&mut log);
    assert!(numbers[0] > 0 && numbers.last() == Some(&(taken + 9)) && log.lost() == 0);
}

/// A disk for this folder alone, with so many bytes.
fn disk_of(bytes: u64) -> DiskRoom {
    Box::new(move |folder| {
        let files = fs::read_dir(folder).unwrap();
        let used: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        bytes.saturating_sub(used)
    })
}

#[tokio::test]
async fn a_disk_that_is_smaller_than_a_segment_becomes_free_again() {
    let folder = tempfile::tempdir().unwrap();
    // Segments of 8 MiB.
    let mut log = open(&folder, 64 << 20);
    let appender = log.journal().appender_on(disk_of(100_000)).unwrap();
    let fill = async |mut taken: u64| loop {
        match appender.append(numbered(taken..taken + 10, 1000)).await {
            Ok(_) => taken += 10,
            Err(error) => {
                assert_eq!(error, AppendError::Full);
                return taken;
            }
        }
    };
    let mut taken = fill(0).await;
    assert!(appender.is_full() && (80..100).contains(&taken), "{taken}");
    // What is not released stays, in a segment that takes no more.
    assert_eq!(fill(taken).await, taken);
    assert_eq!((segments(&folder).len(), read(&mut log)), (2, (0..taken).collect()));
    log.released(&[(0, taken - 1)].into_iter().collect());
    assert_eq!((fill(taken).await, segments(&folder).len()), (taken, 2));
    log.released(&[(0, taken)].into_iter().collect());
    assert_eq!((segments(&folder).len(), appender.is_full()), (1, false));
    // Again and again; it may also be released before the segment is ended.
    for _ in 0..5 {
        let before = taken;
        taken = fill(taken).await;
        assert!(taken >= before + 80, "{taken}");
        assert_eq!(read(&mut log), (before..taken).collect::<Vec<_>>());
        log.released(&[(0, taken)].into_iter().collect());
    }
    appender.append(numbered(taken..taken + 10, 1000)).await.unwrap();
    assert_eq!(segments(&folder).len(), 1);
    let place = log.place().unwrap();
    drop((appender, log));
    let mut log = open(&folder, 64 << 20);
    log.restore(&place).unwrap();
    assert_eq!((read(&mut log), log.lost()), ((taken..taken + 10).collect(), 0));
}

#[tokio::test]
async fn numbers_go_on_where_the_journal_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder, 1 << 20);
    log.journal().appender().unwrap().append(numbered(0..5, 1)).await.unwrap();
    read(&mut log);
    let place = log.place().unwrap();
    drop(log);
    let empty = tempfile::tempdir().unwrap();
    let mut log = open(&empty, 1 << 20);
    log.restore(&place).unwrap();
    log.journal().appender().unwrap().append(one(5, 1)).await.unwrap();
    assert_eq!((read(&mut log), log.lost()), (vec![5], 0));
}

fn keyed(keys: std::ops::Range<u64>) -> Batch {
    let mut batch = Batch::now(Arc::from("s"), Vec::new());
    batch.records = keys
        .map(|key| {
            let text = Bytes::from(format!("{key:01000}"));
            NewRecord { key: Some(key.into()), ..NewRecord::new(text) }
        })
        .collect();
    batch
}

fn remembering(folder: &TempDir, window: Duration) -> JournalLog {
    let options = JournalOptions { remember: Some(window), ..options(folder.path(), 1 << 20) };
    JournalLog::new(Journal::open(options).unwrap())
}

/// All that can be read, by their keys.
fn keys(log: &mut JournalLog) -> Vec<u64> {
    let mut keys = Vec::new();
    while let Some(chunk) = log.read().unwrap() {
        keys.extend(chunk.records.iter().map(|it| u64::try_from(it.key.unwrap()).unwrap()));
    }
    keys
}

#[tokio::test]
async fn a_record_with_a_known_key_is_not_taken_again_not_even_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = remembering(&folder, Duration::from_hours(1));
    let appender = log.journal().appender().unwrap();
    let mut first = keyed(0..3);
    first.records.push(first.records[1].clone());
    first.records.push(NewRecord::new(Bytes::from_static(b"")));
    first.records[4].key = Some(9);
    assert_eq!(appender.append(first).await.unwrap().known, [3]);
    assert_eq!(appender.append(keyed(1..5)).await.unwrap().known, [0, 1]);
    // Two at the same time are written together or one behind the other.
    let (one, two) = tokio::join!(appender.append(keyed(5..8)), appender.append(keyed(5..8)));
    assert_eq!(one.unwrap().known.len() + two.unwrap().known.len(), 3);
    assert_eq!(keys(&mut log), [0, 1, 2, 9, 3, 4, 5, 6, 7]);
    // Released records are known still, until the journal is full.
    let mut taken = 100;
    while segments(&folder).len() < 6 {
        appender.append(keyed(taken..taken + 10)).await.unwrap();
        taken += 10;
    }
    log.released(&[(0, log.journal().next())].into_iter().collect());
    assert_eq!(segments(&folder).len(), 6);
    let place = log.place().unwrap();
    drop((appender, log));
    let mut log = remembering(&folder, Duration::from_hours(1));
    log.restore(&place).unwrap();
    let appender = log.journal().appender().unwrap();
    assert_eq!(appender.append(keyed(0..3)).await.unwrap().known, [0, 1, 2]);
    assert_eq!(appender.append(keyed(taken - 1..taken + 1)).await.unwrap().known, [0]);
    log.released(&[(0, log.journal().next())].into_iter().collect());
    for key in (10_000..12_000).step_by(10) {
        appender.append(keyed(key..key + 10)).await.unwrap();
        log.released(&[(0, log.journal().next())].into_iter().collect());
    }
    assert!(!appender.is_full() && segments(&folder).len() <= 9);
}

#[tokio::test]
async fn keys_are_forgotten_behind_their_window() {
    let folder = tempfile::tempdir().unwrap();
    let log = remembering(&folder, Duration::ZERO);
    let appender = log.journal().appender().unwrap();
    let mut arrivals = (1..=3).map(|time| Batch { arrival: time, ..keyed(0..1) });
    let known = async |batch| appender.append(batch).await.unwrap().known.len();
    assert_eq!(known(arrivals.next().unwrap()).await, 0);
    assert_eq!(known(arrivals.next().unwrap()).await, 1);
    let other = Batch { arrival: 9, ..keyed(1..2) };
    assert_eq!(known(other).await, 0);
    let another = Batch { arrival: 11, ..keyed(2..3) };
    assert_eq!(known(another).await, 0);
    assert_eq!(known(arrivals.next().unwrap()).await, 0);
}

/// A journal of a segment, of records with texts of different lengths.
async fn sample() -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder, 1 << 20);
    let appender = log.journal().appender().unwrap();
    for (number, length) in (0..6).zip([1, 4, 7, 10, 13, 16]) {
        appender.append(one(number, length)).await.unwrap();
    }
    drop((appender, log));
    let bytes = fs::read(&segments(&folder)[0]).unwrap();
    (folder, bytes)
}

#[tokio::test]
async fn a_write_that_was_torn_at_any_byte_is_cut_off() {
    let (folder, bytes) = sample().await;
    let path = segments(&folder).remove(0);
    let mut before = 0;
    for end in 0..=bytes.len() {
        // Zeros, as a file system may leave them behind what was written.
        for rest in [0, 40] {
            fs::write(&path, [&bytes[..end], &vec![0; rest]].concat()).unwrap();
            let mut log = open(&folder, 1 << 20);
            let numbers = read(&mut log);
            let count = numbers.len() as u64;
            assert_eq!((numbers, log.lost()), ((0..count).collect(), 0), "{end}");
            assert!(count >= before, "{end}");
            before = count;
            // What follows is read behind it.
            log.journal().appender().unwrap().append(one(count, 9)).await.unwrap();
            assert_eq!(read(&mut log), [count], "{end}");
            drop(log);
            for aside in fs::read_dir(folder.path()).unwrap() {
                fs::remove_file(aside.unwrap().path()).unwrap();
            }
        }
    }
    assert_eq!(before, 6);
}

#[tokio::test]
async fn a_damaged_byte_costs_its_record_alone() {
    let (folder, bytes) = sample().await;
    let path = segments(&folder).remove(0);
    for place in segment::HEADER..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        fs::write(&path, &damaged).unwrap();
        let (records, lost) = read_segment(&damaged.clone().into()).unwrap();
        let mut log = open(&folder, 1 << 20);
        let numbers = read(&mut log);
        assert_eq!(records.iter().map(|record| record.number).collect::<Vec<_>>(), numbers);
        assert_eq!(numbers.len(), 5, "{place}: {numbers:?}");
        // The last one looks as if it had not been written whole.
        let is_last = !numbers.contains(&5);
        assert_eq!((log.lost(), lost), (u64::from(!is_last), u64::from(!is_last)), "{place}");
    }
    let mut damaged = bytes.clone();
    damaged[3] ^= 1;
    assert!(read_segment(&damaged.into()).is_none());
}

proptest! {
    #[test]
    fn any_damage_leaves_records_in_order(
        places in prop::collection::vec((32_usize..420, any::<u8>()), 1..6), end in 32_usize..420,
    ) {
        let mut bytes = header_of(3);
        for number in 3..9 {
            let record = NewRecord::new(Bytes::from(vec![b'x'; 20]));
            frame::encode(&mut bytes, 5, number, (1, "s"), &record);
        }
        let whole = bytes.len();
        for (place, byte) in places {
            if let Some(found) = bytes.get_mut(place) {
                *found = byte;
            }
        }
        bytes.truncate(end.min(whole));
        let (records, damaged) = read_segment(&bytes.into()).unwrap();
        let numbers: Vec<u64> = records.iter().map(|record| record.number).collect();
        prop_assert!(numbers.is_sorted_by(|one, two| one < two) && numbers.len() <= 6);
        prop_assert!(numbers.len() as u64 + damaged <= 6);
        prop_assert!(records.iter().all(|record| record.text == vec![b'x'; 20]));
    }
}

fn header_of(first: u64) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    Segment::create(folder.path(), first).unwrap();
    let mut header = fs::read(folder.path().join(segment::name(first))).unwrap();
    // A known seed.
    header[8..16].copy_from_slice(&5_u64.to_le_bytes());
    let checksum = xxhash_rust::xxh3::xxh3_64(&header[..24]);
    header[24..].copy_from_slice(&checksum.to_le_bytes());
    header
}
