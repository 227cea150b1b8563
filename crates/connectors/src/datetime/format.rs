//! The parsers of formats of times.

use anomal_spec::TimeFormat;
use jiff::{civil::Time, fmt::strtime};

use super::{
    cursor::{MICROS, Rest, WrittenTime, date, time_of_day},
    epoch,
};

/// A leap year, whose days are those of all times without a year.
const LEAP_YEAR: i64 = 2000;

/// The time that a whole text is in a format.
pub(crate) fn parse_as(format: &TimeFormat, text: &str) -> Option<WrittenTime> {
    let mut rest = Rest(text.as_bytes());
    let rest = &mut rest;
    let time = match format {
        TimeFormat::Iso => year_first(rest, b"-"),
        TimeFormat::Slash => year_first(rest, b"/."),
        TimeFormat::IsoBasic => iso_basic(rest),
        TimeFormat::Apache => apache(rest),
        TimeFormat::Rfc2822 => rfc2822(rest),
        TimeFormat::Http => http(rest),
        TimeFormat::Ctime => ctime(rest),
        TimeFormat::Syslog => syslog(rest),
        TimeFormat::Kibana => kibana(rest),
        TimeFormat::Us => numeric(rest, true),
        TimeFormat::Eu => numeric(rest, false),
        TimeFormat::DayMonth => day_month(rest),
        TimeFormat::Epoch => return epoch::parse(text, epoch::SECONDS),
        TimeFormat::EpochMillis => return epoch::parse(text, epoch::MILLIS),
        TimeFormat::EpochMicros => return epoch::parse(text, epoch::MICROS),
        TimeFormat::EpochNanos => return epoch::parse(text, epoch::NANOS),
        TimeFormat::Filetime => return epoch::parse_filetime(text),
        TimeFormat::Strptime(format) => return strptime(format, text),
    };
    time.filter(|_| rest.is_empty())
}

/// The time that a text is in a format, if nothing in it looks like another kind of value or has several readings by
/// itself: a day alone in `slash` may be a version, one in `isoBasic` a number, and years of two digits may be days.
pub(crate) fn detect_as(format: &TimeFormat, text: &str) -> Option<WrittenTime> {
    let full_year = |mut rest: Rest<'_>, parts: usize| {
        for _ in 0..parts {
            rest.short().or_else(|| rest.month())?;
            rest.take(b"/-. ")?;
        }
        rest.digits(4)
    };
    let bytes = text.as_bytes();
    let clear = match format {
        TimeFormat::Slash => bytes.len() > 10,
        TimeFormat::IsoBasic => matches!(bytes.get(8), Some(b'T' | b't')),
        TimeFormat::Us | TimeFormat::Eu | TimeFormat::DayMonth => {
            full_year(Rest(bytes), 2).is_some()
        }
        _ => true,
    };
    if clear { parse_as(format, text) } else { None }
}

fn year_first(rest: &mut Rest<'_>, separators: &[u8]) -> Option<WrittenTime> {
    let year = rest.digits(4)?;
    let separator = [*rest.0.first()?];
    rest.take(separators)?;
    let month = rest.digits(2)?;
    rest.take(&separator)?;
    let midnight = date(year, month, rest.digits(2)?)?;
    if rest.is_empty() {
        return Some(WrittenTime::Local(midnight));
    }
    rest.take(b"Tt ")?;
    Some(WrittenTime::new(midnight + rest.time()?, rest.offset()?))
}

/// `20191214`, `20191214062507`, `20191214T062507Z`.
fn iso_basic(rest: &mut Rest<'_>) -> Option<WrittenTime> {
    let midnight = date(rest.digits(4)?, rest.digits(2)?, rest.digits(2)?)?;
    if rest.is_empty() {
        return Some(WrittenTime::Local(midnight));
    }
    let _ = rest.take(b"Tt");
    let time = time_of_day(rest.digits(2)?, rest.digits(2)?, rest.digits(2)?)?;
    let local = midnight + time + rest.fraction()?;
    Some(WrittenTime::new(local, rest.offset()?))
}

fn apache(rest: &mut Rest<'_>) -> Option<WrittenTime> {
    let bracket = rest.take(b"[").is_some();
    if bracket {
        rest.0 = rest.0.strip_suffix(b"]")?;
    }
    let day = rest.short()?;
    rest.take(b"/")?;
    let month = rest.month()?;
    rest.take(b"/")?;
    let midnight = date(rest.digits(4)?, month, day)?;
    rest.take(b":")?;
    Some(WrittenTime::new(midnight + rest.time()?, rest.offset()?))
}

/// The weekday and the seconds may be missing.
fn rfc2822(rest: &mut Rest<'_>) -> Option<WrittenTime> {
    if rest.weekday().is_some() {
        rest.takes(b", ")?;
    }
    let day = rest.short()?;
    rest.take(b" ")?;
    let month = rest.month()?;
    rest.take(b" ")?;
    let midnight = date(rest.digits(4)?, month, day)?;
    if rest.is_empty() {
        return Some(WrittenTime::Local(midnight));
    }
    rest.take(b" ")?;
    let local = midnight + rest.time()?;
    if let Some(offset) = rest.obsolete_zone() {
        return Some(WrittenTime::new(local, Some(offset)));
    }
    Some(WrittenTime::new(local, rest.offset()?))
}

