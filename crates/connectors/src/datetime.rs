//! Times as exports and logs write them.
//!
//! The time zones are jiff's; the formats that have a name are parsed here, since jiff has no parser for
//! most of them. Fractions are truncated to microseconds; a leap second counts as the second before it; weekdays are not
//! compared with the date.

mod cursor;
mod detect;
mod epoch;
mod format;
mod order;
mod reader;
mod years;

use anomal_spec::TimeFormat;

pub(crate) use cursor::WrittenTime;
pub(crate) use detect::{Demand, TimeDetection, detect};
pub(crate) use reader::{TimeReader, TimeTally};
pub(crate) use years::Years;

/// The time of a text in a format that [`detect`] takes for a time without other values beside it.
pub(crate) fn parse_any(text: &str) -> Option<WrittenTime> {
    let format = match text.as_bytes() {
        [b'[', ..] | [b'0'..=b'9', b'/', ..] | [b'0'..=b'9', b'0'..=b'9', b'/', ..] => {
            TimeFormat::Apache
        }
        [b'0'..=b'9', _, _, _, b'-', ..] => TimeFormat::Iso,
        [b'0'..=b'9', _, _, _, b'/' | b'.', ..] => TimeFormat::Slash,
        [b'0'..=b'9', _, _, _, _, _, _, _, b'T' | b't', ..] => TimeFormat::IsoBasic,
        [b'0'..=b'9', ..] => TimeFormat::DayMonth,
        [_, _, _, b',', ..] => TimeFormat::Rfc2822,
        _ => {
            let ctime = format::detect_as(&TimeFormat::Ctime, text);
            return ctime.or_else(|| format::detect_as(&TimeFormat::Kibana, text));
        }
    };
    format::detect_as(&format, text)
}

/// Whether a text may be a time, if times are needed.
pub(crate) fn may_be_time(text: &str) -> bool {
    let is_time = |format: &TimeFormat| format::parse_as(format, text).is_some();
    epoch::is_number(text) || detect::TEXTS.iter().any(is_time)
}

/// Microseconds since the epoch. A time without an offset is in UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    match parse_any(text)? {
        WrittenTime::Instant(time) | WrittenTime::Local(time) => Some(time),
        WrittenTime::WithoutYear(_) => None,
    }
}

#[cfg(test)]
mod tests;
