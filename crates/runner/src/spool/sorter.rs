//! Sorts more rows than memory holds: in parts, which are merged.

use std::cmp::Ordering;

use anomal_core::Result;

use super::{Spill, Spilled, Spool, failed};

/// Parts that are merged at a time: each is an open file.
const PARTS: usize = 64;

/// Sorts rows as it gets them. Rows that compare equal come in any order.
pub(crate) struct Sorter<T, C> {
    rows: Vec<T>,
    size: usize,
    /// Bytes of rows in memory.
    bound: usize,
    order: C,
    parts: Vec<Spill>,
}

impl<T: Spilled, C: Fn(&T, &T) -> Ordering> Sorter<T, C> {
    pub fn new(bound: usize, order: C) -> Self {
        Self { rows: Vec::new(), size: 0, bound, order, parts: Vec::new() }
    }

    /// # Errors
    /// `Output` if it can't be written.
    pub fn push(&mut self, row: T) -> Result<()> {
        if self.rows.len() == self.rows.capacity() {
            self.rows.reserve_exact((self.rows.len() / 4).max(64));
        }
        self.size += row.size();
        self.rows.push(row);
        if self.size >= self.bound { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<()> {
        self.rows.sort_unstable_by(&self.order);
        self.size = 0;
        let part = Spill::create(self.rows.drain(..)).map_err(|error| failed(&error))?;
        self.parts.push(part);
        if self.parts.len() == PARTS {
            let merged = self.merged()?.into_file()?;
            self.parts.clear();
            self.parts.extend(merged);
        }
        Ok(())
    }

    /// All rows, in order.
    ///
    /// # Errors
    /// `Output` if the parts can't be read again.
    pub fn finish(mut self) -> Result<Spool<T>> {
        if self.parts.is_empty() {
            self.rows.sort_unstable_by(&self.order);
            return Ok(Spool { rows: self.rows, size: self.size, bound: usize::MAX, file: None });
        }
        self.spill()?;
        self.rows = Vec::new();
        match self.parts.as_slice() {
            [only] => Ok(Spool { file: Some(only.clone()), ..Spool::new(usize::MAX) }),
            _ => self.merged(),
        }
    }

    fn merged(&self) -> Result<Spool<T>> {
        let mut merged = Spool::new(super::BUFFER);
        merge(&self.parts, &self.order, |row| merged.push(row))?;
        Ok(merged)
    }
}

/// Passes the rows of sorted parts on in order.
fn merge<T: Spilled>(
    parts: &[Spill],
    order: &impl Fn(&T, &T) -> Ordering,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut readers: Vec<_> = parts.iter().map(Spill::iter::<T>).collect();
    let mut next_of =
        |part: usize| readers[part].next().transpose().map_err(|error| failed(&error));
    let mut heads = Vec::with_capacity(parts.len());
    for part in 0..parts.len() {
        heads.extend(next_of(part)?.map(|row| (part, row)));
    }
    while let Some(first) = (0..heads.len()).min_by(|a, b| order(&heads[*a].1, &heads[*b].1)) {
        let part = heads[first].0;
        take(match next_of(part)? {
            Some(row) => std::mem::replace(&mut heads[first].1, row),
            None => heads.swap_remove(first).1,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_sorted_whatever_fits_into_memory(
            rows in prop::collection::vec((any::<u8>(), any::<u32>()), 0..300), bound in 1_usize..4_000,
        ) {
            let mut sorter = Sorter::new(bound, |a: &(u8, u32), b: &(u8, u32)| a.cmp(b));
            rows.iter().try_for_each(|row| sorter.push(*row)).unwrap();
            let sorted = sorter.finish().unwrap();
            prop_assert_eq!(sorted.len(), rows.len());
            let found: Vec<_> = sorted.iter().map(|row| row.unwrap().into_owned()).collect();
            let mut expected = rows;
            expected.sort_unstable();
            prop_assert_eq!(&found, &expected);
            let mut drained = Vec::new();
            sorted.drain(|row| { drained.push(row); Ok(()) }).unwrap();
            prop_assert_eq!(drained, expected);
        }
    }

    #[test]
    fn memory_holds_no_more_than_the_bound() {
        let mut sorter = Sorter::new(800, u64::cmp);
        for row in (0..105_000_u64).rev() {
            sorter.push(row).unwrap();
            assert!(sorter.rows.len() < 100 && sorter.parts.len() < PARTS);
        }
        let sorted = sorter.finish().unwrap();
        assert!(!sorted.is_in_memory());
        assert!(sorted.iter().map(|row| row.unwrap().into_owned()).eq(0..105_000));
    }
}
