//! Pairs of dependent features, and how much rarer each pair of their values is than if the features were
//! independent.

use anomal_core::Result;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bins::{Bins, Lookup};
use crate::{
    context::Context,
    matrix::Matrix,
    numeric::{identity::identities, sample::sample},
};

/// The most frequent values of a feature, which have pairs; others are rare by themselves.
const MOST_SLOTS: usize = 64;
/// Pairs are searched among so many features with the most information.
const MOST_FEATURES: usize = 64;
/// Rows by which dependent features are found.
const MOST_ROWS: usize = 20_000;
/// Rows counted together.
const COUNT_BLOCK: usize = 1 << 16;

/// Two features with the term of each pair of their values, row by row for the first feature.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair {
    pub one: usize,
    pub other: usize,
    pub terms: Vec<f64>,
}

/// The number of values of a feature that have pairs.
pub(crate) fn slots(bins: &Bins) -> usize {
    bins.len().min(MOST_SLOTS)
}

/// # Errors
/// `Cancelled`.
pub(crate) fn fit(
    matrix: &Matrix,
    bins: &[Bins],
    most: usize,
    context: &Context<'_>,
) -> Result<Vec<Pair>> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let rows = sample(matrix, MOST_ROWS, context.seed);
    context.cancel.check()?;
    let some = Columns::new(&matrix.select(&rows), bins);
    let identities = identities(matrix);
    let mut features: Vec<usize> = (0..bins.len())
        .filter(|place| bins[*place].weight > 0.0 && bins[*place].len() > 1)
        .collect();
    if features.len() > MOST_FEATURES {
        let entropy = |place: usize| bins[place].weight * some.entropy(place);
        features.sort_by(|a, b| {
            let by_identity = || identities[*a].cmp(&identities[*b]);
            entropy(*b).total_cmp(&entropy(*a)).then_with(by_identity)
        });
        features.truncate(MOST_FEATURES);
        features.sort_unstable();
    }
    let all: Vec<(usize, usize)> = features
        .iter()
        .enumerate()
        .flat_map(|(place, one)| features[place + 1..].iter().map(move |other| (*one, *other)))
        .collect();
    let mut found: Vec<(f64, (usize, usize))> = all
        .into_par_iter()
        .filter_map(|(one, other)| {
            let information = some.table(one, other).information()?;
            let weight = bins[one].weight.min(bins[other].weight);
            Some((information * weight, (one, other)))
        })
        .collect();
    context.cancel.check()?;
    // Ties by identity, so that the order and the names of the features have no influence.
    let key = |(one, other): (usize, usize)| {
        let (one, other) = (identities[one], identities[other]);
        (one.min(other), one.max(other))
    };
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| key(a.1).cmp(&key(b.1))));
    found.truncate(most);
    let columns = Columns::new(matrix, bins);
    let pair = |(_, (one, other)): (f64, (usize, usize))| {
        context.cancel.check()?;
        let weight = bins[one].weight.min(bins[other].weight);
        Ok(Pair { one, other, terms: columns.table(one, other).terms(weight) })
    };
    found.into_par_iter().map(pair).collect()
}

/// The bins of all rows, feature by feature.
struct Columns {
    places: Vec<Vec<u32>>,
    slots: Vec<usize>,
}

/// The count of each pair of values.
struct Table {
    width: usize,
    counts: Vec<u64>,
}

impl Columns {
    fn new(matrix: &Matrix, bins: &[Bins]) -> Self {
        let places = |(bins, column): (&Bins, _)| {
            let mut places = vec![0; matrix.rows];
            if let Some(lookup) = Lookup::new(bins, column) {
                let blocks = places.par_chunks_mut(COUNT_BLOCK).enumerate();
                blocks.for_each(|(block, out)| lookup.places(block * COUNT_BLOCK, out));
            }
            places
        };
        Self {
            places: bins.par_iter().zip(&matrix.columns).map(places).collect(),
            slots: bins.iter().map(slots).collect(),
        }
    }

    fn entropy(&self, feature: usize) -> f64 {
        let mut counts = vec![0_u64; self.slots[feature]];
        for place in &self.places[feature] {
            if let Some(count) = counts.get_mut(*place as usize) {
                *count += 1;
            }
        }
        let total = counts.iter().sum::<u64>() as f64;
        let share = |count: &u64| *count as f64 / total;
        -counts
            .iter()
            .filter(|count| **count > 0)
            .map(|count| share(count) * share(count).ln())
            .sum::<f64>()
    }

    fn table(&self, one: usize, other: usize) -> Table {
        let (height, width) = (self.slots[one], self.slots[other]);
        let mut counts = vec![0; height * width];
        for (a, b) in self.places[one].iter().zip(&self.places[other]) {
            let (a, b) = (*a as usize, *b as usize);
            if a < height && b < width {
                counts[a * width + b] += 1;
            }
        }
        Table { width, counts }
    }
}

impl Table {
    /// The expected count of each pair of values.
    fn expected(&self) -> Vec<f64> {
        let mut columns = vec![0_u64; self.width];
        let rows: Vec<u64> = self
            .counts
            .chunks(self.width)
            .map(|row| {
                columns.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
                row.iter().sum()
            })
            .collect();
        let total = rows.iter().sum::<u64>().max(1) as f64;
        let of_row = |row: &u64| {
            let row = *row as f64;
            columns.iter().map(move |column| row * (*column as f64 / total)).collect::<Vec<_>>()
        };
        rows.iter().flat_map(of_row).collect()
    }

    /// The mutual information in nats per row; none if it is within chance.
    fn information(&self) -> Option<f64> {
        let total = self.counts.iter().sum::<u64>() as f64;
        let expected = self.expected();
        let seen = self.counts.iter().zip(&expected).filter(|(count, _)| **count > 0);
        let sum: f64 =
            seen.map(|(count, expected)| *count as f64 * (*count as f64 / expected).ln()).sum();
        let height = self.counts.len() / self.width;
        let freedom = (height - 1) as f64 * (self.width - 1) as f64;
        // Four standard deviations above the mean of a chi-squared distribution.
        (2.0 * sum > freedom + 4.0 * (2.0 * freedom).sqrt()).then(|| sum / total)
    }

    fn terms(&self, weight: f64) -> Vec<f64> {
        let term = |(count, expected): (&u64, f64)| {
            weight * ((expected + 1.0) / (*count as f64 + 1.0)).ln().max(0.0)
        };
        self.counts.iter().zip(self.expected()).map(term).collect()
    }
}
