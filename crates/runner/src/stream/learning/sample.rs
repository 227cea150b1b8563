//! A sample of rows in which later ones are more likely.

use anomal_core::{Result, Table};
use polars::prelude::{Column, DataFrame, IdxCa};

/// The columns of a saved sample that are no features.
const PRIORITY: &str = "\0priority";
const ORDER: &str = "\0order";
/// Without times a row that is so many samples older is half as likely.
const SAMPLES: f64 = 10.0;

/// The rows of the highest priorities: a row's is the logarithm of its weight, which doubles in each half-life, plus a number of
/// the Gumbel distribution. They are a weighted sample without replacement (Efraimidis and Spirakis 2006, "Weighted Random
/// Sampling with a Reservoir", algorithm A-Res, in logarithms), with weights that need no update as time passes (Cormode et
/// al. 2009, "Forward Decay").
#[derive(Clone)]
pub(super) struct RowSample {
    most: usize,
    /// In microseconds; none: in rows.
    half_life: Option<f64>,
    rows: Option<DataFrame>,
    keys: Vec<Key>,
    /// No row of a lower priority is of the sample.
    floor: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    priority: f64,
    /// The number of the row.
    order: u64,
}

impl RowSample {
    pub fn new(most: usize, half_life: Option<f64>) -> Self {
        Self { most, half_life, rows: None, keys: Vec::new(), floor: f64::NEG_INFINITY }
    }

    /// Offers rows of a table by their places, with their numbers and times, and chances between 0 and 1.
    ///
    /// # Errors
    /// `Internal`.
    pub fn offer(
        &mut self,
        table: &DataFrame,
        rows: &[u32],
        ages: &[(u64, Option<i64>)],
        chances: &[f64],
    ) -> Result<()> {
        let mut places = Vec::new();
        for ((row, (order, time)), chance) in rows.iter().zip(ages).zip(chances) {
            let age = match self.half_life {
                Some(half_life) => time.unwrap_or_default() as f64 / half_life,
                None => *order as f64 / (SAMPLES * self.most as f64),
            };
            let priority = age * std::f64::consts::LN_2 - (-chance.ln()).ln();
            if priority >= self.floor {
                places.push(*row);
                self.keys.push(Key { priority, order: *order });
            }
        }
        if places.is_empty() {
            return Ok(());
        }
        let taken = table.take(&IdxCa::from_vec("".into(), places))?;
        match &mut self.rows {
            Some(rows) => {
                rows.vstack_mut(&taken)?;
            }
            None => self.rows = Some(taken),
        }
        if self.keys.len() > 2 * self.most {
            self.shrink()?;
        }
        Ok(())
    }

    /// Leaves out the rows that are too many.
    fn shrink(&mut self) -> Result<()> {
        let (keys, places, floor) = self.highest();
        if let Some(rows) = &mut self.rows {
            *rows = rows.take(&places)?;
            rows.rechunk_mut();
        }
        (self.keys, self.floor) = (keys, floor);
        Ok(())
    }

    /// The keys of the sample and the places of its rows, in the order of rows.
    fn highest(&self) -> (Vec<Key>, IdxCa, f64) {
        let mut keys: Vec<(Key, u32)> = self.keys.iter().copied().zip(0..).collect();
        keys.sort_unstable_by(|(a, _), (b, _)| {
            b.priority.total_cmp(&a.priority).then(a.order.cmp(&b.order))
        });
        keys.truncate(self.most);
        let full = keys.len() == self.most;
        let lowest = keys.last().map(|(key, _)| key.priority).filter(|_| full);
        keys.sort_unstable_by_key(|(key, place)| (key.order, *place));
        let places = keys.iter().map(|(_, place)| *place).collect();
        let keys = keys.into_iter().map(|(key, _)| key).collect();
        (keys, IdxCa::from_vec("".into(), places), lowest.unwrap_or(f64::NEG_INFINITY))
    }

