//! Finds the format of a column's times in a sample of its values. A column has one format: a mixture is none.

use std::collections::HashSet;

use anomal_spec::TimeFormat;

use super::{
    WrittenTime, epoch,
    format::{detect_as, parse_as},
    order::ascending,
};
use crate::{text, typing::SampleValue};

/// Different texts at most that are no times.
const MAX_STRAYS: usize = 20;

/// Formats of text, the wider before the narrower where one text is the same time in both.
pub(super) const TEXTS: [TimeFormat; 11] = [
    TimeFormat::Iso,
    TimeFormat::Slash,
    TimeFormat::IsoBasic,
    TimeFormat::Apache,
    TimeFormat::Kibana,
    TimeFormat::Rfc2822,
    TimeFormat::DayMonth,
    TimeFormat::Ctime,
    TimeFormat::Syslog,
    TimeFormat::Us,
    TimeFormat::Eu,
];

/// Why a column is asked for its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// To infer the column's type: numbers are no times. So many values may be strays.
    Guess { strays: usize },
    /// It is needed as times, apart from so many strays.
    Needed { strays: usize },
    /// The settings set its type: values that are no times are bad records.
    Declared,
}

/// What the values of a column show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimeDetection {
    /// No times.
    #[default]
    None,
    /// Times in a format, and what decided between it and another.
    Format(TimeFormat, Option<Evidence>),
    Doubt(TimeDoubt),
}

/// What has decided between `us` and `eu`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// A value with a number above 12.
    Value(Example),
    /// The order of the records.
    Order,
}

/// Why values that look like times can't be read as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TimeDoubt {
    /// A value may have the month or the day first.
    DayOrMonth(Example),
    /// There is no year.
    NoYear(Example),
    /// Values of several formats, with their numbers; others that are no times.
    Mixed(Vec<(TimeFormat, usize)>, usize),
    /// Numbers in several units or in none.
    Units(Vec<(TimeFormat, usize)>, usize),
    /// Nanoseconds since 1970 or file times.
    Filetime(Example),
}

/// A value of the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Example {
    text: String,
    /// The place of its record in the sample.
    record: usize,
}

impl From<&SampleValue<'_>> for Example {
    fn from(value: &SampleValue<'_>) -> Self {
        Self { text: value.text.to_owned(), record: value.record }
    }
}

/// Detects the format of values without null words. `name`: the column's; `has_year`: the settings have the year of times
/// without one.
pub(crate) fn detect(
    values: &[SampleValue<'_>],
    name: &str,
    has_year: bool,
    demand: Demand,
) -> TimeDetection {
    if let Some(found) = numbers(values, name, demand) {
        return found;
    }
    let is_guess = matches!(demand, Demand::Guess { .. });
    let parse = if is_guess { detect_as } else { parse_clearly };
    let count = |format: &TimeFormat| {
        values.iter().filter(|value| parse(format, value.text).is_some()).count()
    };
    let mut counts: Vec<(TimeFormat, usize)> =
        TEXTS.into_iter().map(|format| (count(&format), format)).map(|(n, f)| (f, n)).collect();
    counts.retain(|(_, count)| *count > 0);
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default();
    let mut best = counts.iter().filter(|(_, count)| *count == most).map(|(format, _)| format);
    let (Some(first), second) = (best.next(), best.next()) else { return TimeDetection::None };
    if !demand.allows(values, |text| parse(first, text).is_some()) {
        let is_time = |text: &str| TEXTS.iter().any(|format| parse(format, text).is_some());
        let others = values.iter().filter(|value| !is_time(value.text)).count();
        // Columns of text have times in them now and then.
        if others * 2 > values.len() {
            return TimeDetection::None;
        }
        return TimeDetection::Doubt(TimeDoubt::Mixed(counts, others));
    }
    let example = values.iter().find(|value| parse(first, value.text).is_some());
    let Some(example) = example.map(Example::from) else { return TimeDetection::None };
    match first {
        TimeFormat::Us if second.is_some() => match ascending(values) {
            Some(format) => TimeDetection::Format(format, Some(Evidence::Order)),
            None => {
                // One that shows the difference: 5 May is the same in both.
                let differs = |value: &&SampleValue<'_>| {
                    let times =
                        (parse(first, value.text), second.and_then(|eu| parse(eu, value.text)));
                    matches!(times, (Some(us), Some(eu)) if us != eu)
                };
                let example = values.iter().find(differs).map_or(example, Example::from);
                TimeDetection::Doubt(TimeDoubt::DayOrMonth(example))
            }
        },
        TimeFormat::Us | TimeFormat::Eu => {
            let us = *first == TimeFormat::Us;
            let other = if us { TimeFormat::Eu } else { TimeFormat::Us };
            let decides =
                |text: &str| parse(first, text).is_some() && parse(&other, text).is_none();
            let value = values.iter().find(|value| decides(value.text));
            TimeDetection::Format(first.clone(), value.map(|value| Evidence::Value(value.into())))
        }
        format if !format.has_year() && !has_year => {
            TimeDetection::Doubt(TimeDoubt::NoYear(example))
        }
        format => TimeDetection::Format(format.clone(), None),
    }
}

