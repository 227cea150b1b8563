//! The result table: who is suspect, in which order, and the few rows that are kept apart.

use std::fs::File;

use anomal_connectors::text;
use anomal_core::{ROW, Result, proto::Report};
use polars::prelude::{Column, DataFrame, Float64Chunked, IdxCa, SerReader};
use polars_io::parquet::read::ParquetReader;

use super::{Group, Reader, columns, invalid};
use crate::view::{Point, ScoreHistogram, View};

/// Suspects that are kept apart, to be sorted and searched at once. Beyond it they are in the downloads.
const KEPT: usize = 50_000;
const BINS: usize = 60;

/// The columns of the result table that say who is suspect.
pub(super) struct Results {
    /// Ascending.
    pub rows: Vec<u64>,
    scores: Float64Chunked,
    pub suspicious: Vec<bool>,
    /// Places of the rows that are suspicious or flagged, from the most suspicious.
    pub suspects: Vec<usize>,
    pub groups: Vec<Group>,
    names: Vec<String>,
}

impl Results {
    /// # Errors
    /// `InvalidRequest` if the file is no result table of this report.
    pub fn read(file: &File, report: &Report) -> Result<Self> {
        let (sizes, names) = shape(file)?;
        let wanted = ["anomal.row", "anomal.score", "anomal.suspicious", "anomal.severity"];
        if let Some(lacking) = wanted.iter().find(|name| !names.iter().any(|known| known == *name))
        {
            return Err(invalid(&format!("the rows have no column {lacking}")));
        }
        for column in &report.columns {
            if !names.contains(&column.name) {
                return Err(invalid(&format!("the rows have no column {}", column.name)));
            }
        }
        let frame = columns(file, Some(wanted.map(str::to_owned).to_vec()), None)?;
        let of_type = |name: &str| invalid(&format!("{name} is of another type"));
        let rows: Vec<u64> = match frame.column(ROW).map(Column::u64) {
            Ok(Ok(rows)) if rows.null_count() == 0 => rows.into_no_null_iter().collect(),
            _ => return Err(of_type(ROW)),
        };
        if rows.len() as u64 != report.results || !rows.is_sorted_by(|a, b| a < b) {
            return Err(invalid("the rows are not those that it counts, in their order"));
        }
        let scores = frame.column("anomal.score").map(|column| column.f64().cloned());
        let Ok(Ok(scores)) = scores else { return Err(of_type("anomal.score")) };
        let scores = scores.rechunk().into_owned();
        let suspicious = frame.column("anomal.suspicious").map(|column| column.bool().cloned());
        let Ok(Ok(suspicious)) = suspicious else { return Err(of_type("anomal.suspicious")) };
        let suspicious: Vec<bool> = suspicious.iter().map(|value| value == Some(true)).collect();
        let severities = frame.column("anomal.severity").map(|column| column.str().cloned());
        let Ok(Ok(severities)) = severities else { return Err(of_type("anomal.severity")) };
        let severities: Vec<u8> = severities.iter().map(rank).collect();
        let mut suspects: Vec<usize> =
            (0..rows.len()).filter(|row| suspicious[*row] || severities[*row] > 0).collect();
        let score = |place: usize| scores.get(place).unwrap_or(f64::NEG_INFINITY);
        suspects.sort_by(|a, b| {
            let order = suspicious[*b].cmp(&suspicious[*a]);
            let order = order.then(score(*b).total_cmp(&score(*a)));
            order.then(severities[*b].cmp(&severities[*a])).then(a.cmp(b))
        });
        let groups = groups(&rows, &sizes);
        Ok(Self { rows, scores, suspicious, suspects, groups, names })
    }

    /// Where a row is.
    pub fn place(&self, row: u64) -> Option<usize> {
        self.rows.binary_search(&row).ok()
    }

    pub fn score(&self, place: usize) -> Option<f64> {
        self.scores.get(place)
    }

    /// The points with their features, and the suspects' rows. A column at a time: that is all that is in
    /// memory.
    pub fn gather(
        &self,
        file: &File,
        report: &Report,
        mut points: Vec<Point>,
    ) -> Result<(View, DataFrame)> {
        let kept = &self.suspects[..self.suspects.len().min(KEPT)];
        let indices = |places: &mut dyn Iterator<Item = usize>| {
            let places: Vec<u32> = places.map(|place| u32::try_from(place).unwrap_or(0)).collect();
            IdxCa::from_vec("".into(), places)
        };
        let of_suspects = indices(&mut kept.iter().copied());
        let of_points = indices(&mut points.iter().map(|point| self.place(point.row).unwrap_or(0)));
        let feature = |name: &str| {
            report
                .features
                .iter()
                .any(|known| name.strip_prefix("anomal.features.") == Some(known.name.as_str()))
        };
        let mut gathered = Vec::with_capacity(self.names.len());
        let mut cell = String::new();
        for name in &self.names {
            let frame = columns(file, Some(vec![name.clone()]), None)?;
            let column = frame.column(name)?;
            gathered.push(column.take(&of_suspects)?);
            if points.is_empty() || !feature(name) {
                continue;
            }
            let values = column.take(&of_points)?;
            for (point, value) in points.iter_mut().zip(values.as_materialized_series().iter()) {
                cell.clear();
                text::push(&mut cell, &value);
                point.features.push((!value.is_null()).then(|| cell.chars().take(80).collect()));
            }
        }
        let view = View { points, ..View::default() };
        Ok((view, DataFrame::new(kept.len(), gathered)?))
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

/// The rows of each row group, and the columns' names.
fn shape(file: &File) -> Result<(Vec<u64>, Vec<String>)> {
    let file = Reader::of(file).map_err(|error| super::full(&error))?;
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut reader = ParquetReader::new(file);
        let names = reader.schema()?.iter_names().map(ToString::to_string).collect();
        let metadata = reader.get_metadata()?;
        let sizes = metadata.row_groups.iter().map(|group| group.num_rows() as u64).collect();
        Ok::<_, polars::error::PolarsError>((sizes, names))
    }));
    match read {
        Ok(Ok(shape)) => Ok(shape),
        Ok(Err(error)) => Err(invalid(&error.to_string())),
        Err(_) => Err(invalid("the rows are damaged")),
    }
}

fn groups(rows: &[u64], sizes: &[u64]) -> Vec<Group> {
    let mut offset = 0;
    let group = |size: &u64| {
        let place = usize::try_from(offset).unwrap_or(usize::MAX);
        let group = Group { first_row: *rows.get(place)?, offset, rows: *size };
        offset += size;
        Some(group)
    };
    sizes.iter().filter_map(group).collect()
}

/// 0: no flag, then low to high.
pub(crate) fn rank(severity: Option<&str>) -> u8 {
    match severity {
        Some("high") => 3,
        Some("medium") => 2,
        Some(_) => 1,
        None => 0,
    }
}
