//! The result table: which rows are suspects, their order, and the few rows that are stored apart.

use std::fs::File;

use anomal_connectors::text;
use anomal_core::{ROW, Result, proto::Report};
use polars::prelude::{Column, DataFrame, Float64Chunked, IdxCa};

use super::{
    RowGroup, invalid,
    parquet::{Layout, read_columns, read_layout},
};
use crate::view::{Point, ScoreHistogram};

/// Suspects that are stored apart, so that pages can sort and search them. The others are in the downloads only.
const SUSPECTS: usize = 50_000;
const BINS: usize = 60;

/// The columns of the result table that decide which rows are suspects.
pub(super) struct ResultTable {
    /// Ascending.
    pub rows: Vec<u64>,
    scores: Float64Chunked,
    pub suspicious: Vec<bool>,
    /// Indices of the rows that are suspicious or flagged, the most suspicious first.
    pub suspects: Vec<usize>,
    pub groups: Vec<RowGroup>,
    columns: Vec<String>,
}

impl ResultTable {
    /// # Errors
    /// `InvalidRequest` if the file is not the result table of this report.
    pub fn read(file: &File, report: &Report) -> Result<Self> {
        let layout = read_layout(file)?;
        let required = ["anomal.row", "anomal.score", "anomal.suspicious", "anomal.severity"];
        let columns = report.columns.iter().map(|column| column.name.as_str());
        for name in required.into_iter().chain(columns) {
            if !layout.columns.iter().any(|column| column == name) {
                return Err(invalid(&format!("its rows have no column {name}")));
            }
        }
        let frame = read_columns(file, Some(required.map(str::to_owned).to_vec()), None)?;
        let wrong_type = |name: &str| invalid(&format!("its column {name} has another type"));
        let rows: Vec<u64> = match frame.column(ROW).map(Column::u64) {
            Ok(Ok(rows)) if rows.null_count() == 0 => rows.into_no_null_iter().collect(),
            _ => return Err(wrong_type(ROW)),
        };
        if rows.len() as u64 != report.results || !rows.is_sorted_by(|a, b| a < b) {
            return Err(invalid("its rows are not those that it counts, in ascending order"));
        }
        let scores = frame.column("anomal.score").map(|column| column.f64().cloned());
        let Ok(Ok(scores)) = scores else { return Err(wrong_type("anomal.score")) };
        let scores = scores.rechunk().into_owned();
        let suspicious = frame.column("anomal.suspicious").map(|column| column.bool().cloned());
        let Ok(Ok(suspicious)) = suspicious else { return Err(wrong_type("anomal.suspicious")) };
        let suspicious: Vec<bool> = suspicious.iter().map(|value| value == Some(true)).collect();
        let severities = frame.column("anomal.severity").map(|column| column.str().cloned());
        let Ok(Ok(severities)) = severities else { return Err(wrong_type("anomal.severity")) };
        let severities: Vec<u8> = severities.iter().map(severity_rank).collect();
        let mut suspects: Vec<usize> =
            (0..rows.len()).filter(|row| suspicious[*row] || severities[*row] > 0).collect();
        let score = |index: usize| scores.get(index).unwrap_or(f64::NEG_INFINITY);
        suspects.sort_by(|a, b| {
            let order = suspicious[*b].cmp(&suspicious[*a]);
            let order = order.then(score(*b).total_cmp(&score(*a)));
            order.then(severities[*b].cmp(&severities[*a])).then(a.cmp(b))
        });
        let groups = row_groups(&rows, &layout);
        Ok(Self { rows, scores, suspicious, suspects, groups, columns: layout.columns })
    }

    pub fn has_column(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column == name)
    }

    /// The index of a row.
    pub fn index(&self, row: u64) -> Option<usize> {
        self.rows.binary_search(&row).ok()
    }

    pub fn score(&self, index: usize) -> Option<f64> {
        self.scores.get(index)
    }

    /// The points with their features, and the rows of the suspects. Reads one column at a time to bound memory.
    pub fn gather(
        &self,
        file: &File,
        report: &Report,
        mut points: Vec<Point>,
    ) -> Result<(Vec<Point>, DataFrame)> {
        let suspects = &self.suspects[..self.suspects.len().min(SUSPECTS)];
        let indices = |indices: &mut dyn Iterator<Item = usize>| {
            let indices = indices.map(|index| u32::try_from(index).unwrap_or(0));
            IdxCa::from_vec("".into(), indices.collect::<Vec<u32>>())
        };
        let of_suspects = indices(&mut suspects.iter().copied());
        let of_points = indices(&mut points.iter().map(|point| self.index(point.row).unwrap_or(0)));
        let is_feature = |column: &str| {
            let name = column.strip_prefix("anomal.features.");
            report.features.iter().any(|feature| name == Some(feature.name.as_str()))
        };
        let mut gathered = Vec::with_capacity(self.columns.len());
        let mut cell = String::new();
        for name in &self.columns {
            let frame = read_columns(file, Some(vec![name.clone()]), None)?;
            let column = frame.column(name)?;
            gathered.push(column.take(&of_suspects)?);
            if points.is_empty() || !is_feature(name) {
                continue;
            }
            let values = column.take(&of_points)?;
            for (point, value) in points.iter_mut().zip(values.as_materialized_series().iter()) {
                cell.clear();
                text::push(&mut cell, &value);
                point.features.push((!value.is_null()).then(|| cell.chars().take(80).collect()));
            }
        }
        Ok((points, DataFrame::new(suspects.len(), gathered)?))
    }

    /// All scores in bins of equal width; none where nothing was scored.
    pub fn histogram(&self, cut: Option<f64>) -> Option<ScoreHistogram> {
        let finite = || self.scores.iter().flatten().filter(|score| score.is_finite());
        let (low, high) = finite()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), score| {
                (low.min(score), high.max(score))
            });
        if low > high {
            return None;
        }
        let width = if high > low { (high - low) / BINS as f64 } else { 1.0 };
        let mut histogram = ScoreHistogram {
            edges: (0..=BINS).map(|edge| low + width * edge as f64).collect(),
            normal: vec![0; BINS],
            suspicious: vec![0; BINS],
            cut,
        };
        for (score, suspicious) in self.scores.iter().zip(&self.suspicious) {
            let Some(score) = score.filter(|score| score.is_finite()) else { continue };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..BINS")]
            let bin = (((score - low) / width) as usize).min(BINS - 1);
            let counts =
                if *suspicious { &mut histogram.suspicious } else { &mut histogram.normal };
            counts[bin] += 1;
        }
        Some(histogram)
    }
}

fn row_groups(rows: &[u64], layout: &Layout) -> Vec<RowGroup> {
    let mut offset = 0;
    let group = |size: &u64| {
        let index = usize::try_from(offset).unwrap_or(usize::MAX);
        let group = RowGroup { first_row: *rows.get(index)?, offset, rows: *size };
        offset += size;
        Some(group)
    };
    layout.group_rows.iter().filter_map(group).collect()
}

/// 0: no flag, then low to high.
pub(crate) fn severity_rank(severity: Option<&str>) -> u8 {
    match severity {
        Some("high") => 3,
        Some("medium") => 2,
        Some(_) => 1,
        None => 0,
    }
}
