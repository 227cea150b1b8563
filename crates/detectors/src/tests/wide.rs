//! Tables with many features, and with more features than rows.

use super::{
    data::{bell, numeric, table},
    *,
};

/// Numbers that depend on a few common ones.
fn correlated(rows: usize, features: usize, seed: u64) -> Matrix {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let common: Vec<Vec<f64>> =
        (0..rows).map(|_| (0..5).map(|_| bell(&mut random)).collect()).collect();
    let mut weights = ChaCha8Rng::seed_from_u64(77);
    let column = |place: usize| {
        let weights: Vec<f64> = (0..5).map(|_| bell(&mut weights)).collect();
        let value = |common: &Vec<f64>| {
            let sum: f64 = common.iter().zip(&weights).map(|(a, b)| a * b).sum();
            sum + 0.5 * bell(&mut random)
        };
        numeric(&format!("n{place:04}"), common.iter().map(value).collect())
    };
    table((0..features).map(column).collect())
}

/// Makes a feature of each of the first rows contradict the others. Returns these features.
fn contradict(matrix: &mut Matrix, rows: usize) -> Vec<usize> {
    let features = matrix.columns.len();
    let places: Vec<usize> = (0..rows).map(|row| row * 7 % features).collect();
    for (row, place) in places.iter().enumerate() {
        let Values::Numeric(values) = &mut matrix.columns[*place].values else { panic!() };
        values[row] = -values[row] - 25.0 * values[row].signum();
    }
    places
}

/// The standardised values of new rows, by the fitted ones.
fn standardised(fitted: &Matrix, new: &Matrix) -> Vec<Vec<f64>> {
    let values = |column: &MatrixColumn| match &column.values {
        Values::Numeric(values) => values.clone(),
        Values::Codes { .. } => panic!(),
    };
    let columns = fitted.columns.iter().zip(&new.columns).map(|(fitted, new)| {
        let fitted = values(fitted);
        let count = fitted.len() as f64;
        let mean = fitted.iter().sum::<f64>() / count;
        let variance = fitted.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        values(new).into_iter().map(|value| (value - mean) / variance.sqrt()).collect::<Vec<f64>>()
    });
    let columns: Vec<Vec<f64>> = columns.collect();
    (0..new.rows).map(|row| columns.iter().map(|column| column[row]).collect()).collect()
}

/// Solves `matrix * x = right` by elimination with the largest pivots.
fn solved(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let count = right.len();
    for step in 0..count {
        let pivot = (step..count)
            .max_by(|a, b| matrix[*a][step].abs().total_cmp(&matrix[*b][step].abs()))
            .unwrap();
        matrix.swap(step, pivot);
        right.swap(step, pivot);
        for row in step + 1..count {
            let factor = matrix[row][step] / matrix[step][step];
            let above = matrix[step].clone();
            matrix[row].iter_mut().zip(above).for_each(|(value, above)| *value -= factor * above);
            right[row] -= factor * right[step];
        }
    }
    for step in (0..count).rev() {
        let known: f64 = (step + 1..count).map(|place| matrix[step][place] * right[place]).sum();
        right[step] = (right[step] - known) / matrix[step][step];
    }
    right
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// The distance is that of the covariance of all pairs of columns, inverted by elimination.
#[test]
fn many_features_have_the_distance_of_their_covariance() {
    let (fitted, new) = (correlated(300, 100, 1), correlated(20, 100, 2));
    let rows = standardised(&fitted, &fitted);
    let covariance: Vec<Vec<f64>> = (0..100)
        .map(|a| {
            (0..100).map(|b| rows.iter().map(|row| row[a] * row[b]).sum::<f64>() / 300.0).collect()
        })
        .collect();
    let found = score(fit("PCA", &fitted).as_ref(), &new).scores;
    let expected: Vec<f64> = standardised(&fitted, &new)
        .into_iter()
        .map(|row| dot(&row, &solved(covariance.clone(), row.clone())).sqrt())
        .collect();
    near(&found, &expected);
}

/// With fewer rows than features the distance is that within the span of the rows, computed here from their products alone.
/// Fitted rows are alike: as far from their mean as the corners of a regular simplex.
#[test]
fn fewer_rows_than_features_have_the_distance_within_their_span() {
    let (fitted, new) = (correlated(40, 150, 1), correlated(20, 150, 2));
    let scorer = fit("PCA", &fitted);
    let own = score(scorer.as_ref(), &fitted).scores;
    near(&own, &[39_f64.sqrt(); 40]);
    // Rows with a mean of 0 depend on one another: all but one span the others.
    let rows = standardised(&fitted, &fitted);
    let span = &rows[..39];
    let gram = |of: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
        (0..39).map(|a| (0..39).map(|b| of(a, b)).collect()).collect()
    };
    let products = gram(&|a, b| dot(&span[a], &span[b]));
    // The inverse of the covariance of coordinates in the span, (1 + ones) / 40, by Sherman and Morrison.
    let inner = gram(&|a, b| f64::from(u8::from(a == b)) - 1.0 / 40.0);
    let found = score(scorer.as_ref(), &new).scores;
    for (row, found) in standardised(&fitted, &new).iter().zip(found) {
        let along: Vec<f64> = span.iter().map(|other| dot(other, row)).collect();
        let coordinates = solved(products.clone(), along);
        let weighted: Vec<f64> = inner.iter().map(|inner| dot(inner, &coordinates)).collect();
        let expected = (40.0 * dot(&coordinates, &weighted)).sqrt();
        assert!((found - expected).abs() < 1e-6 * expected, "{found} and {expected}");
    }
}

