//! Results that are on their way to the sinks: each sink has a cursor of its own, so that none waits for another.

use std::{collections::VecDeque, time::Duration};

use crate::{
    checkpoint::Cursor,
    error::{Cause, Error, Result},
    judge::Results,
    positions::Positions,
    sink::NamedSink,
};

/// The longest wait before a sink that has failed is tried again; it begins at a hundredth of that.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

struct Entry<R> {
    partition: u32,
    first: u64,
    /// The offset behind the last record.
    end: u64,
    bytes: usize,
    results: R,
}

/// What stands between a shard and its sinks.
pub(crate) struct Outbox<R> {
    entries: VecDeque<Entry<R>>,
    /// The sequence number of the first entry.
    start: u64,
    bytes: usize,
    lanes: Vec<Lane<R>>,
}

/// A sink and how far it has come.
struct Lane<R> {
    sink: NamedSink<R>,
    /// Behind the results that were written.
    written: Positions,
    /// The sequence number of the entry that is written next.
    next: u64,
    /// Behind the results that are durable, with the entry that follows.
    durable: Cursor,
    durable_next: u64,
    outage: Option<Outage>,
}

/// A sink that does not take results at the moment.
struct Outage {
    attempts: u32,
    retry_at: Duration,
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
        let mut lanes = Vec::with_capacity(sinks.len());
        for (mut sink, mut durable) in sinks {
            let restored = sink.sink.restore(durable.mark.as_deref());
            // Only a sink that is new has no mark: what is there without one is not the stream's.
            let marked = restored.and_then(|()| match durable.mark.take() {
                None => sink.sink.flush(),
                Some(mark) => Ok(mark),
            });
            let mark = marked.map_err(|cause| Error::Sink { sink: sink.name.clone(), cause })?;
            durable.mark = Some(mark);
            let written = durable.positions.clone();
            lanes.push(Lane { sink, written, next: 0, durable, durable_next: 0, outage: None });
        }
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
        let end = self.end();
        self.lanes.iter().all(|lane| lane.next == end && lane.outage.is_none())
    }

    pub fn cursors(&self) -> impl Iterator<Item = (&str, &Cursor)> {
        self.lanes.iter().map(|lane| (lane.sink.name.as_str(), &lane.durable))
    }

    fn end(&self) -> u64 {
        self.start + self.entries.len() as u64
    }

    /// Lets each sink write what it has not written.
    pub fn write(&mut self, now: Duration, changes: &mut Vec<SinkChange>) {
        let end = self.end();
        for lane in &mut self.lanes {
            lane.revive(now, changes);
            while lane.outage.is_none() && lane.next < end {
                let entry = usize::try_from(lane.next - self.start).ok();
                let Some(entry) = entry.and_then(|place| self.entries.get(place)) else { break };
                if let Err(error) = lane.write(entry) {
                    lane.fail(&error, now, changes);
                }
            }
        }
    }

    /// Makes durable what the sinks have written, and forgets what all of them have.
    pub fn flush(&mut self, now: Duration, changes: &mut Vec<SinkChange>) {
        for lane in &mut self.lanes {
            if lane.outage.is_some() {
                continue;
            }
            if lane.written == lane.durable.positions {
                // Of a replay, everything was durable already.
                lane.durable_next = lane.next;
                continue;
            }
            match lane.sink.sink.flush() {
                Ok(mark) => {
                    lane.durable = Cursor { positions: lane.written.clone(), mark: Some(mark) };
                    lane.durable_next = lane.next;
                }
                Err(error) => lane.fail(&error, now, changes),
            }
        }
        let needed = self.lanes.iter().map(|lane| lane.durable_next).min();
        let needed = needed.unwrap_or_else(|| self.end());
        while self.start < needed
            && let Some(entry) = self.entries.pop_front()
        {
            self.bytes -= entry.bytes;
            self.start += 1;
        }
    }
}

impl<R: Results> Lane<R> {
    fn write(&mut self, entry: &Entry<R>) -> Result<(), Cause> {
        let from = self.written.next(entry.partition);
        if from < entry.end {
            if from > entry.first {
                self.sink.sink.write(&entry.results.starting_at(from)?)?;
            } else {
                self.sink.sink.write(&entry.results)?;
            }
            self.written.advance(entry.partition, entry.end);
        }
        self.next += 1;
        Ok(())
    }

    fn fail(&mut self, error: &Cause, now: Duration, changes: &mut Vec<SinkChange>) {
        let attempts = self.outage.as_ref().map_or(0, |outage| outage.attempts);
        if attempts == 0 {
            let (sink, error) = (self.sink.name.clone(), error.to_string());
            changes.push(SinkChange::Down { sink, error });
        }
        let wait = (LONGEST_WAIT / 100).saturating_mul(1 << attempts.min(10)).min(LONGEST_WAIT);
        self.outage = Some(Outage { attempts: attempts + 1, retry_at: now + wait });
    }

    /// Brings a sink that has failed back to what is durable, if it is time.
    fn revive(&mut self, now: Duration, changes: &mut Vec<SinkChange>) {
        let Some(outage) = self.outage.as_ref().filter(|outage| outage.retry_at <= now) else {
            return;
        };
        let attempts = outage.attempts;
        match self.sink.sink.restore(self.durable.mark.as_deref()) {
            Ok(()) => {
                self.written = self.durable.positions.clone();
                self.next = self.durable_next;
                self.outage = None;
                changes.push(SinkChange::Up { sink: self.sink.name.clone() });
            }
            Err(error) => {
                self.outage = Some(Outage { attempts, retry_at: now });
                self.fail(&error, now, changes);
            }
        }
    }
}
