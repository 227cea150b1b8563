//! Whether a model that was fitted again takes the place of the one in use.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bins of p-values.
const BINS: usize = 100;
/// As far as the p-values of the new model may be from uniform beyond those of the one in use: 0.02, and what chance does.
const TOLERANCE: f64 = 0.02;
/// How much lower the new one may rank rows that flags of high severity hit.
const LOWER_RANK: f64 = 0.02;
/// Suspicious rows that are too few to compare.
const FEW: f64 = 3.0;
/// Rows with smaller p-values by the model in use are not expected to be uniform.
const UNUSUAL: f64 = 1e-3;

/// The verdicts of two models on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    /// The rows before it begins, in which the new model learns what is usual.
    before: u64,
    rows: u64,
    /// By model: the one in use, then the new one.
    models: [Verdicts; 2],
    expected: f64,
    witnesses: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Verdicts {
    /// Of usual rows, by p-value.
    bins: Vec<u64>,
    suspicious: u64,
    /// The sum over rows that flags of high severity hit.
    ranks: f64,
}

impl Trial {
    pub fn after(before: u64) -> Self {
        let verdicts = || Verdicts { bins: vec![0; BINS], suspicious: 0, ranks: 0.0 };
        Self { before, rows: 0, models: [verdicts(), verdicts()], expected: 0.0, witnesses: 0 }
    }

    /// Adds a row: smoothed p-values, p-values and verdicts of the model in use and of the new one, the rows expected to be
    /// suspicious for each row, and whether a flag of high severity hits it.
    pub fn add(
        &mut self,
        smoothed: (Option<f64>, Option<f64>),
        p: (Option<f64>, Option<f64>),
        suspicious: (bool, bool),
        expected: f64,
        witness: bool,
    ) {
        if self.before > 0 {
            self.before -= 1;
            return;
        }
        let (Some(p_old), Some(p_new)) = p else { return };
        let (Some(old), Some(new)) = smoothed else { return };
        self.rows += 1;
        self.expected += expected;
        self.witnesses += u64::from(witness);
        let seen = [(old, p_old, suspicious.0), (new, p_new, suspicious.1)];
        for (verdicts, (smoothed, p, suspicious)) in self.models.iter_mut().zip(seen) {
            if p_old >= UNUSUAL {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "between 0 and the number of bins"
                )]
                let bin = ((smoothed * BINS as f64) as usize).min(BINS - 1);
                verdicts.bins[bin] += 1;
            }
            verdicts.suspicious += u64::from(suspicious);
            verdicts.ranks += if witness { 1.0 - p } else { 0.0 };
        }
    }

    /// Whether the new model judges no worse.
    ///
    /// # Errors
    /// What is worse.
    pub fn outcome(&self) -> Result<Figures, String> {
        let [old, new] = &self.models;
        let figures = Figures {
            distances: [old.distance(), new.distance()],
            suspicious: [old.suspicious, new.suspicious],
        };
        if self.rows == 0 {
            return Err("could not be compared, since too few rows had scores".into());
        }
        let chance = 1.0 / (self.rows as f64).sqrt();
        if figures.distances[1] > figures.distances[0] + TOLERANCE + chance {
            return Err(format!("is farther from what is usual: {figures}"));
        }
        let most = 2.0 * (old.suspicious as f64).max(self.expected) + FEW;
        if new.suspicious as f64 > most {
            return Err(format!("finds too much suspicious: {figures}"));
        }
        let witnesses = self.witnesses.max(1) as f64;
        let lower = (old.ranks - new.ranks) / witnesses;
        if lower > LOWER_RANK {
            return Err(format!(
                "ranks rows that flags of high severity hit lower by {lower:.3}: {figures}"
            ));
        }
        Ok(figures)
    }
}

impl Verdicts {
    /// The distance of the p-values from uniform ones (Kolmogorov and Smirnov), at the borders of bins.
    fn distance(&self) -> f64 {
        let total = self.bins.iter().sum::<u64>().max(1) as f64;
        let mut below = 0;
        let distances = self.bins.iter().zip(1..).map(|(count, bin)| {
            below += count;
            (below as f64 / total - f64::from(bin) / BINS as f64).abs()
        });
        distances.fold(0.0, f64::max)
    }
}

/// Of the model in use, and of the new one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figures {
    distances: [f64; 2],
    suspicious: [u64; 2],
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { distances: [old, new], suspicious: [before, now] } = self;
        write!(
            formatter,
            "p-values {new:.3} from uniform (before: {old:.3}), {now} suspicious rows (before: {before})"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(rows: u32, p: impl Fn(f64) -> (f64, f64), witness: bool) -> Trial {
        let mut trial = Trial::after(10);
        for row in 0..rows {
            let (old, new) = p((f64::from(row) + 0.5) / f64::from(rows));
            let seen = (Some(old), Some(new));
            trial.add(seen, seen, (old < 1e-3, new < 1e-3), 0.0, witness);
        }
        trial
    }

    #[test]
    fn one_that_is_as_good_is_taken() {
        let figures = trial(2_000, |p| (p, p), true).outcome().unwrap();
        assert!(figures.distances[1] < 0.02, "{figures}");
        // Also where the one in use has lost its way.
        assert!(trial(2_000, |p| (p * p, p), false).outcome().is_ok());
    }

    #[test]
    fn one_that_is_worse_is_not() {
        let refused = |trial: Trial, why: &str| {
            let reason = trial.outcome().unwrap_err();
            assert!(reason.contains(why), "{reason}");
        };
        refused(trial(2_000, |p| (p, p * p), false), "farther from what is usual");
        refused(trial(2_000, |p| (p, (p - 0.01).max(1e-6)), false), "too much suspicious");
        refused(trial(2_000, |p| (p, (p + 0.04).min(1.0)), true), "high severity");
        refused(trial(9, |p| (p, p), false), "too few rows");
    }
}
