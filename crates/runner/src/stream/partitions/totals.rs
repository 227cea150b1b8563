//! The figures of a process: the sums over its partitions.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Instant,
};

use super::{
    super::{
        EntityCounts, MemoryCounts, ModelCounts, PartitionCounts, SilentEntities, StreamLag,
        StreamRun, StreamStatus, StreamSummary, state::StreamCounts,
    },
    Partition,
    running::RunningPartition,
};

/// Silent entities that are named.
const SILENT: usize = 20;

pub(super) struct Totals {
    /// Without figures.
    empty: StreamStatus,
    since: Instant,
    now: StreamStatus,
    /// The figures of partitions that are not run any more.
    ended: BTreeMap<Partition, Option<StreamSummary>>,
}

impl Totals {
    pub fn new(run: &StreamRun<'_>, state: &Path) -> Self {
        let summary = StreamSummary::new(&StreamCounts::default(), false, 0);
        let partitions = Some(PartitionCounts::default());
        let empty = StreamStatus::begun(StreamSummary { partitions, ..run.named(state, &summary) });
        Self { now: empty.clone(), empty, since: run.since, ended: BTreeMap::new() }
    }

    /// The partition has ended; none: it was not read then.
    pub fn end(&mut self, partition: Partition, summary: Option<StreamSummary>) {
        self.ended.insert(partition, summary);
    }

    /// How many have ended.
    pub fn ended(&self) -> usize {
        self.ended.len()
    }

    /// Adds up how the partitions are. `down`: the topics can't be looked at.
    pub fn set(&mut self, known: &BTreeMap<Partition, RunningPartition>, down: bool) {
        let statuses = known.iter().filter_map(|(partition, running)| {
            let status = running.status.borrow().clone();
            match (self.ended.get(partition), status) {
                (Some(ended), Some(status)) => {
                    Some(StreamStatus { summary: ended.clone()?, ..status })
                }
                (_, status) => status,
            }
        });
        let statuses: Vec<StreamStatus> = statuses.collect();
        let mut total = sum(self.empty.clone(), &statuses);
        let is_whole = statuses.len() == known.len() && !known.is_empty();
        total.caught_up = is_whole && statuses.iter().all(|status| status.caught_up);
        total.summary.partitions =
            Some(PartitionCounts { owned: known.len(), read: statuses.len() });
        if down {
            total.down.insert("input".to_owned());
        }
        self.now = total;
    }

    pub fn status(&self) -> StreamStatus {
        StreamStatus { summary: self.summary(), ..self.now.clone() }
    }

    pub fn summary(&self) -> StreamSummary {
        let duration_seconds = self.since.elapsed().as_secs_f64();
        StreamSummary { duration_seconds, ..self.now.summary.clone() }
    }
}

fn sum(mut total: StreamStatus, statuses: &[StreamStatus]) -> StreamStatus {
    for status in statuses {
        add_counts(&mut total.summary, &status.summary);
        total.watermark = match (total.watermark, status.watermark) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if let Some(lag) = &status.lag {
            let all = total.lag.get_or_insert_with(StreamLag::default);
            all.records += lag.records;
            all.seconds = all.seconds.max(lag.seconds);
        }
        // They are learned once, and all partitions begin with them.
        total.summary.preloaded = total.summary.preloaded.max(status.summary.preloaded);
        total.preload = total.preload.or(status.preload);
        total.checkpoint_age = total.checkpoint_age.max(status.checkpoint_age);
        total.waiting_bytes += status.waiting_bytes;
        total.down.extend(status.down.iter().cloned());
        if let Some(silent) = &status.silent {
            let all = total.silent.get_or_insert_with(SilentEntities::default);
            all.count += silent.count;
            all.last.extend(silent.last.iter().cloned());
        }
    }
    if let Some(silent) = &mut total.silent {
        silent.last.sort_by_key(|(_, seconds)| *seconds);
        // An entity may be in several partitions.
        let mut seen = BTreeSet::new();
        silent.last.retain(|(name, _)| seen.insert(name.clone()));
        silent.last.truncate(SILENT);
    }
    // Those without a row say nothing about it.
    let mut read = statuses.iter().filter(|status| status.summary.rows > 0).peekable();
    total.summary.warm = read.peek().is_some() && read.all(|status| status.summary.warm);
    total
}

