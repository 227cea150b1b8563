//! The memory of a state: above a part of what it may have, what was not seen for longest is forgotten.
//!
//! It is counted at numbers of rows, and by what is in it, so that a replay forgets the same at the same rows.

use anomal_core::{Result, words};
use serde::{Deserialize, Serialize};

use super::StreamJudge;
use crate::stream::{
    learning::Learner,
    memory::{MemoryCounts, forgets_at},
};

/// The tenths of it that are not passed between two counts.
const HARD: u64 = 9;
/// The bytes that windows grow by with a row, at most for many rows.
const ROW: u64 = 2_048;
/// Rows between two counts at least, and where there is room.
const LEAST: u64 = 1_000;
const USUAL: u64 = 10_000;
/// Or one for so many bytes, each of which is counted then.
const COUNTED: u64 = 1_024;

pub(super) struct StateMemory {
    /// The bytes that it may have, and those of models and samples.
    most: u64,
    fixed: u64,
    /// As they were counted last.
    windows: u64,
    saved: SavedMemory,
    has_warned: bool,
}

/// What a checkpoint has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::stream) struct SavedMemory {
    /// The rows before the next count.
    rows: u64,
    /// The bytes that entities may have.
    entities: u64,
    /// The entities and keys that were forgotten.
    evicted: u64,
}

impl StreamJudge {
    /// From now on, the state may have so many bytes, of which models and samples have `fixed`.
    pub fn limit_memory(&mut self, most: u64, fixed: u64) {
        let entities = forgets_at(most).saturating_sub(fixed);
        let saved = SavedMemory { rows: LEAST, entities, evicted: 0 };
        self.memory = Some(StateMemory { most, fixed, windows: 0, saved, has_warned: false });
        self.limit_entities(entities);
    }

    /// Continues as it was saved.
    pub(super) fn restore_memory(&mut self, saved: Option<SavedMemory>) {
        if let (Some(memory), Some(saved)) = (&mut self.memory, saved) {
            memory.saved = saved;
            self.limit_entities(saved.entities);
        }
    }

    pub(super) fn saved_memory(&self) -> Option<SavedMemory> {
        let memory = self.memory.as_ref()?;
        Some(SavedMemory { evicted: memory.saved.evicted + self.crowded(), ..memory.saved })
    }

    /// None: it is not limited.
    pub fn memory(&self) -> Option<MemoryCounts> {
        let memory = self.memory.as_ref()?;
        let entities = self.learner.as_ref().map_or(0, Learner::entity_bytes);
        Some(MemoryCounts {
            bytes: memory.fixed + memory.windows + entities,
            limit: memory.most,
            evicted: memory.saved.evicted + self.crowded(),
        })
    }

    /// The rows that may be judged before it is counted again.
    pub(super) fn rows_until_count(&self) -> usize {
        let rows = self.memory.as_ref().map(|memory| memory.saved.rows.max(1));
        rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(usize::MAX)
    }

    /// So many rows were judged.
    ///
    /// # Errors
    /// `Internal`.
    pub(super) async fn passed(&mut self, rows: usize) -> Result<()> {
        let Some(memory) = &mut self.memory else { return Ok(()) };
        memory.saved.rows = memory.saved.rows.saturating_sub(rows as u64);
        if memory.saved.rows == 0 { self.count_memory().await } else { Ok(()) }
    }

    /// Counts it, and forgets what is too much: entities, and where windows alone are, their keys.
    async fn count_memory(&mut self) -> Result<()> {
        let Some(memory) = &self.memory else { return Ok(()) };
        let room = forgets_at(memory.most).saturating_sub(memory.fixed);
        let (mut windows, mut keys) = (self.event_time.memory().await?, 0);
        while windows > room {
            let gone = self.event_time.forget_half();
            if gone == 0 {
                break;
            }
            keys += gone;
            windows = self.event_time.memory().await?;
        }
        let entities = room.saturating_sub(windows);
        self.limit_entities(entities);
        let Some(memory) = &mut self.memory else { return Ok(()) };
        memory.windows = windows;
        memory.saved.entities = entities;
        memory.saved.evicted += keys;
        let known = self.memory();
        let Some(memory) = &mut self.memory else { return Ok(()) };
        let MemoryCounts { bytes, limit, evicted } = known.unwrap_or_default();
        let before_hard = (limit / 10 * HARD).saturating_sub(bytes) / ROW;
        memory.saved.rows = USUAL.max(bytes / COUNTED).min(before_hard).max(LEAST);
        if evicted > 0 && !std::mem::replace(&mut memory.has_warned, true) {
            tracing::warn!(
                "the state has {}, more than six tenths of the {} that it may have: {} entities and keys of windows that were not \
                 seen for longest are forgotten so far; raise `stream.state.maxMemory`, or lower `stream.entity.max`",
                words::bytes(bytes),
                words::bytes(limit),
                words::grouped(evicted)
            );
        }
        Ok(())
    }

    fn limit_entities(&mut self, bytes: u64) {
        if let Some(learner) = &mut self.learner {
            learner.limit_entities(bytes);
        }
    }

    /// Entities that were forgotten since this process began.
    fn crowded(&self) -> u64 {
        self.learner.as_ref().map_or(0, Learner::crowded)
    }
}
