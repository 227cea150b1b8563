use ndarray::Array2;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::*;
use crate::{
    matrix::{MatrixColumn, Values},
    numeric::{
        hyperplanes::{Hyperplanes, grow},
        isolation::mean_depth,
        linear::{Affine, Dense},
        projections::Candidate,
        robust::{
            fast_mcd, inverse_root, shrunk, shrunk_directions, triangular_distances, whitening,
        },
        spectrum::Spectrum,
    },
};
use anomal_core::Cancel;

/// Three correlated columns, and every `every`th row far from all others.
fn rows(count: usize, every: usize) -> (Dense, Vec<Vec<f64>>) {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let mut bell = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    let mut columns = vec![Vec::new(); 3];
    for row in 0..count {
        let (a, b, c) = (bell(), bell(), bell());
        let far = if row % every == every - 1 { 30.0 } else { 0.0 };
        columns[0].push(a + far);
        columns[1].push(0.5 * a + b - far);
        columns[2].push(0.2 * b + 0.3 * c);
    }
    let names = ["a", "b", "c"];
    let column = |(name, values): (&&str, &Vec<f64>)| MatrixColumn {
        name: (*name).into(),
        weight: 1.0,
        values: Values::Numeric(values.clone()),
    };
    let matrix = Matrix { rows: count, columns: names.iter().zip(&columns).map(column).collect() };
    let encoding = Encoding::fit(&matrix, 1, Weights::Aside);
    let encoder = encoding.bind(&matrix).unwrap();
    let dense = Dense::from_encoder(&encoder, count, &Cancel::default()).unwrap();
    let all = (0..count).map(|row| dense.row(row)).collect();
    (dense, all)
}

#[test]
fn moments_are_those_of_the_rows_that_weigh() {
    let (dense, all) = rows(1_700, 10);
    let weights: Vec<f64> =
        (0_u8..=255).cycle().take(1_700).map(|row| f64::from(row % 3)).collect();
    let found = dense.moments(Some(&weights));
    let total: f64 = weights.iter().sum();
    assert_eq!(found.count, total);
    let weighted = |of: &dyn Fn(&Vec<f64>) -> f64| {
        all.iter().zip(&weights).map(|(row, weight)| of(row) * weight).sum::<f64>() / total
    };
    for a in 0..3 {
        let mean = weighted(&|row| row[a]);
        assert!((found.mean[a] - mean).abs() < 1e-12);
        for b in 0..3 {
            let product = weighted(&|row| (row[a] - found.mean[a]) * (row[b] - found.mean[b]));
            assert!((found.covariance[(a, b)] - product).abs() < 1e-12);
        }
    }
}

#[test]
fn whitened_rows_vary_alike_in_every_direction() {
    let (dense, all) = rows(1_700, 10);
    let moments = dense.moments(None);
    let (cholesky, determinant) = inverse_root(&moments.covariance);
    let values = Spectrum::from_symmetric(&moments.covariance).unwrap().values;
    assert!(values.is_sorted_by(|one, next| one >= next));
    let product: f64 = values.iter().product();
    assert!((determinant - product.ln()).abs() < 1e-9);
    let distances = |matrix| dense.map(&Affine::new(moments.mean.clone(), matrix)).squares();
    let symmetric = whitening(&moments).unwrap();
    for (one, other) in distances(&cholesky).iter().zip(distances(&symmetric)) {
        assert!((one - other).abs() < 1e-9 * one.max(1.0), "{one} and {other}");
    }
    let white = dense.map(&Affine::new(moments.mean.clone(), &symmetric)).moments(None);
    for ((a, b), value) in white.covariance.indexed_iter() {
        assert!((value - f64::from(u8::from(a == b))).abs() < 1e-9, "{a}, {b}: {value}");
    }
    assert_eq!(dense.select(&[1_600, 3]).row(0), all[1_600]);
}

#[test]
fn rows_far_off_do_not_stretch_a_robust_covariance() {
    let cancel = Cancel::default();
    for (count, every) in [(200, 5), (2_000, 4)] {
        let (dense, _) = rows(count, every);
        let clean: Vec<usize> = (0..count).filter(|row| row % every != every - 1).collect();
        let clean = dense.select(&clean).moments(None);
        let plain = dense.moments(None);
        assert!(plain.covariance[(0, 0)] > 20.0 * clean.covariance[(0, 0)]);
        let fast = fast_mcd(&dense, None, 1, &cancel).unwrap();
        let few = shrunk(&dense, 0.6, &cancel).unwrap();
        for (robust, least, most) in [(fast, 0.7, 1.4), (few, 0.2, 3.0)] {
            let ratio = robust.covariance[(0, 0)] / clean.covariance[(0, 0)];
            assert!(ratio > least && ratio < most, "{count}: {ratio}");
            assert!((robust.mean[0] - clean.mean[0]).abs() < 0.3 * clean.covariance[(0, 0)].sqrt());
        }
    }
}

