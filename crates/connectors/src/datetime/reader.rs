//! Reads the times of a column.

use std::{collections::BTreeMap, sync::Arc};

use anomal_spec::TimeFormat;
use jiff::{
    Timestamp,
    tz::{AmbiguousOffset, TimeZone},
};

use super::{
    cursor::WrittenTime,
    epoch::{self, in_range},
    format::parse_as,
    parse_any,
    years::encode,
};

/// How the times of a column are read. The default reads each value in any format that has one reading, in UTC.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeReader {
    /// In this order; none: any.
    formats: Arc<[TimeFormat]>,
    zone: Option<TimeZone>,
    /// Whether numbers of another magnitude than that of their unit are no times.
    same_unit: bool,
    /// Of the first time without one.
    pub year: Option<i16>,
}

/// What reading times has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeTally {
    /// Values without an offset, where the settings have no zone.
    pub without_zone: u64,
    /// Times that a zone skips, and those that it has twice.
    pub gaps: u64,
    pub folds: u64,
    /// Values by their format, where there are several formats.
    pub by_format: BTreeMap<String, u64>,
}

impl TimeTally {
    pub fn add(&mut self, other: &Self) {
        self.without_zone += other.without_zone;
        self.gaps += other.gaps;
        self.folds += other.folds;
        for (format, count) in &other.by_format {
            *self.by_format.entry(format.clone()).or_default() += count;
        }
    }
}

impl TimeReader {
    pub fn new(formats: Vec<TimeFormat>, zone: Option<TimeZone>, year: Option<i16>) -> Self {
        Self { formats: formats.into(), zone, same_unit: false, year }
    }

    /// For a format that a sample has shown: a number of another unit is no time, and not one of 1970.
    #[must_use]
    pub fn with_detected_unit(self) -> Self {
        let same_unit = self.formats.iter().all(epoch::has_magnitude);
        Self { same_unit, ..self }
    }

    /// What a value is to be, for messages.
    pub fn wanted(&self) -> &'static str {
        match &*self.formats {
            [] => "a date and time",
            [only] => wanted(only),
            _ => "a time in one of the column's formats",
        }
    }

    /// Microseconds since the epoch; for a time without a year, a value that [`Years`](super::Years) resolves.
    pub fn read(&self, text: &str, tally: &mut TimeTally) -> Option<i64> {
        let written = match &*self.formats {
            [] => parse_any(text),
            [only] if self.same_unit && epoch::unit(text).as_ref() != Some(only) => None,
            [only] => parse_as(only, text),
            several => several.iter().find_map(|format| {
                let time = parse_as(format, text)?;
                count(tally, format);
                Some(time)
            }),
        };
        match written? {
            WrittenTime::Instant(time) => in_range(time),
            WrittenTime::Local(time) => self.to_utc(time, tally),
            WrittenTime::WithoutYear(time) => Some(encode(time)),
        }
    }

    /// The instant of a local time: in a gap later, in a fold the earlier one.
    pub fn to_utc(&self, local: i64, tally: &mut TimeTally) -> Option<i64> {
        let Some(zone) = &self.zone else {
            tally.without_zone += 1;
            return in_range(local);
        };
        if *zone == TimeZone::UTC {
            return in_range(local);
        }
        // Near the ends of the calendar there are no instants for all local times.
        let Ok(time) = Timestamp::from_microsecond(local) else { return in_range(local) };
        let ambiguous = zone.to_ambiguous_timestamp(TimeZone::UTC.to_datetime(time));
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => {}
            AmbiguousOffset::Gap { .. } => tally.gaps += 1,
            AmbiguousOffset::Fold { .. } => tally.folds += 1,
        }
        in_range(ambiguous.compatible().ok()?.as_microsecond())
    }
}

#[cold]
fn count(tally: &mut TimeTally, format: &TimeFormat) {
    match tally.by_format.get_mut(format.name()) {
        Some(count) => *count += 1,
        None => {
            tally.by_format.insert(format.name().to_owned(), 1);
        }
    }
}

fn wanted(format: &TimeFormat) -> &'static str {
    match format {
        TimeFormat::Iso => "a time in the format iso",
        TimeFormat::IsoBasic => "a time in the format isoBasic",
        TimeFormat::Epoch => "a number of seconds since 1970 (epoch)",
        TimeFormat::EpochMillis => "a number of milliseconds since 1970 (epochMillis)",
        TimeFormat::EpochMicros => "a number of microseconds since 1970 (epochMicros)",
        TimeFormat::EpochNanos => "a number of nanoseconds since 1970 (epochNanos)",
        TimeFormat::Apache => "a time in the format apache",
        TimeFormat::Rfc2822 => "a time in the format rfc2822",
        TimeFormat::Http => "a time in the format http",
        TimeFormat::Ctime => "a time in the format ctime",
        TimeFormat::Syslog => "a time in the format syslog",
        TimeFormat::Kibana => "a time in the format kibana",
        TimeFormat::Slash => "a time in the format slash",
        TimeFormat::Us => "a time with the month first (us)",
        TimeFormat::Eu => "a time with the day first (eu)",
        TimeFormat::DayMonth => "a time in the format dayMonth",
        TimeFormat::Filetime => "a Windows file time (filetime)",
        TimeFormat::Strptime(_) => "a time in the column's format",
    }
}

#[cfg(test)]
mod tests;
