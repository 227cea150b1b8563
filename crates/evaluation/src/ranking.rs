//! Rows ranked by score, and the figures of a ranking.

/// The rows with equal scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tie {
    pub positives: f64,
    pub negatives: f64,
}

/// Labelled rows by score, the highest first. A row may have any weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking(pub(crate) Vec<Tie>);

impl Ranking {
    /// Rows with their scores and whether they are anomalies. NaN ranks lowest.
    pub fn new(rows: &[(f64, bool)]) -> Self {
        let mut rows = rows.to_vec();
        for row in &mut rows {
            if row.0.is_nan() {
                row.0 = f64::NEG_INFINITY;
            }
        }
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let ties = rows.chunk_by(|a, b| a.0 == b.0).map(|tie| {
            let positives = tie.iter().filter(|(_, positive)| *positive).count();
            Tie { positives: positives as f64, negatives: (tie.len() - positives) as f64 }
        });
        Self(ties.collect())
    }

    pub fn positives(&self) -> f64 {
        self.0.iter().map(|tie| tie.positives).sum()
    }

    pub fn negatives(&self) -> f64 {
        self.0.iter().map(|tie| tie.negatives).sum()
    }

    /// The area under the ROC curve: the probability that an anomaly has a higher score than another row, where equal
    /// scores count half (Mann and Whitney 1947). NaN if all rows have the same label.
    pub fn auroc(&self) -> f64 {
        let (mut below, mut wins) = (self.negatives(), 0.0);
        for tie in &self.0 {
            below -= tie.negatives;
            wins += tie.positives * (below + tie.negatives / 2.0);
        }
        wins / (self.positives() * self.negatives())
    }

    /// The mean over the anomalies of the precision at their score. NaN without anomalies.
    pub fn average_precision(&self) -> f64 {
        let (mut found, mut seen, mut sum) = (0.0, 0.0, 0.0);
        for tie in &self.0 {
            found += tie.positives;
            seen += tie.positives + tie.negatives;
            if tie.positives > 0.0 {
                sum += tie.positives * found / seen;
            }
        }
        sum / self.positives()
    }

    /// The share of anomalies among the `n` highest scores. Of rows with the score at the boundary, a random choice is
    /// expected. NaN for n = 0.
    pub fn precision_at(&self, n: f64) -> f64 {
        let (mut found, mut left) = (0.0, n);
        for tie in &self.0 {
            let rows = tie.positives + tie.negatives;
            if rows >= left {
                found += tie.positives * left / rows;
                left = 0.0;
                break;
            }
            found += tie.positives;
            left -= rows;
        }
        found / (n - left)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// scikit-learn's own example for both: y = [0, 0, 1, 1], scores = [0.1, 0.4, 0.35, 0.8].
    #[test]
    fn figures_equal_those_of_scikit_learn() {
        let ranking = Ranking::new(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]);
        assert_eq!(ranking.auroc(), 0.75);
        assert!((ranking.average_precision() - 0.833_333_333_333).abs() < 1e-9);
        assert_eq!(ranking.precision_at(1.0), 1.0);
        assert_eq!(ranking.precision_at(2.0), 0.5);
        assert_eq!(ranking.precision_at(9.0), 0.5);
    }

    #[test]
    fn equal_scores_and_single_labels() {
        let same = Ranking::new(&[(1.0, true), (1.0, false), (1.0, false), (1.0, false)]);
        assert_eq!((same.auroc(), same.average_precision()), (0.5, 0.25));
        assert_eq!(same.precision_at(2.0), 0.25);
        let last = Ranking::new(&[(f64::NAN, true), (0.0, false)]);
        assert_eq!(last.auroc(), 0.0);
        assert!(Ranking::new(&[(1.0, true)]).auroc().is_nan());
        assert!(Ranking::new(&[(1.0, false)]).average_precision().is_nan());
    }

    proptest! {
        #[test]
        fn auroc_is_the_share_of_ordered_pairs(rows in prop::collection::vec((0_u8..9, any::<bool>()), 2..60)) {
            let rows: Vec<(f64, bool)> = rows.into_iter().map(|(score, label)| (score.into(), label)).collect();
            let (mut wins, mut pairs) = (0.0, 0.0);
            for positive in rows.iter().filter(|row| row.1) {
                for negative in rows.iter().filter(|row| !row.1) {
                    pairs += 1.0;
                    wins += if positive.0 > negative.0 { 1.0 } else if positive.0 == negative.0 { 0.5 } else { 0.0 };
                }
            }
            prop_assume!(pairs > 0.0);
            prop_assert!((Ranking::new(&rows).auroc() - wins / pairs).abs() < 1e-12);
        }
    }
}
