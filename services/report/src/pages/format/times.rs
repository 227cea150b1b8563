//! Times of the data, as short as the report's span allows.

use anomal_core::{proto::Report, words};
use jiff::Timestamp;

/// How a report writes its times. All are microseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Microseconds of the unit that times count; 0: they are times.
    step: i64,
    /// Whether all rows are of one day.
    is_one_day: bool,
}

impl Times {
    pub fn new(report: &Report) -> Self {
        let step = report.roles.as_ref().map_or(0, |roles| roles.time_step);
        let ends = report.incidents.as_ref().and_then(|it| Some((it.first?, it.last?)));
        let is_one_day = ends.is_some_and(|(first, last)| words::day(first) == words::day(last));
        Self { step: i64::try_from(step).unwrap_or(0), is_one_day }
    }

    /// `16:57`, `2 Mar 16:57`, or the number of units.
    pub fn short(self, micros: i64) -> String {
        self.formatted(micros, "%H:%M")
    }

    /// To the second.
    pub fn precise(self, micros: i64) -> String {
        self.formatted(micros, "%H:%M:%S")
    }

    fn formatted(self, micros: i64, clock: &str) -> String {
        if self.step > 0 {
            return (micros / self.step).to_string();
        }
        let format = if self.is_one_day { clock.to_owned() } else { format!("%-d %b {clock}") };
        let time = Timestamp::from_microsecond(micros);
        time.map_or_else(|_| "–".to_owned(), |time| time.strftime(&format).to_string())
    }

    /// From the first to the last time: `16:57:32–17:01:01`.
    pub fn span(self, first: i64, last: i64) -> String {
        let (from, to) = (self.precise(first), self.precise(last));
        if from == to {
            from
        } else if self.step > 0 || self.is_one_day {
            format!("{from}–{to}")
        } else {
            format!("{from} – {to}")
        }
    }

    /// The span of the whole data with its day: `2 Mar 2026 00:00–23:59 UTC`.
    pub fn data(self, first: i64, last: i64) -> String {
        if self.step > 0 { self.span(first, last) } else { words::span(first, last) }
    }

    /// As it is in an address: RFC 3339, or the number of units.
    pub fn parameter(self, micros: i64) -> String {
        if self.step > 0 {
            return (micros / self.step).to_string();
        }
        Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |time| time.to_string())
    }

    /// For an input of a form: without a zone, in UTC.
    pub fn input(self, micros: i64) -> String {
        if self.step > 0 {
            return (micros / self.step).to_string();
        }
        let time = Timestamp::from_microsecond(micros);
        time.map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%dT%H:%M:%S").to_string())
    }

    /// In milliseconds, or in the unit that times count.
    pub fn units(self, micros: i64) -> i64 {
        micros / if self.step > 0 { self.step } else { 1_000 }
    }

    /// The type of that input.
    pub fn input_type(self) -> &'static str {
        if self.step > 0 { "number" } else { "datetime-local" }
    }
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::{ColumnRoles, IncidentCounts};

    use super::*;

    fn times(last: i64, step: u64) -> Times {
        let counts =
            IncidentCounts { first: Some(0), last: Some(last), ..IncidentCounts::default() };
        let roles = ColumnRoles { time_step: step, ..ColumnRoles::default() };
        let report = Report { incidents: Some(counts), roles: Some(roles), ..Report::default() };
        Times::new(&report)
    }

    #[test]
    fn the_day_is_written_where_there_are_several() {
        let minute = 61_000_000;
        assert_eq!(times(minute, 0).short(minute), "00:01");
        assert_eq!(times(minute, 0).span(0, minute), "00:00:00–00:01:01");
        assert_eq!(times(i64::MAX / 1_000, 0).precise(minute), "1 Jan 00:01:01");
        assert_eq!(times(minute, 0).parameter(minute), "1970-01-01T00:01:01Z");
        assert_eq!(times(minute, 0).input(minute), "1970-01-01T00:01:01");
        assert_eq!(times(0, 1_000_000).span(2_000_000, 5_000_000), "2–5");
        assert_eq!(times(0, 0).short(i64::MAX), "–");
    }
}
