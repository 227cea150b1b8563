//! Thresholds: which rows are suspicious.

use anomal_core::{Error, Result, proto::ThresholdResult};
use anomal_spec::{
    DEFAULT_BUDGET, DEFAULT_FALSE_DISCOVERIES, DEFAULT_RISK, Threshold, ThresholdMethod,
};
use rayon::prelude::*;

/// The suspicious rows and the rule that marked them.
pub struct Decision {
    pub suspicious: Vec<bool>,
    /// Rows with a score at or above it are suspicious; absent where the score does not decide.
    pub cut: Option<f64>,
    pub result: ThresholdResult,
}

/// Applies a threshold to scores, which are given again in ascending order as `sorted`. Rows with equal scores are
/// suspicious together, so that the fitted cut gives the same result for a row alone.
///
/// # Errors
/// `InvalidSettings` if the method needs clusters and the detector has none.
pub fn decide(
    threshold: &Threshold,
    scores: &[f64],
    sorted: &[f64],
    smallest_cluster: Option<&[bool]>,
) -> Result<Decision> {
    let (name, value) = named(threshold);
    let (suspicious, cut) = if threshold.method == ThresholdMethod::SmallestCluster {
        (smallest_cluster.ok_or_else(no_clusters)?.to_vec(), None)
    } else {
        let cut = cut(threshold.method, value.unwrap_or(f64::INFINITY), sorted);
        (scores.iter().map(|score| *score >= cut).collect(), Some(cut))
    };
    let count = suspicious.iter().filter(|suspicious| **suspicious).count() as u64;
    let result = ThresholdResult {
        method: name.into(),
        value,
        cut: cut.filter(|cut| cut.is_finite()),
        suspicious: count,
    };
    Ok(Decision { suspicious, cut, result })
}

/// The method's name in the settings, and its parameter or default.
fn named(threshold: &Threshold) -> (&'static str, Option<f64>) {
    let (name, default) = match threshold.method {
        ThresholdMethod::Contamination => ("contamination", Some(0.02)),
        ThresholdMethod::Quantile => ("quantile", Some(0.98)),
        ThresholdMethod::Mad => ("mad", Some(3.5)),
        ThresholdMethod::Iqr => ("iqr", Some(1.5)),
        ThresholdMethod::Zscore => ("zscore", Some(3.0)),
        ThresholdMethod::Pot => ("pot", Some(0.001)),
        ThresholdMethod::SmallestCluster => ("smallestCluster", None),
        ThresholdMethod::Score => ("score", None),
        ThresholdMethod::Auto => ("auto", None),
        ThresholdMethod::Risk => ("risk", Some(DEFAULT_RISK)),
        ThresholdMethod::Budget => ("budget", Some(DEFAULT_BUDGET)),
        ThresholdMethod::Fdr => ("fdr", Some(DEFAULT_FALSE_DISCOVERIES)),
        ThresholdMethod::Spot => ("spot", Some(DEFAULT_RISK)),
        ThresholdMethod::Dspot => ("dspot", Some(DEFAULT_RISK)),
    };
    (name, threshold.value.or(default))
}

fn no_clusters() -> Error {
    Error::settings(
        "classification.threshold.method",
        "THRESHOLD_NEEDS_CLUSTERS",
        "this detector makes no clusters; use auto, contamination, quantile, mad, iqr, zscore, pot or score",
    )
}

/// Rows with a score at or above it are suspicious.
fn cut(method: ThresholdMethod, value: f64, sorted: &[f64]) -> f64 {
    let limit = match method {
        ThresholdMethod::Score | ThresholdMethod::SmallestCluster => return value,
        ThresholdMethod::Contamination => return contamination(sorted, value),
        // A stream draws the line itself; a model has the one that is drawn without it.
        ThresholdMethod::Auto
        | ThresholdMethod::Risk
        | ThresholdMethod::Budget
        | ThresholdMethod::Fdr
        | ThresholdMethod::Spot
        | ThresholdMethod::Dspot => {
            return majority_cut(sorted);
        }
        ThresholdMethod::Quantile => quantile(sorted, value),
        ThresholdMethod::Mad => quantile(sorted, 0.5) + value * deviation(sorted),
        ThresholdMethod::Iqr => {
            let (first, third) = (quantile(sorted, 0.25), quantile(sorted, 0.75));
            third + value * (third - first)
        }
        ThresholdMethod::Zscore => {
            let n = sorted.len() as f64;
            let mean = sorted.iter().sum::<f64>() / n;
            let variance = sorted.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / n;
            mean + value * variance.sqrt()
        }
        ThresholdMethod::Pot => peaks_over_threshold(sorted, value),
    };
    // Above the limit, not at it.
    limit.next_up()
}