impl Demand {
    /// Whether the values that are not read are few enough.
    fn allows(self, values: &[SampleValue<'_>], is_read: impl Fn(&str) -> bool) -> bool {
        let strays = match self {
            Self::Guess { strays } | Self::Needed { strays } => strays,
            Self::Declared => return true,
        };
        let (mut count, mut different) = (0, HashSet::new());
        for value in values.iter().filter(|value| !is_read(value.text)) {
            count += 1;
            different.insert(value.text);
            if count > strays || different.len() > MAX_STRAYS {
                return false;
            }
        }
        true
    }
}

/// Where times are needed, all that has one reading is one. Years of two digits may be days.
fn parse_clearly(format: &TimeFormat, text: &str) -> Option<WrittenTime> {
    match format {
        TimeFormat::Us | TimeFormat::Eu | TimeFormat::DayMonth => detect_as(format, text),
        _ => parse_as(format, text),
    }
}

/// The unit of a column of numbers that is needed as times; nothing if most are no numbers.
fn numbers(values: &[SampleValue<'_>], name: &str, demand: Demand) -> Option<TimeDetection> {
    if matches!(demand, Demand::Guess { .. }) {
        return None;
    }
    let numbers = values.iter().filter(|value| epoch::is_number(value.text)).count();
    if numbers * 2 <= values.len() {
        return None;
    }
    let format = |text: &str| {
        let is_day = parse_as(&TimeFormat::IsoBasic, text).is_some();
        if is_day { Some(TimeFormat::IsoBasic) } else { epoch::unit(text) }
    };
    let mut counts: Vec<(TimeFormat, usize)> = Vec::new();
    let mut others = 0;
    for found in values.iter().map(|value| format(value.text)) {
        let Some(found) = found else {
            others += 1;
            continue;
        };
        match counts.iter_mut().find(|(format, _)| *format == found) {
            Some((_, count)) => *count += 1,
            None => counts.push((found, 1)),
        }
    }
    let best = counts.iter().max_by_key(|(_, count)| *count).map(|(format, _)| format.clone());
    // Numbers of another unit would be other times: there may be no more of them than strays.
    let demand = match demand {
        Demand::Declared => Demand::Needed { strays: values.len() / 100 },
        demand => demand,
    };
    let best =
        best.filter(|best| demand.allows(values, |text| format(text).as_ref() == Some(best)));
    let Some(best) = best else {
        return Some(TimeDetection::Doubt(TimeDoubt::Units(counts, others)));
    };
    let may_be_filetimes = values.iter().all(|value| epoch::may_be_filetime(value.text));
    Some(match values.first() {
        Some(first) if best == TimeFormat::EpochNanos && may_be_filetimes => {
            if name.to_ascii_lowercase().contains("filetime") {
                TimeDetection::Format(TimeFormat::Filetime, None)
            } else {
                TimeDetection::Doubt(TimeDoubt::Filetime(first.into()))
            }
        }
        _ => TimeDetection::Format(best, None),
    })
}

impl Evidence {
    /// Why a column has a format: a clause for messages.
    pub fn describe(&self, place: impl Fn(usize) -> String) -> String {
        match self {
            Self::Value(Example { text, record }) => {
                format!("because of `{text}` at {}", place(*record))
            }
            Self::Order => "since the days ascend so, and not the other way".to_owned(),
        }
    }
}

impl TimeDetection {
    pub fn format(&self) -> Option<&TimeFormat> {
        match self {
            Self::Format(format, _) => Some(format),
            Self::None | Self::Doubt(_) => None,
        }
    }
}

impl TimeDoubt {
    /// A reason that programs can rely on.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::DayOrMonth(_) | Self::Filetime(_) => "AMBIGUOUS_TIME",
            Self::NoYear(_) => "NO_YEAR",
            Self::Mixed(..) => "MIXED_TIMES",
            Self::Units(..) => "MIXED_EPOCH",
        }
    }