fn add_counts(total: &mut StreamSummary, one: &StreamSummary) {
    total.rows += one.rows;
    total.rejected += one.rejected;
    total.filtered += one.filtered;
    total.lost += one.lost;
    total.windows += one.windows;
    total.results += one.results;
    total.refused += one.refused;
    total.suspicious += one.suspicious;
    total.flagged += one.flagged;
    total.late += one.late;
    total.skewed += one.skewed;
    total.checkpoint = total.checkpoint.max(one.checkpoint);
    if let Some(models) = &one.models {
        let all = total.models.get_or_insert_with(ModelCounts::default);
        all.generation = all.generation.max(models.generation);
        all.refused += models.refused;
        all.drifts += models.drifts;
        all.drifted |= models.drifted;
    }
    if let Some(memory) = &one.memory {
        let all = total.memory.get_or_insert_with(MemoryCounts::default);
        all.bytes += memory.bytes;
        all.limit += memory.limit;
        all.evicted += memory.evicted;
    }
    if let Some(entities) = &one.entities {
        let all = total.entities.get_or_insert_with(EntityCounts::default);
        all.known += entities.known;
        all.evicted += entities.evicted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(rows: u64, warm: bool, generation: u32) -> StreamStatus {
        let models = Some(ModelCounts { generation, refused: 1, drifts: 0, drifted: rows == 3 });
        let summary = StreamSummary::new(&StreamCounts::default(), warm, rows);
        StreamStatus::begun(StreamSummary { rows, models, ..summary })
    }

    #[test]
    fn figures_of_partitions_are_added() {
        let silent = |names: &[(&str, u64)]| SilentEntities {
            count: names.len() as u64,
            last: names.iter().map(|(name, since)| ((*name).to_owned(), *since)).collect(),
        };
        let one = StreamStatus {
            watermark: Some(5.0),
            waiting_bytes: 10,
            lag: Some(StreamLag { records: 5, seconds: 2.0 }),
            down: ["input".to_owned()].into(),
            silent: Some(silent(&[("a", 9), ("b", 4)])),
            ..status(3, true, 2)
        };
        let two = StreamStatus {
            watermark: Some(4.0),
            silent: Some(silent(&[("c", 5), ("a", 3)])),
            checkpoint_age: 7.0,
            lag: Some(StreamLag { records: 1, seconds: 0.5 }),
            ..status(4, true, 1)
        };
        let empty = StreamStatus::begun(StreamSummary::new(&StreamCounts::default(), false, 0));
        let unread = status(0, false, 0);
        let total = sum(empty.clone(), &[one.clone(), two, unread]);
        assert_eq!(
            (total.summary.rows, total.summary.warm, total.summary.checkpoint),
            (7, true, 4)
        );
        assert_eq!(
            (total.watermark, total.checkpoint_age, total.waiting_bytes),
            (Some(4.0), 7.0, 10)
        );
        let models = total.summary.models.unwrap();
        assert_eq!((models.generation, models.refused, models.drifted), (2, 3, true));
        assert_eq!(total.lag, Some(StreamLag { records: 6, seconds: 2.0 }));
        assert!(total.down.contains("input"));
        let silent = total.silent.unwrap();
        let names: Vec<&str> = silent.last.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((silent.count, names), (4, vec!["a", "b", "c"]));
        assert!(!sum(empty.clone(), &[one, status(4, false, 0)]).summary.warm);
        assert!(!sum(empty, &[]).summary.warm);
    }
}