/// The score from which on two of three rules agree that it is far from the others: the modified z-score (3.5), Tukey's
/// outer fence (3 interquartile ranges) and peaks over threshold (0.001). The highest score is always marked, unless more
/// than half of the rows have it; at most a tenth of the rows are marked.
fn majority_cut(sorted: &[f64]) -> f64 {
    let (Some(lowest), Some(highest)) = (sorted.first(), sorted.last()) else {
        return f64::INFINITY;
    };
    let rules =
        [(ThresholdMethod::Mad, 3.5), (ThresholdMethod::Iqr, 3.0), (ThresholdMethod::Pot, 0.001)];
    let mut cuts = rules.map(|(method, value)| cut(method, value, sorted));
    cuts.sort_unstable_by(f64::total_cmp);
    let agreed = cuts[1].max(contamination(sorted, 0.1));
    if agreed <= *highest || lowest == highest {
        return agreed;
    }
    contamination(sorted, 0.0)
}

/// The median absolute deviation from the median, scaled to the standard deviation of normal scores; the mean absolute
/// deviation if more than half of the scores are equal (Iglewicz and Hoaglin 1993, "How to Detect and Handle
/// Outliers").
fn deviation(sorted: &[f64]) -> f64 {
    let median = quantile(sorted, 0.5);
    let mut distances: Vec<f64> = sorted.iter().map(|score| (score - median).abs()).collect();
    distances.sort_unstable_by(f64::total_cmp);
    match quantile(&distances, 0.5) {
        0.0 => 1.253_314 * distances.iter().sum::<f64>() / distances.len() as f64,
        median => 1.482_6 * median,
    }
}

/// The lowest score that at most this share of the rows (at least one) reach; a tie at the border is left out as a
/// whole. If even the highest score has more rows, they are marked if they are at most half of all.
fn contamination(sorted: &[f64], share: f64) -> f64 {
    let n = sorted.len();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share between 0 and 0.5 of a number of rows"
    )]
    let most = ((n as f64 * share).round() as usize).clamp(1, n.max(1));
    let (Some(place), Some(highest)) = (n.checked_sub(most), sorted.last()) else {
        return f64::INFINITY;
    };
    let lowest = sorted[place];
    let at_or_above = n - sorted.partition_point(|score| *score < lowest);
    if at_or_above <= most {
        return lowest;
    }
    let above = sorted.partition_point(|score| *score <= lowest);
    match sorted.get(above) {
        Some(next) => *next,
        None if at_or_above * 2 <= n => lowest,
        None => highest.next_up(),
    }
}

/// Interpolates between order statistics (Hyndman and Fan's type 7, as numpy).
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
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

/// Peaks over threshold (Siffer et al. 2017, "Anomaly Detection in Streams with Extreme Value Theory", section 4): fits a
/// generalised Pareto distribution to the excesses over the 98 % quantile and returns the score that is exceeded with
/// the given probability.
fn peaks_over_threshold(sorted: &[f64], probability: f64) -> f64 {
    const FROM: f64 = 0.98;
    const FEWEST: usize = 10;
    let threshold = quantile(sorted, FROM);
    let first = sorted.partition_point(|score| *score <= threshold);
    let excesses: Vec<f64> = sorted[first..].iter().map(|score| score - threshold).collect();
    let ratio = probability * sorted.len() as f64 / excesses.len() as f64;
    if excesses.len() < FEWEST || ratio >= 1.0 {
        // The excesses are too few for a fit, or the quantile is below the tail.
        return quantile(sorted, 1.0 - probability);
    }
    let (shape, scale) = generalised_pareto(&excesses);
    let excess = if shape.abs() < 1e-9 {
        -scale * ratio.ln()
    } else {
        scale / shape * (ratio.powf(-shape) - 1.0)
    };
    if excess.is_finite() { threshold + excess } else { quantile(sorted, 1.0 - probability) }
}

/// Logarithms that are worth a thread of their own.
const VALUES_OF_A_THREAD: usize = 20_000;

