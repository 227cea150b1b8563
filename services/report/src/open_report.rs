//! A report that is open for reading.

mod entity;
mod entity_rows;
mod fit;
mod records;
mod search;

use std::{fs::File, sync::OnceLock};

use anomal_core::{
    Error, ROW, Result,
    proto::{Analysis, Report},
};
use polars::prelude::{Column, DataFrame, IdxCa, SortOptions};

use crate::{
    contents::{
        self, Contents, RowGroup, incident_frame,
        parquet::{read_columns, read_layout},
    },
    view::{
        Hit, Line, Page, Query, Record, ReportDocument, View,
        filter::Filter,
        incidents::{FlagGroup, IncidentTable},
    },
};
use entity_rows::EntityTables;
use records::Records;

/// Actors of a document whose times are drawn.
const LANES: usize = 10;

/// A report with its suspects in memory; other rows are read on demand.
pub struct OpenReport {
    pub report: Report,
    pub analysis: Option<Analysis>,
    pub view: View,
    /// None where rows are not grouped.
    pub incidents: Option<IncidentTable>,
    groups: Vec<RowGroup>,
    /// The number of hits of each flag.
    hits: Vec<u64>,
    suspects: DataFrame,
    /// The row numbers of `suspects`.
    numbers: Vec<u64>,
    /// The searched text of each suspect, in lower case.
    texts: OnceLock<Vec<String>>,
    rows: File,
    hit_rows: File,
    flag_groups: Option<File>,
    entity_tables: Option<EntityTables>,
    /// The columns of `rows`.
    row_columns: Vec<String>,
}

/// The files of a stored report.
pub(crate) struct ReportFiles {
    pub contents: File,
    pub rows: File,
    pub suspects: File,
    pub hits: File,
    pub incidents: Option<IncidentFiles>,
}

/// The files of a report with incidents.
pub(crate) struct IncidentFiles {
    pub incidents: File,
    pub entities: File,
    pub groups: File,
    /// All rows of entities, and the quartiles of their values; reports of older versions have neither.
    pub entity_rows: Option<(File, File)>,
}