/// By hand: one split by x + 2 (y - 1), and what it has saved where rows go with it.
#[test]
fn a_hyperplane_is_credited_to_what_took_the_row_to_its_side() {
    let tree: Hyperplanes = serde_json::from_value(serde_json::json!({
        "left": [1, 0, 0],
        "sizes": [4, 3, 1],
        "ends": [2, 2, 2],
        "entries": [[0, 1.0, 0.0], [1, 2.0, 1.0]],
    }))
    .unwrap();
    assert!(tree.descent(1).is_none());
    let descent = tree.descent(2).unwrap();
    let (mut sums, mut parts) = ([0.0; 2], [[0.0; 2]; 2]);
    let rows = [3.0, 0.0, -1.0, 0.0];
    descent.explain(&rows, &mut sums, |row, column, saved| parts[row][column] += saved);
    let (right, left) = (mean_depth(4) - 1.0, mean_depth(4) - mean_depth(3) - 1.0);
    assert_eq!(sums, [1.0, 1.0 + mean_depth(3)]);
    let expected = [[right, 0.0], [left / 3.0, left * 2.0 / 3.0]];
    for (part, expected) in parts.as_flattened().iter().zip(expected.as_flattened()) {
        assert!((part - expected).abs() < 1e-12, "{parts:?}");
    }
}

#[test]
fn rows_far_off_come_less_far_in_trees_of_hyperplanes() {
    let (dense, all) = rows(1_000, 100);
    let candidates: Vec<Candidate> =
        (0..3).map(|column| Candidate { columns: vec![column], weight: 1.0 }).collect();
    let mut sums = vec![0.0; 1_000];
    for stream in 0..50 {
        let tree = grow(&candidates, 2, &dense, 256, 4, stream);
        tree.descent(3).unwrap().add(&all.concat(), &mut sums);
    }
    let (far, usual): (Vec<_>, Vec<_>) = (0..1_000).partition(|row| row % 100 == 99);
    let mean = |rows: &[usize]| rows.iter().map(|row| sums[*row]).sum::<f64>() / rows.len() as f64;
    assert!(mean(&far) < 0.7 * mean(&usual), "{} and {}", mean(&far), mean(&usual));
}

/// Rows of so many correlated columns.
fn many_columns(count: usize, width: usize) -> Dense {
    let mut random = ChaCha8Rng::seed_from_u64(12);
    let common: Vec<f64> = (0..count).map(|_| random.random()).collect();
    let column = |place: usize| MatrixColumn {
        name: format!("{place}"),
        weight: 1.0,
        values: Values::Numeric(
            common.iter().map(|common| common + random.random::<f64>()).collect(),
        ),
    };
    let matrix = Matrix { rows: count, columns: (0..width).map(column).collect() };
    let encoding = Encoding::fit(&matrix, 1, Weights::Aside);
    let encoder = encoding.bind(&matrix).unwrap();
    Dense::from_encoder(&encoder, count, &Cancel::default()).unwrap()
}

proptest! {
    /// A v = l v with orthogonal unit vectors in descending order, also with equal and zero eigenvalues.
    #[test]
    fn eigenvectors_are_those_of_the_matrix(
        entries in prop::collection::vec(-3_i32..4, 0..900), rank in 0_usize..31,
    ) {
        let width = entries.len().isqrt();
        let entry = |row: usize, column: usize| f64::from(entries[row * width + column]);
        let rank = rank.min(width);
        let matrix = Array2::from_shape_fn((width, width), |(a, b)| {
            (0..rank).map(|place| entry(place, a) * entry(place, b)).sum::<f64>()
        });
        let Spectrum { values, vectors } = Spectrum::from_symmetric(&matrix).unwrap();
        prop_assert!(values.is_sorted_by(|one, next| one >= next));
        let size = values.first().map_or(1.0, |first| first.abs().max(1.0));
        let products = vectors.t().dot(&vectors);
        let images = matrix.dot(&vectors);
        for ((row, column), product) in products.indexed_iter() {
            prop_assert!((product - f64::from(u8::from(row == column))).abs() < 1e-11);
            let expected = values[column] * vectors[(row, column)];
            prop_assert!((images[(row, column)] - expected).abs() < 1e-11 * size);
        }
        prop_assert!(values[rank..].iter().all(|value| value.abs() < 1e-11 * size));
    }
}

