//! A journal as the log of a stream whose records are collected: all that arrive during a time from a first one on are one
//! chunk.
//!
//! Where a window ends may depend on the clock, so it is part of the place, and no window is read before two checkpoints have
//! its end, of which one may be damaged. A place has the ends of all windows that may be read again: a replay reads the same
//! windows.

use std::{
    collections::VecDeque,
    io,
    time::{Duration, Instant, SystemTime},
};

use anomal_stream::{Cause, Chunk, Log, Positions};
use serde::{Deserialize, Serialize};

use super::{
    log::{JournalLog, PARTITION, RECORDS},
    reader::{Place, Reader},
};
use crate::record::Record;

/// The checkpoints that have the end of a window before it is read.
const SAVES: u32 = 2;

/// How records are collected.
#[derive(Clone, Copy, Debug)]
pub struct WindowOptions {
    /// The time from the first record of a window on.
    pub length: Duration,
    /// A window ends before the record that would take it over so many bytes.
    pub most_bytes: u64,
    /// Whether no more records come, so that what is there is the last window.
    pub closed: bool,
}

/// Which records belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The number behind its last record.
    pub end: u64,
    /// The arrival of its first record, in microseconds since the epoch.
    pub from: i64,
    /// The end of its time; of one that ended before that, the arrival of its last record.
    pub to: i64,
    /// Whether it ended before its time, since it was too large.
    pub cut: bool,
}

/// The records of a window.
#[derive(Clone, Debug)]
pub struct Collected {
    pub window: Window,
    pub records: Vec<Record>,
}

/// The records of a journal, window by window.
pub struct WindowLog {
    log: JournalLog,
    options: WindowOptions,
    since: Instant,
    /// Those whose ends are known, in order, of which the first ones may be read again after a restart.
    known: VecDeque<Window>,
    /// The end of the last one that was read.
    read: u64,
    /// Of the last one that is known: the checkpoints that have its end, while they are too few, and whether the one that is
    /// being saved will.
    saves: Option<u32>,
    saving: bool,
    /// Looks for the end of the next one.
    scan: Option<Scan>,
    caught_up: bool,
}

/// Reads ahead of the log.
struct Scan {
    reader: Reader,
    open: Option<Open>,
}

/// A window that has begun.
struct Open {
    from: i64,
    /// Of its last record.
    last: i64,
    bytes: u64,
    /// When its first record was seen, since any fixed point: clocks may be put back.
    seen: Duration,
}

#[derive(Serialize, Deserialize)]
struct SavedPlace {
    #[serde(flatten)]
    place: Place,
    windows: VecDeque<Window>,
}

impl WindowLog {
    pub fn new(log: JournalLog, options: WindowOptions) -> Self {
        Self {
            log,
            options,
            since: Instant::now(),
            known: VecDeque::new(),
            read: 0,
            saves: None,
            saving: false,
            scan: None,
            caught_up: false,
        }
    }

    /// The records, one by one.
    pub fn records(&self) -> &JournalLog {
        &self.log
    }

    /// As [`Log::read`], at a time in microseconds since the epoch and one since any fixed point.
    pub(super) fn read_at(
        &mut self,
        now: i64,
        elapsed: Duration,
    ) -> Result<Option<Chunk<Collected>>, Cause> {
        if self.saves.is_some() {
            return Ok(None);
        }
        let behind = self.log.reader().place().next.max(self.read);
        if let Some(window) = self.known.iter().find(|window| window.end > behind).copied() {
            return self.window(window);
        }
        let scan = self.scan.get_or_insert_with(|| Scan::behind(&self.log));
        let found = scan.find(&self.options, now, elapsed)?;
        self.caught_up = found.is_none();
        if let Some(window) = found {
            self.known.push_back(window);
            (self.saves, self.scan) = (Some(0), None);
        }
        Ok(None)
    }

    fn window(&mut self, window: Window) -> Result<Option<Chunk<Collected>>, Cause> {
        let records = self.log.read_to(window.end)?;
        self.read = window.end;
        // All of them may be damaged.
        let Some(first) = records.first().map(|record| record.number) else { return Ok(None) };
        let (count, records) = (window.end - first, Collected { window, records });
        Ok(Some(Chunk { partition: PARTITION, first, count, records }))
    }
}

impl Scan {
    fn behind(log: &JournalLog) -> Self {
        Self { reader: log.reader().clone(), open: None }
    }

    /// The end of the window, if it is known.
    ///
    /// # Errors
    /// The journal can't be read.
    fn find(
        &mut self,
        options: &WindowOptions,
        now: i64,
        elapsed: Duration,
    ) -> io::Result<Option<Window>> {
        let length = i64::try_from(options.length.as_micros()).unwrap_or(i64::MAX);
        loop {
            let records = self.reader.read(RECORDS)?;
            if records.is_empty() {
                break;
            }
            for record in records {
                let size = record.text.len() as u64;
                let Some(open) = &mut self.open else {
                    let (from, last) = (record.arrival, record.arrival);
                    self.open = Some(Open { from, last, bytes: size, seen: elapsed });
                    continue;
                };
                if record.arrival >= open.from.saturating_add(length) {
                    return Ok(Some(open.ends(record.number, open.from.saturating_add(length))));
                }
                if open.bytes + size > options.most_bytes {
                    return Ok(Some(Window { cut: true, ..open.ends(record.number, open.last) }));
                }
                open.bytes += size;
                open.last = record.arrival;
            }
        }
        let end = self.reader.place().next;
        let Some(open) = &self.open else { return Ok(None) };
        let is_over = |open: &Open| {
            now >= open.from.saturating_add(length) || elapsed >= open.seen + options.length
        };
        Ok(match open {
            open if is_over(open) => Some(open.ends(end, open.from.saturating_add(length))),
            open if options.closed => Some(open.ends(end, open.last)),
            _ => None,
        })
    }
}

impl Open {
    fn ends(&self, end: u64, to: i64) -> Window {
        Window { end, from: self.from, to, cut: false }
    }
}

impl Log for WindowLog {
    type Records = Collected;

    fn read(&mut self) -> Result<Option<Chunk<Collected>>, Cause> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        self.read_at(now, self.since.elapsed())
    }

    fn place(&self) -> Result<Vec<u8>, Cause> {
        let windows = self.known.clone();
        Ok(serde_json::to_vec(&SavedPlace { place: self.log.reader().place(), windows })?)
    }

    fn restore(&mut self, place: &[u8]) -> Result<(), Cause> {
        self.log.restore(place)?;
        self.replays_to(place)
    }

    fn replays_to(&mut self, newest: &[u8]) -> Result<(), Cause> {
        let saved: SavedPlace = serde_json::from_slice(newest)?;
        self.known = saved.windows;
        (self.read, self.saves, self.scan) = (0, None, None);
        Ok(())
    }

    fn caught_up(&self) -> bool {
        self.caught_up
    }

    fn must_save(&self) -> bool {
        self.saves.is_some()
    }

    fn saving(&mut self) {
        self.saving = self.saves.is_some();
    }

    fn saved(&mut self, _: &Positions) {
        if !std::mem::take(&mut self.saving) {
            return;
        }
        self.saves = self.saves.map(|saves| saves + 1).filter(|saves| *saves < SAVES);
    }

    fn keeps_records(&self) -> bool {
        self.log.keeps_records()
    }

    fn released(&mut self, positions: &Positions) {
        self.log.released(positions);
        let first = positions.next(PARTITION);
        self.known.retain(|window| window.end > first);
    }
}

#[cfg(test)]
mod tests;
