//! Which rows are suspicious.

use anomal_core::{Error, Result, proto::ThresholdResult};
use anomal_spec::{Threshold, ThresholdMethod};

/// What was decided.
pub(crate) struct Decision {
    pub suspicious: Vec<bool>,
    /// Rows with a score at or above it are suspicious; absent where the score does not decide.
    pub cut: Option<f64>,
    pub told: ThresholdResult,
}

/// Decides by the method over all scores. A row with the score of a suspicious row is suspicious too, so
/// that a fitted cut says the same of a row alone.
///
/// # Errors
/// `InvalidSettings` if the method asks for clusters and the detector makes none.
pub(crate) fn decide(
    threshold: &Threshold,
    scores: &[f64],
    smallest_cluster: Option<&[bool]>,
) -> Result<Decision> {
    let (default, name) = match threshold.method {
        ThresholdMethod::Contamination => (Some(0.02), "contamination"),
        ThresholdMethod::Quantile => (Some(0.98), "quantile"),
        ThresholdMethod::Mad => (Some(3.5), "mad"),
        ThresholdMethod::Iqr => (Some(1.5), "iqr"),
        ThresholdMethod::Zscore => (Some(3.0), "zscore"),
        ThresholdMethod::Pot => (Some(0.001), "pot"),
        ThresholdMethod::SmallestCluster => (None, "smallestCluster"),
        ThresholdMethod::Score => (None, "score"),
    };
    let value = threshold.value.or(default);
    let number = value.unwrap_or(f64::INFINITY);
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let above = |limit: f64| sorted.get(sorted.partition_point(|score| *score <= limit)).copied();
    let cut = match threshold.method {
        ThresholdMethod::SmallestCluster => {
            let Some(smallest) = smallest_cluster else {
                return Err(Error::settings(
                    "classification.threshold.method",
                    "THRESHOLD_NEEDS_CLUSTERS",
                    "this detector makes no clusters; use contamination, quantile, mad, iqr, zscore, pot or score",
                ));
            };
            let suspicious = smallest.to_vec();
            let count = suspicious.iter().filter(|suspicious| **suspicious).count() as u64;
            let told = ThresholdResult { method: name.into(), value: None, cut: None, suspicious: count };
            return Ok(Decision { suspicious, cut: None, told });
        }
        ThresholdMethod::Contamination => contamination(&sorted, number),
        ThresholdMethod::Quantile => above(quantile(&sorted, number)),
        ThresholdMethod::Mad => {
            let median = quantile(&sorted, 0.5);
            let mut distances: Vec<f64> = sorted.iter().map(|score| (score - median).abs()).collect();
            distances.sort_by(f64::total_cmp);
            // 1.4826 makes it the standard deviation of normal scores.
            above(median + number * 1.4826 * quantile(&distances, 0.5))
        }
        ThresholdMethod::Iqr => {
            let (first, third) = (quantile(&sorted, 0.25), quantile(&sorted, 0.75));
            above(third + number * (third - first))
        }
        ThresholdMethod::Zscore => {
            let n = sorted.len() as f64;
            let mean = sorted.iter().sum::<f64>() / n;
            let variance = sorted.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / n;
            above(mean + number * variance.sqrt())
        }
        ThresholdMethod::Pot => above(peaks_over_threshold(&sorted, number)),
        ThresholdMethod::Score => Some(number),
    };
    // No row is above: the cut is beyond the highest score.
    let cut = cut.unwrap_or(f64::INFINITY);
    let suspicious: Vec<bool> = scores.iter().map(|score| *score >= cut).collect();
    let count = suspicious.iter().filter(|suspicious| **suspicious).count() as u64;
    let finite = Some(cut).filter(|cut| cut.is_finite());
    let told = ThresholdResult { method: name.into(), value, cut: finite, suspicious: count };
    Ok(Decision { suspicious, cut: Some(cut), told })
}

/// The lowest score such that no more than the share of rows (at least one) have it or a higher one. Where
/// the highest score alone is that of more rows, these are told if they are at most half of all.
fn contamination(sorted: &[f64], share: f64) -> Option<f64> {
    let n = sorted.len();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share between 0 and 0.5 of a number of rows"
    )]
    let most = ((n as f64 * share).round() as usize).clamp(1, n.max(1));
    let lowest = *sorted.get(n.checked_sub(most)?)?;
    let at_or_above = n - sorted.partition_point(|score| *score < lowest);
    if at_or_above <= most {
        return Some(lowest);
    }
    // The tie at the border is left out, whole.
    let above = sorted.partition_point(|score| *score <= lowest);
    match sorted.get(above) {
        Some(next) => Some(*next),
        None => Some(lowest).filter(|_| at_or_above * 2 <= n),
    }
}

/// Linear between order statistics (Hyndman and Fan's type 7, as numpy has it).
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share.clamp(0.0, 1.0) * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last index"
    )]
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    let part = place - place.floor();
    if part == 0.0 || sorted[below] == sorted[above] {
        return sorted[below];
    }
    sorted[below] + part * (sorted[above] - sorted[below])
}

