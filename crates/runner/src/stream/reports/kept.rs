//! The rows of the next report, in bounded memory: those that stand out, and others evenly spread.

use anomal_core::{Batch, Hit, Hits, Result};
use polars::prelude::{BooleanChunked, Column, DataFrame, NewChunkedArray};

/// Rows that stand out, at most, and about twice the fewest others where there are more.
const MOST: usize = 50_000;
/// Parts of which one is made.
const PARTS: usize = 64;

/// Rows by their numbers among all that were judged.
#[derive(Default)]
pub(super) struct KeptRows {
    parts: Vec<Batch>,
    judged: u64,
    outstanding: usize,
    others: usize,
    /// Of the others every 2^n-th is kept.
    thinned: u32,
}

impl KeptRows {
    /// Those that were added.
    pub fn judged(&self) -> u64 {
        self.judged
    }

    /// # Errors
    /// `Internal` if the rows have no results, or columns of other types than those before.
    pub fn add(&mut self, batch: &Batch) -> Result<()> {
        let mut wanted = Vec::with_capacity(batch.height());
        for (number, is_outstanding) in (self.judged..).zip(outstanding(batch)?) {
            let of_kind = if is_outstanding { &mut self.outstanding } else { &mut self.others };
            let is_wanted =
                if is_outstanding { *of_kind < MOST } else { is_sampled(number, self.thinned) };
            *of_kind += usize::from(is_wanted);
            wanted.push(is_wanted);
        }
        let numbers = (self.judged..).zip(&wanted).filter(|(_, wanted)| **wanted);
        let numbers: Vec<u64> = numbers.map(|(number, _)| number).collect();
        self.judged += wanted.len() as u64;
        if numbers.is_empty() {
            return Ok(());
        }
        let kept = batch.clone().filter(&BooleanChunked::from_slice("kept".into(), &wanted))?;
        self.parts.push(numbered(kept, numbers)?);
        while self.others > 2 * MOST {
            self.thin()?;
        }
        if self.parts.len() > PARTS {
            self.parts = vec![stacked(std::mem::take(&mut self.parts))?];
        }
        Ok(())
    }

    /// Keeps every second one of the others.
    fn thin(&mut self) -> Result<()> {
        self.thinned += 1;
        self.others = 0;
        for part in &mut self.parts {
            let rows = part.offsets().into_iter().zip(outstanding(part)?);
            let wanted: Vec<bool> = rows
                .map(|(number, is_outstanding)| is_outstanding || is_sampled(number, self.thinned))
                .collect();
            let kept = wanted.iter().filter(|wanted| **wanted).count();
            let mask = BooleanChunked::from_slice("kept".into(), &wanted);
            *part = part.clone().filter(&mask)?;
            self.others += kept;
        }
        self.others -= self.outstanding;
        Ok(())
    }

    /// All of them, in order.
    ///
    /// # Errors
    /// As [`KeptRows::add`].
    pub fn into_batch(self) -> Result<Batch> {
        stacked(self.parts)
    }
}

/// Whether each row is suspicious or flagged.
fn outstanding(batch: &Batch) -> Result<Vec<bool>> {
    let offsets = batch.offsets();
    let suspicious = batch.results.column("anomal.suspicious")?.bool()?;
    let rows = batch.hits.of_rows(&offsets).zip(suspicious.iter());
    Ok(rows.map(|(hits, suspicious)| suspicious == Some(true) || !hits.is_empty()).collect())
}

/// Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4): the hashes of consecutive numbers are
/// evenly spread.
fn is_sampled(number: u64, thinned: u32) -> bool {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).leading_zeros() >= thinned
}

/// The rows of a batch by other numbers.
fn numbered(batch: Batch, numbers: Vec<u64>) -> Result<Batch> {
    let offsets = batch.offsets();
    let mut hits = Hits::default();
    for (of_row, row) in batch.hits.of_rows(&offsets).zip(&numbers) {
        for hit in of_row {
            hits.push(Hit { row: *row, ..hit.clone() });
        }
    }
    let mut numbered = Batch::new(numbers, batch.raw, batch.typed)?;
    (numbered.features, numbered.scores) = (batch.features, batch.scores);
    (numbered.results, numbered.hits) = (batch.results, hits);
    Ok(numbered)
}

