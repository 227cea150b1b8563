//! Parses times in the forms that exports use.
//!
//! Accepted are RFC 3339 and ISO 8601 in its extended form (`2022-11-02T13:04:05.123Z`, with a blank for the T, without
//! seconds, with `+01:00`, `+0100` or no offset, which means UTC), a date alone, and the form of Kibana's exports
//! (`Nov 2, 2022 @ 13:04:05.123`, UTC). Fractions are truncated to microseconds; a leap second counts as the second
//! before it. The calendar is jiff's; the text is parsed here, since jiff has no parser for all of these forms.

use jiff::civil::Date;

const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];
const MICROS: i64 = 1_000_000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// Microseconds since the epoch.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let mut rest = Rest(text.as_bytes());
    if rest.0.first()?.is_ascii_digit() { iso(&mut rest) } else { kibana(&mut rest) }
        .filter(|_| rest.0.is_empty())
}

fn iso(rest: &mut Rest<'_>) -> Option<i64> {
    let year = rest.digits(4)?;
    rest.take(b"-")?;
    let month = rest.digits(2)?;
    rest.take(b"-")?;
    let midnight = date(year, month, rest.digits(2)?)?;
    if rest.0.is_empty() {
        return Some(midnight);
    }
    rest.take(b"Tt ")?;
    Some(midnight + time(rest)? - offset(rest)?)
}

fn kibana(rest: &mut Rest<'_>) -> Option<i64> {
    let (name, after) = rest.0.split_at_checked(3)?;
    let month = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(month))?;
    *rest = Rest(after);
    rest.take(b" ")?;
    let day = rest.digits(2).or_else(|| rest.digits(1))?;
    rest.takes(b", ")?;
    let midnight = date(rest.digits(4)?, i64::try_from(month).ok()? + 1, day)?;
    rest.takes(b" @ ")?;
    Some(midnight + time(rest)?)
}

/// Microseconds from the epoch to the start of a day.
fn date(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = i16::try_from(year).ok()?;
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let date = Date::new(year, month, day).ok()?;
    // Not by a `Timestamp`, whose range ends before 9999-12-31, a date that stands for "no end".
    Some(date.duration_since(EPOCH).as_secs() * MICROS)
}

/// `hh:mm`, then perhaps `:ss` and a fraction.
fn time(rest: &mut Rest<'_>) -> Option<i64> {
    let hour = rest.digits(2)?;
    rest.take(b":")?;
    let minute = rest.digits(2)?;
    let second = if rest.take(b":").is_some() { rest.digits(2)? } else { 0 };
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let whole = (hour * 3600 + minute * 60 + second.min(59)) * MICROS;
    if rest.take(b".,").is_none() {
        return Some(whole);
    }
    let length = rest.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.0.split_at_checked(length).filter(|_| length > 0)?;
    *rest = Rest(after);
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0'));
    Some(whole + padded.take(6).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// The offset of a local time from UTC in microseconds.
fn offset(rest: &mut Rest<'_>) -> Option<i64> {
    if rest.0.is_empty() || rest.take(b"Zz").is_some() {
        return Some(0);
    }
    let sign = if rest.take(b"+").is_some() { 1 } else { rest.take(b"-").map(|()| -1)? };
    let hours = rest.digits(2)?;
    let colon = rest.take(b":").is_some();
    let minutes = if colon || !rest.0.is_empty() { rest.digits(2)? } else { 0 };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60) * MICROS)
}

/// The rest of a text.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, after) = self.0.split_at_checked(count)?;
        let mut value = 0;
        for digit in digits {
            value = value * 10 + i64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        }
        self.0 = after;
        Some(value)
    }

    /// Consumes one of these bytes.
    fn take(&mut self, any: &[u8]) -> Option<()> {
        let (first, after) = self.0.split_first()?;
        any.contains(first).then(|| self.0 = after)
    }

    fn takes(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_in_the_forms_of_exports() {
        for text in [
            "2022-11-02T13:04:05.123Z",
            "2022-11-02t14:04:05,123+01:00",
            "2022-11-02T11:34:05.123-0130",
            "2022-11-02 13:04:05.123",
            "2022-11-02 13:04:05.123000999+00",
            "Nov 2, 2022 @ 13:04:05.123",
            "nov 02, 2022 @ 13:04:05.123",
        ] {
            assert_eq!(parse(text), Some(1_667_394_245_123_000), "{text}");
        }
        assert_eq!(parse("2022-11-02"), Some(1_667_347_200_000_000));
        assert_eq!(parse("2022-11-02 13:04"), Some(1_667_394_240_000_000));
        assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2016-12-31T23:59:59Z"));
        assert_eq!(parse("9999-12-31"), Some(253_402_214_400_000_000));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "20221102",
            "2022",
            "2022-11",
            "2022-13-02",
            "2022-02-29",
            "2022-11-31",
            "2022-00-10",
            "2022-11-00",
            "2022-11-02T",
            "2022-11-02T24:00:00",
            "2022-11-02T13:60:00",
            "2022-11-02T13:04:05.",
            "2022-11-02T13:04:05Zulu",
            "2022-11-02T13:04:05+24:00",
            "2022-11-02T13:04:05+1",
            "10.0.0.1",
            "Nov 2 2022",
            "Nov 2, 2022",
            "Nov 32, 2022 @ 13:04:05",
            "Nox 2, 2022 @ 13:04:05",
            "äöü",
            "-1",
            "2022-1é-02",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(
            year in 0_i64..9999, month in 0_i64..14, day in 0_i64..33, seconds in 0_i64..90_000,
            fraction in 0_i64..MICROS, offset in -12_i64..12,
        ) {
            let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            let civil = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}");
            let utc = civil.parse::<DateTime>().ok().map(|civil| TimeZone::UTC.to_timestamp(civil).unwrap());
            prop_assert_eq!(parse(&civil), utc.map(Timestamp::as_microsecond));
            let zoned = format!("{civil}{offset:+03}:30");
            prop_assert_eq!(parse(&zoned), zoned.parse::<Timestamp>().ok().map(Timestamp::as_microsecond));
        }
    }
}
