//! The loop of a shard: read, judge, write, save.
//!
//! It never waits: [`Shard::step`] returns when it has nothing to do, and the caller, who has the clock, calls it again. Checkpoints
//! are saved beside it.

mod saving;

use std::{collections::BTreeMap, time::Duration};

use self::saving::{Frozen, PATIENCE, SavedPoint};
use crate::{
    checkpoint::Cursor,
    checkpoints::Checkpoints,
    error::{Error, Result},
    judge::Judge,
    log::{Log, RecordsLost},
    outbox::{Outbox, SinkChange},
    positions::Positions,
    saver::Saver,
    sink::NamedSink,
};

/// The longest wait before a log that has failed is read again; it begins at a hundredth of that.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub struct ShardOptions {
    /// The time between checkpoints.
    pub checkpoint_every: Duration,
    /// Bytes of results that may wait for sinks. At half of them the sinks are flushed, and at all of them reading stops.
    pub outbox_bytes: usize,
    /// Reading stops if no checkpoint could be saved for so long.
    pub stale_after: Duration,
    /// A checkpoint is saved so often though nothing has changed, which shows a [`Standby`](crate::Standby) that this owner
    /// lives. None: it is not.
    pub heartbeat: Option<Duration>,
}

impl Default for ShardOptions {
    fn default() -> Self {
        Self {
            checkpoint_every: Duration::from_secs(10),
            outbox_bytes: 256 << 20,
            stale_after: Duration::from_mins(10),
            heartbeat: None,
        }
    }
}

/// What a shard is made from.
pub struct ShardParts<L, J: Judge> {
    pub log: L,
    pub judge: J,
    pub sinks: Vec<NamedSink<J::Results>>,
    pub checkpoints: Checkpoints,
    /// What saves them.
    pub saver: SaverOf,
}

/// Makes what saves checkpoints.
pub type SaverOf = Box<dyn FnOnce(Checkpoints) -> Box<dyn Saver> + Send>;

/// What happened, for the log of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It continues behind this number of records, by this checkpoint.
    Restored {
        number: u64,
        records: u64,
    },
    /// A checkpoint that can't be used; the one before is.
    CheckpointDamaged {
        name: String,
        reason: String,
    },
    /// The input can't be read; reading is tried again.
    LogDown {
        error: String,
    },
    LogUp,
    /// An output does not take results; writing is tried again.
    SinkDown {
        sink: String,
        error: String,
    },
    SinkUp {
        sink: String,
    },
    /// A checkpoint could not be saved; saving is tried again.
    StoreDown {
        error: String,
    },
    StoreUp,
    /// No checkpoint could be saved for so long that reading stops.
    CheckpointStale,
}

/// What a step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Records were judged, or a checkpoint is due: the next step follows at once.
    Busy,
    /// There is nothing to read now, or it may not be read.
    Idle,
}

/// How far a shard is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The records of all partitions that were judged, by this process and those before.
    pub records: u64,
    /// The number of the last checkpoint; 0 before the first.
    pub checkpoint: u64,
    /// When it was saved by this process.
    pub saved_at: Option<Duration>,
    /// Bytes of results that are not durable in all sinks.
    pub waiting: usize,
}

/// An owner of partitions.
pub struct Shard<L, J: Judge> {
    log: L,
    judge: J,
    outbox: Outbox<J::Results>,
    saver: Box<dyn Saver>,
    options: ShardOptions,
    positions: Positions,
    saved: Option<SavedPoint>,
    /// What is saved once the sinks have its results.
    frozen: Option<Frozen>,
    /// What is being saved.
    pending: Option<SavedPoint>,
    /// Before these no restart reads.
    released: Positions,
    save_at: Duration,
    /// When one was saved last by this process.
    beaten: Duration,
    /// While a state that time has changed is not saved: the checkpoints that have it.
    resting: Option<u32>,
    store_down: bool,
    stale: bool,
    log_outage: Option<(u32, Duration)>,
    notices: Vec<Notice>,
}

