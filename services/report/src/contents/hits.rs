//! The hits of flags, in the order in which they are stored.

use anomal_core::{ROW, Result, Table, proto::Report};
use polars::prelude::{Column, DataFrame};

use super::invalid;

/// Hits in the order of the report's flags, and how many each flag has.
///
/// # Errors
/// `InvalidRequest` if a hit is of a flag that the report does not have.
pub(super) fn group_by_flag(report: &Report, hits: &Table) -> Result<(DataFrame, Vec<u64>)> {
    let rows = hits.rows();
    if rows.is_empty() {
        return Ok((frame(&[], &[])?, vec![0; report.flags.len()]));
    }
    let text = |name: &str| {
        let column = hits.columns().column(name).ok().and_then(|column| column.str().ok());
        column
            .cloned()
            .ok_or_else(|| invalid(&format!("the hits have no column {name} of strings")))
    };
    let (flags, values) = (text("flag")?, text("value")?);
    let flag_index =
        |name: Option<&str>| report.flags.iter().position(|flag| Some(flag.name.as_str()) == name);
    let mut order = Vec::with_capacity(rows.len());
    for (index, (row, flag)) in rows.iter().zip(flags.iter()).enumerate() {
        let flag = flag_index(flag).ok_or_else(|| {
            let name = flag.unwrap_or_default();
            invalid(&format!("it has hits of an unknown flag, {name:?}"))
        })?;
        order.push((flag, *row, index));
    }
    order.sort_unstable();
    let mut counts = vec![0; report.flags.len()];
    order.iter().for_each(|hit| counts[hit.0] += 1);
    let rows: Vec<u64> = order.iter().map(|(_, row, _)| *row).collect();
    let value = |(_, _, index): &(usize, u64, usize)| values.get(*index).unwrap_or_default();
    let values: Vec<&str> = order.iter().map(value).collect();
    let frame = frame(&rows, &values)?;
    Ok((frame, counts))
}

fn frame(rows: &[u64], values: &[&str]) -> Result<DataFrame> {
    let columns = vec![Column::new(ROW.into(), rows), Column::new("value".into(), values)];
    Ok(DataFrame::new(rows.len(), columns)?)
}