fn http(rest: &mut Rest<'_>) -> Option<WrittenTime> {
    let mut start = *rest;
    start.weekday()?;
    start.takes(b", ")?;
    rest.0.ends_with(b" GMT").then(|| rfc2822(rest)).flatten()
}

/// The day before the name of the month: `14 Dec 2019 06:25:07`, `14-Dec-2019`, `14-DEC-19`.
fn day_month(rest: &mut Rest<'_>) -> Option<WrittenTime> {
    let day = rest.short()?;
    let separator = [*rest.0.first()?];
    rest.take(b" -")?;
    let month = rest.month()?;
    rest.take(&separator)?;
    let midnight = date(rest.year()?, month, day)?;
    if rest.is_empty() {
        return Some(WrittenTime::Local(midnight));
    }
    rest.take(b" ")?;
    Some(WrittenTime::new(midnight + rest.clock()?, rest.offset()?))
}

/// `Wed Nov  2 13:04:05 2022`, also with UTC before the year.
fn ctime(rest: &mut Rest<'_>) -> Option<WrittenTime> {
    rest.weekday()?;
    rest.take(b" ")?;
    let (month, day) = month_day(rest)?;
    rest.take(b" ")?;
    let time = rest.time()?;
    rest.take(b" ")?;
    let utc = rest.utc().is_some();
    if utc {
        rest.take(b" ")?;
    }
    let local = date(rest.digits(4)?, month, day)? + time;
    Some(WrittenTime::new(local, utc.then_some(0)))
}

/// `Dec  4`, `Dec 14`.
fn month_day(rest: &mut Rest<'_>) -> Option<(i64, i64)> {
    let month = rest.month()?;
    rest.take(b" ")?;
    let _ = rest.take(b" ");
    Some((month, rest.short()?))
}

fn syslog(rest: &mut Rest<'_>) -> Option<WrittenTime> {
    let (month, day) = month_day(rest)?;
    rest.take(b" ")?;
    without_year(month, day, rest.time()?)
}

fn without_year(month: i64, day: i64, time: i64) -> Option<WrittenTime> {
    let start = date(LEAP_YEAR, 1, 1)?;
    Some(WrittenTime::WithoutYear(date(LEAP_YEAR, month, day)? - start + time))
}

fn kibana(rest: &mut Rest<'_>) -> Option<WrittenTime> {
    let month = rest.month()?;
    rest.take(b" ")?;
    let day = rest.short()?;
    rest.takes(b", ")?;
    let midnight = date(rest.digits(4)?, month, day)?;
    rest.takes(b" @ ")?;
    Some(WrittenTime::Local(midnight + rest.time()?))
}

/// Days and months as numbers: `12/14/2019 06:25 PM`, `14.12.2019 18:25:07`, `14-12-19`.
fn numeric(rest: &mut Rest<'_>, month_first: bool) -> Option<WrittenTime> {
    let first = rest.short()?;
    let separator = [*rest.0.first()?];
    rest.take(b"/.-")?;
    let second = rest.short()?;
    rest.take(&separator)?;
    let (month, day) = if month_first { (first, second) } else { (second, first) };
    let midnight = date(rest.year()?, month, day)?;
    if rest.is_empty() {
        return Some(WrittenTime::Local(midnight));
    }
    let _ = rest.take(b",");
    rest.take(b" ")?;
    let _ = rest.take(b" ");
    Some(WrittenTime::new(midnight + rest.clock()?, rest.offset()?))
}

fn strptime(format: &str, text: &str) -> Option<WrittenTime> {
    let parsed = strtime::parse(format, text).ok()?;
    if let Some(time) = parsed.timestamp() {
        return epoch::in_range(time.as_microsecond()).map(WrittenTime::Instant);
    }
    let time = parsed.to_time().ok()?;
    let since_midnight = time.duration_since(Time::midnight()).as_micros();
    let since_midnight = i64::try_from(since_midnight).ok()?;
    let Ok(day) = parsed.to_date() else {
        return match (parsed.year(), parsed.month(), parsed.day()) {
            (None, Some(month), Some(day)) => {
                without_year(month.into(), day.into(), since_midnight)
            }
            _ => None,
        };
    };
    if let Some(zone) = parsed.iana_time_zone() {
        let time = anomal_spec::time_zone(zone).ok()?.to_timestamp(day.to_datetime(time)).ok()?;
        return Some(WrittenTime::Instant(time.as_microsecond()));
    }
    let local = date(day.year().into(), day.month().into(), day.day().into())? + since_midnight;
    let offset = parsed.offset().map(|offset| i64::from(offset.seconds()) * MICROS);
    epoch::in_range(local).map(|local| WrittenTime::new(local, offset))
}

#[cfg(test)]
mod tests;