impl<L, J> Shard<L, J>
where
    L: Log,
    J: Judge<Records = L::Records>,
{
    /// Continues from the newest checkpoint, or begins and saves the first one before anything is read. `now` is the time
    /// since any fixed point, which all calls share.
    ///
    /// # Errors
    /// Those of [`Checkpoints::restore`]; `Log`, `Judge` or `Sink` if a part can't continue from its checkpoint; `Fenced`.
    pub fn open(parts: ShardParts<L, J>, options: ShardOptions, now: Duration) -> Result<Self> {
        let ShardParts { mut log, mut judge, sinks, mut checkpoints, saver } = parts;
        let names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
        let point = checkpoints.restore(&names)?;
        let (mut positions, mut notices, mut cursors) =
            (Positions::default(), Vec::new(), BTreeMap::new());
        // An output that is new begins here.
        let mut newest = Positions::default();
        if let Some(point) = point {
            for (name, reason) in point.damaged {
                notices.push(Notice::CheckpointDamaged { name, reason });
            }
            let records = point.base.positions.records();
            notices.push(Notice::Restored { number: point.base.number, records });
            log.restore(&point.base.place).map_err(Error::Log)?;
            log.replays_to(&point.newest_place).map_err(Error::Log)?;
            judge.restore(point.state).map_err(Error::Judge)?;
            positions = point.base.positions;
            cursors = point.cursors;
            newest = point.newest_positions;
        }
        let sinks = sinks.into_iter().map(|sink| {
            let new = || Cursor { positions: newest.clone(), mark: None };
            let cursor = cursors.remove(&sink.name).unwrap_or_else(new);
            (sink, cursor)
        });
        let outbox = Outbox::new(sinks.collect())?;
        let mut shard = Self {
            log,
            judge,
            outbox,
            released: checkpoints.released(),
            saver: saver(checkpoints),
            options,
            positions,
            saved: None,
            frozen: None,
            pending: None,
            save_at: now,
            beaten: now,
            resting: None,
            store_down: false,
            stale: false,
            log_outage: None,
            notices,
        };
        // Nothing is read without the first one.
        shard.freeze(now, Duration::ZERO)?;
        if shard.begin_save(now) {
            let outcome = shard.saver.wait();
            shard.end_save(outcome)?;
        }
        Ok(shard)
    }

    /// Writes what waits, saves a checkpoint if it is due, and judges the next records if there are any.
    ///
    /// # Errors
    /// `Judge`; `Fenced`. The shard is of no use then.
    pub async fn step(&mut self, now: Duration) -> Result<Step> {
        self.write(now);
        self.poll_save()?;
        if now >= self.save_at && self.pending.is_none() && self.frozen.is_none() {
            self.flush(false, now);
            self.freeze(now, PATIENCE)?;
        }
        if self.frozen.is_some() {
            self.save_frozen(now);
            self.poll_save()?;
        }
        if self.outbox.bytes() > self.options.outbox_bytes / 2 {
            self.flush(false, now);
        }
        if self.outbox.bytes() > self.options.outbox_bytes || self.check_stale(now) {
            return Ok(Step::Idle);
        }
        let is_away = self.log_outage.is_some_and(|(_, retry_at)| now < retry_at);
        if is_away || self.resting.is_some() {
            return Ok(Step::Idle);
        }
        let chunk = match self.log.read() {
            Ok(chunk) => chunk,
            Err(error) if error.is::<RecordsLost>() => return Err(Error::Log(error)),
            Err(error) => {
                self.log_failed(&error.to_string(), now);
                return Ok(Step::Idle);
            }
        };
        if self.log_outage.take().is_some() {
            self.notices.push(Notice::LogUp);
        }
        let Some(chunk) = chunk else {
            // A store that is away is tried again as often as ever.
            let may_save = !self.store_down && self.pending.is_none();
            if may_save && self.log.caught_up() && self.is_durable() && self.judge.rest() {
                self.resting = Some(0);
            }
            let at_once = may_save && (self.log.must_save() || self.resting.is_some());
            if at_once {
                self.freeze(now, Duration::ZERO)?;
            }
            return Ok(if at_once { Step::Busy } else { Step::Idle });
        };
        let (partition, first, count) = (chunk.partition, chunk.first, chunk.count);
        let results = self.judge.judge(chunk).await.map_err(Error::Judge)?;
        self.positions.advance(partition, first + count);
        self.outbox.push(partition, first, count, results);
        self.write(now);
        Ok(Step::Busy)
    }

    /// Whether something is on its way to a sink.
    pub fn is_sending(&self) -> bool {
        self.outbox.is_behind()
    }

    /// Goes on with what is on its way to sinks, between two steps.
    pub fn send(&mut self, now: Duration) {
        self.write(now);
    }

    /// Writes and saves what was judged. False: a sink or the store does not take it; call again.
    ///
    /// # Errors
    /// `Fenced`.
    pub fn drain(&mut self, now: Duration) -> Result<bool> {
        self.write(now);
        self.flush(true, now);
        self.poll_save()?;
        if self.pending.is_none() {
            self.freeze(now, Duration::ZERO)?;
            self.begin_save(now);
            self.poll_save()?;
        }
        Ok(self.is_durable() && !self.store_down && self.pending.is_none())
    }

    /// Whether all sinks have the results of all records.
    fn is_durable(&self) -> bool {
        self.outbox.is_durable(&self.positions)
    }

    /// Whether the source has no more records, and all results are written.
    pub fn caught_up(&self) -> bool {
        self.log.caught_up() && self.log_outage.is_none() && self.outbox.is_written()
    }

    pub fn progress(&self) -> Progress {
        Progress {
            records: self.positions.records(),
            checkpoint: self.saved.as_ref().map_or(0, |saved| saved.number),
            saved_at: self.saved.as_ref().map(|saved| saved.at),
            waiting: self.outbox.bytes(),
        }
    }

    /// Results that outputs have refused for good, since the stream began.
    pub fn refused(&self) -> u64 {
        self.outbox.refused()
    }

    /// What happened since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    pub fn log(&self) -> &L {
        &self.log
    }

    /// The log, behind the last read.
    pub fn into_log(self) -> L {
        self.log
    }

    pub fn judge(&self) -> &J {
        &self.judge
    }

    fn write(&mut self, now: Duration) {
        let mut changes = Vec::new();
        self.outbox.write(now, &mut changes);
        self.note(changes);
    }

    fn flush(&mut self, all: bool, now: Duration) {
        let mut changes = Vec::new();
        self.outbox.flush(all, now, &mut changes);
        self.note(changes);
    }

    fn note(&mut self, changes: Vec<SinkChange>) {
        self.notices.extend(changes.into_iter().map(|change| match change {
            SinkChange::Down { sink, error } => Notice::SinkDown { sink, error },
            SinkChange::Up { sink } => Notice::SinkUp { sink },
        }));
    }

    fn log_failed(&mut self, error: &str, now: Duration) {
        let attempts = self.log_outage.map_or(0, |(attempts, _)| attempts);
        if attempts == 0 {
            self.notices.push(Notice::LogDown { error: error.to_owned() });
        }
        let wait = (LONGEST_WAIT / 100).saturating_mul(1 << attempts.min(10)).min(LONGEST_WAIT);
        self.log_outage = Some((attempts + 1, now + wait));
    }
}
