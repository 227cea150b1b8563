//! The log of a stream that reads topics.

use std::collections::VecDeque;

use anomal_stream::{
    Cause, Chunk, FirstMessages, Lag, Log, Message, MessageLog, MessageOptions, Messages,
    Positions, RecordsLost,
};
use async_trait::async_trait;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Duration, timeout},
};

use crate::{
    event::Event,
    places::{PartitionPlace, Places},
    reader::{Reader, Room, value_bytes},
};

/// Events that the reader may be ahead.
const AHEAD: usize = 256;
/// Bytes of records that the reader may be ahead, and where each partition has one.
const ROOM: u32 = 32 << 20;
const ROOM_OF_PARTITION: u32 = 4 << 20;
/// The most records that are returned at once, and the bytes of their values, where several events follow each other.
const RECORDS: usize = 8_192;
const BYTES: usize = 8 << 20;
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
            let room = if options.partition.is_some() { ROOM_OF_PARTITION } else { ROOM };
            let (events, receiver) = mpsc::channel(AHEAD);
            let closed = watch::Sender::new(false);
            let task = Reader {
                options: options.clone(),
                places: places.clone(),
                events,
                room: Room::new(room),
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
                Event::Records(mut chunk, taken) => {
                    drop(taken);
                    self.join(&mut chunk);
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

    /// Adds the records of the same partition that follow, up to the next event of another kind.
    fn join(&mut self, chunk: &mut Chunk<Messages>) {
        let mut bytes = size(chunk);
        let others = self.pending.len();
        let mut place = 0;
        for _ in 0..others {
            let Some(Event::Records(next, _)) = self.pending.get(place) else { return };
            if next.partition != chunk.partition {
                place += 1;
                continue;
            }
            bytes += size(next);
            let count = chunk.records.messages.len() + next.records.messages.len();
            if count > RECORDS || bytes > BYTES {
                return;
            }
            if let Some(Event::Records(next, _)) = self.pending.remove(place) {
                chunk.count = next.first + next.count - chunk.first;
                chunk.records.messages.extend(next.records.messages);
            }
        }
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
            self.receive(|pending| pending.len() < AHEAD);
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
                (count, size) = (count + 1, size + value_bytes(message));
            }
            count >= records || size >= bytes
        };
        self.receive(|pending| !full(pending) && pending.len() < records);
        // What precedes the records is consumed: a checkpoint needs the places of the partitions.
        while !matches!(self.pending.front(), None | Some(Event::Records(..))) {
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

fn size(chunk: &Chunk<Messages>) -> usize {
    chunk.records.messages.iter().map(value_bytes).sum()
}

fn messages(pending: &VecDeque<Event>) -> impl Iterator<Item = &Message> {
    pending.iter().flat_map(|event| match event {
        Event::Records(chunk, _) => chunk.records.messages.as_slice(),
        _ => &[],
    })
}

#[cfg(test)]
pub(crate) mod tests;
