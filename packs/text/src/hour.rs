//! The hour of the day of a record, where its people are.

use anomal_components::{Component, Input, Metric, ParameterError};
use anomal_spec::time_zone;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

pub fn hour_of_day() -> Component {
    Component::metric(
        "hour_of_day",
        "The hour of a time, 0 to 23, in the time zone `zone`.",
        [Input::time("time")],
        |Zone { zone }| {
            let zone = time_zone(&zone).map_err(|message| ParameterError::new("zone", message))?;
            Ok(Metric::time(move |micros| {
                let time = Timestamp::from_microsecond(micros).ok()?;
                Some(i64::from(zone.to_datetime(time).hour()))
            }))
        },
    )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Zone {
    /// A time zone of the IANA database, such as Europe/Vienna.
    #[serde(default = "utc")]
    zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

#[cfg(test)]
mod tests {
    use anomal_components::{Dictionaries, Inputs};
    use polars::prelude::{Int64Chunked, IntoColumn, NewChunkedArray, TimeUnit};
    use serde_json::json;

    use super::*;

    fn hours(zone: &serde_json::Value, times: &[Option<i64>]) -> Vec<Option<i64>> {
        let times = Int64Chunked::from_iter_options("t".into(), times.iter().copied());
        let times = times.into_datetime(TimeUnit::Microseconds, None).into_column();
        let metric = hour_of_day().build(zone.as_object().unwrap()).unwrap();
        let dictionaries = Dictionaries::default();
        let values = metric.values(&Inputs::new(vec![Some(&times)], &dictionaries)).unwrap();
        values.i64().unwrap().iter().collect()
    }

    #[test]
    fn hours_are_those_of_the_zone() {
        // 2022-11-02T13:04:05Z, and half a year before, when Vienna is two hours ahead.
        let times = [Some(1_667_394_245_123_000), Some(1_651_496_645_000_000), Some(-1), None];
        assert_eq!(hours(&json!({}), &times), [Some(13), Some(13), Some(23), None]);
        let vienna = json!({"zone": "Europe/Vienna"});
        assert_eq!(hours(&vienna, &times), [Some(14), Some(15), Some(0), None]);
    }

    #[test]
    fn zones_are_known() {
        let given = json!({"zone": "Europe/Viena"});
        let error = hour_of_day().build(given.as_object().unwrap()).err().unwrap();
        assert_eq!(error.parameter, "zone");
        assert!(error.message.contains("did you mean `Europe/Vienna`?"), "{error}");
    }
}
