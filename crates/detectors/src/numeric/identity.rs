//! Identities of columns by what they hold, so that random choices depend neither on the names of features nor on the order
//! of columns or rows.
//!
//! A column's first identity is a hash of its values as a multiset. Columns with the same multiset, such as two flags of
//! as many rows, are distinguished by the rows that they share with others: one round of colour refinement (Weisfeiler and
//! Leman 1968) on the table. What is equal after it is ordered by weight and name.

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::sample::mixed;
use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};

/// Rows that one thread hashes at least.
const LEAST_ROWS: usize = 1 << 14;

/// The identity of each column, different for each. Columns of weight 0 have no influence on those of the others.
pub(crate) fn identities(matrix: &Matrix) -> Vec<u64> {
    let columns: Vec<HashedColumn<'_>> = matrix.columns.iter().map(HashedColumn::new).collect();
    let alone = vec![0; matrix.rows];
    let first: Vec<u64> = columns.iter().map(|column| column.sum(&alone)).collect();
    let rows = row_hashes(matrix, &columns, &first);
    let mut found: Vec<u64> = columns.iter().map(|column| column.sum(&rows)).collect();
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|one, other| {
        let (a, b) = (&matrix.columns[*one], &matrix.columns[*other]);
        found[*one]
            .cmp(&found[*other])
            .then_with(|| b.weight.total_cmp(&a.weight))
            .then_with(|| a.name.cmp(&b.name))
    });
    let ranks: Vec<(usize, u64)> = order
        .chunk_by(|one, other| found[*one] == found[*other])
        .flat_map(|equal| equal.iter().copied().zip(0_u64..))
        .collect();
    for (column, rank) in ranks {
        found[column] = mixed(found[column].wrapping_add(rank));
    }
    found
}

/// The hash of each row over the columns with a weight above 0; equal rows have equal hashes.
pub(crate) fn rows_by_identity(matrix: &Matrix) -> Vec<u64> {
    let columns: Vec<HashedColumn<'_>> = matrix.columns.iter().map(HashedColumn::new).collect();
    row_hashes(matrix, &columns, &identities(matrix))
}

fn row_hashes(matrix: &Matrix, columns: &[HashedColumn<'_>], identities: &[u64]) -> Vec<u64> {
    let mut rows = vec![0_u64; matrix.rows];
    for ((column, hashed), identity) in matrix.columns.iter().zip(columns).zip(identities) {
        if column.weight > 0.0 {
            hashed.add(*identity, &mut rows);
        }
    }
    rows
}

/// A column whose values are read as hashes.
enum HashedColumn<'a> {
    Numeric(&'a [f64]),
    /// The hash of each level.
    Codes(&'a [u32], Vec<u64>),
}

impl<'a> HashedColumn<'a> {
    fn new(column: &'a MatrixColumn) -> Self {
        match &column.values {
            Values::Numeric(values) => Self::Numeric(values),
            Values::Codes { codes, levels } => {
                Self::Codes(codes, levels.iter().map(|level| xxh3_64(level.as_bytes())).collect())
            }
        }
    }

    /// The sum of the values' hashes, each with its row's.
    fn sum(&self, rows: &[u64]) -> u64 {
        let cell = |value: u64, row: &u64| mixed(value ^ row);
        let add = |a: u64, b: u64| a.wrapping_add(b);
        match self {
            Self::Numeric(values) => values
                .par_iter()
                .zip(rows)
                .with_min_len(LEAST_ROWS)
                .map(|(value, row)| cell(of_number(*value), row))
                .reduce(|| 0, add),
            Self::Codes(codes, levels) => codes
                .par_iter()
                .zip(rows)
                .with_min_len(LEAST_ROWS)
                .map(|(code, row)| cell(of_code(*code, levels), row))
                .reduce(|| 0, add),
        }
    }

    /// Adds the values' hashes, each with the column's identity, to the rows'.
    fn add(&self, identity: u64, rows: &mut [u64]) {
        let rows = rows.par_iter_mut();
        match self {
            Self::Numeric(values) => {
                rows.zip(*values).with_min_len(LEAST_ROWS).for_each(|(hash, value)| {
                    *hash = hash.wrapping_add(mixed(identity ^ of_number(*value)));
                });
            }
            Self::Codes(codes, levels) => {
                rows.zip(*codes).with_min_len(LEAST_ROWS).for_each(|(hash, code)| {
                    *hash = hash.wrapping_add(mixed(identity ^ of_code(*code, levels)));
                });
            }
        }
    }
}

/// Zeros are one value, and so are NaNs.
fn of_number(value: f64) -> u64 {
    mixed(if value.is_nan() { u64::MAX } else { (value + 0.0).to_bits() })
}

fn of_code(code: u32, levels: &[u64]) -> u64 {
    if code == MISSING { mixed(u64::MAX) } else { levels[code as usize] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[(&str, Vec<f64>)]) -> Matrix {
        let column = |(name, values): &(&str, Vec<f64>)| MatrixColumn {
            name: (*name).into(),
            weight: 1.0,
            values: Values::Numeric(values.clone()),
        };
        Matrix { rows: columns[0].1.len(), columns: columns.iter().map(column).collect() }
    }

    #[test]
    fn columns_with_the_same_values_in_other_rows_differ_by_their_rows() {
        let (ones, twos) = (vec![1.0, 0.0, 0.0, 0.0], vec![0.0, 0.0, 1.0, 0.0]);
        let numbers = vec![5.0, 6.0, 7.0, 8.0];
        let found =
            identities(&table(&[("a", ones.clone()), ("b", twos.clone()), ("c", numbers.clone())]));
        let renamed = identities(&table(&[("z", twos), ("y", numbers), ("x", ones)]));
        assert_eq!(found, [renamed[2], renamed[0], renamed[1]]);
        assert_ne!(found[0], found[1]);
    }

    #[test]
    fn names_order_only_what_is_equal_in_all_else() {
        let found = identities(&table(&[("a", vec![1.0, 2.0]), ("b", vec![1.0, 2.0])]));
        let turned = identities(&table(&[("b", vec![1.0, 2.0]), ("a", vec![1.0, 2.0])]));
        assert_ne!(found[0], found[1]);
        assert_eq!(found, [turned[1], turned[0]]);
    }
}