/// One batch of several, with the columns of all.
fn stacked(parts: Vec<Batch>) -> Result<Batch> {
    let heights: Vec<usize> = parts.iter().map(Batch::height).collect();
    let of = |part: fn(&Batch) -> &DataFrame| {
        let parts: Vec<&DataFrame> = parts.iter().map(part).collect();
        union(&parts, &heights)
    };
    let numbers = parts.iter().flat_map(Batch::offsets).collect();
    let mut whole = Batch::new(numbers, of(|it| &it.raw)?, of(|it| &it.typed)?)?;
    whole.features = of(|it| &it.features)?;
    whole.scores = of(|it| &it.scores)?;
    whole.results = of(|it| &it.results)?;
    for part in parts {
        whole.hits.append(part.hits);
    }
    Ok(whole)
}

/// Rows below each other; what one does not have is missing.
fn union(parts: &[&DataFrame], heights: &[usize]) -> Result<DataFrame> {
    let mut columns: Vec<Column> = Vec::new();
    for column in parts.iter().flat_map(|part| part.columns()) {
        if columns.iter().any(|known| known.name() == column.name()) {
            continue;
        }
        let piece = |(part, height): (&&DataFrame, &usize)| {
            let missing = || Column::full_null(column.name().clone(), *height, column.dtype());
            part.column(column.name()).cloned().unwrap_or_else(|_| missing())
        };
        let mut pieces = parts.iter().zip(heights).map(piece);
        let Some(mut whole) = pieces.next() else { continue };
        for piece in pieces {
            whole.append(&piece)?;
        }
        columns.push(whole.rechunk());
    }
    let height = if columns.is_empty() { 0 } else { heights.iter().sum() };
    Ok(DataFrame::new(height, columns)?)
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    /// Rows of a partition from an offset on, of which every tenth is suspicious and every hundredth flagged.
    fn batch(first: u64, height: u64, is_scored: bool) -> Batch {
        let offsets: Vec<u64> = (first..first + height).collect();
        let raw = df!("number" => &offsets).unwrap();
        let mut batch = Batch::new(offsets.clone(), raw, DataFrame::default()).unwrap();
        let suspicious: Vec<bool> = offsets.iter().map(|it| it.is_multiple_of(10)).collect();
        batch.results = df!("anomal.suspicious" => suspicious).unwrap();
        if is_scored {
            batch.scores = df!("score" => vec![0.5; offsets.len()]).unwrap();
        }
        for row in offsets.into_iter().filter(|it| it.is_multiple_of(100)) {
            batch.hits.push(Hit { row, flag: 0, value: "x".into(), facts: None });
        }
        batch
    }

    #[test]
    fn rows_of_all_partitions_have_numbers_of_their_own() {
        let mut rows = KeptRows::default();
        for (first, is_scored) in [(0, false), (500, true), (0, true)] {
            rows.add(&batch(first, 200, is_scored)).unwrap();
        }
        let whole = rows.into_batch().unwrap();
        assert_eq!(whole.offsets(), (0..600).collect::<Vec<u64>>());
        let numbers = whole.raw.column("number").unwrap().u64().unwrap();
        assert_eq!((numbers.get(200), numbers.get(400)), (Some(500), Some(0)));
        assert_eq!(whole.scores.column("score").unwrap().null_count(), 200);
        let hit: Vec<u64> = (0..600)
            .filter(|row| whole.hits.of_rows(&[*row]).next().is_some_and(|hits| !hits.is_empty()))
            .collect();
        assert_eq!(hit, [0, 100, 200, 300, 400, 500]);
    }

    #[test]
    fn what_stands_out_is_kept_and_others_are_thinned() {
        let mut rows = KeptRows::default();
        for first in (0..400_000).step_by(4_000) {
            rows.add(&batch(first, 4_000, true)).unwrap();
        }
        assert_eq!(
            (rows.judged(), rows.outstanding, rows.parts.len() <= PARTS),
            (400_000, 40_000, true)
        );
        let others = rows.others;
        assert!((MOST..=2 * MOST).contains(&others), "{others}");
        let whole = rows.into_batch().unwrap();
        assert_eq!(whole.height(), 40_000 + others);
        let offsets = whole.offsets();
        assert!(offsets.is_sorted());
        // From all of the time.
        let early = offsets.iter().filter(|row| **row < 200_000).count() - 20_000;
        assert!(early.abs_diff(others / 2) < others / 100, "{early} of {others}");
    }
}
