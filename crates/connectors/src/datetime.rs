//! Parses times in the forms that exports and logs use, as far as each has one reading.
//!
//! | form | |
//! | --- | --- |
//! | ISO 8601 and RFC 3339 | `2022-11-02T13:04:05.123Z`, with a blank for the T, without seconds, a date alone; `20221102T130405Z` |
//! | year first | `2022/11/02 13:04:05`, `2022.11.02 13:04:05` |
//! | Kibana | `Nov 2, 2022 @ 13:04:05.123` |
//! | Apache | `02/Nov/2022:13:04:05 +0000`, also in brackets |
//! | RFC 2822, HTTP | `Wed, 02 Nov 2022 13:04:05 +0100`, `... GMT`, without the weekday; `02-Nov-2022 13:04:05` |
//! | ctime, date | `Wed Nov  2 13:04:05 2022`, `Wed Nov  2 13:04:05 UTC 2022` |
//!
//! Offsets are `Z`, `UTC`, `GMT`, `+01`, `+0100` or `+01:00`, also behind a blank; none means UTC. Fractions are truncated to
//! microseconds; a leap second counts as the second before it; weekdays are not compared with the date. The calendar is
//! jiff's; the text is parsed here, since jiff has no parser for all of these forms.

use jiff::civil::Date;

const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];
const WEEKDAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
const MICROS: i64 = 1_000_000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// Microseconds since the epoch.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let mut rest = Rest(text.as_bytes());
    let time = match text.as_bytes() {
        [b'[', ..] => bracketed(&mut rest),
        [b'0'..=b'9', _, _, _, b'-' | b'/' | b'.', ..] => year_first(&mut rest),
        [b'0'..=b'9', _, _, _, _, _, _, _, b'T' | b't', ..] => basic_iso(&mut rest),
        [b'0'..=b'9', ..] => day_first(&mut rest),
        _ if rest.name(&WEEKDAYS).is_some() => weekday_first(&mut rest),
        _ => kibana(&mut rest),
    };
    time.filter(|_| rest.0.is_empty())
}

fn bracketed(rest: &mut Rest<'_>) -> Option<i64> {
    rest.take(b"[")?;
    let time = day_first(rest)?;
    rest.take(b"]")?;
    Some(time)
}

fn year_first(rest: &mut Rest<'_>) -> Option<i64> {
    let year = rest.digits(4)?;
    let separator = [*rest.0.first()?];
    rest.take(&separator)?;
    let month = rest.digits(2)?;
    rest.take(&separator)?;
    let midnight = date(year, month, rest.digits(2)?)?;
    if rest.0.is_empty() {
        // 2022.11.02 may be a version, and 2022/11/02 a path.
        return (separator == *b"-").then_some(midnight);
    }
    rest.take(b"Tt ")?;
    Some(midnight + time(rest)? - offset(rest)?)
}

fn basic_iso(rest: &mut Rest<'_>) -> Option<i64> {
    let midnight = date(rest.digits(4)?, rest.digits(2)?, rest.digits(2)?)?;
    rest.take(b"Tt")?;
    let time = time_of_day(rest.digits(2)?, rest.digits(2)?, rest.digits(2)?)? + fraction(rest)?;
    Some(midnight + time - offset(rest)?)
}

/// Apache's form, and those of RFC 2822 without the weekday.
fn day_first(rest: &mut Rest<'_>) -> Option<i64> {
    let day = rest.digits(2).or_else(|| rest.digits(1))?;
    let separator = [*rest.0.first()?];
    if !b"/- ".contains(&separator[0]) {
        return None;
    }
    rest.take(&separator)?;
    let month = rest.name(&MONTHS)?;
    rest.take(&separator)?;
    let midnight = date(rest.digits(4)?, month, day)?;
    let is_apache = separator == *b"/";
    if rest.0.is_empty() && !is_apache {
        return Some(midnight);
    }
    rest.take(if is_apache { b":" } else { b" " })?;
    Some(midnight + time(rest)? - offset(rest)?)
}

/// RFC 2822 and ctime, behind the name of the weekday.
fn weekday_first(rest: &mut Rest<'_>) -> Option<i64> {
    if rest.take(b",").is_some() {
        rest.take(b" ")?;
        return day_first(rest);
    }
    rest.take(b" ")?;
    let month = rest.name(&MONTHS)?;
    rest.take(b" ")?;
    let _ = rest.take(b" ");
    let day = rest.digits(2).or_else(|| rest.digits(1))?;
    rest.take(b" ")?;
    let time = time(rest)?;
    rest.take(b" ")?;
    if utc(rest).is_some() {
        rest.take(b" ")?;
    }
    Some(date(rest.digits(4)?, month, day)? + time)
}

