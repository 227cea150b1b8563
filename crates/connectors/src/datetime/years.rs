//! Years of times that are written without one. They depend on the records before, so they are found in the order of the
//! records, behind the parsing of batches.

use std::sync::Arc;

use anomal_core::{Batch, Result};
use polars::prelude::{Int64Chunked, IntoColumn, IntoSeries, TimeUnit};

use super::{
    cursor::{MICROS, date},
    reader::{TimeReader, TimeTally},
};

const DAY: i64 = 24 * 3600 * MICROS;
/// A step of more than this is one to the next or the previous year.
const HALF_YEAR: i64 = 183 * DAY;

/// Times since the start of a leap year, as values that no instant has.
pub(super) fn encode(time: i64) -> i64 {
    i64::MIN + time
}

pub(super) fn is_encoded(value: i64) -> bool {
    value < i64::MIN + 367 * DAY
}

/// Finds the years of times as records are read: a step back by more than half a year is one to the next year, a step
/// forward by more than that one to the year before.
pub(crate) struct Years {
    columns: Vec<YearColumn>,
}

struct YearColumn {
    name: String,
    reader: Arc<TimeReader>,
    year: i64,
    /// The time in the year of the value before.
    previous: Option<i64>,
}

impl Years {
    /// For typed columns with their readers.
    pub fn new<'a>(columns: impl Iterator<Item = (&'a str, &'a Arc<TimeReader>)>) -> Self {
        let column = |(name, reader): (&str, &Arc<TimeReader>)| {
            let (name, year) = (name.to_owned(), reader.year?.into());
            Some(YearColumn { name, reader: Arc::clone(reader), year, previous: None })
        };
        Self { columns: columns.filter_map(column).collect() }
    }

    /// Whether no column has such times.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Resolves the times without a year of the next batch. Returns what has been counted, by column.
    ///
    /// # Errors
    /// `Internal`.
    pub fn resolve(&mut self, batch: &mut Batch) -> Result<Vec<(String, TimeTally)>> {
        let mut tallies = Vec::new();
        for column in &mut self.columns {
            let times = batch.typed.column(&column.name)?.datetime()?.physical().clone();
            let mut tally = TimeTally::default();
            let times: Int64Chunked =
                times.iter().map(|time| column.resolve(time?, &mut tally)).collect();
            let times = times.with_name(column.name.as_str().into());
            let times = times.into_datetime(TimeUnit::Microseconds, None).into_series();
            batch.typed.with_column(times.into_column())?;
            tallies.push((column.name.clone(), tally));
        }
        Ok(tallies)
    }
}

impl YearColumn {
    fn resolve(&mut self, value: i64, tally: &mut TimeTally) -> Option<i64> {
        if !is_encoded(value) {
            return Some(value);
        }
        let time = value - i64::MIN;
        let step = time - self.previous.replace(time).unwrap_or(time);
        if step < -HALF_YEAR {
            self.year += 1;
        } else if step > HALF_YEAR {
            self.year -= 1;
        }
        self.reader.to_utc(in_year(self.year, time)?, tally)
    }
}

/// A time since the start of a leap year, in another year; nothing for 29 February in a common year.
fn in_year(year: i64, time: i64) -> Option<i64> {
    const LEAP_DAY: i64 = 59 * DAY;
    let (start, after_leap_day) = (date(year, 1, 1)?, time - LEAP_DAY - DAY);
    if time < LEAP_DAY {
        return Some(start + time);
    }
    if after_leap_day >= 0 {
        return Some(date(year, 3, 1)? + after_leap_day);
    }
    Some(date(year, 2, 29)? + time - LEAP_DAY)
}

#[cfg(test)]
mod tests {
    use anomal_spec::TimeFormat;
    use jiff::{Timestamp, tz::TimeZone};
    use proptest::prelude::*;

    use super::*;

    /// The times of texts in the order of their records, as RFC 3339.
    fn resolved(year: i16, zone: &str, texts: &[String]) -> Vec<Option<String>> {
        let zone = anomal_spec::time_zone(zone).unwrap();
        let reader = Arc::new(TimeReader::new(vec![TimeFormat::Syslog], Some(zone), Some(year)));
        let mut column = YearColumn {
            name: "t".to_owned(),
            reader: Arc::clone(&reader),
            year: year.into(),
            previous: None,
        };
        let mut tally = TimeTally::default();
        let times = texts.iter().map(|text| {
            let time = reader.read(text, &mut TimeTally::default())?;
            let time = column.resolve(time, &mut tally)?;
            Some(Timestamp::from_microsecond(time).unwrap().to_string())
        });
        times.collect()
    }

    #[test]
    fn years_follow_the_records() {
        let texts = ["Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:58", "Feb 29 12:00:00"];
        let texts = texts.map(str::to_owned);
        let times = resolved(2023, "UTC", &texts);
        let times: Vec<&str> = times.iter().map(|time| time.as_deref().unwrap_or("-")).collect();
        let expected = [
            "2023-12-31T23:59:59Z",
            "2024-01-01T00:00:01Z",
            "2023-12-31T23:59:58Z",
            "2024-02-29T12:00:00Z",
        ];
        assert_eq!(times, expected);
        assert_eq!(resolved(2023, "UTC", &texts[3..]), [None]);
        let summer = resolved(2024, "Europe/Vienna", &["Jul  1 12:00:00".to_owned()]);
        assert_eq!(summer[0].as_deref(), Some("2024-07-01T10:00:00Z"));
    }

    proptest! {
        /// Steps of up to half a year in either direction are found, over any number of years.
        #[test]
        fn steps_below_half_a_year_are_found(steps in prop::collection::vec(-15_000_000_i64..15_000_000, 1..50), start in 0_i64..31_000_000) {
            let mut second = 1_672_531_200 + start;
            let mut texts = Vec::new();
            let mut expected = Vec::new();
            for step in steps {
                let time = Timestamp::from_second(second).unwrap();
                texts.push(time.strftime("%b %e %H:%M:%S").to_string());
                expected.push(Some(time.to_string()));
                second += step;
            }
            let year = TimeZone::UTC.to_datetime(Timestamp::from_second(1_672_531_200 + start).unwrap()).year();
            prop_assert_eq!(resolved(year, "UTC", &texts), expected);
        }
    }
}
