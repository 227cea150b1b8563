//! The partitions of topics, and how far they have been read.

use std::collections::BTreeMap;

use anomal_stream::GENERATION;
use serde::{Deserialize, Serialize};

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartitionPlace {
    pub topic: String,
    /// The topic's id in hexadecimal digits, which a topic that is created anew does not share; zeros where the cluster has
    /// no ids.
    pub id: String,
    /// The number at the broker.
    pub number: u32,
    /// The offset of the next record.
    pub next: u64,
    /// Offsets whose records were gone when they were to be read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// The topic was deleted, or lost records that were read: what has the same offsets now are other records, which have
    /// another place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// All partitions; the place in the list is the partition's number in the stream, where not one partition alone is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Places {
    /// Whether the partitions that exist at the start of the stream are known.
    pub begun: bool,
    pub partitions: Vec<PartitionPlace>,
    /// The number of the one partition that is read; its places are those that it had one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<u32>,
}

/// A topic as the cluster has it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicNow {
    pub id: String,
    pub partitions: Vec<u32>,
}

/// What the cluster has otherwise than the places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopicChanges {
    /// Places of topics that were created anew.
    pub retired: Vec<u32>,
    /// Topic, id and number of partitions that are not read yet.
    pub added: Vec<(String, String, u32)>,
}

impl TopicChanges {
    pub fn is_empty(&self) -> bool {
        self.retired.is_empty() && self.added.is_empty()
    }
}

impl Places {
    /// Those of the partition that is read alone.
    pub fn restrict(&mut self, only: Option<u32>, topics: &[String]) {
        let Some(number) = only.filter(|_| self.only.is_none()) else { return };
        self.only = only;
        self.partitions.retain(|place| {
            place.number == number && topics.contains(&place.topic) && !place.retired
        });
    }

    /// The partitions that are read, by their numbers in the stream.
    pub fn active(&self) -> impl Iterator<Item = (u32, &PartitionPlace)> {
        let numbered = (0..).zip(&self.partitions).filter(|(_, place)| !place.retired);
        numbered.map(move |(index, place)| (self.number_at(index), place))
    }

    /// The number in the stream of the place that was added last.
    pub fn last(&self) -> u32 {
        let last = self.partitions.len().saturating_sub(1);
        self.number_at(u32::try_from(last).unwrap_or(u32::MAX))
    }

    fn number_at(&self, index: u32) -> u32 {
        self.only.map_or(index, |number| number.saturating_add(index.saturating_mul(GENERATION)))
    }

    fn index_of(&self, partition: u32) -> Option<usize> {
        let index = match self.only {
            Some(number) => partition.checked_sub(number)? / GENERATION,
            None => partition,
        };
        usize::try_from(index).ok()
    }

    pub fn find(&self, topic: &str, number: u32) -> Option<u32> {
        let mut active = self.active();
        let found = active.find(|(_, place)| place.number == number && place.topic == topic);
        found.map(|(partition, _)| partition)
    }

    pub fn get(&self, partition: u32) -> Option<&PartitionPlace> {
        self.partitions.get(self.index_of(partition)?)
    }

    pub fn get_mut(&mut self, partition: u32) -> Option<&mut PartitionPlace> {
        let index = self.index_of(partition)?;
        self.partitions.get_mut(index)
    }

    /// How the cluster's topics differ from those that are read.
    pub fn compare(&self, topics: &BTreeMap<String, TopicNow>) -> TopicChanges {
        let mut changes = TopicChanges::default();
        for (partition, place) in self.active() {
            if topics.get(&place.topic).is_some_and(|topic| topic.id != place.id) {
                changes.retired.push(partition);
            }
        }
        for (name, topic) in topics {
            let wanted = |number: &&u32| self.only.is_none_or(|only| only == **number);
            for number in topic.partitions.iter().filter(wanted) {
                let known = self.find(name, *number);
                if known.is_none_or(|known| changes.retired.contains(&known)) {
                    changes.added.push((name.clone(), topic.id.clone(), *number));
                }
            }
        }
        changes
    }

