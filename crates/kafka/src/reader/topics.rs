//! Which partitions there are, and where their reading begins.

use std::collections::{BTreeMap, BTreeSet};

use anomal_stream::{MessageOptions, ResetPosition, StartPosition};
use krafka::{
    admin::{
        AdminClient, DescribeTopicsOptions, ListOffsetsOptions, ListTopicsOptions, OffsetSpec,
    },
    consumer::TopicPartition,
};

use super::{
    End,
    session::{Session, failed, key, number, signed},
};
use crate::{
    event::Event,
    message::describe,
    places::{PartitionPlace, TopicNow},
};

/// The topics as the cluster has them now; else why they can't be listed.
pub(crate) async fn topics_now(
    admin: &AdminClient,
    options: &MessageOptions,
) -> Result<BTreeMap<String, TopicNow>, String> {
    let topics = match &options.topic_pattern {
        Some(pattern) => matching(admin, pattern).await?,
        None => options.topics.clone(),
    };
    let described = admin.describe_topics(&topics, DescribeTopicsOptions::default()).await;
    let mut now = BTreeMap::new();
    for (name, topic) in described.map_err(|error| describe(&error))? {
        let topic = topic.map_err(|error| format!("topic {name}: {}", describe(&error)))?;
        let partitions = topic.partitions.iter();
        let partitions = partitions.filter_map(|known| u32::try_from(known.partition).ok());
        let id = format!("{:032x}", u128::from_be_bytes(topic.topic_id));
        now.insert(name, TopicNow { id, partitions: partitions.collect() });
    }
    Ok(now)
}

/// The topics whose names match; internal ones are never among them.
async fn matching(admin: &AdminClient, pattern: &str) -> Result<Vec<String>, String> {
    let listed = admin.list_topics(ListTopicsOptions::default()).await;
    let mut names = listed.map_err(|error| describe(&error))?;
    names.retain(|name| is_match(pattern.as_bytes(), name.as_bytes()));
    if names.is_empty() {
        return Err(format!(
            "no topic matches {pattern}, or the user may not see it; create one, or correct `topicPattern`"
        ));
    }
    names.sort();
    Ok(names)
}

fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    // How much of the name the pattern so far may be.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for part in pattern {
        if *part == b'*' {
            let Some(first) = reached.iter().position(|reached| *reached) else { return false };
            reached[first..].fill(true);
        } else {
            for (place, character) in name.iter().enumerate().rev() {
                reached[place + 1] = reached[place] && (*part == b'?' || part == character);
            }
            reached[0] = false;
        }
    }
    reached[name.len()]
}

impl Session<'_> {
    /// Compares the topics with those that are read. True: they have changed.
    pub(super) async fn discover(&mut self) -> Result<bool, End> {
        let now = topics_now(&self.admin, &self.reader.options).await;
        let now = now.map_err(End::Failed)?;
        let changes = self.reader.places.compare(&now);
        self.note_absent(&now)?;
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

    /// Finds the topics of a pattern that are not there any more. They keep their places, since they may come back.
    ///
    /// # Errors
    /// They are others than before: the session begins anew with those that are there.
    fn note_absent(&mut self, now: &BTreeMap<String, TopicNow>) -> Result<(), End> {
        let names = self.reader.places.active().map(|(_, place)| &place.topic);
        let absent: BTreeSet<String> =
            names.filter(|name| !now.contains_key(*name)).cloned().collect();
        match self.absent.replace(absent) {
            Some(before) if Some(&before) != self.absent.as_ref() => {
                let names: Vec<&str> = self.absent.iter().flatten().map(String::as_str).collect();
                Err(End::Failed(format!(
                    "topics that are not there any more: {}",
                    names.join(", ")
                )))
            }
            _ => Ok(()),
        }
    }

    /// The partitions that can be read now.
    pub(super) fn readable(&self) -> impl Iterator<Item = (u32, &PartitionPlace)> {
        let is_there = |topic| self.absent.as_ref().is_none_or(|absent| !absent.contains(topic));
        self.reader.places.active().filter(move |(_, place)| is_there(&place.topic))
    }

    pub(super) async fn retire(&mut self, partition: u32) -> Result<(), End> {
        if let Some(place) = self.reader.places.get_mut(partition) {
            place.retired = true;
        }
        self.reader.send(Event::Retired(partition)).await
    }

    pub(super) async fn add(&mut self, added: Vec<PartitionPlace>) -> Result<(), End> {
        self.reader.places.begun = true;
        self.reader.places.partitions.extend(added.clone());
        self.reader.send(Event::Added(added)).await
    }

    /// Offsets of partitions, in their order.
    pub(super) async fn offsets(
        &self,
        keys: &[(String, u32)],
        spec: OffsetSpec,
    ) -> Result<Vec<u64>, End> {
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
    pub(super) async fn assign(&mut self) -> Result<(), End> {
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for (_, place) in self.readable() {
            topics.entry(&place.topic).or_default().push(number(place.number));
        }
        for (topic, numbers) in topics {
            let assigned = self.consumer.assign(topic, numbers).await;
            assigned.map_err(|error| failed(&error))?;
        }
        let active = self.readable();
        let positions: Vec<(TopicPartition, i64)> = active
            .map(|(_, place)| (key(&place.topic, place.number), signed(place.next)))
            .collect();
        self.consumer.seek_many(positions).await.map_err(|error| failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_topics() {
        for (pattern, name, matches) in [
            ("dns-*", "dns-a", true),
            ("dns-*", "dns-", true),
            ("dns-*", "dns", false),
            ("*-eu-?", "dns-eu-eu-1", true),
            ("*-eu-?", "dns-eu-12", false),
            ("dns.a", "dns-a", false),
            ("**", "", true),
            ("*a*b", "xaxb", true),
            ("*a*b", "xaxbx", false),
        ] {
            assert_eq!(is_match(pattern.as_bytes(), name.as_bytes()), matches, "{pattern} {name}");
        }
    }
}
