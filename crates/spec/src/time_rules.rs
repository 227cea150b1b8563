//! Rules of the settings of types: names of formats of times and zones, and what goes together. Not in CEL, which knows neither, and
//! can't see into a value with several forms.

use serde_json::Value as Json;

use crate::{
    Place, TimeFormat,
    check::Check,
    time_zone,
    types::{ColumnType, Times, TypeDetails},
};

/// The drivers with `types` and `times`.
const DRIVERS: [&str; 9] =
    ["csv", "log", "ndjson", "json", "parquet", "kafka", "http", "tcp", "syslog"];

/// Checks the settings of times of an input, which is at a place.
pub(crate) fn check(check: &mut Check, input: &Json, at: &str) {
    for driver in DRIVERS {
        let (input, path) = (&input[driver], format!("{at}.{driver}"));
        let times: Times = serde_json::from_value(input["times"].clone()).unwrap_or_default();
        let mut problems = Vec::new();
        if let Some(Err(message)) = times.zone.as_deref().map(time_zone) {
            problems.push((format!("{path}.times.zone"), message));
        }
        for (name, setting) in input["types"].as_object().into_iter().flatten() {
            if let Ok(details) = serde_json::from_value::<TypeDetails>(setting.clone()) {
                let of_column = column(&details, times.year.is_some());
                let place = |(key, message)| (format!("{path}.types.{name}.{key}"), message);
                problems.extend(of_column.into_iter().map(place));
            }
        }
        for (at, message) in problems {
            let place = check.places.nearest(&at).unwrap_or(Place::NONE);
            check.wrong(place, &at, message);
        }
    }
}

/// The problems of a column's settings, each with its key. `has_year`: the input's `times` have a year.
fn column(details: &TypeDetails, has_year: bool) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    if details.column_type != ColumnType::List && details.separator.is_some() {
        problems.push(("separator".to_owned(), "`separator` goes with `type: list`".to_owned()));
    }
    if details.column_type != ColumnType::Datetime {
        let set = [
            ("format", details.format.is_some()),
            ("zone", details.zone.is_some()),
            ("year", details.year.is_some()),
        ];
        for (key, _) in set.into_iter().filter(|(_, set)| *set) {
            problems.push((key.to_owned(), format!("`{key}` goes with `type: datetime`")));
        }
        return problems;
    }
    if let Some(Err(message)) = details.zone.as_deref().map(time_zone) {
        problems.push(("zone".to_owned(), message));
    }
    let Some(names) = &details.format else { return problems };
    let mut formats = Vec::new();
    for (index, name) in names.names().iter().enumerate() {
        match TimeFormat::from_name(name) {
            Ok(format) => formats.push(format),
            Err(message) if names.names().len() > 1 => {
                problems.push((format!("format[{index}]"), message));
            }
            Err(message) => problems.push(("format".to_owned(), message)),
        }
    }
    if !problems.is_empty() {
        return problems;
    }
    if formats.contains(&TimeFormat::Us) && formats.contains(&TimeFormat::Eu) {
        let message = "`us` and `eu` read the same text as different days; choose one of them";
        problems.push(("format".to_owned(), message.to_owned()));
    }
    let without_year = formats.iter().find(|format| !format.has_year());
    match (without_year, details.year) {
        (Some(format), None) if !has_year => {
            let message = format!(
                "times in the format `{}` have no year; add `year`, the year of the first record",
                format.name()
            );
            problems.push(("format".to_owned(), message));
        }
        (None, Some(_)) => {
            let message = "`year` is for formats without a year, such as syslog".to_owned();
            problems.push(("year".to_owned(), message));
        }
        _ => {}
    }
    problems
}
