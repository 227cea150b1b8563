//! What holds for one family of detectors and not for another.

use crate::scores::Scores;

pub(super) struct Expectation {
    pub reasons: Reasons,
    pub weight: Weighed,
    /// The effect of another value of a feature that was constant when fitted.
    pub other: Effect,
    /// The effect of a missing one.
    pub missing: Effect,
}

pub(super) const MARGINAL: Expectation = Expectation {
    reasons: Reasons::Score,
    weight: Weighed::InAllRows,
    other: Effect::Raised,
    missing: Effect::Raised,
};
pub(super) const DISTANCE: Expectation = Expectation {
    reasons: Reasons::Score,
    weight: Weighed::InAllRows,
    other: Effect::Highest,
    missing: Effect::None,
};
pub(super) const NEIGHBORS: Expectation =
    Expectation { weight: Weighed::InHighestRows, ..DISTANCE };
pub(super) const DENSITY: Expectation = Expectation { reasons: Reasons::OffCenters, ..DISTANCE };
pub(super) const BORDER: Expectation = Expectation { reasons: Reasons::OffBorder, ..DISTANCE };
pub(super) const PROJECTIONS: Expectation =
    Expectation { reasons: Reasons::RareProjections, other: Effect::Raised, ..DISTANCE };
pub(super) const ISOLATION: Expectation =
    Expectation { reasons: Reasons::ShortPaths, other: Effect::None, ..DISTANCE };
/// A missing category is a rare value for one of its members.
pub(super) const ENSEMBLE: Expectation = Expectation { missing: Effect::Raised, ..DISTANCE };

/// The rows that have reasons, as far as their scores determine it.
#[derive(Clone, Copy)]
pub(super) enum Reasons {
    /// Those whose score is not 0: it is a sum over the features.
    Score,
    /// Those whose score is not 0, except those at the center, whose score is the least: a density is 0 without features.
    OffCenters,
    /// Those with paths shorter than usual, and some others.
    ShortPaths,
    /// Some of those whose score is not 0.
    RareProjections,
    /// Those that are not on the border themselves; see `figures`.
    OffBorder,
}

impl Reasons {
    fn expected(self, score: f64) -> Option<bool> {
        match self {
            Self::Score => Some(score != 0.0),
            Self::ShortPaths => (score > 0.5).then_some(true),
            Self::OffCenters | Self::RareProjections => (score == 0.0).then_some(false),
            Self::OffBorder => None,
        }
    }

    #[track_caller]
    pub fn check(self, found: &Scores) {
        for (row, score) in found.scores.iter().enumerate() {
            let explained = found.shares.iter().any(|shares| shares[row] > 0.0);
            let expected = self.expected(*score).unwrap_or(explained);
            assert_eq!(explained, expected, "row {row}: {score}");
        }
        if let Self::OffCenters = self {
            let least = found.scores.iter().copied().fold(f64::INFINITY, f64::min);
            for (row, score) in found.scores.iter().enumerate() {
                let explained = found.shares.iter().any(|shares| shares[row] > 0.0);
                assert!(explained || *score == 0.0 || *score == least, "row {row}: {score}");
            }
        }
    }
}

/// The rows whose reasons show a feature's weight.
#[derive(Clone, Copy)]
pub(super) enum Weighed {
    InAllRows,
    /// Neighbours may be alike in a heavy feature and differ in the others alone.
    InHighestRows,
}

impl Weighed {
    /// The feature's mean share in these rows.
    pub fn part(self, found: &Scores, feature: usize) -> f64 {
        let mut rows: Vec<usize> = (0..found.scores.len()).collect();
        if let Self::InHighestRows = self {
            rows.sort_by(|one, other| found.scores[*other].total_cmp(&found.scores[*one]));
            rows.truncate(rows.len() / 20);
        }
        rows.iter().map(|row| found.shares[feature][*row]).sum::<f64>() / rows.len() as f64
    }
}

/// The effect of a value on a row's score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Effect {
    None,
    Raised,
    /// Above every fitted row's.
    Highest,
}