    /// What can't be decided, and the setting that decides it. `place`: the file and line of a record of the sample.
    pub fn message(&self, column: &str, place: impl Fn(usize) -> String) -> String {
        let key = text::scalar(column);
        let set =
            |format: &str| format!("`types: {{{key}: {{type: datetime, format: {format}}}}}`");
        match self {
            Self::DayOrMonth(Example { text, record }) => {
                let place = place(*record);
                format!(
                    "`{text}` at {place} is {} with the month first (us) and {} with the day first (eu); {} or `format: \
                     eu` decides",
                    day(&TimeFormat::Us, text),
                    day(&TimeFormat::Eu, text),
                    set("us")
                )
            }
            Self::NoYear(Example { text, record }) => {
                let place = place(*record);
                format!(
                    "`{text}` at {place} has no year; `times: {{year: {}}}` sets that of the first record",
                    jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).year()
                )
            }
            Self::Mixed(counts, others) => format!(
                "`{column}` has times in several formats: {}; {} reads these",
                list(counts, *others, "are none"),
                set(&names(counts))
            ),
            Self::Units(counts, others) if counts.is_empty() => format!(
                "no value of `{column}` is in the magnitude of seconds, milliseconds, microseconds or nanoseconds since 1970 \
                 ({} numbers); {} reads other units",
                text::grouped(others),
                set("epoch")
            ),
            Self::Units(counts, others) => format!(
                "`{column}` has numbers of several magnitudes: {}; {} reads these",
                list(counts, *others, "in none of them"),
                set(&names(counts))
            ),
            Self::Filetime(Example { text, record }) => {
                let place = place(*record);
                format!(
                    "`{text}` at {place} is {} in nanoseconds since 1970 (epochNanos) and {} as a Windows file time \
                     (filetime); {} or `format: filetime` decides",
                    day(&TimeFormat::EpochNanos, text),
                    day(&TimeFormat::Filetime, text),
                    set("epochNanos")
                )
            }
        }
    }
}

/// The day of a time, as messages have it.
fn day(format: &TimeFormat, text: &str) -> String {
    let Some(WrittenTime::Instant(time) | WrittenTime::Local(time)) = parse_as(format, text) else {
        return "no time".to_owned();
    };
    let time = jiff::Timestamp::from_microsecond(time);
    time.map_or_else(|_| text.to_owned(), |time| time.strftime("%-d %B %Y").to_string())
}

fn list(counts: &[(TimeFormat, usize)], others: usize, none: &str) -> String {
    let mut parts: Vec<String> = counts
        .iter()
        .map(|(format, count)| format!("{} {}", text::grouped(count), format.name()))
        .collect();
    if others > 0 {
        parts.push(format!("{} {none}", text::grouped(others)));
    }
    parts.join(", ")
}

/// The formats as a list in settings; of `us` and `eu` the first.
fn names(counts: &[(TimeFormat, usize)]) -> String {
    let mut names: Vec<&str> = counts.iter().map(|(format, _)| format.name()).collect();
    if names.contains(&TimeFormat::Us.name()) {
        names.retain(|name| *name != TimeFormat::Eu.name());
    }
    match names.as_slice() {
        [only] => (*only).to_owned(),
        names => format!("[{}]", names.join(", ")),
    }
}

#[cfg(test)]
mod tests;
