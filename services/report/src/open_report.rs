//! A report that is open for reading.

mod records;

use std::{fs::File, sync::OnceLock};

use anomal_core::{
    Error, ROW, Result,
    proto::{Analysis, Report},
};
use polars::prelude::{Column, DataFrame, IdxCa, SortOptions};

use crate::{
    contents::{self, Contents, Group, columns},
    view::{Hit, Page, Query, Record, View, Whole},
};
use records::Records;

/// A report with what its pages need in memory: its suspects, and nothing of the other rows.
pub struct OpenReport {
    pub report: Report,
    pub analysis: Option<Analysis>,
    pub view: View,
    groups: Vec<Group>,
    /// Of each flag.
    hits: Vec<u64>,
    suspects: DataFrame,
    /// The numbers of [`OpenReport::suspects`]' rows.
    numbers: Vec<u64>,
    /// What a search looks at, in lower case, of each suspect.
    texts: OnceLock<Vec<String>>,
    rows: File,
    hit_rows: File,
}

/// The files of a stored report.
pub(crate) struct Files {
    pub contents: File,
    pub rows: File,
    pub suspects: File,
    pub hits: File,
}

impl OpenReport {
    /// # Errors
    /// `Output` if it is damaged.
    pub(crate) fn read(report: Report, files: Files) -> Result<Self> {
        let Contents { analysis, view, groups, hits } = contents::read(files.contents)?;
        let mut suspects = columns(&files.suspects, None, None)?;
        suspects.rechunk_mut();
        let numbers = suspects.column(ROW)?.u64()?.into_no_null_iter().collect();
        Ok(Self {
            report,
            analysis,
            view,
            groups,
            hits,
            suspects,
            numbers,
            texts: OnceLock::new(),
            rows: files.rows,
            hit_rows: files.hits,
        })
    }

    /// Bytes that it takes in memory, roughly.
    pub(crate) fn size(&self) -> usize {
        let points: usize =
            self.view.points.iter().map(|point| 100 + 40 * point.features.len()).sum();
        2 * self.suspects.estimated_size() + points + (1 << 20)
    }

    /// The row of that number; none where there is none in the results.
    ///
    /// # Errors
    /// `Output` if the store fails.
    pub fn record(&self, row: u64) -> Result<Option<Record>> {
        if let Some(place) = self.numbers.iter().position(|known| *known == row) {
            return Records::new(&self.report, &self.suspects)?.get(place).map(Some);
        }
        let group = self.groups.partition_point(|group| group.first_row <= row);
        let Some(group) = group.checked_sub(1).and_then(|place| self.groups.get(place)) else {
            return Ok(None);
        };
        let (offset, length) = (whole(group.offset), whole(group.rows));
        let numbers = columns(&self.rows, Some(vec![ROW.to_owned()]), Some((offset, length)))?;
        let numbers: Vec<u64> = numbers.column(ROW)?.u64()?.into_no_null_iter().collect();
        let Ok(place) = numbers.binary_search(&row) else { return Ok(None) };
        let frame = columns(&self.rows, None, Some((offset + place, 1)))?;
        Records::new(&self.report, &frame)?.get(0).map(Some)
    }

    /// # Errors
    /// `NotFound` for a column that the report has not.
    pub fn suspects(&self, query: &Query) -> Result<Page<Record>> {
        let order = self.order(query)?;
        let end = order.len().min(query.offset.saturating_add(query.limit));
        let shown = order.get(query.offset.min(end)..end).unwrap_or_default();
        let records = Records::new(&self.report, &self.suspects)?;
        let items = shown.iter().map(|place| records.get(*place)).collect::<Result<_>>()?;
        Ok(Page { items, offset: query.offset, total: order.len() })
    }

    fn order(&self, query: &Query) -> Result<Vec<usize>> {
        let order: Vec<usize> = match self.key(&query.sort)? {
            Some(key) => {
                let options = SortOptions::new()
                    .with_order_descending(query.descending)
                    .with_nulls_last(true)
                    .with_maintain_order(true);
                let order: IdxCa = key.as_materialized_series().arg_sort(options);
                order.into_no_null_iter().map(|place| place as usize).collect()
            }
            None if query.descending => (0..self.suspects.height()).rev().collect(),
            None => (0..self.suspects.height()).collect(),
        };
        if query.search.is_empty() {
            return Ok(order);
        }
        let wanted = query.search.to_lowercase();
        let texts = self.texts()?;
        Ok(order.into_iter().filter(|place| texts[*place].contains(&wanted)).collect())
    }

    /// What to sort by; none: the order in which they are.
    fn key(&self, sort: &str) -> Result<Option<Column>> {
        let name = match sort {
            "" => return Ok(None),
            "severity" => {
                let severities = self.suspects.column("anomal.severity")?.str()?.clone();
                let ranks: Vec<u32> =
                    severities.iter().map(|severity| contents::rank(severity).into()).collect();
                return Ok(Some(Column::new("severity".into(), ranks)));
            }
            "row" | "score" => format!("anomal.{sort}"),
            sort => match sort.split_once('.') {
                Some(("source", name)) => name.to_owned(),
                Some(("feature", name)) => format!("anomal.features.{name}"),
                _ => String::new(),
            },
        };
        let column = self.suspects.column(&name);
        let column = column.ok().filter(|column| !column.dtype().is_nested());
        let column = column
            .ok_or_else(|| Error::not_found(format!("the report can't be sorted by `{sort}`")))?;
        Ok(Some(column.clone()))
    }

    fn texts(&self) -> Result<&Vec<String>> {
        if let Some(texts) = self.texts.get() {
            return Ok(texts);
        }
        let records = Records::new(&self.report, &self.suspects)?;
        let text = |place| records.get(place).map(|record| records::text(&record));
        let texts = (0..self.suspects.height()).map(text).collect::<Result<_>>()?;
        Ok(self.texts.get_or_init(|| texts))
    }

    /// Rows that a flag has hit, in input order. `flag`: its place in the report.
    ///
    /// # Errors
    /// `NotFound` if there is no such flag.
    pub fn hits(&self, flag: usize, offset: usize, limit: usize) -> Result<Page<Hit>> {
        let total = self.hits.get(flag).copied().map(whole);
        let total =
            total.ok_or_else(|| Error::not_found(format!("the report has no flag {flag}")))?;
        let start: u64 = self.hits[..flag].iter().sum();
        let length = limit.min(total.saturating_sub(offset));
        if length == 0 {
            return Ok(Page { items: Vec::new(), offset, total });
        }
        let frame = columns(&self.hit_rows, None, Some((whole(start) + offset, length)))?;
        let rows = frame.column(ROW)?.u64()?.into_no_null_iter();
        let values = frame.column("value")?.str()?.iter();
        let hit = |(row, value): (u64, Option<&str>)| Hit {
            row,
            value: value.unwrap_or_default().to_owned(),
        };
        Ok(Page { items: rows.zip(values).map(hit).collect(), offset, total })
    }

    /// With the first suspects, and the first hits of each flag.
    ///
    /// # Errors
    /// As [`OpenReport::suspects`].
    pub fn whole(&self, suspects: usize, hits: usize) -> Result<Whole> {
        let first = Query { limit: suspects, ..Query::default() };
        let hits = (0..self.report.flags.len()).map(|flag| Ok(self.hits(flag, 0, hits)?.items));
        Ok(Whole {
            report: self.report.clone(),
            analysis: self.analysis.clone(),
            view: self.view.clone(),
            suspects: self.suspects(&first)?.items,
            hits: hits.collect::<Result<_>>()?,
        })
    }
}

fn whole(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
