//! From where on a row is suspicious.

use anomal_detectors::online::Rate;
use anomal_spec::{DEFAULT_BUDGET, DEFAULT_RISK, Threshold, ThresholdMethod};

/// No budget makes rows suspicious that are more usual than this.
const LARGEST_RISK: f64 = 0.05;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Line {
    /// The one of the model.
    Model,
    /// A p-value.
    Risk(f64),
    /// Rows an hour.
    Budget(f64),
}

impl Line {
    pub fn new(threshold: Option<&Threshold>) -> Self {
        let value = threshold.and_then(|threshold| threshold.value);
        match threshold.map(|threshold| threshold.method) {
            Some(ThresholdMethod::Risk) => Self::Risk(value.unwrap_or(DEFAULT_RISK)),
            Some(ThresholdMethod::Budget) => Self::Budget(value.unwrap_or(DEFAULT_BUDGET)),
            _ => Self::Model,
        }
    }

    /// The largest p-value of a suspicious row; none: the model decides. P-values are uniform where nothing happens, so a
    /// budget divided by the rows of an hour is one.
    fn risk(self, rate: &Rate) -> Option<f64> {
        match self {
            Self::Model => None,
            Self::Risk(risk) => Some(risk),
            Self::Budget(rows) => {
                rate.per_hour().map(|per_hour| (rows / per_hour).min(LARGEST_RISK))
            }
        }
    }

    /// `own` is the verdict of the model, which holds where there is no p-value yet.
    pub fn is_suspicious(self, p: Option<f64>, own: bool, rate: &Rate) -> bool {
        self.risk(rate).zip(p).map_or(own, |(risk, p)| p <= risk)
    }

    /// The suspicious rows for each row, if nothing happens; 0 where the model decides.
    pub fn expected(self, rate: &Rate) -> f64 {
        self.risk(rate).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_risk_at_the_rate_of_the_rows() {
        let line = |method, value| Line::new(Some(&Threshold { method, value }));
        let mut rate = Rate::default();
        for second in 0..36_000 {
            rate.add(Some(second * 1_000_000));
        }
        let budget = line(ThresholdMethod::Budget, Some(36.0));
        assert!((budget.expected(&rate) / 0.01 - 1.0).abs() < 0.1);
        assert!(budget.is_suspicious(Some(0.001), false, &rate));
        assert!(!budget.is_suspicious(Some(0.02), true, &rate));
        // Without times or p-values the model decides, and few rows are not all suspicious.
        assert!(budget.is_suspicious(Some(0.9), true, &Rate::default()));
        assert!(!budget.is_suspicious(None, false, &rate));
        assert_eq!(line(ThresholdMethod::Budget, Some(1e9)).expected(&rate), LARGEST_RISK);
        assert_eq!(line(ThresholdMethod::Risk, None), Line::Risk(1e-4));
        assert_eq!((line(ThresholdMethod::Pot, None), Line::new(None)), (Line::Model, Line::Model));
    }
}
