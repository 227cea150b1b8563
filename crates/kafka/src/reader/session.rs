//! A connection to a cluster, from which records are read until it fails.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use anomal_stream::{Chunk, Message, Messages, Positions, ResetPosition, StartPosition};
use bytes::Bytes;
use krafka::{
    ConsumerRecord, Kafka, KrafkaError,
    admin::{
        AdminClient, AlterConsumerGroupOffsetsOptions, DescribeTopicsOptions, ListOffsetsOptions,
        OffsetSpec,
    },
    consumer::{Consumer, TopicPartition},
};

use super::{End, Reader};
use crate::{
    connect,
    event::Event,
    message::describe,
    places::{PartitionPlace, TopicNow},
    reset::{Reset, reset},
};

/// How long a poll waits for records.
const POLL: Duration = Duration::from_millis(500);
/// How long brokers may take to answer, over all attempts.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of the values of a chunk, roughly at most.
const CHUNK_BYTES: usize = 8 << 20;
/// How long the offsets of the group may take to be written.
const COMMIT: Duration = Duration::from_secs(5);

pub(super) struct Session<'a> {
    reader: &'a mut Reader,
    admin: AdminClient,
    consumer: Consumer,
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
        Ok(Self { reader, admin, consumer, committed: Positions::default(), commit_failed: false })
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
            match polled {
                Ok(records) if records.is_empty() => {
                    let caught_up = self.is_caught_up().await?;
                    self.reader.send(Event::Nothing { caught_up }).await?;
                }
                Ok(records) => self.deliver(records).await?,
                Err(KrafkaError::NoOffset { partitions }) => self.reset(&partitions).await?,
                Err(error) => return Err(failed(&error)),
            }
            self.commit().await;
        }
    }

    /// Compares the topics with those that are read. True: they have changed.
    async fn discover(&mut self) -> Result<bool, End> {
        let topics = &self.reader.options.topics;
        let options = DescribeTopicsOptions::default();
        let described = self.admin.describe_topics(topics, options).await;
        let mut now = BTreeMap::new();
        for (name, topic) in described.map_err(|error| failed(&error))? {
            let topic = topic
                .map_err(|error| End::Failed(format!("topic {name}: {}", describe(&error))))?;
            let partitions = topic.partitions.iter();
            let partitions = partitions.filter_map(|known| u32::try_from(known.partition).ok());
            let id = format!("{:032x}", u128::from_be_bytes(topic.topic_id));
            now.insert(name, TopicNow { id, partitions: partitions.collect() });
        }
        let changes = self.reader.places.compare(&now);
        if changes.is_empty() {
            return Ok(false);
        }
        let reset = self.reader.options.reset;
        for partition in &changes.retired {
            let Some(place) = self.reader.places.get(*partition) else { continue };
            let gone = format!(
                "topic {}, partition {}: the topic was deleted and created anew; records of the old one behind offset {} that \
                 were not read are gone",
                place.topic, place.number, place.next
            );
            if reset == ResetPosition::Stop {
                let advice = "set `reset: earliest` to read the new one, or begin anew with another state folder";
                return Err(End::Lost(format!("{gone}; {advice}")));
            }
            tracing::warn!("{gone}; reading goes on with the new one");
        }
        // Partitions that come later are read whole.
        let spec = match (self.reader.places.begun, self.reader.options.start) {
            (false, StartPosition::Latest) => OffsetSpec::Latest,
            (false, StartPosition::Time(time)) => OffsetSpec::Timestamp(time),
            _ => OffsetSpec::Earliest,
        };
        let keys: Vec<(String, u32)> =
            changes.added.iter().map(|(topic, _, number)| (topic.clone(), *number)).collect();
        let starts = self.offsets(&keys, spec).await?;
        let added: Vec<PartitionPlace> = changes
            .added
            .into_iter()
            .zip(starts)
            .map(|((topic, id, number), next)| PartitionPlace {
                topic,
                id,
                number,
                next,
                lost: 0,
                retired: false,
            })
            .collect();
        for partition in changes.retired {
            self.retire(partition).await?;
        }
        self.add(added).await?;
        Ok(true)
    }

    async fn retire(&mut self, partition: u32) -> Result<(), End> {
        if let Some(place) = self.reader.places.get_mut(partition) {
            place.retired = true;
        }
        self.reader.send(Event::Retired(partition)).await
    }

    async fn add(&mut self, added: Vec<PartitionPlace>) -> Result<(), End> {
        self.reader.places.begun = true;
        self.reader.places.partitions.extend(added.clone());
        self.reader.send(Event::Added(added)).await
    }

    /// Offsets of partitions, in their order.
    async fn offsets(&self, keys: &[(String, u32)], spec: OffsetSpec) -> Result<Vec<u64>, End> {
        let specs = keys.iter().map(|(topic, number)| (key(topic, *number), spec));
        let options = ListOffsetsOptions::default().read_committed(self.reader.options.committed);
        let listed = self.admin.list_offsets(specs, options).await;
        let mut listed = listed.map_err(|error| failed(&error))?;
        let mut offsets = Vec::with_capacity(keys.len());
        for (topic, number) in keys {
            let found = listed.remove(&key(topic, *number));
            let offset = match found {
                Some(Ok(found)) => found.offset,
                // No record is as young as that.
                Some(Err(_)) if matches!(spec, OffsetSpec::Timestamp(_)) => {
                    let keys = [(topic.clone(), *number)];
                    let ends = Box::pin(self.offsets(&keys, OffsetSpec::Latest)).await?;
                    offsets.extend(ends);
                    continue;
                }
                Some(Err(error)) => {
                    return Err(End::Failed(format!(
                        "topic {topic}, partition {number}: {}",
                        describe(&error)
                    )));
                }
                None => {
                    let message = format!("topic {topic}, partition {number}: no answer");
                    return Err(End::Failed(message));
                }
            };
            offsets.push(u64::try_from(offset).unwrap_or(0));
        }
        Ok(offsets)
    }

    /// Sets the consumer to the places.
    async fn assign(&mut self) -> Result<(), End> {
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for (_, place) in self.reader.places.active() {
            topics.entry(&place.topic).or_default().push(number(place.number));
        }
        for (topic, numbers) in topics {
            let assigned = self.consumer.assign(topic, numbers).await;
            assigned.map_err(|error| failed(&error))?;
        }
        let active = self.reader.places.active();
        let positions: Vec<(TopicPartition, i64)> = active
            .map(|(_, place)| (key(&place.topic, place.number), signed(place.next)))
            .collect();
        self.consumer.seek_many(positions).await.map_err(|error| failed(&error))
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
        self.reader.send(Event::Records(chunk)).await
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
                let last = self.reader.places.partitions.len() - 1;
                Ok(u32::try_from(last).unwrap_or(u32::MAX))
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
        let active = self.reader.places.active();
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

    /// Writes the positions of the last checkpoint as the offsets of the group, for tools that show lag.
    async fn commit(&mut self) {
        let Some(group) = self.reader.options.group.clone() else { return };
        let saved = self.reader.saved.borrow_and_update().clone();
        let active = self.reader.places.active();
        let offsets: HashMap<TopicPartition, i64> = active
            .filter(|(partition, _)| saved.next(*partition) > self.committed.next(*partition))
            .map(|(partition, place)| {
                (key(&place.topic, place.number), signed(saved.next(partition)))
            })
            .collect();
        if offsets.is_empty() {
            return;
        }
        let options = AlterConsumerGroupOffsetsOptions::default().timeout(COMMIT);
        let committed = self.admin.alter_consumer_group_offsets(&group, offsets, options).await;
        let failure = match committed {
            Ok(outcomes) => outcomes.into_values().find_map(Result::err),
            Err(error) => Some(error),
        };
        match failure {
            None => self.committed = saved,
            Some(error) if !std::mem::replace(&mut self.commit_failed, true) => tracing::warn!(
                "the offsets of the group {group} can't be written: {}; reading goes on, and tools that show its lag are behind",
                describe(&error)
            ),
            Some(_) => {}
        }
    }
}

fn failed(error: &KrafkaError) -> End {
    End::Failed(describe(error))
}

fn key(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition::new(topic, number(partition))
}

fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

fn signed(offset: u64) -> i64 {
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
