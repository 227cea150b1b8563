//! Identities of columns by what they hold, so that random choices depend on neither the names and units of features nor
//! the order of columns and rows.
//!
//! Numbers count by their place in the range of their column, in [`PLACES`] places, so that seconds and milliseconds, or
//! Celsius and Fahrenheit, are the same column. A column's first identity is a hash of its values as a multiset. Columns
//! with the same multiset, such as two flags of as many rows, are distinguished by the rows that they share with others:
//! one round of colour refinement (Weisfeiler and Leman 1968) on the table. What is equal after it is ordered by weight and
//! name.

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};
use crate::random::mixed;

/// Rows that one thread hashes at least.
const LEAST_ROWS: usize = 1 << 14;
/// Places in the range of a column. No integer, and with a part of one added, so that round numbers are not on a border,
/// where rounding would decide.
const PLACES: f64 = 65_521.37;
const PART: f64 = 0.618;

/// The identity of each column, different for each. Columns of weight 0 have no influence on those of the others.
pub(crate) fn identities(matrix: &Matrix) -> Vec<u64> {
    RowKeys::new(matrix).identities
}

fn identities_of(matrix: &Matrix, columns: &[HashedColumn<'_>]) -> Vec<u64> {
    let alone = vec![0; matrix.rows];
    let first: Vec<u64> = columns.iter().map(|column| column.sum(&alone)).collect();
    let rows = coarse_rows(matrix, columns, &first);
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

/// The columns whose weight is above 0, with their identities.
fn weighed<'a, 'm>(
    matrix: &'a Matrix,
    columns: &'a [HashedColumn<'m>],
    identities: &'a [u64],
) -> impl Iterator<Item = (u64, &'a HashedColumn<'m>)> {
    let known = identities.iter().copied().zip(columns);
    let weighed = matrix.columns.iter().zip(known).filter(|(column, _)| column.weight > 0.0);
    weighed.map(|(_, known)| known)
}

fn coarse_rows(matrix: &Matrix, columns: &[HashedColumn<'_>], identities: &[u64]) -> Vec<u64> {
    let mut rows = vec![0_u64; matrix.rows];
    for (identity, column) in weighed(matrix, columns, identities) {
        rows.par_iter_mut().enumerate().with_min_len(LEAST_ROWS).for_each(|(row, hash)| {
            *hash = hash.wrapping_add(mixed(identity ^ column.coarse(row)));
        });
    }
    rows
}

/// Hashes of rows over the columns with a weight above 0.
pub(crate) struct RowKeys<'a> {
    matrix: &'a Matrix,
    columns: Vec<HashedColumn<'a>>,
    identities: Vec<u64>,
}

impl<'a> RowKeys<'a> {
    pub fn new(matrix: &'a Matrix) -> Self {
        let columns: Vec<_> = matrix.columns.iter().map(HashedColumn::new).collect();
        let identities = identities_of(matrix, &columns);
        Self { matrix, columns, identities }
    }

    /// The same for rows that are alike in all columns, with numbers by their place.
    pub fn coarse(&self) -> Vec<u64> {
        coarse_rows(self.matrix, &self.columns, &self.identities)
    }

    /// The same for rows that are equal in all columns.
    pub fn exact(&self, row: usize) -> u64 {
        let columns = weighed(self.matrix, &self.columns, &self.identities);
        let cells = columns.map(|(identity, column)| identity ^ column.exact(row));
        cells.fold(0, |sum, cell| sum.wrapping_add(mixed(cell)))
    }
}

/// A column whose values are read as hashes.
enum HashedColumn<'a> {
    Numeric {
        values: &'a [f64],
        low: f64,
        /// Places per unit.
        scale: f64,
    },
    /// The hash of each level.
    Codes(&'a [u32], Vec<u64>),
}

impl<'a> HashedColumn<'a> {
    fn new(column: &'a MatrixColumn) -> Self {
        match &column.values {
            Values::Numeric(values) => {
                // NaN is neither less nor greater.
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let scale = PLACES / (high - low);
                Self::Numeric { values, low, scale: if scale.is_finite() { scale } else { 0.0 } }
            }
            Values::Codes { codes, levels } => {
                Self::Codes(codes, levels.iter().map(|level| xxh3_64(level.as_bytes())).collect())
            }
        }
    }

    fn coarse(&self, row: usize) -> u64 {
        match self {
            Self::Numeric { values, low, scale } => {
                let value = values[row];
                let place = ((value - low) * scale + PART).floor();
                mixed(if value.is_nan() { u64::MAX } else { place.to_bits() })
            }
            Self::Codes(codes, levels) => of_code(codes[row], levels),
        }
    }

    /// Zeros are one value, and so are NaNs.
    fn exact(&self, row: usize) -> u64 {
        match self {
            Self::Numeric { values, .. } => {
                let value = values[row];
                mixed(if value.is_nan() { u64::MAX } else { (value + 0.0).to_bits() })
            }
            Self::Codes(codes, levels) => of_code(codes[row], levels),
        }
    }

    /// The sum of the values' hashes, each with its row's.
    fn sum(&self, rows: &[u64]) -> u64 {
        let hashes = rows.par_iter().enumerate().with_min_len(LEAST_ROWS);
        hashes.map(|(row, hash)| mixed(self.coarse(row) ^ hash)).reduce(|| 0, u64::wrapping_add)
    }
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

    #[test]
    fn units_do_not_matter() {
        let seconds: Vec<f64> = (0..5_000).map(|row| f64::from(row * row % 4_999) / 1e3).collect();
        let degrees: Vec<f64> = (0..5_000).map(|row| f64::from(row % 613) / 10.0).collect();
        let one = table(&[("a", seconds.clone()), ("b", degrees.clone())]);
        let other = table(&[
            ("a", seconds.iter().map(|value| value * 1e3).collect()),
            ("b", degrees.iter().map(|value| value * 1.8 + 32.0).collect()),
        ]);
        assert_eq!(identities(&one), identities(&other));
        assert_eq!(RowKeys::new(&one).coarse(), RowKeys::new(&other).coarse());
    }

    #[test]
    fn huge_and_constant_columns() {
        for values in [[f64::MAX, -f64::MAX], [3.0, 3.0], [f64::NAN, f64::NAN], [5e-324, 0.0]] {
            let matrix = table(&[("a", values.to_vec())]);
            let keys = RowKeys::new(&matrix);
            assert_eq!(keys.coarse().len(), 2);
            let equal = values[0].to_bits() == values[1].to_bits();
            assert_eq!(keys.exact(0) == keys.exact(1), equal);
        }
    }
}