impl OpenReport {
    /// # Errors
    /// `Output` if the files are damaged.
    pub(crate) fn read(report: Report, files: ReportFiles) -> Result<Self> {
        let Contents { analysis, view, groups, hits, incidents: summary } =
            contents::read(files.contents)?;
        let mut suspects = read_columns(&files.suspects, None, None)?;
        suspects.rechunk_mut();
        let numbers = suspects.column(ROW)?.u64()?.into_no_null_iter().collect();
        let row_columns = read_layout(&files.rows)?.columns;
        let (mut incidents, mut flag_groups, mut entity_tables) = (None, None, None);
        if let Some(files) = files.incidents {
            let entities = whole(&files.entities)?;
            incidents = Some(IncidentTable {
                incidents: incident_frame::read_incidents(&whole(&files.incidents)?)?,
                entities: incident_frame::read_entities(&entities)?,
                summary: summary.unwrap_or_default(),
            });
            flag_groups = Some(files.groups);
            let tables = files.entity_rows;
            entity_tables = tables
                .map(|(rows, values)| EntityTables::new(rows, values, &entities))
                .transpose()?;
        }
        Ok(Self {
            incidents,
            flag_groups,
            entity_tables,
            row_columns,
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

    /// Bytes in memory, approximately.
    pub(crate) fn size(&self) -> usize {
        let points: usize =
            self.view.points.iter().map(|point| 100 + 40 * point.features.len()).sum();
        let incidents = self
            .incidents
            .as_ref()
            .map_or(0, |all| 400 * all.incidents.len() + 200 * all.entities.len());
        2 * self.suspects.estimated_size() + points + incidents + (1 << 20)
    }

    /// The row with this number; none if it is not among the results.
    ///
    /// # Errors
    /// `Output` if the store fails.
    pub fn record(&self, row: u64) -> Result<Option<Record>> {
        if let Some(index) = self.numbers.iter().position(|number| *number == row) {
            return Records::new(&self.report, &self.suspects)?.get(index).map(Some);
        }
        let group = self.groups.partition_point(|group| group.first_row <= row);
        let Some(group) = group.checked_sub(1).and_then(|index| self.groups.get(index)) else {
            return Ok(None);
        };
        let (offset, length) = (to_usize(group.offset), to_usize(group.rows));
        let numbers = read_columns(&self.rows, Some(vec![ROW.to_owned()]), Some((offset, length)))?;
        let numbers: Vec<u64> = numbers.column(ROW)?.u64()?.into_no_null_iter().collect();
        let Ok(index) = numbers.binary_search(&row) else { return Ok(None) };
        let frame = read_columns(&self.rows, None, Some((offset + index, 1)))?;
        Records::new(&self.report, &frame)?.get(0).map(Some)
    }

    /// # Errors
    /// `NotFound` if the report has no such column.
    pub fn suspects(&self, query: &Query) -> Result<Page<Record>> {
        let records = Records::new(&self.report, &self.suspects)?;
        self.page(query)?.try_map(|index| records.get(index))
    }

    /// As [`OpenReport::suspects`], with what a list shows of a row.
    ///
    /// # Errors
    /// `NotFound` if the report has no such column.
    pub fn lines(&self, query: &Query) -> Result<Page<Line>> {
        let records = Records::new(&self.report, &self.suspects)?;
        self.page(query)?.try_map(|index| records.line(index))
    }

    /// The places of a page's rows among the suspects.
    fn page(&self, query: &Query) -> Result<Page<usize>> {
        let order = self.order(query)?;
        let end = order.len().min(query.offset.saturating_add(query.limit));
        let items = order.get(query.offset.min(end)..end).unwrap_or_default().to_vec();
        Ok(Page { items, offset: query.offset, total: order.len() })
    }

    fn order(&self, query: &Query) -> Result<Vec<usize>> {
        let order: Vec<usize> = match self.sort_key(&query.sort)? {
            Some(key) => {
                let options = SortOptions::new()
                    .with_order_descending(query.descending)
                    .with_nulls_last(true)
                    .with_maintain_order(true);
                let order: IdxCa = key.as_materialized_series().arg_sort(options);
                order.into_no_null_iter().map(|index| index as usize).collect()
            }
            None if query.descending => (0..self.suspects.height()).rev().collect(),
            None => (0..self.suspects.height()).collect(),
        };
        if query.filter.is_empty() {
            return Ok(order);
        }
        let fits = self.fit(&query.filter)?;
        Ok(order.into_iter().filter(|index| fits[*index]).collect())
    }

    /// The column to sort by; none: the stored order.
    fn sort_key(&self, sort: &str) -> Result<Option<Column>> {
        let name = match sort {
            "" => return Ok(None),
            "severity" => {
                let severities = self.suspects.column("anomal.severity")?.str()?.clone();
                let ranks: Vec<u32> = severities
                    .iter()
                    .map(|severity| contents::severity_rank(severity).into())
                    .collect();
                return Ok(Some(Column::new("severity".into(), ranks)));
            }
            "row" | "score" | "time" | "actor" | "target" | "incident" => format!("anomal.{sort}"),
            sort => match sort.split_once('.') {
                Some(("source", name)) => name.to_owned(),
                Some(("feature", name)) => format!("anomal.features.{name}"),
                _ => String::new(),
            },
        };
        let column = self.suspects.column(&name);
        let column = column.ok().filter(|column| !column.dtype().is_nested());
        let column = column
            .ok_or_else(|| Error::not_found(format!("cannot sort the report by `{sort}`")))?;
        Ok(Some(column.clone()))
    }

    /// Rows that a flag hit, in input order. `flag`: its index in the report.
    ///
    /// # Errors
    /// `NotFound` if there is no such flag.
    pub fn hits(&self, flag: usize, offset: usize, limit: usize) -> Result<Page<Hit>> {
        let total = self.hits.get(flag).copied().map(to_usize);
        let total =
            total.ok_or_else(|| Error::not_found(format!("the report has no flag {flag}")))?;
        let start: u64 = self.hits[..flag].iter().sum();
        let length = limit.min(total.saturating_sub(offset));
        if length == 0 {
            return Ok(Page { items: Vec::new(), offset, total });
        }
        let frame = read_columns(&self.hit_rows, None, Some((to_usize(start) + offset, length)))?;
        let rows = frame.column(ROW)?.u64()?.into_no_null_iter();
        let values = frame.column("value")?.str()?.iter();
        let hit = |(row, value): (u64, Option<&str>)| Hit {
            row,
            value: value.unwrap_or_default().to_owned(),
        };
        Ok(Page { items: rows.zip(values).map(hit).collect(), offset, total })
    }

    /// Groups of a flag's hits that have rows that fit, by incident. `flag`: its index in the report.
    ///
    /// # Errors
    /// `Output` if the store fails.
    pub fn groups(
        &self,
        flag: usize,
        filter: &Filter,
        offset: usize,
        limit: usize,
    ) -> Result<Page<FlagGroup>> {
        let (Some(file), Some(all)) = (&self.flag_groups, &self.incidents) else {
            return Ok(Page::default());
        };
        let sums: Vec<u64> = all.summary.flags.iter().map(|sums| sums.groups).collect();
        let total = sums.get(flag).copied().map_or(0, to_usize);
        let start: u64 = sums.iter().take(flag).sum();
        let read = |offset: usize, length: usize| {
            let slice = Some((to_usize(start) + offset, length));
            incident_frame::read_groups(&read_columns(file, None, slice)?)
        };
        if filter.is_empty() {
            let length = limit.min(total.saturating_sub(offset));
            let items = if length == 0 { Vec::new() } else { read(offset, length)? };
            return Ok(Page { items, offset, total });
        }
        let groups = if total == 0 { Vec::new() } else { read(0, total)? };
        let groups = self.fitting_groups(filter, groups)?;
        let total = groups.len();
        Ok(Page { items: groups.into_iter().skip(offset).take(limit).collect(), offset, total })
    }

    /// The groups of an incident, by flag.
    ///
    /// # Errors
    /// `Output` if the store fails.
    pub fn incident_groups(&self, number: u64, limit: usize) -> Result<Page<FlagGroup>> {
        let Some(file) = &self.flag_groups else { return Ok(Page::default()) };
        let numbers = read_columns(file, Some(vec!["incident".to_owned()]), None)?;
        let numbers = numbers.column("incident")?.u64()?.clone();
        let of_it = |(_, other): &(usize, Option<u64>)| *other == Some(number);
        let places: Vec<usize> =
            numbers.iter().enumerate().filter(of_it).map(|(place, _)| place).collect();
        let shown = places.get(..limit).unwrap_or(&places);
        let mut items = Vec::new();
        // Those of one flag are next to each other.
        for run in shown.chunk_by(|place, next| place + 1 == *next) {
            let frame = read_columns(file, None, Some((run[0], run.len())))?;
            items.extend(incident_frame::read_groups(&frame)?);
        }
        Ok(Page { items, offset: 0, total: places.len() })
    }

    /// The actors with the highest risk.
    fn first_actors(&self, limit: usize) -> Vec<String> {
        let all = self.incidents.as_ref().map_or(&[][..], |all| &all.entities);
        let actors = all.iter().filter(|entity| entity.actor_rows > 0);
        actors.take(limit).map(|entity| entity.value.clone()).collect()
    }

    /// The stored suspects with the numbers of their incidents.
    ///
    /// # Errors
    /// `Output` if the stored table is damaged.
    pub fn rows_of_incidents(&self) -> Result<Vec<(u64, u64)>> {
        let numbers = self.numbers.iter().zip(self.incident_numbers()?);
        Ok(numbers.filter_map(|(row, incident)| Some((*row, incident?))).collect())
    }

    /// The report with at most `limits` rows of its tables.
    ///
    /// # Errors
    /// As [`OpenReport::suspects`].
    pub fn document(&self, limits: DocumentLimits) -> Result<ReportDocument> {
        let DocumentLimits { suspects, hits, groups, incidents, incident_rows } = limits;
        let first = Query { limit: suspects, ..Query::default() };
        let flags = 0..self.report.flags.len();
        let hits = flags.clone().map(|flag| Ok(self.hits(flag, 0, hits)?.items));
        let all = Filter::default();
        let groups = flags.map(|flag| Ok(self.groups(flag, &all, 0, groups)?.items));
        let described = self.incidents.as_ref().map_or(&[][..], |all| &all.incidents);
        let rows_of = |number: u64| {
            let filter = Filter { incidents: vec![number], ..Filter::default() };
            let query = Query { filter, limit: incident_rows, ..Query::default() };
            Ok(self.suspects(&query)?.items)
        };
        let rows = described.iter().take(incidents).map(|incident| rows_of(incident.number));
        Ok(ReportDocument {
            report: self.report.clone(),
            analysis: self.analysis.clone(),
            view: self.view.clone(),
            suspects: self.suspects(&first)?.items,
            hits: hits.collect::<Result<_>>()?,
            incidents: self.incidents.clone(),
            lanes: self.lanes(&all, &self.first_actors(LANES))?,
            groups: groups.collect::<Result<_>>()?,
            incident_rows: rows.collect::<Result<_>>()?,
            verdicts: None,
        })
    }
}

/// Rows of the tables of a document.
#[derive(Clone, Copy, Debug, Default)]
pub struct DocumentLimits {
    pub suspects: usize,
    /// Of each flag.
    pub hits: usize,
    /// Of each flag.
    pub groups: usize,
    /// Incidents whose rows are in the document.
    pub incidents: usize,
    /// Rows of each of them.
    pub incident_rows: usize,
}

fn whole(file: &File) -> Result<DataFrame> {
    read_columns(file, None, None)
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
