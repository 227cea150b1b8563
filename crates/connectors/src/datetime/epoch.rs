//! Times as numbers: units since 1970, and Windows file times.

use anomal_spec::TimeFormat;

use super::cursor::WrittenTime;

/// A unit, by the digits of a second's fraction that it has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit(usize);

pub(super) const SECONDS: Unit = Unit(0);
pub(super) const MILLIS: Unit = Unit(3);
pub(super) const MICROS: Unit = Unit(6);
pub(super) const NANOS: Unit = Unit(9);

/// Microseconds from 1601 to 1970.
const FILETIME_EPOCH: i64 = 11_644_473_600_000_000;
/// Years 1 to 9999, in microseconds since 1970.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;
/// Values of file times from 1949 to 2139, which as nanoseconds since 1970 are in 1973 to 1975.
const FILETIMES: std::ops::Range<i64> = 110_000_000_000_000_000..170_000_000_000_000_000;

/// The units by the magnitude of their values in 1973 to 2099: smallest value, first value beyond, format.
const BANDS: [(i64, i64, TimeFormat); 4] = [
    (100_000_000, 4_100_000_000, TimeFormat::Epoch),
    (100_000_000_000, 4_100_000_000_000, TimeFormat::EpochMillis),
    (100_000_000_000_000, 4_100_000_000_000_000, TimeFormat::EpochMicros),
    (100_000_000_000_000_000, 4_100_000_000_000_000_000, TimeFormat::EpochNanos),
];

/// The time that a number of units since 1970 is. Seconds and milliseconds may have a fraction; what is finer than a
/// microsecond is cut.
pub(super) fn parse(text: &str, unit: Unit) -> Option<WrittenTime> {
    let (whole, fraction) = number(text)?;
    if !fraction.is_empty() && unit.0 > 3 {
        return None;
    }
    let micros = match 6_usize.checked_sub(unit.0) {
        None => whole / 1000,
        Some(missing) => {
            let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(missing);
            let fraction = digits.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            let scale = 10_i64.pow(u32::try_from(missing).ok()?);
            whole.checked_mul(scale)?.checked_add(fraction)?
        }
    };
    let micros = if text.starts_with('-') { -micros } else { micros };
    in_range(micros).map(WrittenTime::Instant)
}

/// The time that a number of 100 nanoseconds since 1601 is.
pub(super) fn parse_filetime(text: &str) -> Option<WrittenTime> {
    let (whole, fraction) = number(text)?;
    if !(17..=18).contains(&text.len()) || text.starts_with('-') || !fraction.is_empty() {
        return None;
    }
    Some(WrittenTime::Instant(whole / 10 - FILETIME_EPOCH))
}

/// The time, if it is in the years 1 to 9999.
pub(super) fn in_range(micros: i64) -> Option<i64> {
    RANGE.contains(&micros).then_some(micros)
}

/// Whether a text is a number as times have it.
pub(super) fn is_number(text: &str) -> bool {
    number(text).is_some()
}

/// The format of the unit in whose magnitude a number is.
pub(super) fn unit(text: &str) -> Option<TimeFormat> {
    let (whole, fraction) = number(text).filter(|_| !text.starts_with('-'))?;
    let (.., format) = BANDS.into_iter().find(|(least, end, _)| (*least..*end).contains(&whole))?;
    let whole_units = matches!(format, TimeFormat::EpochMicros | TimeFormat::EpochNanos);
    (fraction.is_empty() || !whole_units).then_some(format)
}

/// Whether the numbers of a format have a magnitude by which [`unit`] finds it.
pub(super) fn has_magnitude(format: &TimeFormat) -> bool {
    BANDS.iter().any(|(.., known)| known == format)
}

/// Whether a number may be a file time as well as nanoseconds.
pub(super) fn may_be_filetime(text: &str) -> bool {
    number(text).is_some_and(|(whole, _)| FILETIMES.contains(&whole))
}

/// The absolute value of the whole part, and the digits of the fraction.
fn number(text: &str) -> Option<(i64, &str)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let only_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 19 || !only_digits(whole) || !only_digits(fraction) {
        return None;
    }
    Some((whole.parse().ok()?, fraction))
}