    pub fn lost(&self) -> u64 {
        self.partitions.iter().map(|place| place.lost).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(topic: &str, id: &str, number: u32) -> PartitionPlace {
        let (topic, id) = (topic.to_owned(), id.to_owned());
        PartitionPlace { topic, id, number, next: 0, lost: 0, retired: false }
    }

    fn topics(list: &[(&str, &str, u32)]) -> BTreeMap<String, TopicNow> {
        let topic = |(name, id, count): &(&str, &str, u32)| {
            (
                (*name).to_owned(),
                TopicNow { id: (*id).to_owned(), partitions: (0..*count).collect() },
            )
        };
        list.iter().map(topic).collect()
    }

    fn added(topic: &str, id: &str, number: u32) -> (String, String, u32) {
        (topic.to_owned(), id.to_owned(), number)
    }

    #[test]
    fn new_partitions_are_added_behind_those_that_are_known() {
        let mut places = Places::default();
        let changes = places.compare(&topics(&[("a", "1", 2)]));
        assert_eq!(changes.added, [added("a", "1", 0), added("a", "1", 1)]);
        places.partitions = vec![place("a", "1", 0), place("a", "1", 1)];
        assert!(places.compare(&topics(&[("a", "1", 2)])).is_empty());
        let changes = places.compare(&topics(&[("a", "1", 3), ("b", "2", 1)]));
        assert_eq!(changes.added, [added("a", "1", 2), added("b", "2", 0)]);
        assert_eq!(places.find("a", 1), Some(1));
    }

    #[test]
    fn a_topic_that_was_created_anew_has_new_partitions() {
        let partitions = vec![place("a", "1", 0), place("b", "5", 0)];
        let mut places = Places { begun: true, partitions, only: None };
        let changes = places.compare(&topics(&[("a", "2", 1), ("b", "5", 1)]));
        assert_eq!((changes.retired, changes.added), (vec![0], vec![added("a", "2", 0)]));
        places.partitions[0].retired = true;
        places.partitions.push(place("a", "2", 0));
        assert!(places.compare(&topics(&[("a", "2", 1), ("b", "5", 1)])).is_empty());
        assert_eq!((places.find("a", 0), places.active().count()), (Some(2), 2));
        // One that is away keeps its place.
        assert!(places.compare(&topics(&[("b", "5", 1)])).is_empty());
    }

    #[test]
    fn one_partition_alone_keeps_its_number() {
        let partitions = vec![place("a", "1", 0), place("a", "1", 5), place("b", "3", 5)];
        let mut places = Places { begun: true, partitions, only: None };
        places.restrict(Some(5), &["a".to_owned()]);
        assert_eq!((places.find("a", 5), places.partitions.len()), (Some(5), 1));
        let changes = places.compare(&topics(&[("a", "2", 9)]));
        assert_eq!((changes.retired, changes.added), (vec![5], vec![added("a", "2", 5)]));
        // Offsets of the new one are other records.
        places.get_mut(5).unwrap().retired = true;
        places.partitions.push(place("a", "2", 5));
        assert_eq!((places.find("a", 5), places.last()), (Some(5 + GENERATION), 5 + GENERATION));
        assert_eq!(places.get(5 + GENERATION).unwrap().id, "2");
        assert!(places.get(4).is_none() && places.get(5 + 2 * GENERATION).is_none());
        // It is restricted once.
        places.restrict(Some(5), &["a".to_owned()]);
        assert_eq!(places.partitions.len(), 2);
    }

    #[test]
    fn places_are_read_as_they_were_written() {
        let partitions = vec![place("a", "1", 0)];
        let mut places = Places { begun: true, partitions, only: None };
        places.partitions[0].lost = 3;
        let text = serde_json::to_string(&places).unwrap();
        assert_eq!(serde_json::from_str::<Places>(&text).unwrap(), places);
        assert_eq!(places.lost(), 3);
    }
}
