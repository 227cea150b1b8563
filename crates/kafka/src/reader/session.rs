//! A connection to a cluster, from which records are read until it fails.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use anomal_stream::{Chunk, Message, Messages, Positions};
use bytes::Bytes;
use krafka::{
    ConsumerRecord, Kafka, KrafkaError,
    admin::{AdminClient, AlterConsumerGroupOffsetsOptions, OffsetSpec},
    consumer::{Consumer, TopicPartition},
};

use super::{End, Reader};
use crate::{
    connect,
    event::Event,
    message::describe,
    places::PartitionPlace,
    reset::{Reset, reset},
};

/// How long a poll waits for records.
const POLL: Duration = Duration::from_millis(500);
/// Behind fewer records than these the next poll waits so long: each costs requests, whatever it returns.
const FEW: usize = 1_000;
const GATHER: Duration = Duration::from_millis(10);
/// How long brokers may take to answer, over all attempts.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of the values of a chunk, roughly at most.
const CHUNK_BYTES: usize = 8 << 20;
/// How long the offsets of the group may take to be written.
const COMMIT: Duration = Duration::from_secs(5);

pub(super) struct Session<'a> {
    pub reader: &'a mut Reader,
    pub admin: AdminClient,
    pub consumer: Consumer,
    /// Topics that are read and not there now; none before these were looked at.
    pub absent: Option<BTreeSet<String>>,
    /// The positions that the group has.
    committed: Positions,
    /// Whether a failure to commit was reported.
    commit_failed: bool,
}

impl<'a> Session<'a> {
    /// # Errors
    /// A defect.
    pub async fn new(reader: &'a mut Reader, kafka: &Kafka) -> Result<Self, KrafkaError> {
        let consumer = connect::consumer(kafka, &reader.options).await?;
        let admin = kafka.admin().default_api_timeout(ANSWER).metrics_push(false);
        Ok(Self {
            reader,
            admin,
            consumer,
            absent: None,
            committed: Positions::default(),
            commit_failed: false,
        })
    }

    /// Reads until it fails. `wait` is set to `first` once the cluster has answered.
    pub async fn run(mut self, wait: &mut Duration, first: Duration) -> End {
        let Err(end) = self.read(wait, first).await;
        if matches!(end, End::Closed) {
            self.commit().await;
        }
        // Without a group, it has nothing to report that could fail.
        let _ = self.consumer.close().await;
        end
    }

