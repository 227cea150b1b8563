//! The columns of a record beside its value.

use anomal_core::{
    Result,
    proto::{Column as SchemaColumn, DataType as Type},
};
use anomal_ingest::Record;
use polars::prelude::{Column, DataFrame, DataType, NamedFrom, Series, TimeUnit};

const ARRIVAL: &str = "event.ingested";
const SENDER: &str = "log.source.address";
const TIME: DataType = DataType::Datetime(TimeUnit::Microseconds, None);

/// Names and types, in their order.
pub(super) fn schema() -> Vec<SchemaColumn> {
    let own = [(ARRIVAL, Type::Datetime), (SENDER, Type::String)];
    let column = |(name, data_type): (&str, Type)| SchemaColumn {
        name: name.to_owned(),
        data_type: data_type.into(),
    };
    own.into_iter().map(column).collect()
}

/// The columns of records.
///
/// # Errors
/// A defect.
pub(super) fn frame(records: &[&Record]) -> Result<DataFrame> {
    let times: Vec<i64> = records.iter().map(|record| record.arrival).collect();
    let times = Series::new(ARRIVAL.into(), times).cast(&TIME)?;
    let senders: Vec<&str> = records.iter().map(|record| record.sender.as_str()).collect();
    let senders = Series::new(SENDER.into(), senders);
    Ok(DataFrame::new(records.len(), vec![Column::from(times), Column::from(senders)])?)
}
