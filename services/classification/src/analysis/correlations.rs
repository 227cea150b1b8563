//! Correlations of features, pair by pair, over a bounded number of rows.

use anomal_core::proto::{Correlation, Diagnostic, FeatureSummary, correlation::Method};
use rayon::prelude::*;

use anomal_detectors::matrix::{MISSING, Matrix, MatrixColumn, Values};

/// The rows examined: all, or evenly spaced ones.
const MOST_ROWS: usize = 200_000;
/// Features whose pairs are compared.
const MOST_FEATURES: usize = 64;
/// Levels of a category, and bins of a number that is paired with one.
const MOST_LEVELS: usize = 50;
const BINS: usize = 10;

/// Correlates all pairs of the heaviest features; diagnostics list what was left out.
pub(crate) fn correlations(
    matrix: &Matrix,
    summaries: &[FeatureSummary],
) -> (Vec<Correlation>, Vec<Diagnostic>) {
    let step = matrix.rows.div_ceil(MOST_ROWS).max(1);
    let rows: Vec<usize> = (0..matrix.rows).step_by(step).collect();
    let mut diagnostics = Vec::new();
    let mut report = |reason: &str, message: String| {
        let path = "features".to_owned();
        diagnostics.push(Diagnostic { path, reason: reason.into(), message, count: 0 });
    };
    if step > 1 {
        report(
            "CORRELATIONS_SAMPLED",
            format!("correlations are of every {step}th row, {} rows", rows.len()),
        );
    }
    if matrix.columns.len() > MOST_FEATURES {
        let message = format!(
            "correlations are computed for {MOST_FEATURES} features only: those with the largest product of weight and \
             mean contribution"
        );
        report("CORRELATIONS_LIMITED", message);
    }
    let columns = heaviest(matrix, summaries);
    let samples: Vec<ColumnSample> =
        columns.par_iter().map(|column| ColumnSample::new(column, &rows)).collect();
    let pairs: Vec<(usize, usize)> = (0..columns.len())
        .flat_map(|first| (first + 1..columns.len()).map(move |second| (first, second)))
        .collect();
    let correlations = pairs
        .par_iter()
        .flat_map_iter(|(first, second)| {
            let (a, b) = (&samples[*first], &samples[*second]);
            let correlation = |method: Method, (value, rows): (Option<f64>, u64)| Correlation {
                first: columns[*first].name.clone(),
                second: columns[*second].name.clone(),
                method: method.into(),
                value,
                rows,
            };
            match (&a.numbers, &b.numbers) {
                (Some(x), Some(y)) => vec![
                    correlation(Method::Pearson, pearson(&x.values, &y.values)),
                    correlation(Method::Spearman, spearman(x, y)),
                ],
                _ => vec![correlation(Method::CramersV, cramers_v(&a.levels, &b.levels))],
            }
        })
        .collect();
    (correlations, diagnostics)
}

/// The columns with the largest weight times mean contribution, in the matrix's order.
fn heaviest<'a>(matrix: &'a Matrix, summaries: &[FeatureSummary]) -> Vec<&'a MatrixColumn> {
    let contributions = summaries.iter().map(|summary| summary.mean_contribution);
    let mut ordered: Vec<(f64, usize)> = matrix
        .columns
        .iter()
        .zip(contributions.chain(std::iter::repeat(0.0)))
        .map(|(column, contribution)| column.weight * contribution)
        .zip(0..)
        .collect();
    ordered.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    ordered.truncate(MOST_FEATURES);
    ordered.sort_by_key(|(_, place)| *place);
    ordered.into_iter().map(|(_, place)| &matrix.columns[place]).collect()
}

struct ColumnSample {
    numbers: Option<Numbers>,
    /// A level for each row: a category, or the bin of a number.
    levels: Vec<Option<u32>>,
}

/// NaN where missing.
struct Numbers {
    values: Vec<f64>,
    ranks: Vec<f64>,
}

impl ColumnSample {
    fn new(column: &MatrixColumn, rows: &[usize]) -> Self {
        match &column.values {
            Values::Numeric(values) => {
                let values: Vec<f64> = rows.iter().map(|row| values[*row]).collect();
                let ranks = ranks(&values);
                let present = ranks.iter().filter(|rank| !rank.is_nan()).count().max(1) as f64;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 0 to the number of bins"
                )]
                let bin = |rank: &f64| {
                    (!rank.is_nan())
                        .then(|| (rank / present * BINS as f64).min(BINS as f64 - 1.0) as u32)
                };
                let levels = ranks.iter().map(bin).collect();
                Self { numbers: Some(Numbers { values, ranks }), levels }
            }
            Values::Codes { codes, .. } => {
                let most = u32::try_from(MOST_LEVELS).unwrap_or(u32::MAX);
                let level = |row: &usize| {
                    let code = codes[*row];
                    // Rarer levels count as one.
                    (code != MISSING).then(|| code.min(most))
                };
                Self { numbers: None, levels: rows.iter().map(level).collect() }
            }
        }
    }
}

