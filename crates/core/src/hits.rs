//! Which rows were hit by which flags.

use polars::prelude::DataType;

use crate::{
    Result, Table,
    facts::{Facts, FlagPlaces, by_group},
    proto::plan::Flag,
};

/// A row that a flag has hit, and what it found there.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub row: u64,
    /// The flag's place in `Plan.flags`.
    pub flag: usize,
    /// In words.
    pub value: Box<str>,
    /// None where the flag, or its engine, reports texts alone.
    pub facts: Option<Facts>,
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

    /// Adds the hits of an extraction, with the facts of their groups.
    ///
    /// # Errors
    /// `Internal` if the engine speaks of a flag that it did not plan.
    pub fn extend(&mut self, flags: &[Flag], hits: &Table, facts: &Table) -> Result<()> {
        if hits.height() == 0 {
            return Ok(());
        }
        let facts = by_group(flags, facts)?;
        let places = FlagPlaces::new(flags);
        let names = hits.columns().column("flag")?.str()?;
        let values = hits.columns().column("value")?.str()?;
        let groups = match hits.columns().column("group") {
            Ok(groups) if !facts.is_empty() => Some(groups.cast(&DataType::UInt64)?.u64()?.clone()),
            _ => None,
        };
        for (place, row) in hits.rows().into_iter().enumerate() {
            let flag = places.find(names.get(place))?;
            let group = groups.as_ref().and_then(|groups| groups.get(place));
            let facts = group.and_then(|group| facts.get(&(flag, group)).cloned());
            let value = values.get(place).unwrap_or_default().into();
            self.0.push(Hit { row, flag, value, facts });
        }
        Ok(())
    }

    /// Puts them in order. Call it after the last [`Hits::extend`] or [`Hits::append`].
    pub fn sort(&mut self) {
        self.0.sort_unstable_by(|a, b| (a.row, a.flag, &a.value).cmp(&(b.row, b.flag, &b.value)));
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
    use crate::proto::plan::FactInfo;

    fn none() -> Table {
        Table::new(Vec::new(), DataFrame::default()).unwrap()
    }

    #[test]
    fn are_found_by_row_in_the_order_of_the_flags() {
        let flags = ["b", "a"].map(|name| Flag { name: name.into(), ..Flag::default() });
        let columns = df!("flag" => ["a", "a", "b"], "value" => ["1", "2", "3"]).unwrap();
        let mut hits = Hits::default();
        hits.extend(&flags, &Table::new(vec![4, 9, 4], columns).unwrap(), &none()).unwrap();
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
        assert!(Hits::default().extend(&[], &table, &none()).is_err());
    }

    #[test]
    fn of_a_group_share_its_facts() {
        let fact = |name: &str| FactInfo { name: name.into(), ..FactInfo::default() };
        let facts = vec![fact("names"), fact("answer")];
        let flags = [Flag { name: "a".into(), facts, ..Flag::default() }];
        let columns = df!(
            "flag" => ["a", "a", "a"], "value" => ["x", "x", "y"], "group" => [Some(7_u32), Some(7), None]
        );
        let lines = df!(
            "flag" => ["a", "a", "a"], "name" => ["answer", "names", "later"],
            "number" => [None, Some(21.0), Some(1.0)], "text" => [Some("c2VjcmV0"), None, None]
        );
        let facts = Table::new(vec![7, 7, 7], lines.unwrap()).unwrap();
        let mut hits = Hits::default();
        hits.extend(&flags, &Table::new(vec![0, 1, 2], columns.unwrap()).unwrap(), &facts).unwrap();
        let rows = [0, 1, 2];
        let found: Vec<_> = hits.of_rows(&rows).map(|hits| hits[0].facts.clone()).collect();
        let expected: Facts = vec![21.0.into(), "c2VjcmV0".into()].into();
        assert_eq!(found, [Some(expected.clone()), Some(expected), None]);
    }
}
