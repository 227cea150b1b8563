//! An order of rows, and a sample of them, that depend on the values of the rows and not on their order.

use rayon::prelude::*;

use super::identity::RowKeys;
use crate::{matrix::Matrix, random::mixed};

/// At most `most` rows in pseudo-random order, without replacement. The order depends on neither the order of the
/// rows nor the order, names and units of the features; equal rows are interchangeable, and each has the chance of any other row.
/// Features of weight 0 have no influence.
pub(crate) fn sample(matrix: &Matrix, most: usize, seed: u64) -> Vec<usize> {
    let keys = RowKeys::new(matrix);
    let mut rows: Vec<(u64, usize)> = keys.coarse().into_iter().zip(0..).collect();
    rows.par_sort_unstable();
    for run in rows.chunk_by_mut(|one, next| one.0 == next.0) {
        if run.len() > 1 {
            run.sort_by_cached_key(|(_, row)| keys.exact(*row));
        }
        for ((hash, _), place) in run.iter_mut().zip(0_u64..) {
            *hash = mixed(*hash ^ mixed(seed).rotate_left(17) ^ mixed(place.wrapping_add(1)));
        }
    }
    rows.par_sort_unstable();
    rows.truncate(most);
    rows.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{MatrixColumn, Values};

    #[test]
    fn the_order_of_rows_changes_nothing() {
        let values: Vec<f64> = (0..500).map(|row| f64::from(row / 2 % 97)).collect();
        let column = |values: Vec<f64>| MatrixColumn {
            name: "a".into(),
            weight: 1.0,
            values: Values::Numeric(values),
        };
        let chosen = |values: &[f64]| -> Vec<f64> {
            let matrix = Matrix { rows: values.len(), columns: vec![column(values.to_vec())] };
            sample(&matrix, 100, 7).into_iter().map(|row| values[row]).collect()
        };
        let reversed: Vec<f64> = values.iter().rev().copied().collect();
        assert_eq!(chosen(&values), chosen(&reversed));
        assert_eq!(chosen(&values).len(), 100);
        assert!(!chosen(&values).is_sorted());
    }
}
