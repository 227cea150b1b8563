//! Rows with what they are grouped by.

use std::{cmp::Ordering, sync::Arc};

use crate::{
    incidents::{
        Evidence,
        input::{Code, HitKey, IncidentInput, KeyPart, NONE},
    },
    spool::Spilled,
};

/// The cause of rows that no flag has hit; that of a flag's rows is its place, and 1.
pub(super) const SCORE: u32 = 0;

/// How finely the rows of a cause are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Level {
    #[default]
    Full,
    ActorAlone,
    CauseAlone,
}

/// A row with what it is grouped by.
#[derive(Clone, Debug)]
pub(super) struct GroupedRow {
    pub cause: u32,
    pub actor: Code,
    pub target: Code,
    /// Whether the values of its flag's key are among what it is grouped by.
    has_values: bool,
    pub evidence: Evidence,
}

impl GroupedRow {
    /// `levels`: by cause.
    pub fn new(input: &IncidentInput, mut evidence: Evidence, levels: &[Level]) -> Self {
        let [no_actors, no_targets] = input.without;
        if no_actors {
            evidence.actor = NONE;
        }
        if no_targets {
            evidence.target = NONE;
        }
        let lead = input.lead(&evidence.hits);
        let cause = lead.and_then(|flag| u32::try_from(flag + 1).ok()).unwrap_or(SCORE);
        Self { cause, actor: NONE, target: NONE, has_values: false, evidence }.at(input, levels)
    }

    /// The same grouped otherwise.
    pub fn at(mut self, input: &IncidentInput, levels: &[Level]) -> Self {
        self.actor = input.actor(self.evidence.actor);
        self.target = input.target(self.evidence.target);
        self.has_values = false;
        if let Some(parts) = self.evidence.group.as_ref().filter(|_| self.cause != SCORE) {
            let side = |wanted: KeyPart| {
                let part = parts.iter().find(|part| part.part == wanted);
                part.map_or(NONE, |part| part.code)
            };
            self.actor = input.actor(side(KeyPart::Actor));
            self.target = input.target(side(KeyPart::Target));
            self.has_values = true;
        }
        match levels[self.cause as usize] {
            Level::Full => {}
            Level::ActorAlone => (self.target, self.has_values) = (NONE, false),
            Level::CauseAlone => (self.actor, self.target, self.has_values) = (NONE, NONE, false),
        }
        self
    }

    /// The values of its flag's key, where it is grouped by them.
    pub fn values(&self) -> Option<&Arc<[HitKey]>> {
        self.evidence.group.as_ref().filter(|_| self.has_values)
    }

    pub fn is_with(&self, other: &Self) -> bool {
        (self.cause, self.actor, self.target) == (other.cause, other.actor, other.target)
            && self.values() == other.values()
    }

    /// By what it is grouped by, then time and row. Rows without a time are first.
    pub fn order(&self, other: &Self) -> Ordering {
        let things = |row: &Self| (row.cause, row.actor, row.target);
        let place = |row: &Self| (row.evidence.time.get(), row.evidence.row);
        (things(self).cmp(&things(other)))
            .then_with(|| self.values().cmp(&other.values()))
            .then_with(|| place(self).cmp(&place(other)))
    }

    pub fn time(&self) -> Option<i64> {
        self.evidence.time.get()
    }
}

impl Spilled for GroupedRow {
    fn size(&self) -> usize {
        size_of::<Self>() - size_of::<Evidence>() + self.evidence.size()
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.cause.write(out);
        self.actor.write(out);
        self.target.write(out);
        u8::from(self.has_values).write(out);
        self.evidence.write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Self {
            cause: Spilled::read(input)?,
            actor: Spilled::read(input)?,
            target: Spilled::read(input)?,
            has_values: u8::read(input)? == 1,
            evidence: Evidence::read(input)?,
        })
    }
}
