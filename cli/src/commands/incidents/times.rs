//! The time that incidents are chosen by.

use anomal_runner::Incident;
use jiff::{Timestamp, civil, tz::TimeZone};

use crate::{args::Incidents, present::error::Failure};

/// From a time to another, which is not part of it; in microseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    from: Option<i64>,
    to: Option<i64>,
}

impl TimeRange {
    /// # Errors
    /// If a text is no time, or a time of day where incidents are of several days.
    pub fn new(arguments: &Incidents, incidents: &[Incident]) -> Result<Self, Failure> {
        let parse = |option: &str, text: &Option<String>| {
            text.as_ref().map(|text| parse(option, text, incidents)).transpose()
        };
        Ok(Self { from: parse("--from", &arguments.from)?, to: parse("--to", &arguments.to)? })
    }

    /// Whether any time of an incident is in it. One without times is in no bounded one.
    pub fn overlaps(&self, incident: &Incident) -> bool {
        let Some((first, last)) = incident.extent() else { return *self == Self::default() };
        self.from.is_none_or(|from| last >= from) && self.to.is_none_or(|to| first < to)
    }
}

fn parse(option: &str, text: &str, incidents: &[Incident]) -> Result<i64, Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!(
            "{option} {text}: {why}; a time is 2026-03-02T16:00:00Z, 2026-03-02, 16:00 of a single day, or a number where \
             times are numbers"
        ))
    };
    if let Some(step) = incidents.iter().find_map(Incident::time_step) {
        let steps = text.parse::<i64>().map_err(|_| wrong("the times here are whole numbers"))?;
        return Ok(steps.saturating_mul(step));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_microsecond());
    }
    let utc = |time: civil::DateTime| {
        let time = TimeZone::UTC.to_timestamp(time).map_err(|_| wrong("it is out of range"))?;
        Ok(time.as_microsecond())
    };
    if let Ok(time) = text.parse::<civil::DateTime>() {
        return utc(time);
    }
    if let Ok(date) = text.parse::<civil::Date>() {
        return utc(date.to_datetime(civil::Time::midnight()));
    }
    let clock = civil::Time::strptime("%H:%M", text).or_else(|_| text.parse::<civil::Time>());
    let clock = clock.map_err(|_| wrong("this is no time"))?;
    let mut days: Vec<civil::Date> = incidents
        .iter()
        .filter_map(Incident::extent)
        .flat_map(|(first, last)| [first, last])
        .filter_map(|micros| Timestamp::from_microsecond(micros).ok())
        .map(|time| TimeZone::UTC.to_datetime(time).date())
        .collect();
    days.sort_unstable();
    days.dedup();
    match days.as_slice() {
        [day] => utc(day.to_datetime(clock)),
        _ => Err(wrong("the incidents are of several days, or of none")),
    }
}
