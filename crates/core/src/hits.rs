//! Which rows were hit by which flags.

use crate::{Error, Result, Table, proto::plan::Flag};

/// A row that a flag has hit, and what it found there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    pub row: u64,
    /// The flag's place in `Plan.flags`.
    pub flag: usize,
    pub value: Box<str>,
}

/// Hits by row, then flag.
#[derive(Clone, Debug, Default)]
pub struct Hits(Vec<Hit>);

impl Hits {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds hits of other rows or flags. Call [`Hits::sort`] after the last of them.
    pub fn append(&mut self, other: Self) {
        if self.0.is_empty() {
            *self = other;
        } else {
            self.0.extend(other.0);
        }
    }

    /// The hits of some rows, which ascend, copied.
    #[must_use]
    pub fn select(&self, rows: &[u64]) -> Self {
        Self(self.of_rows(rows).flatten().cloned().collect())
    }

    /// Adds a hit. Call [`Hits::sort`] after the last of them.
    pub fn push(&mut self, hit: Hit) {
        self.0.push(hit);
    }

    /// Adds the hits of an extraction.
    ///
    /// # Errors
    /// `Internal` if the engine speaks of a flag that it did not plan.
    pub fn extend(&mut self, flags: &[Flag], table: &Table) -> Result<()> {
        if table.height() == 0 {
            return Ok(());
        }
        let names = table.columns().column("flag")?.str()?.clone();
        let values = table.columns().column("value")?.str()?.clone();
        for ((row, name), value) in table.rows().into_iter().zip(names.iter()).zip(values.iter()) {
            let flag = flags.iter().position(|flag| Some(flag.name.as_str()) == name).ok_or_else(
                || Error::internal(format!("hits of the flag {name:?}, which is not in the plan")),
            )?;
            self.0.push(Hit { row, flag, value: value.unwrap_or_default().into() });
        }
        Ok(())
    }

    /// Puts them in order. Call it after the last [`Hits::extend`] or [`Hits::append`].
    pub fn sort(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|a, b| a.row == b.row && a.flag == b.flag);
    }

    /// The hits of the rows from `rows`, which ascend, row by row.
    pub fn of_rows<'a>(&'a self, rows: &'a [u64]) -> impl Iterator<Item = &'a [Hit]> {
        let start = rows.first().map_or(0, |first| self.0.partition_point(|hit| hit.row < *first));
        let mut rest = &self.0[start..];
        rows.iter().map(move |row| {
            let skip = rest.iter().take_while(|hit| hit.row < *row).count();
            let length = rest[skip..].iter().take_while(|hit| hit.row == *row).count();
            let (hits, after) = rest[skip..].split_at(length);
            rest = after;
            hits
        })
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    #[test]
    fn are_found_by_row_in_the_order_of_the_flags() {
        let flags = ["b", "a"].map(|name| Flag { name: name.into(), ..Flag::default() });
        let columns = df!("flag" => ["a", "a", "b"], "value" => ["1", "2", "3"]).unwrap();
        let mut hits = Hits::default();
        hits.extend(&flags, &Table::new(vec![4, 9, 4], columns).unwrap()).unwrap();
        hits.sort();
        let rows = [3, 4, 5, 9];
        let found: Vec<Vec<usize>> =
            hits.of_rows(&rows).map(|hits| hits.iter().map(|hit| hit.flag).collect()).collect();
        assert_eq!(found, [vec![], vec![0, 1], vec![], vec![1]]);
        // Rows that were removed since are passed over.
        let found: Vec<usize> = hits.of_rows(&[9]).map(<[Hit]>::len).collect();
        assert_eq!(found, [1]);
    }

    #[test]
    fn of_an_unplanned_flag_are_an_error() {
        let columns = df!("flag" => ["x"], "value" => ["1"]).unwrap();
        let table = Table::new(vec![0], columns).unwrap();
        assert!(Hits::default().extend(&[], &table).is_err());
    }
}
