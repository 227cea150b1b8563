//! Where reading goes on if a partition does not have the offset that is next.

use anomal_stream::ResetPosition;

use crate::places::PartitionPlace;

/// What becomes of a partition whose next offset is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    /// It is there after all.
    None,
    /// Reading goes on at an offset behind records that are gone.
    Skip { next: u64, lost: u64, why: String },
    /// The partition has lost records that were read, and gives their offsets to others, from this one on.
    Restart { next: u64, why: String },
    /// Reading ends.
    Stop(String),
}

/// Decides for a partition that has the offsets from `earliest` to before `end`.
pub(crate) fn reset(
    place: &PartitionPlace,
    earliest: u64,
    end: u64,
    policy: ResetPosition,
) -> Reset {
    let PartitionPlace { topic, number, next, .. } = place;
    let (next, partition) = (*next, format!("topic {topic}, partition {number}"));
    if next < earliest {
        let gone = format!(
            "{partition}: the records with the offsets {next} to {} were deleted before they were read (retention of the \
             topic)",
            earliest - 1
        );
        return match policy {
            ResetPosition::Stop => Reset::Stop(format!(
                "{gone}; set `reset: earliest` to go on at offset {earliest}, or begin anew with another state folder"
            )),
            ResetPosition::Earliest => Reset::Skip {
                next: earliest,
                lost: earliest - next,
                why: format!("{gone}; reading goes on at offset {earliest}"),
            },
            ResetPosition::Latest => Reset::Skip {
                next: end,
                lost: end - next,
                why: format!("{gone}; `reset: latest`: reading goes on at the end, offset {end}"),
            },
        };
    }
    if next > end {
        let gone = format!(
            "{partition}: the topic ends at offset {end}, although it was read up to {next}: the cluster has lost records, \
             and gives their offsets to new ones"
        );
        return match policy {
            ResetPosition::Stop => Reset::Stop(format!(
                "{gone}; set `reset: earliest` to go on at offset {end}, or begin anew with another state folder"
            )),
            _ => Reset::Restart {
                next: end,
                why: format!("{gone}; reading goes on at offset {end}"),
            },
        };
    }
    Reset::None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(next: u64) -> PartitionPlace {
        let (topic, id) = ("dns".to_owned(), String::new());
        PartitionPlace { topic, id, number: 3, next, lost: 0, retired: false }
    }

    #[test]
    fn records_that_retention_has_deleted_are_counted_and_named() {
        let Reset::Skip { next, lost, why } = reset(&place(10), 15, 20, ResetPosition::Earliest)
        else {
            panic!("not skipped")
        };
        assert_eq!((next, lost), (15, 5));
        assert!(why.contains("topic dns, partition 3") && why.contains("10 to 14"), "{why}");
        let Reset::Skip { next, lost, .. } = reset(&place(10), 15, 20, ResetPosition::Latest)
        else {
            panic!("not skipped")
        };
        assert_eq!((next, lost), (20, 10));
        let Reset::Stop(why) = reset(&place(10), 15, 20, ResetPosition::Stop) else {
            panic!("not stopped")
        };
        assert!(why.contains("set `reset: earliest`"), "{why}");
    }

    #[test]
    fn a_log_that_became_shorter_begins_anew() {
        let Reset::Restart { next, .. } = reset(&place(10), 0, 7, ResetPosition::Earliest) else {
            panic!("not restarted")
        };
        assert_eq!(next, 7);
        assert!(matches!(reset(&place(10), 0, 7, ResetPosition::Stop), Reset::Stop(_)));
        for next in [0, 5, 10] {
            assert_eq!(reset(&place(next), 0, 10, ResetPosition::Stop), Reset::None);
        }
    }
}
