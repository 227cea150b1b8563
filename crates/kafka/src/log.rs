//! The log of a stream that reads topics.

use std::collections::VecDeque;

use anomal_stream::{
    Cause, Chunk, FirstMessages, Lag, Log, MessageLog, MessageOptions, Messages, Positions,
    RecordsLost,
};
use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Duration, timeout},
};

use crate::{
    event::Event,
    places::{PartitionPlace, Places},
    reader::Reader,
};

/// Events that the reader may be ahead; one where each partition has a reader.
const AHEAD: usize = 4;
/// How long the end of the reader is waited for.
const CLOSE: Duration = Duration::from_secs(6);

pub(crate) struct KafkaLog {
    options: MessageOptions,
    /// Behind the chunks that were returned.
    places: Places,
    reader: Option<RunningReader>,
    /// What was received and not consumed yet.
    pending: VecDeque<Event>,
    /// Why the brokers can't be read, while that lasts.
    failure: Option<String>,
    caught_up: bool,
    saved: watch::Sender<Positions>,
    /// The ends of the partitions, as the reader knows them.
    ends: watch::Sender<Option<Positions>>,
    /// The time of the last record that was returned.
    reached: Option<i64>,
}

struct RunningReader {
    events: mpsc::Receiver<Event>,
    closed: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl KafkaLog {
    pub fn new(options: MessageOptions) -> Self {
        Self {
            places: Places { only: options.partition, ..Places::default() },
            options,
            reader: None,
            pending: VecDeque::new(),
            failure: None,
            caught_up: false,
            saved: watch::Sender::default(),
            ends: watch::Sender::default(),
            reached: None,
        }
    }

    /// Receives what the reader has sent, as far as it is wanted.
    fn receive(&mut self, mut wanted: impl FnMut(&VecDeque<Event>) -> bool) {
        let (options, places) = (&self.options, &self.places);
        let reader = self.reader.get_or_insert_with(|| {
            let ahead = if options.partition.is_some() { 1 } else { AHEAD };
            let (events, receiver) = mpsc::channel(ahead);
            let closed = watch::Sender::new(false);
            let task = Reader {
                options: options.clone(),
                places: places.clone(),
                events,
                saved: self.saved.subscribe(),
                ends: self.ends.clone(),
                closed: closed.subscribe(),
            };
            RunningReader { events: receiver, closed, task: tokio::spawn(task.run()) }
        });
        while wanted(&self.pending) {
            let Ok(event) = reader.events.try_recv() else { return };
            self.pending.push_back(event);
        }
    }

    /// Consumes events up to the next records.
    fn advance(&mut self) -> Result<Option<Chunk<Messages>>, Cause> {
        while let Some(event) = self.pending.pop_front() {
            match event {
                Event::Added(added) => {
                    self.places.begun = true;
                    self.places.partitions.extend(added);
                    self.caught_up = false;
                }
                Event::Retired(partition) => {
                    if let Some(place) = self.places.get_mut(partition) {
                        place.retired = true;
                    }
                }
                Event::Moved { partition, next, lost } => {
                    if let Some(place) = self.places.get_mut(partition) {
                        (place.next, place.lost) = (next, place.lost + lost);
                    }
                }
                Event::Records(chunk) => {
                    (self.failure, self.caught_up) = (None, false);
                    if let Some(place) = self.places.get_mut(chunk.partition) {
                        place.next = chunk.first + chunk.count;
                    }
                    let last = chunk.records.messages.last();
                    self.reached = last.map(|message| message.timestamp).or(self.reached);
                    return Ok(Some(chunk));
                }
                Event::Nothing { caught_up } => {
                    (self.failure, self.caught_up) = (None, caught_up);
                }
                Event::Failed(message) => {
                    (self.failure, self.caught_up) = (Some(message), false);
                }
                Event::Ended(message) => {
                    // It is the last one, and stays.
                    self.pending.push_front(Event::Ended(message.clone()));
                    return Err(Box::new(RecordsLost(message)));
                }
            }
        }
        Ok(None)
    }

    fn failure(&self) -> Result<(), Cause> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone().into());
        }
        match &self.reader {
            Some(reader) if reader.task.is_finished() && reader.events.is_empty() => {
                Err("the reader of the topics has ended".into())
            }
            _ => Ok(()),
        }
    }
}

