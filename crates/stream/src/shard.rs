//! The loop of a shard: read, judge, write, save.
//!
//! It never waits: [`Shard::step`] returns when it has nothing to do, and the caller, who has the clock, calls it again. Checkpoints
//! are saved beside it.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    checkpoint::{Checkpoint, Cursor},
    checkpoints::Checkpoints,
    error::{Error, Result},
    judge::Judge,
    log::{Log, RecordsLost},
    outbox::{Outbox, SinkChange},
    positions::Positions,
    saver::{SaveWork, Saved, Saver},
    sink::NamedSink,
    state::FrozenState,
};

/// The longest wait before a log that has failed is read again; it begins at a hundredth of that.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The checkpoints that have a state which time has changed, before the next record is read: one may be damaged.
const REST_SAVES: u32 = 2;
/// How long a frozen state waits for sinks whose results are on their way, so that its checkpoint does not have them behind it.
/// Records are judged meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether they have: files are made durable by that, and so not with each chunk.
const LOOK: Duration = Duration::from_millis(50);

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

/// A state as it was at one moment, and where.
struct Frozen {
    positions: Positions,
    place: Vec<u8>,
    state: FrozenState,
    /// When it is looked again whether the sinks have its results, and when it is saved though they have not.
    look_at: Duration,
    until: Duration,
}

/// What the last checkpoint has.
struct SavedPoint {
    number: u64,
    at: Duration,
    positions: Positions,
    cursors: BTreeMap<String, Cursor>,
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

    /// Freezes the state for the next checkpoint, unless the last one says the same. Nothing is being saved. `patience`: how
    /// long it may wait for sinks.
    fn freeze(&mut self, now: Duration, patience: Duration) -> Result<()> {
        self.save_at = now + self.options.checkpoint_every;
        self.frozen = None;
        let releases =
            self.log.keeps_records() && self.is_durable() && !self.released.covers(&self.positions);
        let cursors = self.outbox.cursors();
        let is_alive = self.options.heartbeat.is_none_or(|every| now < self.beaten + every);
        if let Some(saved) = &mut self.saved
            && is_alive
            && saved.positions == self.positions
            && saved.cursors == cursors
            && !releases
            && self.resting.is_none()
            && !self.log.must_save()
        {
            saved.at = now;
            return Ok(());
        }
        let state = self.judge.freeze().map_err(Error::Judge)?;
        let place = self.log.place().map_err(Error::Log)?;
        self.log.saving();
        let positions = self.positions.clone();
        self.frozen = Some(Frozen { positions, place, state, look_at: now, until: now + patience });
        Ok(())
    }

    /// Begins to save what is frozen, if the sinks have its results or have had their time.
    fn save_frozen(&mut self, now: Duration) {
        let Some(frozen) = self.frozen.as_mut().filter(|frozen| now >= frozen.look_at) else {
            return;
        };
        frozen.look_at = now + LOOK;
        let mut changes = Vec::new();
        self.outbox.flush_until(&frozen.positions, now, &mut changes);
        if now >= frozen.until || self.outbox.has(&frozen.positions) {
            self.begin_save(now);
        }
        self.note(changes);
    }

    /// Begins to save what is frozen, if something is.
    fn begin_save(&mut self, now: Duration) -> bool {
        let Some(Frozen { positions, place, state, .. }) = self.frozen.take() else { return false };
        let cursors = self.outbox.cursors();
        let checkpoint = Checkpoint {
            positions: positions.clone(),
            place,
            cursors: cursors.clone(),
            ..Checkpoint::default()
        };
        self.outbox.saving();
        let sinks = cursors.keys().cloned().collect();
        self.saver.begin(SaveWork { checkpoint, state, sinks });
        self.pending = Some(SavedPoint { number: 0, at: now, positions, cursors });
        self.beaten = now;
        true
    }

    /// Takes the outcome of what is being saved, if it is known.
    fn poll_save(&mut self) -> Result<()> {
        match self.pending.as_ref().and_then(|_| self.saver.poll()) {
            Some(outcome) => self.end_save(outcome),
            None => Ok(()),
        }
    }

    fn end_save(&mut self, outcome: Result<Saved>) -> Result<()> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        match outcome {
            Ok(Saved { number, released }) => {
                self.log.saved(&pending.positions);
                self.log.released(&released);
                self.released = released;
                self.saved = Some(SavedPoint { number, ..pending });
                self.stale = false;
                self.outbox.saved();
                self.resting =
                    self.resting.map(|saves| saves + 1).filter(|saves| *saves < REST_SAVES);
                if self.resting.is_some() {
                    self.save_at = Duration::ZERO;
                }
                if std::mem::take(&mut self.store_down) {
                    self.notices.push(Notice::StoreUp);
                }
                Ok(())
            }
            // The first one has to succeed: nothing is read without it.
            Err(Error::Store(error)) if self.saved.is_some() => {
                if !std::mem::replace(&mut self.store_down, true) {
                    self.notices.push(Notice::StoreDown { error: error.to_string() });
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn check_stale(&mut self, now: Duration) -> bool {
        let saved = self.saved.as_ref().map_or(now, |saved| saved.at);
        let is_late = self.store_down || self.pending.is_some();
        let stale = is_late && now.saturating_sub(saved) > self.options.stale_after;
        if stale && !std::mem::replace(&mut self.stale, true) {
            self.notices.push(Notice::CheckpointStale);
        }
        stale
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
