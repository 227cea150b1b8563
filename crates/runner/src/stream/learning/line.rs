//! From where on a row is suspicious.

use anomal_detectors::online::{Discoveries, Rate, Spot};
use anomal_spec::{
    DEFAULT_BUDGET, DEFAULT_FALSE_DISCOVERIES, DEFAULT_RISK, Threshold, ThresholdMethod,
};
use serde::{Deserialize, Serialize};

/// No budget makes rows suspicious that are more usual than this.
const LARGEST_RISK: f64 = 0.05;

/// Rows with at most this p-value are hardly so by chance: without them, p-values stay what they are.
const SURE: f64 = 1e-5;

/// The line for the rows of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) enum Line {
    /// The one of the model.
    #[default]
    Model,
    /// A p-value.
    Risk(f64),
    /// Rows an hour.
    Budget(f64),
    /// The share of false alarms among suspicious rows.
    FalseDiscoveries(f64, Discoveries),
    /// The probability with which a score passes it.
    Spot(f64, Box<Spot>),
}

/// What is known of a row when it is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub score: Option<f64>,
    pub p: Option<f64>,
    /// The verdict of the model, which holds where there is no other.
    pub own: bool,
}

impl Line {
    pub fn new(threshold: Option<&Threshold>) -> Self {
        let value = threshold.and_then(|threshold| threshold.value);
        let spot = |drifts| Self::Spot(value.unwrap_or(DEFAULT_RISK), Box::new(Spot::new(drifts)));
        match threshold.map(|threshold| threshold.method) {
            Some(ThresholdMethod::Risk) => Self::Risk(value.unwrap_or(DEFAULT_RISK)),
            Some(ThresholdMethod::Budget) => Self::Budget(value.unwrap_or(DEFAULT_BUDGET)),
            Some(ThresholdMethod::Fdr) => Self::FalseDiscoveries(
                value.unwrap_or(DEFAULT_FALSE_DISCOVERIES),
                Discoveries::default(),
            ),
            Some(ThresholdMethod::Spot) => spot(false),
            Some(ThresholdMethod::Dspot) => spot(true),
            _ => Self::Model,
        }
    }

    /// The same for another model, of which nothing is known.
    pub fn begun_anew(&self) -> Self {
        match self {
            Self::Model => Self::Model,
            Self::Risk(risk) => Self::Risk(*risk),
            Self::Budget(rows) => Self::Budget(*rows),
            Self::FalseDiscoveries(share, _) => {
                Self::FalseDiscoveries(*share, Discoveries::default())
            }
            Self::Spot(risk, spot) => Self::Spot(*risk, Box::new(spot.begun_anew())),
        }
    }

    /// Takes scores of rows in that the model has not seen.
    pub fn prepare(&mut self, scores: &[f64]) {
        if let Self::Spot(risk, spot) = self {
            for score in scores {
                spot.is_extreme(*score, *risk);
            }
        }
    }

    /// The largest p-value of a suspicious row where nothing else is looked at. P-values are uniform where nothing happens, so
    /// a budget divided by the rows of an hour is one.
    fn risk(&self, rate: &Rate) -> Option<f64> {
        match self {
            Self::Risk(risk) => Some(*risk),
            Self::Budget(rows) => {
                rate.per_hour().map(|per_hour| (rows / per_hour).min(LARGEST_RISK))
            }
            Self::Model | Self::FalseDiscoveries(..) | Self::Spot(..) => None,
        }
    }

    /// Judges the next row.
    pub fn is_suspicious(&mut self, row: Seen, rate: &Rate) -> bool {
        let verdict = match self {
            Self::FalseDiscoveries(share, known) => row.p.map(|p| known.is_discovery(p, *share)),
            Self::Spot(risk, spot) => row.score.and_then(|score| spot.is_extreme(score, *risk)),
            _ => self.risk(rate).zip(row.p).map(|(risk, p)| p <= risk),
        };
        verdict.unwrap_or(row.own)
    }

    /// The verdict by the model alone, which others are compared with; `verdict` is the one on the row.
    pub fn by_model(&self, row: Seen, verdict: bool, rate: &Rate) -> bool {
        match self {
            Self::FalseDiscoveries(..) | Self::Spot(..) => verdict,
            _ => self.risk(rate).zip(row.p).map_or(row.own, |(risk, p)| p <= risk),
        }
    }

    /// Whether a row of this p-value is an anomaly for sure, so that what is usual is not learned from it.
    pub fn is_sure(&self, p: Option<f64>) -> bool {
        matches!(self, Self::FalseDiscoveries(..)) && p.is_some_and(|p| p <= SURE)
    }

    /// The suspicious rows for each row, if nothing happens; 0 where the model decides.
    pub fn expected(&self, rate: &Rate) -> f64 {
        match self {
            Self::FalseDiscoveries(share, _) => share * Discoveries::floor(),
            Self::Spot(risk, _) => *risk,
            _ => self.risk(rate).unwrap_or(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(method: ThresholdMethod, value: Option<f64>) -> Line {
        Line::new(Some(&Threshold { method, value }))
    }

    fn seen(p: Option<f64>, own: bool) -> Seen {
        Seen { score: None, p, own }
    }

    #[test]
    fn a_budget_is_a_risk_at_the_rate_of_the_rows() {
        let mut rate = Rate::default();
        for second in 0..36_000 {
            rate.add(Some(second * 1_000_000));
        }
        let mut budget = line(ThresholdMethod::Budget, Some(36.0));
        assert!((budget.expected(&rate) / 0.01 - 1.0).abs() < 0.1);
        assert!(budget.is_suspicious(seen(Some(0.001), false), &rate));
        assert!(!budget.is_suspicious(seen(Some(0.02), true), &rate));
        // Without times or p-values the model decides, and few rows are not all suspicious.
        assert!(budget.is_suspicious(seen(Some(0.9), true), &Rate::default()));
        assert!(!budget.is_suspicious(seen(None, false), &rate));
        assert_eq!(line(ThresholdMethod::Budget, Some(1e9)).expected(&rate), LARGEST_RISK);
        assert_eq!(line(ThresholdMethod::Risk, None), Line::Risk(1e-4));
        assert_eq!((line(ThresholdMethod::Pot, None), Line::new(None)), (Line::Model, Line::Model));
    }

    #[test]
    fn discoveries_and_tails_are_of_one_model() {
        let rate = Rate::default();
        let mut discoveries = line(ThresholdMethod::Fdr, None);
        assert!(discoveries.is_suspicious(seen(Some(1e-9), false), &rate));
        assert!(!discoveries.is_suspicious(seen(Some(0.5), true), &rate));
        assert!(discoveries.is_suspicious(seen(None, true), &rate));
        assert!(discoveries.expected(&rate) < 1e-4);
        assert_eq!(discoveries.begun_anew(), line(ThresholdMethod::Fdr, Some(0.1)));
        for method in [ThresholdMethod::Spot, ThresholdMethod::Dspot] {
            let mut spot = line(method, Some(1e-3));
            let score = |score| Seen { score: Some(score), p: None, own: true };
            // The model decides while too little is known.
            assert!(spot.is_suspicious(score(0.0), &rate));
            spot.prepare(&(0..2_000).map(|i| f64::from(i * 7 % 100)).collect::<Vec<_>>());
            assert!(!spot.is_suspicious(score(50.0), &rate));
            assert!(spot.is_suspicious(score(1e6), &rate));
            assert_eq!(spot.expected(&rate), 1e-3);
            assert_eq!(spot.begun_anew(), line(method, Some(1e-3)));
        }
    }
}
