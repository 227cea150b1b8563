use std::sync::Arc;

use anomal_stream::{ResetPosition, StartPosition};

use super::*;

pub(crate) fn options(brokers: Vec<String>, topic: &str) -> MessageOptions {
    MessageOptions {
        brokers,
        topics: vec![topic.to_owned()],
        topic_pattern: None,
        partition: None,
        tls: None,
        user: None,
        start: StartPosition::Earliest,
        reset: ResetPosition::Earliest,
        committed: true,
        group: None,
        member: None,
    }
}

fn log(events: Vec<Event>) -> KafkaLog {
    let mut log = KafkaLog::new(options(Vec::new(), "t"));
    let (sender, receiver) = mpsc::channel(64);
    for event in events {
        sender.try_send(event).unwrap();
    }
    let closed = watch::Sender::new(false);
    let task = tokio::spawn(async move { sender.closed().await });
    log.reader = Some(RunningReader { events: receiver, closed, task });
    log
}

fn place(number: u32, next: u64) -> PartitionPlace {
    let (topic, id) = ("t".to_owned(), String::new());
    PartitionPlace { topic, id, number, next, lost: 0, retired: false }
}

fn records(partition: u32, offsets: &[u64]) -> Event {
    let messages = offsets.iter().map(|offset| Message {
        offset: *offset,
        value: Some(offset.to_string().into()),
        ..Message::default()
    });
    let messages = messages.collect();
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    let records = Messages { topic: Arc::from("t"), number: partition, messages };
    Event::Records(Chunk { partition, first, count: last + 1 - first, records }, None)
}

#[tokio::test]
async fn places_are_behind_the_chunks_that_were_returned() {
    let mut log = log(vec![
        Event::Added(vec![place(0, 5), place(1, 0)]),
        records(0, &[5, 6, 9]),
        records(1, &[0]),
        Event::Nothing { caught_up: true },
    ]);
    let first = log.first(1_000, 1 << 20).unwrap();
    assert_eq!((first.values.len(), first.full, first.caught_up), (4, false, true));
    let first = log.first(2, 1 << 20).unwrap();
    assert_eq!((&first.values[..], first.full), (&["5".into(), "6".into()][..], true));
    let next = |log: &KafkaLog| -> Vec<u64> {
        let places: Places = serde_json::from_slice(&log.place().unwrap()).unwrap();
        places.partitions.iter().map(|place| place.next).collect()
    };
    // The samples have consumed nothing.
    assert_eq!(next(&log), [5, 0]);
    let chunk = log.read().unwrap().unwrap();
    assert_eq!((chunk.partition, chunk.first, chunk.count), (0, 5, 5));
    assert_eq!((next(&log), log.caught_up()), (vec![10, 0], false));
    assert_eq!(log.lag(), None);
    log.ends.send_replace(Some([(0, 12), (1, 1)].into_iter().collect()));
    assert_eq!(log.lag(), Some(Lag { records: 3, reached: Some(0) }));
    assert_eq!(log.read().unwrap().unwrap().partition, 1);
    assert_eq!(log.lag().map(|lag| lag.records), Some(2));
    assert!(log.read().unwrap().is_none() && log.caught_up());
    let mut restored = KafkaLog::new(options(Vec::new(), "t"));
    restored.restore(&log.place().unwrap()).unwrap();
    assert_eq!(next(&restored), [10, 1]);
}

#[tokio::test]
async fn records_of_a_partition_that_wait_are_one_chunk() {
    let mut log = log(vec![
        Event::Added(vec![place(0, 0), place(1, 0)]),
        records(0, &[0, 1]),
        records(1, &[0]),
        records(0, &[2, 5]),
        records(1, &[1]),
        Event::Moved { partition: 0, next: 9, lost: 3 },
        records(0, &[9]),
    ]);
    let mut chunks = Vec::new();
    while let Some(chunk) = log.read().unwrap() {
        let offsets: Vec<u64> =
            chunk.records.messages.iter().map(|message| message.offset).collect();
        chunks.push((chunk.partition, chunk.first, chunk.count, offsets));
    }
    let expected = [(0, 0, 6, vec![0, 1, 2, 5]), (1, 0, 2, vec![0, 1]), (0, 9, 1, vec![9])];
    assert_eq!(chunks, expected);
    assert_eq!(log.lost(), 3);
}

#[tokio::test]
async fn what_is_larger_than_all_room_waits_for_all_of_it() {
    let room = Room::new(4 << 10);
    let first = room.take(3 << 10).await;
    assert!(timeout(Duration::from_millis(20), room.take(1 << 30)).await.is_err());
    drop(first);
    let all = room.take(1 << 30).await;
    assert!(all.is_some());
    assert!(timeout(Duration::from_millis(20), room.take(2 << 10)).await.is_err());
}

#[test]
fn a_partition_alone_begins_where_all_topics_were() {
    let places =
        Places { begun: true, partitions: vec![place(0, 5), place(1, 7)], ..Places::default() };
    let saved = serde_json::to_vec(&places).unwrap();
    let mut log = KafkaLog::new(MessageOptions { partition: Some(1), ..options(Vec::new(), "t") });
    log.restore(&saved).unwrap();
    let active: Vec<(u32, u64)> =
        log.places.active().map(|(number, place)| (number, place.next)).collect();
    assert_eq!(active, [(1, 7)]);
    // One that came later is read whole, as it would be then.
    let mut log = KafkaLog::new(MessageOptions { partition: Some(2), ..options(Vec::new(), "t") });
    log.restore(&saved).unwrap();
    assert!(log.places.begun && log.places.partitions.is_empty());
}

#[tokio::test]
async fn a_failure_lasts_until_the_brokers_answer() {
    let mut log = log(vec![Event::Failed("down".into())]);
    assert_eq!(log.read().unwrap_err().to_string(), "down");
    assert_eq!(log.read().unwrap_err().to_string(), "down");
    assert!(log.first(1, 1).is_err());
    log.pending.push_back(Event::Nothing { caught_up: false });
    assert!(log.read().unwrap().is_none() && !log.caught_up());
}

#[tokio::test]
async fn lost_records_are_counted_or_end_the_log() {
    let mut log = log(vec![
        Event::Added(vec![place(0, 5)]),
        Event::Moved { partition: 0, next: 8, lost: 3 },
        Event::Retired(0),
        Event::Ended("gone".into()),
    ]);
    let error = log.read().unwrap_err();
    assert!(error.is::<RecordsLost>() && log.read().is_err());
    assert_eq!((log.lost(), log.places.active().count()), (3, 0));
    log.close().await;
}