#[test]
fn rows_that_contradict_their_other_features_are_found_and_explained() {
    for (rows, features) in [(300, 120), (80, 120)] {
        let mut matrix = correlated(rows, features, 3);
        let planted = contradict(&mut matrix, 5);
        let rows_planted: Vec<(usize, usize)> = planted.iter().copied().enumerate().collect();
        for name in ["PCA", "MCD", "GaussianMixture", "Ensemble"] {
            if name == "PCA" && rows < features {
                // All fitted rows are alike: see above.
                continue;
            }
            let found = score(fit(name, &matrix).as_ref(), &matrix);
            sound(&found, rows, features);
            let area = area_under_curve(&found.scores, &rows_planted);
            // Few rows have few neighbours.
            let least = if name == "Ensemble" && rows < features { 0.9 } else { 0.95 };
            assert!(area > least, "{name}, {rows} x {features}: {area}");
            if name == "MCD" {
                for (row, feature) in &rows_planted {
                    let share = found.shares[*feature][*row];
                    let most = found.shares.iter().map(|shares| shares[*row]).fold(0.0, f64::max);
                    assert_eq!(share, most, "{rows} x {features}: row {row}");
                }
            }
        }
    }
}

#[test]
fn models_of_many_features_score_rows_alone_and_when_loaded_with_the_same_bits() {
    for (rows, features) in [(300, 120), (80, 120)] {
        let (fitted, new) = (correlated(rows, features, 3), correlated(60, features, 4));
        for name in ["PCA", "MCD", "GaussianMixture", "Ensemble"] {
            let scorer = fit(name, &fitted);
            let all = score(scorer.as_ref(), &new);
            let state = scorer.state().unwrap();
            let read = detector(name).load(&state, &self::features(&fitted)).unwrap();
            let again = score(read.as_ref(), &new);
            assert!(again.scores == all.scores && again.shares == all.shares, "{name}");
            for row in [0, 17, 59] {
                let one = score(scorer.as_ref(), &new.select(&[row]));
                assert_eq!(one.scores[0].to_bits(), all.scores[row].to_bits(), "{name}, row {row}");
                let shares = one.shares.iter().zip(&all.shares);
                assert!(
                    shares.into_iter().all(|(one, all)| one[0] == all[row]),
                    "{name}, row {row}"
                );
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing_with_many_features() {
    for (rows, features) in [(1_100, 80), (530, 600)] {
        let matrix = correlated(rows, features, 5);
        for name in ["PCA", "MCD", "GaussianMixture"] {
            let with = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| fit(name, &matrix).state().unwrap().get().to_owned())
            };
            assert!(with(1) == with(3), "{name}, {rows} x {features}");
        }
    }
}

#[test]
fn a_damaged_map_of_directions_is_refused_or_scores() {
    let (fitted, new) = (correlated(20, 30, 6), correlated(10, 30, 7));
    for name in ["PCA", "MCD"] {
        damage::damage(name, &fitted, &new);
    }
}
