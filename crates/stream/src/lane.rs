//! A sink and how far it has come.

use std::{collections::VecDeque, time::Duration};

use crate::{
    checkpoint::Cursor,
    error::{Cause, Error, Result},
    judge::Results,
    outbox::{Entry, SinkChange},
    positions::Positions,
    sink::NamedSink,
};

/// The longest wait before a sink that has failed is tried again; it begins at a hundredth of that.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

pub(crate) struct Lane<R> {
    sink: NamedSink<R>,
    /// Behind the results that were written.
    written: Positions,
    /// The sequence number of the entry that is written next.
    next: u64,
    /// What was written and is not durable, in order.
    sent: VecDeque<Sent>,
    /// The durable writes since the last restore.
    acknowledged: u64,
    /// Behind the results that are durable.
    durable: Cursor,
    outage: Option<Outage>,
}

/// A write.
struct Sent {
    /// The sequence number of its entry.
    entry: u64,
    partition: u32,
    /// The offset behind its last record.
    end: u64,
}

/// A sink that has failed. It is over once something is durable again.
struct Outage {
    attempts: u32,
    /// None: it is tried.
    retry_at: Option<Duration>,
}

impl<R: Results> Lane<R> {
    /// A sink that continues from a cursor.
    ///
    /// # Errors
    /// `Sink` if it can't.
    pub fn new(mut sink: NamedSink<R>, mut durable: Cursor) -> Result<Self> {
        let restored = sink.sink.restore(durable.mark.as_deref());
        // Only a sink that is new has no mark: what is there without one is not the stream's.
        let marked = restored.and_then(|()| match durable.mark.take() {
            None => sink.sink.flush(false).map(|flushed| flushed.mark),
            Some(mark) => Ok(mark),
        });
        let mark = marked.map_err(|cause| Error::Sink { sink: sink.name.clone(), cause })?;
        durable.mark = Some(mark);
        let written = durable.positions.clone();
        Ok(Self {
            sink,
            written,
            next: 0,
            sent: VecDeque::new(),
            acknowledged: 0,
            durable,
            outage: None,
        })
    }

    pub fn name(&self) -> &str {
        &self.sink.name
    }

    pub fn cursor(&self) -> &Cursor {
        &self.durable
    }

    pub fn refused(&self) -> u64 {
        self.sink.sink.refused()
    }

    pub fn saving(&mut self) {
        self.sink.sink.saving();
    }

    pub fn saved(&mut self) {
        self.sink.sink.saved();
    }

    /// The sequence number of the first entry that it needs still.
    pub fn needs(&self) -> u64 {
        self.sent.front().map_or(self.next, |sent| sent.entry)
    }

    /// Whether it has written all entries before `end`.
    pub fn is_written(&self, end: u64) -> bool {
        self.next == end && self.outage.is_none()
    }

    /// Whether something is on its way and not durable yet.
    pub fn is_behind(&self) -> bool {
        self.outage.is_none() && !self.sent.is_empty()
    }

    /// Whether all results before these positions are durable, or it has failed.
    pub fn has(&self, positions: &Positions) -> bool {
        self.outage.is_some() || self.durable.positions.covers(positions)
    }

    /// Writes what follows of the entries, of which the first has the number `start`.
    pub fn write(
        &mut self,
        entries: &VecDeque<Entry<R>>,
        start: u64,
        now: Duration,
        changes: &mut Vec<SinkChange>,
    ) {
        self.revive(now, changes);
        if self.is_waiting() {
            return;
        }
        let end = start + entries.len() as u64;
        let written = self.advance(entries, start, end).and_then(|()| match self.outage {
            None => Ok(false),
            Some(_) => Ok(self.acknowledge(false)? || self.is_idle(end)?),
        });
        match written {
            Ok(true) => {
                self.outage = None;
                changes.push(SinkChange::Up { sink: self.sink.name.clone() });
            }
            Ok(false) => {}
            Err(error) => self.fail(&error, now, changes),
        }
    }

    /// Makes durable what was written.
    pub fn flush(&mut self, all: bool, now: Duration, changes: &mut Vec<SinkChange>) {
        if self.is_waiting() || (self.sent.is_empty() && !all) {
            return;
        }
        if let Err(error) = self.acknowledge(all) {
            self.fail(&error, now, changes);
        }
    }

    fn is_waiting(&self) -> bool {
        self.outage.as_ref().is_some_and(|outage| outage.retry_at.is_some())
    }

    /// Whether it would take more, and there is nothing more.
    fn is_idle(&mut self, end: u64) -> Result<bool, Cause> {
        Ok(self.next == end && self.sent.is_empty() && self.sink.sink.ready()?)
    }

    fn advance(&mut self, entries: &VecDeque<Entry<R>>, start: u64, end: u64) -> Result<(), Cause> {
        let mut ready = self.sink.sink.ready()?;
        while self.next < end {
            let entry = usize::try_from(self.next - start).ok();
            let Some(entry) = entry.and_then(|place| entries.get(place)) else { break };
            let from = self.written.next(entry.partition);
            if from < entry.end {
                if !ready {
                    break;
                }
                if from > entry.first {
                    self.sink.sink.write(&entry.results.starting_at(from)?)?;
                } else {
                    self.sink.sink.write(&entry.results)?;
                }
                self.written.advance(entry.partition, entry.end);
                let (partition, end) = (entry.partition, entry.end);
                self.sent.push_back(Sent { entry: self.next, partition, end });
                ready = self.sink.sink.ready()?;
            }
            self.next += 1;
        }
        Ok(())
    }

    /// Moves the cursor behind what is durable now. Whether it has moved.
    fn acknowledge(&mut self, all: bool) -> Result<bool, Cause> {
        let flushed = self.sink.sink.flush(all)?;
        let known = flushed.writes.unwrap_or(u64::MAX);
        let before = self.acknowledged;
        while self.acknowledged < known
            && let Some(sent) = self.sent.pop_front()
        {
            self.durable.positions.advance(sent.partition, sent.end);
            self.acknowledged += 1;
        }
        self.durable.mark = Some(flushed.mark);
        Ok(self.acknowledged > before)
    }

    fn fail(&mut self, error: &Cause, now: Duration, changes: &mut Vec<SinkChange>) {
        let attempts = self.outage.as_ref().map_or(0, |outage| outage.attempts);
        if attempts == 0 {
            let (sink, error) = (self.sink.name.clone(), error.to_string());
            changes.push(SinkChange::Down { sink, error });
        }
        let wait = (LONGEST_WAIT / 100).saturating_mul(1 << attempts.min(10)).min(LONGEST_WAIT);
        self.outage = Some(Outage { attempts: attempts + 1, retry_at: Some(now + wait) });
    }

    /// Brings a sink that has failed back to what is durable, if it is time.
    fn revive(&mut self, now: Duration, changes: &mut Vec<SinkChange>) {
        let due = |outage: &&mut Outage| outage.retry_at.is_some_and(|retry_at| retry_at <= now);
        let Some(outage) = self.outage.as_mut().filter(due) else { return };
        match self.sink.sink.restore(self.durable.mark.as_deref()) {
            Ok(()) => {
                outage.retry_at = None;
                self.next = self.needs();
                self.sent.clear();
                self.acknowledged = 0;
                self.written = self.durable.positions.clone();
            }
            Err(error) => self.fail(&error, now, changes),
        }
    }
}