#[test]
fn eigenvalues_of_no_matrix_are_an_error() {
    assert!(Spectrum::from_symmetric(&Array2::zeros((2, 3))).is_err());
    assert!(Spectrum::from_symmetric(&Array2::from_elem((2, 2), f64::NAN)).is_err());
    assert!(Spectrum::from_symmetric(&Array2::zeros((0, 0))).unwrap().values.is_empty());
}

#[test]
fn pairs_of_rows_have_the_directions_of_pairs_of_columns() {
    let rows = many_columns(530, 700);
    let weights: Vec<f64> = (0..530).map(|row| f64::from(u8::from(row % 3 > 0))).collect();
    for weights in [None, Some(weights.as_slice())] {
        let (mean, found) = Spectrum::from_rows(&rows, weights).unwrap();
        let moments = rows.moments(weights);
        let expected = Spectrum::from_symmetric(&moments.covariance).unwrap();
        assert_eq!(mean, moments.mean);
        assert_eq!(found.values.len(), if weights.is_some() { 352 } else { 529 });
        for (place, value) in found.values.iter().enumerate() {
            assert!((value - expected.values[place]).abs() < 1e-9 * expected.values[0]);
        }
        let maps = [found, expected].map(|spectrum| {
            spectrum.mapped(|_, value| if value > 1e-6 { value.sqrt().recip() } else { 0.0 })
        });
        for (found, expected) in maps[0].iter().zip(&maps[1]) {
            assert!((found - expected).abs() < 1e-6, "{found} and {expected}");
        }
    }
}

#[test]
fn products_of_many_columns_are_those_of_loops() {
    let (rows, width) = (many_columns(600, 80), 80);
    let weights: Vec<f64> = (0..600).map(|row| f64::from(row % 4)).collect();
    let moments = rows.moments(Some(&weights));
    let total: f64 = weights.iter().sum();
    for (a, b) in [(0, 0), (3, 79), (79, 3), (41, 64)] {
        let product = |row: usize| {
            let centred = |column| rows.value(row, column) - moments.mean[column];
            weights[row] * centred(a) * centred(b)
        };
        let expected = (0..600).map(product).sum::<f64>() / total;
        assert!((moments.covariance[(a, b)] - expected).abs() < 1e-12);
    }
    let matrix = Array2::from_shape_fn((70, width), |(a, b)| f64::from((a * 7 + b * 5) as u8 % 9));
    let mapped = rows.map(&Affine::new(moments.mean.clone(), &matrix));
    for (row, place) in [(0, 0), (511, 69), (512, 3), (599, 40)] {
        let products = (0..width).map(|column| {
            matrix[(place, column)] * (rows.value(row, column) - moments.mean[column])
        });
        assert!((mapped.value(row, place) - products.sum::<f64>()).abs() < 1e-9);
    }
}

/// Both forms of the distances, and both of the shrunk covariance.
#[test]
fn roots_of_a_covariance_give_the_same_distances() {
    let rows = many_columns(300, 90);
    let mut moments = rows.moments(None);
    let symmetric = rows.map(&Affine::new(moments.mean.clone(), &whitening(&moments).unwrap()));
    let triangular = triangular_distances(&rows, &moments).unwrap();
    for (one, other) in triangular.iter().zip(symmetric.squares()) {
        assert!((one - other).abs() < 1e-9 * other, "{one} and {other}");
    }
    // Not for a column that is the sum of others.
    let (head, tail) =
        (moments.covariance.row(0).to_owned(), moments.covariance.column(0).to_owned());
    moments.covariance.row_mut(1).assign(&head);
    moments.covariance.column_mut(1).assign(&tail);
    moments.covariance[(1, 1)] = moments.covariance[(0, 0)];
    assert!(triangular_distances(&rows, &moments).is_none());

    let cancel = Cancel::default();
    let few = many_columns(60, 90);
    let by_columns = shrunk(&few, 0.6, &cancel).unwrap();
    let expected = few.map(&Affine::new(by_columns.mean.clone(), &whitening(&by_columns).unwrap()));
    let directions = shrunk_directions(&few, 0.6, &cancel).unwrap();
    let found = few.map_blocks(90, |columns, rows, out| directions.apply(columns, rows, out));
    for (one, other) in found.squares().iter().zip(expected.squares()) {
        assert!((one - other).abs() < 1e-9 * other, "{one} and {other}");
    }
}
