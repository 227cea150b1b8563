//! What members say of a row.

use anomal_detectors::online::{Surprise, Value};

/// Judged by what was learned before it.
#[derive(Default)]
pub(in crate::stream) struct Opinion {
    pub(super) key: Option<u64>,
    /// Of its entity, where names are kept.
    pub(super) name: Option<String>,
    pub(super) row: Vec<Value>,
    /// The p-value of all together.
    pub p: Option<f64>,
    /// Whether that is the one of the sum of their evidence.
    pub(super) is_joint: bool,
    pub(super) evidence: Evidence,
    pub(super) scores: Option<Scores>,
    pub(super) surprise: Surprise,
    /// The p-value by the forest of its entity.
    pub(super) by_forest: Option<f64>,
    /// The part of each feature in what was learned row by row.
    pub(super) online_parts: Vec<f64>,
    pub(super) joint: Option<f64>,
}

/// How much they found for a row to be unusual, -w ln p.
#[derive(Clone, Copy, Default)]
pub(super) struct Evidence {
    pub online: f64,
    pub profile: f64,
    pub forest: f64,
}

/// What members found, before it is compared with what they found before.
#[derive(Clone, Copy)]
pub(super) struct Scores {
    /// Of what is learned row by row, if it is and knows enough rows.
    pub online: Option<f64>,
    pub profile: f64,
    /// None for an entity that has no forest yet.
    pub forest: Option<f64>,
}

impl Opinion {
    /// Where there are no members.
    pub fn of_model(p: Option<f64>) -> Self {
        Self { p, ..Self::default() }
    }
}