    /// Returns why it ends.
    async fn read(&mut self, wait: &mut Duration, first: Duration) -> Result<Infallible, End> {
        let mut closed = self.reader.closed.clone();
        self.discover().await?;
        self.assign().await?;
        *wait = first;
        loop {
            let polled = tokio::select! {
                polled = self.consumer.poll(POLL) => polled,
                _ = closed.wait_for(|closed| *closed) => return Err(End::Closed),
            };
            // Behind the poll: the ids show that its records are not those of a topic that was created anew.
            if self.discover().await? {
                self.assign().await?;
                continue;
            }
            if polled.is_ok() {
                self.tell_ends().await;
            }
            match polled {
                Ok(records) if records.is_empty() => {
                    let caught_up = self.is_caught_up().await?;
                    self.reader.send(Event::Nothing { caught_up }).await?;
                }
                Ok(records) => {
                    let few = records.len() < FEW;
                    self.deliver(records).await?;
                    if few {
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Err(KrafkaError::NoOffset { partitions }) => self.reset(&partitions).await?,
                Err(error) => return Err(failed(&error)),
            }
            self.commit().await;
        }
    }

    /// Sends records, as chunks of a partition.
    async fn deliver(&mut self, records: Vec<ConsumerRecord>) -> Result<(), End> {
        let mut records = records.into_iter().peekable();
        while let Some(first) = records.next() {
            let (topic, number) = (Arc::clone(&first.topic), first.partition);
            let mut bytes = size(&first);
            let mut messages = vec![message(first)];
            while let Some(record) = records.next_if(|record| {
                record.partition == number && record.topic == topic && bytes < CHUNK_BYTES
            }) {
                bytes += size(&record);
                messages.push(message(record));
            }
            let number = u32::try_from(number).unwrap_or(0);
            let Some(partition) = self.reader.places.find(&topic, number) else { continue };
            self.send_records(partition, Messages { topic, number, messages }).await?;
        }
        Ok(())
    }

    async fn send_records(&mut self, mut partition: u32, records: Messages) -> Result<(), End> {
        let (Some(first), Some(last)) = (records.messages.first(), records.messages.last()) else {
            return Ok(());
        };
        let (first, next) = (first.offset, last.offset + 1);
        let place = self.reader.places.get(partition).cloned();
        if let Some(place) = place.filter(|place| first < place.next) {
            let outcome = reset(&place, 0, first, self.reader.options.reset);
            partition = self.restart(partition, place, outcome).await?;
        }
        if let Some(place) = self.reader.places.get_mut(partition) {
            place.next = next;
        }
        let chunk = Chunk { partition, first, count: next - first, records };
        self.reader.send_records(chunk).await
    }

    /// Gives a partition that has become shorter a new place.
    async fn restart(
        &mut self,
        partition: u32,
        place: PartitionPlace,
        outcome: Reset,
    ) -> Result<u32, End> {
        match outcome {
            Reset::Restart { next, why } => {
                tracing::warn!("{why}");
                self.retire(partition).await?;
                self.add(vec![PartitionPlace { next, lost: 0, ..place }]).await?;
                Ok(self.reader.places.last())
            }
            Reset::Stop(why) => Err(End::Lost(why)),
            Reset::None | Reset::Skip { .. } => Ok(partition),
        }
    }

    /// Decides for partitions that do not have the offset that is next.
    async fn reset(&mut self, partitions: &[(String, i32)]) -> Result<(), End> {
        for (topic, number) in partitions {
            let number = u32::try_from(*number).unwrap_or(0);
            let keys = [(topic.clone(), number)];
            let earliest = self.offsets(&keys, OffsetSpec::Earliest).await?[0];
            let end = self.offsets(&keys, OffsetSpec::Latest).await?[0];
            let Some(partition) = self.reader.places.find(topic, number) else { continue };
            let Some(place) = self.reader.places.get(partition).cloned() else { continue };
            match reset(&place, earliest, end, self.reader.options.reset) {
                Reset::Skip { next, lost, why } => {
                    tracing::warn!("{why}");
                    if let Some(place) = self.reader.places.get_mut(partition) {
                        (place.next, place.lost) = (next, place.lost + lost);
                    }
                    self.reader.send(Event::Moved { partition, next, lost }).await?;
                }
                outcome => {
                    self.restart(partition, place, outcome).await?;
                }
            }
        }
        self.assign().await
    }

    /// Whether all partitions have been read to their ends as they are now.
    async fn is_caught_up(&self) -> Result<bool, End> {
        let active = self.readable();
        let keys: Vec<(String, u32)> =
            active.map(|(_, place)| (place.topic.clone(), place.number)).collect();
        let ends = self.offsets(&keys, OffsetSpec::Latest).await?;
        for ((topic, partition), end) in keys.iter().zip(ends) {
            // Behind the markers of transactions, which are no records.
            let position = self.consumer.position(topic, number(*partition)).await;
            if position.is_none_or(|position| position < signed(end)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tells the ends of the partitions, which came with the last records.
    async fn tell_ends(&self) {
        let lags = self.consumer.lag().await;
        let end = |(partition, place): (u32, &PartitionPlace)| {
            let lag = lags.get(&key(&place.topic, place.number))?;
            let position = u64::try_from(lag.position?).ok()?;
            Some((partition, position.saturating_add(lag.lag?)))
        };
        let ends: Positions = self.reader.places.active().filter_map(end).collect();
        self.reader.ends.send_replace(Some(ends));
    }

    /// Writes the positions of the last checkpoint as the offsets of the group, for tools that show lag.
    async fn commit(&mut self) {
        let Some(group) = self.reader.options.group.clone() else { return };
        let saved = self.reader.saved.borrow_and_update().clone();
        let active = self.reader.places.active();
        let offsets: Vec<(String, u32, u64)> = active
            .filter(|(partition, _)| saved.next(*partition) > self.committed.next(*partition))
            .map(|(partition, place)| (place.topic.clone(), place.number, saved.next(partition)))
            .collect();
        if offsets.is_empty() {
            return;
        }
        let failure = match &self.reader.options.member {
            Some(member) => match member.write_offsets(&offsets).await {
                Ok(true) => None,
                Ok(false) => return,
                Err(error) => Some(error.to_string()),
            },
            None => self.alter(&group, &offsets).await,
        };
        match failure {
            None => self.committed = saved,
            Some(error) if !std::mem::replace(&mut self.commit_failed, true) => tracing::warn!(
                "the offsets of the group {group} can't be written: {error}; reading goes on, and tools that show its lag are behind"
            ),
            Some(_) => {}
        }
    }

    /// Writes offsets of a group that has no members; returns why that has failed.
    async fn alter(&self, group: &str, offsets: &[(String, u32, u64)]) -> Option<String> {
        let offsets: HashMap<TopicPartition, i64> = offsets
            .iter()
            .map(|(topic, number, next)| (key(topic, *number), signed(*next)))
            .collect();
        let options = AlterConsumerGroupOffsetsOptions::default().timeout(COMMIT);
        let failure = match self.admin.alter_consumer_group_offsets(group, offsets, options).await {
            Ok(outcomes) => outcomes.into_values().find_map(Result::err),
            Err(error) => Some(error),
        };
        failure.map(|error| describe(&error))
    }
}

pub(super) fn failed(error: &KrafkaError) -> End {
    End::Failed(describe(error))
}

pub(crate) fn key(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition::new(topic, number(partition))
}

pub(super) fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

pub(super) fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

fn size(record: &ConsumerRecord) -> usize {
    record.value.as_ref().map_or(0, Bytes::len)
}

fn message(record: ConsumerRecord) -> Message {
    Message {
        offset: u64::try_from(record.offset).unwrap_or(0),
        timestamp: record.timestamp,
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}