    /// Its rows, numbered; none if it has none.
    ///
    /// # Errors
    /// `Internal`.
    pub fn table(&self) -> Result<Option<Table>> {
        let Some(rows) = &self.rows else { return Ok(None) };
        let (keys, places, _) = self.highest();
        let mut table = Table::new((0..keys.len() as u64).collect(), rows.take(&places)?)?;
        table.rechunk();
        Ok(Some(table))
    }

    /// All of it, for [`RowSample::restore`].
    ///
    /// # Errors
    /// `Internal`.
    pub fn saved(&self) -> Result<Option<DataFrame>> {
        let Some(rows) = &self.rows else { return Ok(None) };
        let (keys, places, _) = self.highest();
        let mut saved = rows.take(&places)?;
        let priorities: Vec<f64> = keys.iter().map(|key| key.priority).collect();
        let orders: Vec<u64> = keys.iter().map(|key| key.order).collect();
        saved.with_column(Column::new(PRIORITY.into(), priorities))?;
        saved.with_column(Column::new(ORDER.into(), orders))?;
        Ok(Some(saved))
    }

    /// # Errors
    /// `Internal` if it is none that was saved.
    pub fn restore(&mut self, saved: Option<DataFrame>) -> Result<()> {
        let Some(mut rows) = saved else { return Ok(()) };
        let priorities = rows.drop_in_place(PRIORITY)?;
        let orders = rows.drop_in_place(ORDER)?;
        let keys = priorities.f64()?.iter().zip(orders.u64()?.iter());
        let key = |(priority, order): (Option<f64>, Option<u64>)| Key {
            priority: priority.unwrap_or_default(),
            order: order.unwrap_or_default(),
        };
        self.keys = keys.map(key).collect();
        self.rows = Some(rows);
        self.shrink()
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    fn chance(row: u64) -> f64 {
        let hash = (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = (hash ^ (hash >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn offer(sample: &mut RowSample, rows: std::ops::Range<u64>, hour: Option<i64>) {
        let table = df!("row" => rows.clone().collect::<Vec<_>>()).unwrap();
        let places: Vec<u32> = (0..).take(table.height()).collect();
        let ages: Vec<_> =
            rows.clone().map(|row| (row, hour.map(|hour| hour * 3_600_000_000))).collect();
        sample.offer(&table, &places, &ages, &rows.map(chance).collect::<Vec<_>>()).unwrap();
    }

    fn rows(sample: &RowSample) -> Vec<u64> {
        let table = sample.table().unwrap().unwrap();
        table.columns().column("row").unwrap().u64().unwrap().iter().flatten().collect()
    }

    #[test]
    fn the_sample_does_not_depend_on_batches_or_restarts() {
        let (mut whole, mut parts) = (RowSample::new(100, None), RowSample::new(100, None));
        offer(&mut whole, 0..5_000, None);
        for start in (0..5_000).step_by(37) {
            offer(&mut parts, start..(start + 37).min(5_000), None);
            if start % 5 == 0 {
                let saved = parts.saved().unwrap();
                parts = RowSample::new(100, None);
                parts.restore(saved).unwrap();
            }
        }
        assert_eq!(rows(&whole).len(), 100);
        assert_eq!(rows(&whole), rows(&parts));
        assert!(rows(&whole).is_sorted());
    }

    #[test]
    fn rows_of_a_half_life_ago_are_half_as_likely() {
        let mut sample = RowSample::new(3_000, Some(3_600e6));
        offer(&mut sample, 0..100_000, Some(480_000));
        offer(&mut sample, 100_000..200_000, Some(480_001));
        let old = rows(&sample).iter().filter(|row| **row < 100_000).count();
        assert!((900..1_100).contains(&old), "{old}");
    }

    #[test]
    fn few_rows_are_all_of_it() {
        let mut sample = RowSample::new(100, None);
        assert!(sample.table().unwrap().is_none() && sample.saved().unwrap().is_none());
        offer(&mut sample, 0..60, None);
        assert_eq!(rows(&sample), (0..60).collect::<Vec<_>>());
    }
}
