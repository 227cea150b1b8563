//! Means and covariances that follow the rows: which numbers go together, and how far a row is from that.

mod factor;
mod measure;

use anomal_core::{Error, Result};

use self::measure::Measure;
use super::bytes::{Reader, Writer};

/// What a row weighs once there are as many: the weight of rows before falls by 1/e over so many.
const RATE: f64 = 1.0 / 2_048.0;
/// The rows without which nothing is judged.
const FEWEST: u64 = 100;
/// The measure of distance is taken again after so many rows.
const EVERY: u64 = 64;
/// So many standard deviations a number is learned as being away at most, so that one row does not hide what follows.
const FARTHEST: f64 = 8.0;
/// Numbers beyond are taken for this one, so that squares are finite.
const LARGEST: f64 = 1e100;
const VERSION: u8 = 1;

/// The most features that a covariance can have: each row takes the square of their number.
pub const MOST_COVARIANCE_FEATURES: usize = 128;

/// Mean and covariance with exponentially decaying weights (Finch 2009, "Incremental Calculation of Weighted Mean and Variance",
/// section 9, for vectors), and the squared Mahalanobis distance by them. Correlations are shrunk towards none, as if as many
/// rows more had been seen as there are features, each independent of the others (the mean of an inverse Wishart distribution:
/// Gelman et al. 2013, "Bayesian Data Analysis", section 3.6). Values that are missing, and numbers that have never
/// varied, are left out of a distance, not taken for the mean. The same rows in the same order give the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct OnlineCovariance {
    /// The places of its features among all.
    places: Vec<usize>,
    features: usize,
    rows: u64,
    mean: Vec<f64>,
    /// The share of rows that have a value of each.
    known: Vec<f64>,
    /// The lower triangle, row by row, of the weighted products of the differences from the means.
    products: Vec<f64>,
    measure: Option<Measure>,
}

/// How far a row is from what is usual, and by which features.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distance {
    /// Squared, at least 0.
    pub score: f64,
    /// By how much it would be less without each feature, in order.
    pub parts: Vec<f64>,
}

impl OnlineCovariance {
    /// `weights`: of each feature, at least 0. Those without weight, such as categories, do not take part, and the others alike;
    /// at most [`MOST_COVARIANCE_FEATURES`].
    pub fn new(weights: &[f64]) -> Self {
        let places: Vec<usize> = (0..weights.len()).filter(|place| weights[*place] > 0.0).collect();
        let width = places.len();
        Self {
            places,
            features: weights.len(),
            rows: 0,
            mean: vec![0.0; width],
            known: vec![0.0; width],
            products: vec![0.0; triangle(width)],
            measure: None,
        }
    }

    /// How far a row is, by the rows before it; none before it has learned 100. A value for each feature; NaN is missing.
    pub fn judge(&self, row: &[f64]) -> Option<Distance> {
        let measure = self.measure.as_ref()?;
        let mut distance = Distance { score: 0.0, parts: vec![0.0; self.features] };
        let (score, parts) = measure.distance(&self.numbers(row));
        distance.score = score;
        for (place, part) in parts {
            distance.parts[self.places[place]] = part;
        }
        Some(distance)
    }

    /// Those of a row that take part.
    fn numbers(&self, row: &[f64]) -> Vec<f64> {
        self.places.iter().map(|place| row[*place].clamp(-LARGEST, LARGEST)).collect()
    }

    pub fn learn(&mut self, row: &[f64]) {
        let numbers = self.numbers(row);
        let rate = RATE.max(1.0 / (self.rows + 1) as f64);
        self.rows += 1;
        let mut away = vec![0.0; numbers.len()];
        for (place, number) in numbers.iter().enumerate() {
            self.known[place] *= 1.0 - rate;
            if number.is_nan() {
                continue;
            }
            self.known[place] += rate;
            let mut difference = number - self.mean[place];
            if let Some(scale) = self.measure.as_ref().and_then(|measure| measure.scale(place)) {
                difference = difference.clamp(-FARTHEST * scale, FARTHEST * scale);
            }
            // Of those that have a value.
            let rate = (rate / self.known[place]).min(1.0);
            self.mean[place] += rate * difference;
            away[place] = difference * (1.0 - rate).sqrt();
        }
        let mut products = self.products.iter_mut();
        for (place, one) in away.iter().enumerate() {
            // In this order: what is taken first is taken also where the other has ended.
            for (other, product) in away[..=place].iter().zip(products.by_ref()) {
                *product += rate * (one * other) - rate * *product;
            }
        }
        if self.rows >= FEWEST && (self.measure.is_none() || self.rows.is_multiple_of(EVERY)) {
            let rows = (self.rows as f64).min(2.0 / RATE - 1.0);
            self.measure = Some(Measure::new(&self.mean, &self.known, &self.products, rows));
        }
    }

    /// All of it, for [`OnlineCovariance::restore`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer::new(VERSION);
        to.number(self.rows);
        for numbers in [&self.mean, &self.known, &self.products] {
            numbers.iter().for_each(|number| to.real(*number));
        }
        to.flag(self.measure.is_some());
        if let Some(measure) = &self.measure {
            measure.write(&mut to);
        }
        to.into_bytes()
    }

    /// Continues from what was saved.
    ///
    /// # Errors
    /// `Internal` if it is damaged, or of other features.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        self.read(bytes).ok_or_else(|| {
            Error::internal("the covariance is damaged, or was written by another version")
        })
    }

    fn read(&mut self, bytes: &[u8]) -> Option<()> {
        let width = self.places.len();
        let mut from = Reader::new(bytes, VERSION)?;
        let rows = from.number()?;
        let mean = finite(&mut from, width)?;
        let known = finite(&mut from, width)?;
        let products = finite(&mut from, triangle(width))?;
        let measure = if from.flag()? { Some(Measure::read(&mut from, width)?) } else { None };
        from.end()?;
        (self.rows, self.mean, self.known) = (rows, mean, known);
        (self.products, self.measure) = (products, measure);
        Some(())
    }
}

/// The entries of the lower triangle of a matrix.
fn triangle(width: usize) -> usize {
    width * (width + 1) / 2
}

/// So many numbers; none if one of them is not finite.
fn finite(from: &mut Reader<'_>, count: usize) -> Option<Vec<f64>> {
    (0..count).map(|_| from.real().filter(|number| number.is_finite())).collect()
}

#[cfg(test)]
mod tests;
