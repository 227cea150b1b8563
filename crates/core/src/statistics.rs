//! Counts of rows and the figures of steps, added up over batches.

use std::collections::BTreeMap;

use crate::{
    Extraction, Result,
    proto::{Diagnostic, StepStatistics},
};

/// Counts balance: `read = rejected + filtered + written`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    pub read: u64,
    pub rejected: u64,
    /// Rows removed, by filter.
    pub filtered: BTreeMap<String, u64>,
    pub steps: Vec<StepStatistics>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Statistics {
    pub fn filtered_total(&self) -> u64 {
        self.filtered.values().sum()
    }

    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.rejected += other.rejected;
        for (filter, rows) in &other.filtered {
            *self.filtered.entry(filter.clone()).or_default() += rows;
        }
        add_steps(&mut self.steps, &other.steps);
        self.add_diagnostics(&other.diagnostics);
    }

    /// Adds the rows removed, the figures and the diagnostics of one call of the feature engine.
    ///
    /// # Errors
    /// `Internal` if its table of removed rows has no column `filter`.
    pub fn add_extraction(&mut self, extraction: &Extraction) -> Result<()> {
        if extraction.removed.height() > 0 {
            for name in extraction.removed.columns().column("filter")?.str()?.iter().flatten() {
                *self.filtered.entry(name.to_owned()).or_default() += 1;
            }
        }
        add_steps(&mut self.steps, &extraction.steps);
        self.add_diagnostics(&extraction.diagnostics);
        Ok(())
    }

    /// Equal diagnostics become one, with the sum of their counts.
    fn add_diagnostics(&mut self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            let same = |known: &&mut Diagnostic| {
                (&known.path, &known.message) == (&diagnostic.path, &diagnostic.message)
            };
            match self.diagnostics.iter_mut().find(same) {
                Some(known) => known.count += diagnostic.count,
                None => self.diagnostics.push(diagnostic.clone()),
            }
        }
    }
}

/// Adds the figures of steps of the same name.
pub fn add_steps(sum: &mut Vec<StepStatistics>, steps: &[StepStatistics]) {
    for step in steps {
        match sum.iter_mut().find(|known| known.step == step.step) {
            Some(known) => {
                known.rows_in += step.rows_in;
                known.rows_out += step.rows_out;
                known.nulls += step.nulls;
                known.seconds += step.seconds;
            }
            None => sum.push(step.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_filters_and_diagnostics_are_added_up() {
        let diagnostic =
            |path: &str| Diagnostic { path: path.into(), count: 2, ..Diagnostic::default() };
        let one = Statistics {
            read: 5,
            rejected: 1,
            filtered: BTreeMap::from([("internal".into(), 2)]),
            steps: vec![StepStatistics {
                step: "a".into(),
                rows_in: 4,
                ..StepStatistics::default()
            }],
            diagnostics: vec![diagnostic("features[0]"), diagnostic("features[1]")],
        };
        let mut sum = one.clone();
        sum.add(&one);
        assert_eq!((sum.read, sum.rejected, sum.filtered_total()), (10, 2, 4));
        assert_eq!(sum.steps[0].rows_in, 8);
        assert_eq!(sum.diagnostics.iter().map(|d| d.count).collect::<Vec<_>>(), [4, 4]);
    }
}