/// Ranks from 0, the mean of them for ties; NaN for NaN.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|row| !values[*row].is_nan()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![f64::NAN; values.len()];
    let mut start = 0;
    // In ascending order, neighbours are equal unless the first is less.
    for run in order.chunk_by(|a, b| values[*a] >= values[*b]) {
        let rank = start as f64 + (run.len() as f64 - 1.0) / 2.0;
        for row in run {
            ranks[*row] = rank;
        }
        start += run.len();
    }
    ranks
}

/// Ranks among the rows in which both are present.
fn spearman(x: &Numbers, y: &Numbers) -> (Option<f64>, u64) {
    let missing = |numbers: &Numbers| numbers.values.iter().any(|value| value.is_nan());
    if !missing(x) && !missing(y) {
        return pearson(&x.ranks, &y.ranks);
    }
    let both = x.values.iter().zip(&y.values).filter(|(x, y)| !x.is_nan() && !y.is_nan());
    let (x, y): (Vec<f64>, Vec<f64>) = both.unzip();
    pearson(&ranks(&x), &ranks(&y))
}

fn pearson(x: &[f64], y: &[f64]) -> (Option<f64>, u64) {
    let both = || x.iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan());
    let count = both().count() as f64;
    let (sum_x, sum_y) = both().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in both() {
        let (x, y) = (x - mean_x, y - mean_y);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    let value = xy / (xx.sqrt() * yy.sqrt());
    let value = (xx > 0.0 && yy > 0.0 && value.is_finite()).then(|| value.clamp(-1.0, 1.0));
    (value, both().count() as u64)
}

/// Cramér's V (Cramér 1946, "Mathematical Methods of Statistics", chapter 21), without correction.
fn cramers_v(a: &[Option<u32>], b: &[Option<u32>]) -> (Option<f64>, u64) {
    let width = MOST_LEVELS + 1;
    let mut table = vec![0_u64; width * width];
    for (a, b) in a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?))) {
        table[a as usize * width + b as usize] += 1;
    }
    let total: u64 = table.iter().sum();
    let rows: Vec<u64> =
        (0..width).map(|a| table[a * width..(a + 1) * width].iter().sum()).collect();
    let columns: Vec<u64> =
        (0..width).map(|b| (0..width).map(|a| table[a * width + b]).sum()).collect();
    let levels = |counts: &[u64]| counts.iter().filter(|count| **count > 0).count();
    let smaller = levels(&rows).min(levels(&columns));
    if smaller < 2 {
        return (None, total);
    }
    let mut chi_squared = 0.0;
    for (a, row) in rows.iter().enumerate().filter(|(_, row)| **row > 0) {
        for (b, column) in columns.iter().enumerate().filter(|(_, column)| **column > 0) {
            let expected = *row as f64 * *column as f64 / total as f64;
            chi_squared += (table[a * width + b] as f64 - expected).powi(2) / expected;
        }
    }
    let value = (chi_squared / (total as f64 * (smaller as f64 - 1.0))).sqrt();
    (Some(value.min(1.0)), total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_every_kind() {
        let numeric = |name: &str, values: Vec<f64>| MatrixColumn {
            name: name.into(),
            weight: 1.0,
            values: Values::Numeric(values),
        };
        let matrix = Matrix {
            rows: 5,
            columns: vec![
                numeric("x", vec![1.0, 2.0, 3.0, 4.0, f64::NAN]),
                numeric("cube", vec![1.0, 8.0, 27.0, 64.0, 5.0]),
                numeric("constant", vec![7.0; 5]),
                MatrixColumn {
                    name: "c".into(),
                    weight: 1.0,
                    values: Values::Codes {
                        codes: vec![0, 0, 1, 1, MISSING],
                        levels: vec!["a".into(), "b".into()],
                    },
                },
            ],
        };
        let (found, diagnostics) = correlations(&matrix, &[]);
        assert!(diagnostics.is_empty());
        let value = |first: &str, second: &str, method: Method| {
            let pair = found
                .iter()
                .find(|one| one.first == first && one.second == second && one.method() == method);
            pair.unwrap().value
        };
        // numpy.corrcoef([1,2,3,4], [1,8,27,64]).
        assert!((value("x", "cube", Method::Pearson).unwrap() - 0.951_369_3).abs() < 1e-6);
        assert!(value("x", "cube", Method::Spearman).unwrap() > 1.0 - 1e-12);
        assert_eq!(value("x", "constant", Method::Pearson), None);
        assert_eq!(value("x", "c", Method::CramersV), Some(1.0));
        assert_eq!(found[0].rows, 4);
    }
}
