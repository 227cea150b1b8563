//! The columns of a record beside its value.

use anomal_core::{
    Result,
    proto::{Column as SchemaColumn, DataType as Type},
};
use anomal_spec::KafkaAttach;
use anomal_stream::{Message, Messages};
use polars::prelude::{Column, DataFrame, DataType, NamedFrom, Series, TimeUnit};

const PARTITION: &str = "kafka.partition";
const OFFSET: &str = "kafka.offset";
const TIMESTAMP: &str = "kafka.timestamp";
const HEADERS: &str = "kafka.headers.";
const TIME: DataType = DataType::Datetime(TimeUnit::Microseconds, None);

/// Names and types, in their order.
pub(super) fn schema(attach: &KafkaAttach) -> Vec<SchemaColumn> {
    let own = [
        (attach.topic.as_str(), Type::String),
        (PARTITION, Type::Integer),
        (OFFSET, Type::Integer),
        (TIMESTAMP, Type::Datetime),
        (attach.key.as_str(), Type::String),
    ];
    let own = own.map(|(name, data_type)| (name.to_owned(), data_type));
    let headers = attach.headers.iter().map(|name| (format!("{HEADERS}{name}"), Type::String));
    let columns = own.into_iter().chain(headers);
    columns.map(|(name, data_type)| SchemaColumn { name, data_type: data_type.into() }).collect()
}

/// No records.
///
/// # Errors
/// A defect.
pub(super) fn empty(attach: &KafkaAttach) -> Result<DataFrame> {
    frame(&Messages { topic: "".into(), number: 0, messages: Vec::new() }, &[], attach)
}

/// The columns of those records that have a line.
///
/// # Errors
/// A defect.
pub(super) fn frame(
    records: &Messages,
    messages: &[&Message],
    attach: &KafkaAttach,
) -> Result<DataFrame> {
    let height = messages.len();
    let topic = Series::new(attach.topic.as_str().into(), vec![&*records.topic; height]);
    let partition = Series::new(PARTITION.into(), vec![i64::from(records.number); height]);
    let offsets = messages.iter().map(|message| i64::try_from(message.offset).unwrap_or(i64::MAX));
    let offset = Series::new(OFFSET.into(), offsets.collect::<Vec<_>>());
    let times = messages
        .iter()
        .map(|message| (message.timestamp >= 0).then(|| message.timestamp.saturating_mul(1000)));
    let time = Series::new(TIMESTAMP.into(), times.collect::<Vec<Option<i64>>>()).cast(&TIME)?;
    let keys = messages.iter().map(|message| message.key.as_deref().map(String::from_utf8_lossy));
    let key = Series::new(attach.key.as_str().into(), keys.collect::<Vec<_>>());
    let mut columns = vec![topic, partition, offset, time, key];
    for header in &attach.headers {
        let values = messages.iter().map(|message| {
            let last = message.headers.iter().rev().find(|(name, _)| name == header);
            last.and_then(|(_, value)| value.as_deref()).map(String::from_utf8_lossy)
        });
        let name = format!("{HEADERS}{header}");
        columns.push(Series::new(name.into(), values.collect::<Vec<_>>()));
    }
    Ok(DataFrame::new(height, columns.into_iter().map(Column::from).collect())?)
}
