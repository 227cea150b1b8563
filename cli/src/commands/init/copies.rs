//! Finds columns that repeat an earlier one without comparing each pair: columns are compared only if they agree in one
//! of several small samples of rows.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::column::ColumnProfile;

/// Samples of rows, and the rows of each.
const BANDS: usize = 16;
const BAND_ROWS: usize = 8;
/// Columns that one is compared with at most for each sample, so that the work grows with their number alone.
const CANDIDATES: usize = 4;

/// Columns by what they have in samples of rows.
#[derive(Default)]
pub struct Copies {
    by_band: HashMap<(usize, u64), Vec<usize>>,
}

impl Copies {
    /// An earlier column of the same type with the same text in 99.9 % of the first rows where both have one, which are
    /// nine tenths or more. Columns of two values are no copies: many agree by chance.
    pub fn original(&self, columns: &[ColumnProfile], place: usize) -> Option<usize> {
        let column = &columns[place];
        if column.distinct() <= 2 {
            return None;
        }
        let bands = bands(column).filter_map(|band| self.by_band.get(&band));
        let mut candidates: Vec<usize> = bands.flatten().copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates.into_iter().find(|earlier| are_equal(&columns[*earlier], column))
    }

    /// Adds a column, which later ones may repeat.
    pub fn insert(&mut self, columns: &[ColumnProfile], place: usize) {
        for band in bands(&columns[place]) {
            let columns = self.by_band.entry(band).or_default();
            if columns.len() < CANDIDATES {
                columns.push(place);
            }
        }
    }
}

/// The hash of a column's rows in each sample without a missing value, and that of all rows.
fn bands(column: &ColumnProfile) -> impl Iterator<Item = (usize, u64)> {
    let keys: Vec<Option<u32>> = column.keys().collect();
    let hash = |keys: &[Option<u32>]| {
        let mut hasher = DefaultHasher::new();
        (i32::from(column.data_type), keys).hash(&mut hasher);
        hasher.finish()
    };
    let all = (BANDS, hash(&keys));
    let samples: Vec<(usize, u64)> = (0..BANDS)
        .filter_map(|band| {
            let rows = (0..BAND_ROWS).map(|row| {
                let place = (band * BAND_ROWS + row) * keys.len() / (BANDS * BAND_ROWS);
                keys.get(place).copied().flatten()
            });
            let rows: Vec<Option<u32>> = rows.collect();
            rows.iter().all(Option::is_some).then(|| (band, hash(&rows)))
        })
        .collect();
    std::iter::once(all).chain(samples)
}

fn are_equal(one: &ColumnProfile, other: &ColumnProfile) -> bool {
    let (mut rows, mut both, mut different) = (0, 0, 0);
    let total = one.keys().count();
    for pair in one.keys().zip(other.keys()) {
        rows += 1;
        let (Some(one), Some(other)) = pair else { continue };
        both += 1;
        different += usize::from(one != other);
        if different * 1_000 > total {
            return false;
        }
    }
    one.data_type == other.data_type && both * 10 >= rows * 9
}

#[cfg(test)]
mod tests {
    use super::{super::column::testing::profile, *};

    #[test]
    fn copies_are_found_also_with_gaps() {
        let texts: Vec<String> = (0..2_000).map(|row| format!("v{}", row * row % 37)).collect();
        let of = |change: &dyn Fn(usize, &str) -> String| {
            let texts: Vec<String> =
                texts.iter().enumerate().map(|(row, text)| change(row, text)).collect();
            profile("c", &texts.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let same = |_: usize, text: &str| text.to_owned();
        let with = |other: &dyn Fn(usize, &str) -> String| {
            let columns = [of(&same), of(other)];
            let mut copies = Copies::default();
            copies.insert(&columns, 0);
            copies.original(&columns, 1)
        };
        assert_eq!(with(&same), Some(0));
        let gaps = |row: usize, text: &str| {
            if row.is_multiple_of(13) { String::new() } else { text.to_owned() }
        };
        assert_eq!(with(&gaps), Some(0));
        let once = |row: usize, text: &str| if row == 5 { "x".into() } else { text.to_owned() };
        assert_eq!(with(&once), Some(0));
        let often = |row: usize, text: &str| {
            if row % 100 == 5 { "x".into() } else { text.to_owned() }
        };
        assert_eq!(with(&often), None);
        let mostly_missing = |row: usize, text: &str| {
            if row.is_multiple_of(5) { String::new() } else { text.to_owned() }
        };
        assert_eq!(with(&mostly_missing), None);
    }
}
