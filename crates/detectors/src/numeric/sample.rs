//! An order of rows, and a sample of them, that depend on the values of the rows and not on their order.

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};

/// At most `most` rows in pseudo-random order, without replacement. The order depends neither on the order of the
/// rows nor on that of the features; equal rows are interchangeable, and each has the chance of any other row.
/// Features of weight 0 have no influence.
pub(crate) fn sample(matrix: &Matrix, most: usize, seed: u64) -> Vec<usize> {
    let mut hashes = vec![0_u64; matrix.rows];
    for column in matrix.columns.iter().filter(|column| column.weight > 0.0) {
        add(column, &mut hashes);
    }
    let mut rows: Vec<(u64, usize)> = hashes.into_iter().zip(0..).collect();
    rows.par_sort_unstable();
    for run in rows.chunk_by_mut(|one, next| one.0 == next.0) {
        for ((hash, _), place) in run.iter_mut().zip(0_u64..) {
            *hash = mixed(*hash ^ mixed(seed).rotate_left(17) ^ mixed(place.wrapping_add(1)));
        }
    }
    rows.par_sort_unstable();
    rows.truncate(most);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn add(column: &MatrixColumn, hashes: &mut [u64]) {
    let name = xxh3_64(column.name.as_bytes());
    match &column.values {
        Values::Numeric(values) => {
            hashes.par_iter_mut().zip(values).with_min_len(1 << 14).for_each(|(hash, value)| {
                // Zeros are one value, and so are NaNs.
                let bits = if value.is_nan() { u64::MAX } else { (value + 0.0).to_bits() };
                *hash = hash.wrapping_add(mixed(name ^ mixed(bits)));
            });
        }
        Values::Codes { codes, levels } => {
            let of_level: Vec<u64> =
                levels.iter().map(|level| mixed(name ^ xxh3_64(level.as_bytes()))).collect();
            hashes.par_iter_mut().zip(codes).with_min_len(1 << 14).for_each(|(hash, code)| {
                let of_code = if *code == MISSING { mixed(name) } else { of_level[*code as usize] };
                *hash = hash.wrapping_add(of_code);
            });
        }
    }
}

/// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", figure 16 (`SplitMix64`).
pub(crate) fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

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
