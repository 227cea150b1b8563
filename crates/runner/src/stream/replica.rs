//! Which process reads which partitions.

use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_64;

/// One of the processes that share the partitions of topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    /// From 0.
    number: u32,
    /// At least 1.
    count: u32,
}

impl Default for Replica {
    /// The only one.
    fn default() -> Self {
        Self { number: 0, count: 1 }
    }
}

impl Replica {
    /// Whether a partition of a topic is read by this one: the partitions of a topic are dealt in turn, beginning at a place that
    /// depends on the topic's name alone, so that all processes agree whatever other topics there are.
    pub fn owns(self, topic: &str, partition: u32) -> bool {
        let place = xxh3_64(topic.as_bytes()).wrapping_add(u64::from(partition));
        place % u64::from(self.count) == u64::from(self.number)
    }

    /// Its number, from 0.
    pub fn number(self) -> u32 {
        self.number
    }

    /// How many there are.
    pub fn count(self) -> u32 {
        self.count
    }
}

impl FromStr for Replica {
    type Err = String;

    /// `1/3`: the second of three.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "{text:?} is not a number and a count such as 1/3: 0/3, 1/3 and 2/3 are three processes"
            )
        };
        let (number, count) = text.split_once('/').ok_or_else(wrong)?;
        let (number, count): (u32, u32) =
            number.parse().ok().zip(count.parse().ok()).ok_or_else(wrong)?;
        if number >= count {
            return Err(format!(
                "{text}: numbers begin with 0, so the last one of {count} is {}",
                count.saturating_sub(1)
            ));
        }
        Ok(Self { number, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_one_owner_and_each_owner_as_many() {
        for count in 1..8 {
            let replicas = (0..count).map(|number| Replica { number, count });
            let owned = replicas
                .map(|replica| (0..24).filter(|number| replica.owns("requests", *number)).count());
            let owned: Vec<usize> = owned.collect();
            assert_eq!(owned.iter().sum::<usize>(), 24);
            assert!(owned.iter().max().unwrap() - owned.iter().min().unwrap() <= 1, "{owned:?}");
        }
        // The same in each version.
        let replica: Replica = "1/3".parse().unwrap();
        let owned: Vec<u32> = (0..6).filter(|number| replica.owns("requests", *number)).collect();
        assert_eq!(owned, OWNED);
    }

    const OWNED: [u32; 2] = [0, 3];

    #[test]
    fn a_number_and_a_count_are_read() {
        assert_eq!("2/3".parse(), Ok(Replica { number: 2, count: 3 }));
        for (text, part) in [
            ("3/3", "the last one of 3 is 2"),
            ("1", "such as 1/3"),
            ("-1/3", "such as"),
            ("0/0", "begin with 0"),
        ] {
            let error = text.parse::<Replica>().unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
