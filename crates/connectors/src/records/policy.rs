//! What becomes of records that can't be read, and of values that are not of their column's type.

use std::{collections::BTreeMap, sync::Arc};

use anomal_core::{Batch, Hit, Hits, RejectedRecord, Result};
use polars::prelude::{BooleanChunked, DataFrame, NewChunkedArray};

use super::{BadRecord, RawBatch, RecordSpan, remove};
use crate::{
    files::Files,
    findings::{StrayExample, TypeFindings},
    source::{bad_record, raw_text},
    typing::{self, Misfits, TypeMismatch, TypeRules, View},
};

/// How bad records are handled.
#[derive(Clone)]
pub(crate) struct BadRecordPolicy {
    files: Arc<Files>,
    driver: &'static str,
    skip: bool,
    /// What a message about a bad record adds.
    pub hint: Option<String>,
}

impl BadRecordPolicy {
    /// `skip`: bad records are rejected and do not end reading.
    pub fn new(files: Arc<Files>, driver: &'static str, skip: bool) -> Self {
        Self { files, driver, skip, hint: None }
    }

    /// The name of the driver.
    pub fn driver(&self) -> &'static str {
        self.driver
    }

    /// Rejects a bad record, whose first bytes are `bytes`.
    ///
    /// # Errors
    /// `InvalidInput` where bad records are errors.
    pub(super) fn reject_bytes(
        &self,
        span: &RecordSpan,
        bad: BadRecord,
        bytes: &[u8],
        rejected: &mut Vec<RejectedRecord>,
    ) -> Result<()> {
        let bad = RejectedRecord {
            file: self.files.name(span.file),
            line: span.line,
            row: span.row,
            column: bad.column,
            reason: bad.reason,
            raw: raw_text(bytes),
        };
        if !self.skip {
            let mut error = bad_record(bad, self.driver);
            if let Some(hint) = &self.hint {
                error.message = format!("{}; {hint}", error.message);
            }
            return Err(error);
        }
        rejected.push(bad);
        Ok(())
    }

    /// Rejects the record at `index`. Returns true if that ends reading; only the records up to that one remain
    /// then.
    pub fn reject(&self, raw: &mut RawBatch, index: usize, bad: BadRecord) -> bool {
        let span = raw.records[index];
        let bytes = &raw.text.as_bytes()[span.start..span.end];
        let Err(failure) = self.reject_bytes(&span, bad, bytes, &mut raw.rejected) else {
            return false;
        };
        raw.records.truncate(index + 1);
        // It precedes a failure behind it.
        raw.failure = Some(failure);
        true
    }

    /// Makes a batch of these records and their columns, with typed forms of the selected ones. Records with a value
    /// that is not of its column's type are rejected, unless the rules say that it counts as missing.
    ///
    /// # Errors
    /// `InvalidInput`: the first failure in the records' order; [`WIDEN`](crate::findings::WIDEN) if a column needs a
    /// wider type.
    pub fn batch(
        &self,
        mut raw: RawBatch,
        mut source: DataFrame,
        views: &[View],
        rules: &TypeRules,
    ) -> Result<Batch> {
        let mut typed = typing::type_columns(&source, views, rules)?;
        let bad = typed.bad();
        let widen = typed.misfits.iter().filter_map(|column| {
            let (index, class, text) = column.widen.as_ref()?;
            Some((*index, column.column.as_str(), *class, text.as_str()))
        });
        let widen = widen.min_by_key(|(index, ..)| *index);
        let end = widen.map_or(usize::MAX, |(index, ..)| index);
        let bad: Vec<TypeMismatch> =
            bad.into_iter().take_while(|mismatch| mismatch.index < end).collect();
        let places: Vec<usize> = bad.iter().map(|mismatch| mismatch.index).collect();
        for mismatch in bad {
            let bad =
                BadRecord { reason: mismatch.reason(), column: Some(mismatch.column.clone()) };
            if self.reject(&mut raw, mismatch.index, bad)
                && let Some(failure) = raw.failure.take()
            {
                return Err(failure);
            }
        }
        if let Some((index, column, class, text)) = widen {
            let place = self.place(&raw.records[index]);
            return Err(TypeFindings::widen(column, class, text, &place));
        }
        if let Some(failure) = raw.failure {
            return Err(failure);
        }
        let hits = self.strays(&raw, &typed.misfits, &places, rules);
        let mut columns = typed.columns;
        if !places.is_empty() {
            let mut fits = vec![true; source.height()];
            places.iter().for_each(|place| fits[*place] = false);
            let mask = BooleanChunked::from_slice("fits".into(), &fits);
            (source, columns) = (source.filter(&mask)?, columns.filter(&mask)?);
            remove(&mut raw.records, &places);
        }
        raw.rejected.sort_by_key(|bad| bad.row);
        let rows = raw.records.iter().map(|span| span.row).collect();
        let mut batch = Batch::new(rows, source, columns)?.with_rejected(raw.rejected);
        batch.hits = hits;
        Ok(batch)
    }

    /// Counts the values that are missing by the rules, in records that are not rejected, and returns the hits of the
    /// flag for strays.
    fn strays(
        &self,
        raw: &RawBatch,
        misfits: &[Misfits],
        rejected: &[usize],
        rules: &TypeRules,
    ) -> Hits {
        let mut found: BTreeMap<u64, String> = BTreeMap::new();
        for column in misfits {
            let kept =
                column.strays.iter().filter(|(index, _)| rejected.binary_search(index).is_err());
            let strays = kept.map(|(index, text)| {
                let span = &raw.records[*index];
                let value = found.entry(span.row).or_default();
                if !value.is_empty() {
                    value.push_str(", ");
                }
                value.push_str(&column.column);
                value.push('=');
                value.push_str(text);
                (span.row, StrayExample { text: text.clone(), place: self.place(span) })
            });
            let strays = strays.collect();
            rules.findings.count(&column.column, column.wanted, &column.words, strays);
        }
        let mut hits = Hits::default();
        if let Some(flag) = rules.findings.flag() {
            for (row, value) in found {
                hits.push(Hit { row, flag, value: value.into(), facts: None });
            }
        }
        hits
    }

    /// The file and line of a record.
    pub fn place(&self, span: &RecordSpan) -> String {
        format!("{}:{}", self.files.name(span.file), span.line)
    }
}
