//! Results that are on their way to the sinks: each sink has a cursor of its own, so that none waits for another.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    checkpoint::Cursor, error::Result, judge::Results, lane::Lane, positions::Positions,
    sink::NamedSink,
};

/// The results of a chunk.
pub(crate) struct Entry<R> {
    pub partition: u32,
    pub first: u64,
    /// The offset behind the last record.
    pub end: u64,
    bytes: usize,
    pub results: R,
}

/// What stands between a shard and its sinks.
pub(crate) struct Outbox<R> {
    entries: VecDeque<Entry<R>>,
    /// The sequence number of the first entry.
    start: u64,
    bytes: usize,
    lanes: Vec<Lane<R>>,
}

/// A change in the state of a sink.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SinkChange {
    Down { sink: String, error: String },
    Up { sink: String },
}

impl<R: Results> Outbox<R> {
    /// Sinks with the cursors from which they continue.
    ///
    /// # Errors
    /// `Sink` if one can't continue.
    pub fn new(sinks: Vec<(NamedSink<R>, Cursor)>) -> Result<Self> {
        let lanes = sinks.into_iter().map(|(sink, cursor)| Lane::new(sink, cursor));
        let lanes = lanes.collect::<Result<_>>()?;
        Ok(Self { entries: VecDeque::new(), start: 0, bytes: 0, lanes })
    }

    pub fn push(&mut self, partition: u32, first: u64, count: u64, results: R) {
        let bytes = results.bytes();
        self.bytes += bytes;
        self.entries.push_back(Entry { partition, first, end: first + count, bytes, results });
    }

    /// Bytes of results that some sink has not made durable.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether every sink has written everything.
    pub fn is_written(&self) -> bool {
        let end = self.start + self.entries.len() as u64;
        self.lanes.iter().all(|lane| lane.is_written(end))
    }

    /// Whether a sink that works has results on their way.
    pub fn is_behind(&self) -> bool {
        self.lanes.iter().any(Lane::is_behind)
    }

    /// Whether each sink that works has made durable all results before these positions.
    pub fn has(&self, positions: &Positions) -> bool {
        self.lanes.iter().all(|lane| lane.has(positions))
    }

    /// Whether each sink has made durable all results before these positions.
    pub fn is_durable(&self, positions: &Positions) -> bool {
        self.lanes.iter().all(|lane| lane.cursor().positions.covers(positions))
    }

    pub fn cursors(&self) -> BTreeMap<String, Cursor> {
        let cursor = |lane: &Lane<R>| (lane.name().to_owned(), lane.cursor().clone());
        self.lanes.iter().map(cursor).collect()
    }

    /// As [`StreamSink::refused`](crate::StreamSink::refused), of all sinks.
    pub fn refused(&self) -> u64 {
        self.lanes.iter().map(Lane::refused).sum()
    }

    /// The cursors are in a checkpoint.
    pub fn saving(&mut self) {
        self.lanes.iter_mut().for_each(Lane::saving);
    }

    pub fn saved(&mut self) {
        self.lanes.iter_mut().for_each(Lane::saved);
    }

    /// Lets each sink write what it has not written.
    pub fn write(&mut self, now: Duration, changes: &mut Vec<SinkChange>) {
        for lane in &mut self.lanes {
            lane.write(&self.entries, self.start, now, changes);
        }
    }

    /// Makes durable what the sinks have written, and forgets what all of them have. `all`: nothing follows.
    pub fn flush(&mut self, all: bool, now: Duration, changes: &mut Vec<SinkChange>) {
        for lane in &mut self.lanes {
            lane.flush(all, now, changes);
        }
        self.forget();
    }

    /// As [`flush`](Self::flush), of the sinks that have not all results before these positions.
    pub fn flush_until(
        &mut self,
        positions: &Positions,
        now: Duration,
        changes: &mut Vec<SinkChange>,
    ) {
        for lane in self.lanes.iter_mut().filter(|lane| !lane.has(positions)) {
            lane.flush(false, now, changes);
        }
        self.forget();
    }

    fn forget(&mut self) {
        let end = self.start + self.entries.len() as u64;
        let needed = self.lanes.iter().map(Lane::needs).min().unwrap_or(end);
        while self.start < needed
            && let Some(entry) = self.entries.pop_front()
        {
            self.bytes -= entry.bytes;
            self.start += 1;
        }
    }
}
