//! How a shard saves checkpoints.

use std::{collections::BTreeMap, time::Duration};

use super::{Notice, Shard};
use crate::{
    checkpoint::{Checkpoint, Cursor},
    error::{Error, Result},
    judge::Judge,
    log::Log,
    positions::Positions,
    saver::{SaveWork, Saved},
    state::FrozenState,
};

/// The checkpoints that have a state which time has changed, before the next record is read: one may be damaged.
const REST_SAVES: u32 = 2;
/// How long a frozen state waits for sinks whose results are on their way, so that its checkpoint does not have them behind it.
/// Records are judged meanwhile.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether they have: files are made durable by that, and so not with each chunk.
const LOOK: Duration = Duration::from_millis(50);

/// A state as it was at one moment, and where.
pub(super) struct Frozen {
    pub positions: Positions,
    pub place: Vec<u8>,
    pub state: FrozenState,
    /// When it is looked again whether the sinks have its results, and when it is saved though they have not.
    pub look_at: Duration,
    pub until: Duration,
}

/// What the last checkpoint has.
pub(super) struct SavedPoint {
    pub number: u64,
    pub at: Duration,
    pub positions: Positions,
    pub cursors: BTreeMap<String, Cursor>,
}

impl<L, J> Shard<L, J>
where
    L: Log,
    J: Judge<Records = L::Records>,
{
    /// Freezes the state for the next checkpoint, unless the last one says the same. Nothing is being saved. `patience`: how
    /// long it may wait for sinks.
    pub(super) fn freeze(&mut self, now: Duration, patience: Duration) -> Result<()> {
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
    pub(super) fn save_frozen(&mut self, now: Duration) {
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
    pub(super) fn begin_save(&mut self, now: Duration) -> bool {
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
    pub(super) fn poll_save(&mut self) -> Result<()> {
        match self.pending.as_ref().and_then(|_| self.saver.poll()) {
            Some(outcome) => self.end_save(outcome),
            None => Ok(()),
        }
    }

    pub(super) fn end_save(&mut self, outcome: Result<Saved>) -> Result<()> {
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

    pub(super) fn check_stale(&mut self, now: Duration) -> bool {
        let saved = self.saved.as_ref().map_or(now, |saved| saved.at);
        let is_late = self.store_down || self.pending.is_some();
        let stale = is_late && now.saturating_sub(saved) > self.options.stale_after;
        if stale && !std::mem::replace(&mut self.stale, true) {
            self.notices.push(Notice::CheckpointStale);
        }
        stale
    }
}
