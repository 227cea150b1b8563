//! The time of day of a record, in UTC.

use anomal_core::{Result, proto::DataType};
use polars::prelude::{Column, DataType as Dtype, Int64Chunked, IntoColumn, NewChunkedArray};

use crate::component::{
    ColumnFunction, Computation, Definition, Input, NoParameters, parameters, schema_of,
};

const MINUTE: i64 = 60_000_000;
const TIME: &[Input] = &[Input::time("timestamp")];

pub(crate) const ZULU_TIMESTAMP_HOUR: Definition = Definition {
    name: "zulu_timestamp_hour",
    aliases: &[],
    description: "The hour of a time in UTC, 0 to 23.",
    inputs: TIME,
    schema: schema_of::<NoParameters>,
    build: |given| {
        parameters::<NoParameters>(given)?;
        Ok(Computation::ColumnMetric(DataType::Integer, of_day(|minutes| minutes / 60)))
    },
};

pub(crate) const ZULU_TIMESTAMP_MINUTES: Definition = Definition {
    name: "zulu_timestamp_minutes",
    aliases: &[],
    description: "The minutes since midnight of a time in UTC, 0 to 1439.",
    inputs: TIME,
    schema: schema_of::<NoParameters>,
    build: |given| {
        parameters::<NoParameters>(given)?;
        Ok(Computation::ColumnMetric(DataType::Integer, of_day(|minutes| minutes)))
    },
};

/// A function of the minutes since midnight.
fn of_day(function: fn(i64) -> i64) -> ColumnFunction {
    Box::new(move |column: &Column| -> Result<Column> {
        let micros = micros(column)?;
        let minutes = micros.iter().map(|micros| {
            micros.map(|micros| function(micros.div_euclid(MINUTE).rem_euclid(24 * 60)))
        });
        Ok(Int64Chunked::from_iter_options(column.name().clone(), minutes).into_column())
    })
}

/// Microseconds since the epoch.
pub(super) fn micros(column: &Column) -> Result<Int64Chunked> {
    let column = column.to_physical_repr().cast(&Dtype::Int64)?;
    Ok(column.i64()?.clone())
}

#[cfg(test)]
mod tests {
    use polars::prelude::TimeUnit;

    use super::*;

    #[test]
    fn hours_and_minutes_before_and_after_the_epoch() {
        let times = [Some(1_667_394_245_123_000), Some(-1), None];
        let times = Int64Chunked::from_iter_options("t".into(), times.into_iter());
        let times = times.into_datetime(TimeUnit::Microseconds, None).into_column();
        let values = |definition: &Definition| -> Vec<Option<i64>> {
            let Ok(Computation::ColumnMetric(_, function)) =
                (definition.build)(&serde_json::Map::new())
            else {
                panic!("a metric")
            };
            function(&times).unwrap().i64().unwrap().iter().collect()
        };
        assert_eq!(values(&ZULU_TIMESTAMP_HOUR), [Some(13), Some(23), None]);
        assert_eq!(values(&ZULU_TIMESTAMP_MINUTES), [Some(784), Some(1439), None]);
    }
}
