//! The time of day of a record, in UTC.

use anomal_components::{Component, Input, Metric, NoParameters, ParameterError, Seconds};
use anomal_core::Result;
use polars::prelude::{Column, DataType as Dtype, Int64Chunked};

const MINUTE: i64 = 60_000_000;
/// Seconds.
pub const HOUR: f64 = 3600.0;

pub fn zulu_timestamp_hour() -> Component {
    Component::metric(
        "zulu_timestamp_hour",
        "The hour of a time in UTC, 0 to 23.",
        [Input::time("timestamp")],
        |NoParameters {}| Ok(of_day(|minutes| minutes / 60)),
    )
}

pub fn zulu_timestamp_minutes() -> Component {
    Component::metric(
        "zulu_timestamp_minutes",
        "The minutes since midnight of a time in UTC, 0 to 1439.",
        [Input::time("timestamp")],
        |NoParameters {}| Ok(of_day(|minutes| minutes)),
    )
}

/// A function of the minutes since midnight.
fn of_day(function: fn(i64) -> i64) -> Metric<i64> {
    Metric::time(move |micros| Some(function(micros.div_euclid(MINUTE).rem_euclid(24 * 60))))
}

/// # Errors
/// A parameter `window` that is no length of time.
pub fn check_window(window: Option<Seconds>) -> std::result::Result<(), ParameterError> {
    if window.is_some_and(|Seconds(seconds)| seconds <= 0.0 || !seconds.is_finite()) {
        return Err(ParameterError::new("window", "a window has more than 0 seconds"));
    }
    Ok(())
}

/// # Errors
/// A parameter `window` beside the flag's own.
pub fn over_window(window: Option<Seconds>) -> std::result::Result<(), ParameterError> {
    if window.is_some() {
        let message = "the flag's own `window` takes its place; remove one of them";
        return Err(ParameterError::new("window", message));
    }
    Ok(())
}

/// Microseconds since the epoch.
pub fn micros(column: &Column) -> Result<Int64Chunked> {
    let column = column.to_physical_repr().cast(&Dtype::Int64)?;
    Ok(column.i64()?.clone())
}

#[cfg(test)]
mod tests {
    use anomal_components::{Dictionaries, Inputs};
    use polars::prelude::{IntoColumn, NewChunkedArray, TimeUnit};

    use super::*;

    #[test]
    fn hours_and_minutes_before_and_after_the_epoch() {
        let times = [Some(1_667_394_245_123_000), Some(-1), None];
        let times = Int64Chunked::from_iter_options("t".into(), times.into_iter());
        let times = times.into_datetime(TimeUnit::Microseconds, None).into_column();
        let values = |component: Component| -> Vec<Option<i64>> {
            let metric = component.build(&serde_json::Map::new()).unwrap();
            let dictionaries = Dictionaries::default();
            let values = metric.values(&Inputs::new(vec![Some(&times)], &dictionaries)).unwrap();
            values.i64().unwrap().iter().collect()
        };
        assert_eq!(values(zulu_timestamp_hour()), [Some(13), Some(23), None]);
        assert_eq!(values(zulu_timestamp_minutes()), [Some(784), Some(1439), None]);
    }
}
