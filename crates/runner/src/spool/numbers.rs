//! The numbers of rows' incidents, by row.

use std::{io, os::unix::fs::FileExt, sync::Arc};

use anomal_core::Result;

use super::{Spill, Spilled, Spool, failed};

/// Pairs that are read at once.
const BLOCK: usize = 4_096;
/// Bytes of a pair in the file.
const PAIR: usize = super::LENGTH + 16;

/// Row and number of its incident, by row: in memory, or in a file where there are many. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RowNumbers(Arc<Pairs>);

#[derive(Debug)]
enum Pairs {
    Memory(Vec<(u64, u64)>),
    /// With the first row of each block.
    File(Spill, Vec<u64>),
}

impl Default for Pairs {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

impl RowNumbers {
    /// `pairs` are by row.
    pub(crate) fn new(pairs: Spool<(u64, u64)>) -> Result<Self> {
        let pairs = match pairs.file {
            None => Pairs::Memory(pairs.rows),
            Some(_) => {
                let mut firsts = Vec::new();
                for pair in pairs.iter().step_by(BLOCK) {
                    firsts.push(pair?.0);
                }
                match pairs.into_file()? {
                    Some(file) => Pairs::File(file, firsts),
                    None => Pairs::default(),
                }
            }
        };
        Ok(Self(Arc::new(pairs)))
    }

    /// Rows that have one.
    pub fn len(&self) -> usize {
        match self.0.as_ref() {
            Pairs::Memory(pairs) => pairs.len(),
            Pairs::File(file, _) => file.rows,
        }
    }

    /// Whether no row has one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of rows, for each of them; few reads where rows ascend.
    ///
    /// # Errors
    /// `Output` if they can't be read again.
    pub fn of(&self, rows: &[u64]) -> Result<Vec<Option<u64>>> {
        let number = |pairs: &[(u64, u64)], row: u64| {
            let place = pairs.binary_search_by_key(&row, |(row, _)| *row).ok()?;
            Some(pairs[place].1)
        };
        match self.0.as_ref() {
            Pairs::Memory(pairs) => Ok(rows.iter().map(|row| number(pairs, *row)).collect()),
            Pairs::File(file, firsts) => {
                let (mut known, mut pairs) = (0, Vec::new());
                let of_row = |row: &u64| {
                    let block = firsts.partition_point(|first| first <= row);
                    if block != known {
                        pairs = read(file, block - 1).map_err(|error| failed(&error))?;
                        known = block;
                    }
                    Ok(if block == 0 { None } else { number(&pairs, *row) })
                };
                rows.iter().map(of_row).collect()
            }
        }
    }
}

fn read(file: &Spill, block: usize) -> io::Result<Vec<(u64, u64)>> {
    let start = block * BLOCK;
    let pairs = BLOCK.min(file.rows.saturating_sub(start));
    let mut bytes = vec![0; pairs * PAIR];
    file.file.read_exact_at(&mut bytes, (start * PAIR) as u64)?;
    let pair = |mut pair: &[u8]| {
        pair.split_off(..super::LENGTH)?;
        Spilled::read(&mut pair)
    };
    let pairs: Option<Vec<(u64, u64)>> = bytes.chunks_exact(PAIR).map(pair).collect();
    pairs.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_memory_and_in_a_file() {
        for bound in [1 << 30, 1 << 12] {
            let mut pairs = Spool::new(bound);
            for row in 5..20_000_u64 {
                pairs.push((row * 3, row)).unwrap();
            }
            let numbers = RowNumbers::new(pairs).unwrap();
            assert_eq!(
                (numbers.len(), matches!(*numbers.0, Pairs::File(..))),
                (19_995, bound < 1 << 20)
            );
            let rows = [0, 14, 15, 16, 30_000, 30_001, 59_997, 59_998, 60_000, 15];
            let found = numbers.of(&rows).unwrap();
            let expected =
                [None, None, Some(5), None, Some(10_000), None, Some(19_999), None, None, Some(5)];
            assert_eq!(found, expected);
        }
        assert!(RowNumbers::default().is_empty());
    }
}
