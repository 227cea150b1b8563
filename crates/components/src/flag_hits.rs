//! What flags find.

use anomal_core::{Error, FactValue, Result};

/// A row that was hit: its position in the columns, and what was found there, in words.
pub type Hit = (usize, String);

/// The rows that a flag hits, with what it found: once for all rows with the same finding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlagHits {
    /// Positions in the columns, each with the place of its finding.
    pub rows: Vec<(usize, u32)>,
    pub findings: Vec<Finding>,
}

/// What was found in rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// In words, by a flag without facts.
    Text(String),
    /// The values of the component's facts, in their order.
    Facts(Vec<FactValue>),
}

impl FlagHits {
    /// Adds rows with the same facts.
    pub fn add(&mut self, rows: impl IntoIterator<Item = usize>, facts: Vec<FactValue>) {
        let place = u32::try_from(self.findings.len()).unwrap_or(u32::MAX);
        self.findings.push(Finding::Facts(facts));
        self.rows.extend(rows.into_iter().map(|row| (row, place)));
    }

    /// Adds the hits of other rows.
    pub fn append(&mut self, other: Self) {
        let first = u32::try_from(self.findings.len()).unwrap_or(u32::MAX);
        self.findings.extend(other.findings);
        self.rows.extend(other.rows.into_iter().map(|(row, place)| (row, first + place)));
    }

    /// The hits of a flag with so many facts among so many rows.
    ///
    /// # Errors
    /// `Internal` if it hits a row that is not there, or if its facts are others.
    pub fn checked(self, rows: usize, facts: usize) -> Result<Self> {
        if let Some((row, _)) = self.rows.iter().find(|(row, _)| *row >= rows) {
            let message = format!("a flag hits the row {row} of a table of {rows} rows");
            return Err(Error::internal(message));
        }
        let has_others =
            |finding: &Finding| matches!(finding, Finding::Facts(found) if found.len() != facts);
        let is_beyond = |(_, place): &(usize, u32)| *place as usize >= self.findings.len();
        if self.findings.iter().any(has_others) || self.rows.iter().any(is_beyond) {
            return Err(Error::internal("a flag reports other facts than its component names"));
        }
        Ok(self)
    }

    /// Puts the hits in the order of the rows.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.rows.sort_unstable();
        self
    }
}

impl From<Vec<Hit>> for FlagHits {
    fn from(hits: Vec<Hit>) -> Self {
        let mut all = Self::default();
        for (row, text) in hits {
            let is_last = matches!(all.findings.last(), Some(Finding::Text(last)) if *last == text);
            if !is_last {
                all.findings.push(Finding::Text(text));
            }
            let place = u32::try_from(all.findings.len() - 1).unwrap_or(u32::MAX);
            all.rows.push((row, place));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_findings() {
        let mut hits = FlagHits::default();
        hits.add([4, 2], vec![1.0.into()]);
        let mut other = FlagHits::default();
        other.add([3], vec![2.0.into()]);
        hits.append(other);
        let hits = hits.sorted();
        assert_eq!(hits.rows, [(2, 0), (3, 1), (4, 0)]);
        let texts: FlagHits = vec![(0, "a".into()), (1, "a".into()), (2, "b".into())].into();
        assert_eq!(texts.rows, [(0, 0), (1, 0), (2, 1)]);
        assert_eq!(texts.findings.len(), 2);
    }
}