fn kibana(rest: &mut Rest<'_>) -> Option<i64> {
    let month = rest.name(&MONTHS)?;
    rest.take(b" ")?;
    let day = rest.digits(2).or_else(|| rest.digits(1))?;
    rest.takes(b", ")?;
    let midnight = date(rest.digits(4)?, month, day)?;
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
    Some(time_of_day(hour, minute, second)? + fraction(rest)?)
}

fn time_of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let valid = hour <= 23 && minute <= 59 && second <= 60;
    valid.then_some((hour * 3600 + minute * 60 + second.min(59)) * MICROS)
}

/// Microseconds behind a second's point or comma, if there is one.
fn fraction(rest: &mut Rest<'_>) -> Option<i64> {
    if rest.take(b".,").is_none() {
        return Some(0);
    }
    let length = rest.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.0.split_at_checked(length).filter(|_| length > 0)?;
    *rest = Rest(after);
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0'));
    Some(padded.take(6).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// The offset of a local time from UTC in microseconds.
fn offset(rest: &mut Rest<'_>) -> Option<i64> {
    if rest.0.is_empty() {
        return Some(0);
    }
    let _ = rest.take(b" ");
    if rest.take(b"Zz").or_else(|| utc(rest)).is_some() {
        return Some(0);
    }
    let sign = if rest.take(b"+").is_some() { 1 } else { rest.take(b"-").map(|()| -1)? };
    let hours = rest.digits(2)?;
    let colon = rest.take(b":").is_some();
    let minutes =
        if colon || rest.0.first().is_some_and(u8::is_ascii_digit) { rest.digits(2)? } else { 0 };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60) * MICROS)
}

/// Other names of zones are refused: CST is three of them.
fn utc(rest: &mut Rest<'_>) -> Option<()> {
    rest.name(&[b"utc", b"gmt"]).map(drop)
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

    /// Consumes one of these names of three letters in any case; returns its number, from 1.
    fn name(&mut self, names: &[&[u8]]) -> Option<i64> {
        let (found, after) = self.0.split_at_checked(3)?;
        let position = names.iter().position(|name| found.eq_ignore_ascii_case(name))?;
        self.0 = after;
        i64::try_from(position + 1).ok()
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

    const FORMS: [&str; 10] = [
        "%Y%m%dT%H%M%SZ",
        "%Y/%m/%d %H:%M:%S",
        "%Y-%m-%d %H:%M:%S UTC",
        "%b %d, %Y @ %H:%M:%S",
        "%d/%b/%Y:%H:%M:%S +0000",
        "[%d/%b/%Y:%H:%M:%S %z]",
        "%a, %d %b %Y %H:%M:%S %z",
        "%a, %d %b %Y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
        "%a %b %e %H:%M:%S UTC %Y",
    ];

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
            "20221102T130405.123Z",
            "20221102t140405,123+0100",
            "2022-11-02 13:04:05.123 UTC",
            "2022/11/02 13:04:05.123",
            "2022.11.02 14:04:05.123 +01:00",
            "02/Nov/2022:13:04:05.123 +0000",
            "[02/nov/2022:11:34:05.123 -0130]",
            "Wed, 02 Nov 2022 14:04:05.123 +0100",
            "Wed, 2 Nov 2022 13:04:05.123 GMT",
            "2 Nov 2022 13:04:05.123",
            "02-NOV-2022 13:04:05.123",
            "Wed Nov  2 13:04:05.123 2022",
            "wed nov 2 13:04:05.123 UTC 2022",
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
            "Nov  2 13:04:05",
            "2022/11/02",
            "2022.11.02",
            "2022-11/02 13:04:05",
            "02/11/2022 13:04:05",
            "02.11.2022 13:04:05",
            "11-02-2022",
            "02/Nov/2022",
            "02/Nov-2022:13:04:05",
            "02-Nov-22",
            "02/Nov/2022:13:04:05 CST",
            "[02/Nov/2022:13:04:05 +0000",
            "Wed, 02 Nov 2022 13:04:05 ",
            "Wed 02 Nov 2022 13:04:05",
            "Wed Nov 2 13:04:05",
            "20221102T1304",
            "20221102T250405Z",
            "[",
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

        #[test]
        fn reads_what_jiff_writes(second in 0_i64..253_402_300_799, form in 0..FORMS.len()) {
            let time = Timestamp::from_second(second).unwrap();
            let text = time.strftime(FORMS[form]).to_string();
            prop_assert_eq!(parse(&text), Some(time.as_microsecond()), "{}", text);
        }

        #[test]
        fn no_text_panics(text in "[0-9A-Za-z/:., +\\[\\]-]{0,30}|\\PC*") {
            let _ = parse(&text);
        }
    }
}