/// Shape and scale of a generalised Pareto distribution, from at least 2 positive values in ascending order (Zhang and
/// Stephens 2009, "A New and Efficient Estimation Method for the Generalized Pareto Distribution", Technometrics 51,
/// equations 6 to 9): close to the maximum likelihood estimate, always defined, without iterations.
pub(crate) fn generalised_pareto(sorted: &[f64]) -> (f64, f64) {
    let n = sorted.len();
    let (quartile, greatest) = (sorted[(n + 2) / 4 - 1], sorted[n - 1]);
    let candidates = 20 + n.isqrt();
    let shape =
        |theta: f64| sorted.iter().map(|value| (-theta * value).ln_1p()).sum::<f64>() / n as f64;
    let profile: Vec<(f64, f64)> = (0..candidates)
        .into_par_iter()
        // Few values are sooner done than other threads are woken.
        .with_min_len(VALUES_OF_A_THREAD / n)
        .map(|j| {
            let step = 1.0 - (candidates as f64 / (j as f64 + 0.5)).sqrt();
            let theta = 1.0 / greatest + step / (3.0 * quartile);
            let shape = shape(theta);
            (theta, n as f64 * ((-theta / shape).ln() - shape - 1.0))
        })
        .filter(|(_, likelihood)| likelihood.is_finite())
        .collect();
    let best = profile.iter().map(|(_, likelihood)| *likelihood).fold(f64::NEG_INFINITY, f64::max);
    let weights = || profile.iter().map(|(theta, likelihood)| (theta, (likelihood - best).exp()));
    let total: f64 = weights().map(|(_, weight)| weight).sum();
    let theta = weights().map(|(theta, weight)| theta * weight).sum::<f64>() / total;
    let shape = shape(theta);
    (shape, -shape / theta)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn suspicious(method: ThresholdMethod, value: Option<f64>, scores: &[f64]) -> usize {
        let mut sorted = scores.to_vec();
        sorted.sort_by(f64::total_cmp);
        let decision = decide(&Threshold { method, value }, scores, &sorted, None).unwrap();
        let cut = decision.cut.unwrap();
        assert!(decision.suspicious.iter().zip(scores).all(|(one, score)| *one == (*score >= cut)));
        let count = decision.suspicious.iter().filter(|one| **one).count();
        assert_eq!(decision.result.suspicious, count as u64);
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
    fn auto_marks_what_is_far_and_never_all_or_nothing() {
        let auto = |scores: &[f64]| suspicious(ThresholdMethod::Auto, None, scores);
        // Even scores: the highest. Far ones: these. More than a tenth: a tenth.
        let even: Vec<f64> = (1..=100).map(f64::from).collect();
        let far = |count: i32| (0..count).map(|i| 1e4 + f64::from(i)).collect();
        assert_eq!(auto(&even), 1);
        assert_eq!(auto(&[even.clone(), far(3)].concat()), 3);
        assert_eq!(auto(&[even.clone(), far(20)].concat()), 12);
        // All scores are equal.
        assert_eq!(auto(&[2.0; 30]), 0);
        assert_eq!(auto(&[2.0]), 0);
    }

    #[test]
    fn ties_are_never_torn() {
        assert_eq!(
            suspicious(ThresholdMethod::Contamination, Some(0.2), &[1.0, 2.0, 2.0, 2.0, 3.0]),
            1
        );
        assert_eq!(suspicious(ThresholdMethod::Contamination, Some(0.1), &[1.0; 20]), 0);
        let mut burst = vec![0.0; 90];
        burst.extend([9.0; 10]);
        assert_eq!(suspicious(ThresholdMethod::Contamination, Some(0.02), &burst), 10);
    }

    #[test]
    fn peaks_over_threshold_finds_the_quantile_of_an_exponential_tail() {
        // The quantiles of an exponential distribution: its tail is known.
        let n = 100_000;
        let scores: Vec<f64> =
            (0..n).map(|i| -(1.0 - (f64::from(i) + 0.5) / f64::from(n)).ln()).collect();
        let expected = -(1e-4_f64).ln();
        let found = peaks_over_threshold(&scores, 1e-4);
        assert!((found / expected - 1.0).abs() < 0.01, "{found} and not {expected}");
    }

    #[test]
    fn tails_are_fitted() {
        // Made with numpy by the paper's equations; scipy.stats.genpareto.fit(values, floc=0), the most
        // likely ones, are 0.978 and 1.312.
        let values = [0.1, 0.2, 0.4, 0.5, 0.9, 1.3, 1.9, 2.2, 5.0, 11.0, 30.0];
        let (shape, scale) = generalised_pareto(&values);
        assert!((shape - 0.992_074_837_734_414_7).abs() < 1e-9, "{shape}");
        assert!((scale - 1.293_264_270_816_601_3).abs() < 1e-9, "{scale}");
        // All at one place: a tail that ends there.
        let (shape, scale) = generalised_pareto(&[2.0; 10]);
        assert!(shape < 0.0 && scale > 0.0, "{shape}, {scale}");
    }

    #[test]
    fn equal_scores_and_a_few_others() {
        let mut scores = vec![1.0; 90];
        scores.extend([1.1; 8]);
        scores.extend([5.0, 9.0]);
        // The median deviation is 0 and the mean one 0.128: 1 + 3.5 * 1.253314 * 0.128.
        assert_eq!(suspicious(ThresholdMethod::Mad, None, &scores), 2);
        for method in [ThresholdMethod::Quantile, ThresholdMethod::Zscore, ThresholdMethod::Pot] {
            assert_eq!(suspicious(method, None, &[3.0; 40]), 0);
        }
    }

    #[test]
    fn clusters_are_needed_where_they_are_asked_for() {
        let threshold = Threshold { method: ThresholdMethod::SmallestCluster, value: None };
        assert!(decide(&threshold, &[1.0], &[1.0], None).is_err());
        let decision = decide(&threshold, &[1.0, 2.0], &[1.0, 2.0], Some(&[true, false])).unwrap();
        assert_eq!(decision.suspicious, [true, false]);
    }

    proptest! {
        #[test]
        fn auto_marks_some_and_not_most(scores in prop::collection::vec(0_u16..500, 2..300)) {
            let scores: Vec<f64> = scores.into_iter().map(|score| f64::from(score).powi(3)).collect();
            let highest = scores.iter().copied().fold(0.0, f64::max);
            let top = scores.iter().filter(|score| **score == highest).count();
            let count = suspicious(ThresholdMethod::Auto, None, &scores);
            prop_assert!(count <= (scores.len().div_ceil(10)).max(top));
            prop_assert!(count > 0 || 2 * top > scores.len());
        }

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