/// Peaks over threshold: a generalised Pareto distribution is fitted to the excesses over the 98 % quantile
/// by probability-weighted moments (Hosking and Wallis 1987, "Parameter and Quantile Estimation for the
/// Generalized Pareto Distribution", Technometrics 29), and the score found that is exceeded with the
/// given probability (as in Siffer et al. 2017, "Anomaly Detection in Streams with Extreme Value Theory").
fn peaks_over_threshold(sorted: &[f64], probability: f64) -> f64 {
    const FROM: f64 = 0.98;
    const FEWEST: usize = 10;
    let threshold = quantile(sorted, FROM);
    let first = sorted.partition_point(|score| *score <= threshold);
    let excesses: Vec<f64> = sorted[first..].iter().map(|score| score - threshold).collect();
    if excesses.len() < FEWEST {
        // Too few to see a tail in.
        return quantile(sorted, 1.0 - probability);
    }
    let count = excesses.len() as f64;
    let mean = excesses.iter().sum::<f64>() / count;
    let weighted = excesses.iter().enumerate().map(|(index, excess)| {
        let exceeded = 1.0 - (index as f64 + 0.65) / count;
        exceeded * excess
    });
    let weighted = weighted.sum::<f64>() / count;
    let divisor = mean - 2.0 * weighted;
    if divisor <= 0.0 || !divisor.is_finite() {
        return quantile(sorted, 1.0 - probability);
    }
    let shape = 2.0 - mean / divisor;
    let scale = 2.0 * mean * weighted / divisor;
    let ratio = probability * sorted.len() as f64 / count;
    if shape.abs() < 1e-9 {
        threshold - scale * ratio.ln()
    } else {
        threshold + scale / shape * (ratio.powf(-shape) - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn suspicious(method: ThresholdMethod, value: Option<f64>, scores: &[f64]) -> usize {
        let decision = decide(&Threshold { method, value }, scores, None).unwrap();
        let count = decision.suspicious.iter().filter(|one| **one).count();
        assert_eq!(decision.told.suspicious, count as u64);
        count
    }

    #[test]
    fn methods_on_a_hundred_scores() {
        let scores: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(suspicious(ThresholdMethod::Contamination, None, &scores), 2);
        assert_eq!(suspicious(ThresholdMethod::Contamination, Some(0.1), &scores), 10);
        // numpy.quantile(range(1, 101), 0.98) is 98.02.
        assert_eq!(suspicious(ThresholdMethod::Quantile, None, &scores), 2);
        // median 50.5, MAD 25, so 50.5 + 1 * 37.065.
        assert_eq!(suspicious(ThresholdMethod::Mad, Some(1.0), &scores), 13);
        // 75.25 + 0.25 * 49.5.
        assert_eq!(suspicious(ThresholdMethod::Iqr, Some(0.25), &scores), 13);
        // 50.5 + 1.5 * 28.866.
        assert_eq!(suspicious(ThresholdMethod::Zscore, Some(1.5), &scores), 7);
        assert_eq!(suspicious(ThresholdMethod::Score, Some(99.0), &scores), 2);
        assert_eq!(suspicious(ThresholdMethod::Zscore, None, &scores), 0);
    }

    #[test]
    fn ties_are_never_torn() {
        assert_eq!(suspicious(ThresholdMethod::Contamination, Some(0.2), &[1.0, 2.0, 2.0, 2.0, 3.0]), 1);
        assert_eq!(suspicious(ThresholdMethod::Contamination, Some(0.1), &[1.0; 20]), 0);
        let mut burst = vec![0.0; 90];
        burst.extend([9.0; 10]);
        assert_eq!(suspicious(ThresholdMethod::Contamination, Some(0.02), &burst), 10);
    }

    #[test]
    fn peaks_over_threshold_finds_the_quantile_of_an_exponential_tail() {
        // The quantiles of an exponential distribution: its tail is known.
        let n = 100_000;
        let scores: Vec<f64> = (0..n).map(|i| -(1.0 - (f64::from(i) + 0.5) / f64::from(n)).ln()).collect();
        let expected = -(1e-4_f64).ln();
        let found = peaks_over_threshold(&scores, 1e-4);
        assert!((found / expected - 1.0).abs() < 0.01, "{found} and not {expected}");
    }

    #[test]
    fn clusters_are_needed_where_they_are_asked_for() {
        let threshold = Threshold { method: ThresholdMethod::SmallestCluster, value: None };
        assert!(decide(&threshold, &[1.0], None).is_err());
        let decision = decide(&threshold, &[1.0, 2.0], Some(&[true, false])).unwrap();
        assert_eq!(decision.suspicious, [true, false]);
    }

    proptest! {
        #[test]
        fn contamination_marks_no_more_than_its_share(
            scores in prop::collection::vec(0_u8..20, 1..200), share in 0.01_f64..0.5,
        ) {
            let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
            let most = (scores.len() as f64 * share).round().max(1.0);
            let highest = scores.iter().copied().fold(0.0, f64::max);
            let top = scores.iter().filter(|score| **score == highest).count() as f64;
            let count = suspicious(ThresholdMethod::Contamination, Some(share), &scores) as f64;
            prop_assert!(count <= most.max(top));
        }
    }
}
