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
    pub(super) scores: Option<Scores>,
    pub(super) surprise: Surprise,
    /// The p-value by the forest of its entity.
    pub(super) by_forest: Option<f64>,
    /// The row as the forest reads it.
    pub(super) numbers: Option<Vec<f32>>,
    pub(super) joint: Option<f64>,
    /// The share of each feature in what they found unusual, and how much that counts beside the model, `0..=1`.
    pub shares: Vec<f64>,
    pub weight: f64,
    /// What is unusual for its entity, in words, of a suspicious row.
    pub note: Option<String>,
}

/// What members found, before it is compared with what they found before.
#[derive(Clone, Copy)]
pub(super) struct Scores {
    /// Of what is learned row by row.
    pub online: f64,
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
