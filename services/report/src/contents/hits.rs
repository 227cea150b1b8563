//! The hits of flags, in the order in which they are stored.

use anomal_core::{ROW, Result, Table, proto::Report};
use polars::prelude::{Column, DataFrame, StringChunked};

use super::invalid;

/// Hits in the order of the report's flags, then of rows.
pub(super) struct GroupedHits {
    flags: usize,
    /// Flag, row, and place in `values`.
    order: Vec<(usize, u64, usize)>,
    values: StringChunked,
}

/// # Errors
/// `InvalidRequest` if a hit is of a flag that the report does not have.
pub(super) fn group_by_flag(report: &Report, hits: &Table) -> Result<GroupedHits> {
    let rows = hits.rows();
    let flags = report.flags.len();
    if rows.is_empty() {
        return Ok(GroupedHits { flags, order: Vec::new(), values: StringChunked::default() });
    }
    let text = |name: &str| {
        let column = hits.columns().column(name).ok().and_then(|column| column.str().ok());
        column
            .cloned()
            .ok_or_else(|| invalid(&format!("the hits have no column {name} of strings")))
    };
    let (names, values) = (text("flag")?, text("value")?);
    let flag_index =
        |name: Option<&str>| report.flags.iter().position(|flag| Some(flag.name.as_str()) == name);
    let mut order = Vec::with_capacity(rows.len());
    for (index, (row, flag)) in rows.iter().zip(names.iter()).enumerate() {
        let flag = flag_index(flag).ok_or_else(|| {
            let name = flag.unwrap_or_default();
            invalid(&format!("it has hits of an unknown flag, {name:?}"))
        })?;
        order.push((flag, *row, index));
    }
    order.sort_unstable();
    Ok(GroupedHits { flags, order, values })
}

impl GroupedHits {
    /// The place of the flag, the row, the details.
    pub fn iter(&self) -> impl Iterator<Item = (usize, u64, &str)> {
        self.order
            .iter()
            .map(|(flag, row, index)| (*flag, *row, self.values.get(*index).unwrap_or_default()))
    }

    /// Hits of each flag.
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.flags];
        self.order.iter().for_each(|hit| counts[hit.0] += 1);
        counts
    }

    /// Rows and details.
    pub fn into_frame(self) -> Result<DataFrame> {
        let (rows, values): (Vec<u64>, Vec<&str>) =
            self.iter().map(|(_, row, value)| (row, value)).unzip();
        let columns = vec![Column::new(ROW.into(), rows), Column::new("value".into(), values)];
        Ok(DataFrame::new(self.order.len(), columns)?)
    }
}
