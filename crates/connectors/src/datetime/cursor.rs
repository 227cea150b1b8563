//! The parts that times consist of, consumed from the start of a text.

pub(super) const MICROS: i64 = 1_000_000;

const MONTHS: [[u8; 3]; 12] = [
    *b"jan", *b"feb", *b"mar", *b"apr", *b"may", *b"jun", *b"jul", *b"aug", *b"sep", *b"oct",
    *b"nov", *b"dec",
];
const WEEKDAYS: [[u8; 3]; 7] = [*b"mon", *b"tue", *b"wed", *b"thu", *b"fri", *b"sat", *b"sun"];
const DAYS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/// With their hours ahead of UTC, by RFC 2822.
const OBSOLETE_ZONES: [(&[u8], i64); 8] = [
    (b"EST", -5),
    (b"EDT", -4),
    (b"CST", -6),
    (b"CDT", -5),
    (b"MST", -7),
    (b"MDT", -6),
    (b"PST", -8),
    (b"PDT", -7),
];
/// Days from 1 March of the year 0 to 1970.
const EPOCH: i64 = 719_468;

/// A time as it is written, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrittenTime {
    /// From the epoch.
    Instant(i64),
    /// A local time, from 1970-01-01T00:00 of its zone.
    Local(i64),
    /// A local time without a year, from the start of a leap year.
    WithoutYear(i64),
}

impl WrittenTime {
    pub fn new(local: i64, offset: Option<i64>) -> Self {
        offset.map_or(Self::Local(local), |offset| Self::Instant(local - offset))
    }
}

/// Microseconds from 1970-01-01 to the start of a day of the years 0 to 9999. Parsed times are mostly spent here, so this is
/// plain arithmetic; tests compare it with jiff's calendar.
pub(super) fn date(year: i64, month: i64, day: i64) -> Option<i64> {
    let days = *DAYS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = days + i64::from(is_leap && month == 2);
    if !(1..=days).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    // Years begin in March, so that a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = 365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - EPOCH;
    Some(days * 24 * 3600 * MICROS)
}

pub(super) fn time_of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let valid = hour <= 23 && minute <= 59 && second <= 60;
    valid.then_some((hour * 3600 + minute * 60 + second.min(59)) * MICROS)
}

/// The rest of a text.
#[derive(Clone, Copy)]
pub(super) struct Rest<'a>(pub &'a [u8]);

impl Rest<'_> {
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, after) = self.0.split_at_checked(count)?;
        let mut value = 0;
        for digit in digits {
            value = value * 10 + i64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        }
        self.0 = after;
        Some(value)
    }

    /// One or two digits.
    pub fn short(&mut self) -> Option<i64> {
        self.digits(2).or_else(|| self.digits(1))
    }

    /// Consumes one of these bytes.
    pub fn take(&mut self, any: &[u8]) -> Option<()> {
        let (first, after) = self.0.split_first()?;
        any.contains(first).then(|| self.0 = after)
    }

    pub fn takes(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// Consumes one of these names of three letters in any case; returns its number, from 1.
    fn name(&mut self, names: &[[u8; 3]]) -> Option<i64> {
        let (found, after) = self.0.split_first_chunk::<3>()?;
        let found = found.map(|byte| byte.to_ascii_lowercase());
        let position = names.iter().position(|name| *name == found)?;
        self.0 = after;
        i64::try_from(position + 1).ok()
    }

    pub fn month(&mut self) -> Option<i64> {
        self.name(&MONTHS)
    }

    pub fn weekday(&mut self) -> Option<()> {
        self.name(&WEEKDAYS).map(drop)
    }

    /// Four digits, or two for the years 1970 to 2069.
    pub fn year(&mut self) -> Option<i64> {
        self.digits(4).or_else(|| {
            let year = self.digits(2)?;
            Some(if year < 70 { 2000 + year } else { 1900 + year })
        })
    }

    /// `hh:mm`, then perhaps `:ss` and a fraction.
    pub fn time(&mut self) -> Option<i64> {
        let hour = self.digits(2)?;
        self.minutes(hour)
    }

    /// Also with an hour of one digit, and AM or PM.
    pub fn clock(&mut self) -> Option<i64> {
        let mut after = *self;
        let hour = after.short()?;
        let time = after.minutes(hour % 12)?;
        let Some(afternoon) = after.meridiem() else {
            let hour = self.short()?;
            return self.minutes(hour);
        };
        *self = after;
        let half = if afternoon { 12 * 3600 * MICROS } else { 0 };
        (1..=12).contains(&hour).then_some(time + half)
    }

    /// Consumes AM or PM, also behind a blank; whether it is PM.
    fn meridiem(&mut self) -> Option<bool> {
        // New versions of browsers write a narrow blank.
        let _ = self.take(b" ").or_else(|| self.takes("\u{202f}".as_bytes()));
        let (found, after) = self.0.split_at_checked(2)?;
        let afternoon = match found.to_ascii_lowercase().as_slice() {
            b"am" => false,
            b"pm" => true,
            _ => return None,
        };
        self.0 = after;
        Some(afternoon)
    }

    fn minutes(&mut self, hour: i64) -> Option<i64> {
        self.take(b":")?;
        let minute = self.digits(2)?;
        let second = if self.take(b":").is_some() { self.digits(2)? } else { 0 };
        Some(time_of_day(hour, minute, second)? + self.fraction()?)
    }

    /// Microseconds behind a second's point or comma, if there is one.
    pub fn fraction(&mut self) -> Option<i64> {
        if self.take(b".,").is_none() {
            return Some(0);
        }
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = self.0.split_at_checked(length).filter(|_| length > 0)?;
        self.0 = after;
        let padded = digits.iter().copied().chain(std::iter::repeat(b'0'));
        Some(padded.take(6).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    }

    /// What a local time is ahead of UTC, in microseconds; `Some(None)` at the end of the text.
    #[expect(clippy::option_option, reason = "no offset is no failure")]
    pub fn offset(&mut self) -> Option<Option<i64>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let _ = self.take(b" ");
        if self.take(b"Zz").or_else(|| self.utc()).is_some() {
            return Some(Some(0));
        }
        let sign = if self.take(b"+").is_some() { 1 } else { self.take(b"-").map(|()| -1)? };
        let hours = self.digits(2)?;
        let colon = self.take(b":").is_some();
        let minutes = if colon || self.0.first().is_some_and(u8::is_ascii_digit) {
            self.digits(2)?
        } else {
            0
        };
        let valid = hours < 24 && minutes < 60;
        valid.then_some(Some(sign * (hours * 3600 + minutes * 60) * MICROS))
    }

    /// Other names of zones are refused: CST is three of them.
    pub fn utc(&mut self) -> Option<()> {
        self.name(&[*b"utc", *b"gmt"]).map(drop)
    }

    /// A name of a zone that RFC 2822 defines; as [`Rest::offset`].
    pub fn obsolete_zone(&mut self) -> Option<i64> {
        let text = self.0.trim_ascii_start();
        if text == b"UT" {
            self.0 = &[];
            return Some(0);
        }
        let (_, hours) = OBSOLETE_ZONES.iter().find(|(name, _)| *name == text)?;
        self.0 = &[];
        Some(hours * 3600 * MICROS)
    }
}