impl Log for KafkaLog {
    type Records = Messages;

    fn read(&mut self) -> Result<Option<Chunk<Messages>>, Cause> {
        loop {
            self.receive(VecDeque::is_empty);
            if self.pending.is_empty() {
                return self.failure().map(|()| None);
            }
            if let Some(chunk) = self.advance()? {
                return Ok(Some(chunk));
            }
        }
    }

    fn place(&self) -> Result<Vec<u8>, Cause> {
        Ok(serde_json::to_vec(&self.places)?)
    }

    fn restore(&mut self, place: &[u8]) -> Result<(), Cause> {
        self.places = serde_json::from_slice(place)?;
        self.places.restrict(self.options.partition, &self.options.topics);
        Ok(())
    }

    fn caught_up(&self) -> bool {
        self.caught_up && self.pending.is_empty()
    }

    fn saved(&mut self, positions: &Positions) {
        self.saved.send_replace(positions.clone());
    }
}

#[async_trait]
impl MessageLog for KafkaLog {
    fn first(&mut self, records: usize, bytes: usize) -> Result<FirstMessages, Cause> {
        let full = |pending: &VecDeque<Event>| {
            let messages = messages(pending);
            let (mut count, mut size) = (0, 0);
            for message in messages {
                (count, size) = (count + 1, size + message.value.as_ref().map_or(0, Bytes::len));
            }
            count >= records || size >= bytes
        };
        self.receive(|pending| !full(pending) && pending.len() < records);
        // What precedes the records is consumed: a checkpoint needs the places of the partitions.
        while !matches!(self.pending.front(), None | Some(Event::Records(_))) {
            let event = self.pending.pop_front();
            let rest = std::mem::replace(&mut self.pending, event.into_iter().collect());
            let advanced = self.advance();
            self.pending.extend(rest);
            advanced?;
        }
        let caught_up = matches!(self.pending.back(), Some(Event::Nothing { caught_up: true }))
            || self.pending.is_empty() && self.caught_up;
        if self.pending.is_empty() {
            self.failure()?;
        }
        let values = messages(&self.pending).filter_map(|message| message.value.clone());
        let mut size = 0;
        let values = values.take(records).take_while(|value| {
            let before = size;
            size += value.len();
            before < bytes
        });
        let values = values.collect();
        Ok(FirstMessages { values, full: full(&self.pending), caught_up })
    }

    fn lost(&self) -> u64 {
        self.places.lost()
    }

    fn lag(&self) -> Option<Lag> {
        let ends = self.ends.borrow();
        let ends = ends.as_ref()?;
        let behind = |(partition, place): (u32, &PartitionPlace)| {
            ends.next(partition).saturating_sub(place.next)
        };
        let records = self.places.active().map(behind).sum();
        Some(Lag { records, reached: self.reached })
    }

    async fn close(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        reader.closed.send_replace(true);
        drop(reader.events);
        // It is dropped with the process if it takes longer.
        let _ = timeout(CLOSE, reader.task).await;
    }
}

fn messages(pending: &VecDeque<Event>) -> impl Iterator<Item = &anomal_stream::Message> {
    pending.iter().flat_map(|event| match event {
        Event::Records(chunk) => chunk.records.messages.as_slice(),
        _ => &[],
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use anomal_stream::{Message, ResetPosition, StartPosition};

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
        Event::Records(Chunk { partition, first, count: last + 1 - first, records })
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

    #[test]
    fn a_partition_alone_begins_where_all_topics_were() {
        let places =
            Places { begun: true, partitions: vec![place(0, 5), place(1, 7)], ..Places::default() };
        let saved = serde_json::to_vec(&places).unwrap();
        let mut log =
            KafkaLog::new(MessageOptions { partition: Some(1), ..options(Vec::new(), "t") });
        log.restore(&saved).unwrap();
        let active: Vec<(u32, u64)> =
            log.places.active().map(|(number, place)| (number, place.next)).collect();
        assert_eq!(active, [(1, 7)]);
        // One that came later is read whole, as it would be then.
        let mut log =
            KafkaLog::new(MessageOptions { partition: Some(2), ..options(Vec::new(), "t") });
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
}
