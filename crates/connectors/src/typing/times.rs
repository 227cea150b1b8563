//! The settings of times, and the readers of columns of times that they and a sample give.

use std::{collections::BTreeMap, sync::Arc};

use anomal_core::{
    Batch, Error, Result, column_of_view,
    proto::{Column, DataType, Diagnostic, TimeReading},
};
use anomal_spec::{
    ColumnType, ParquetInput, Strays, TimeFormat, Times, TypeDetails, TypeSetting, time_zone,
};
use jiff::tz::TimeZone;

use super::{classes::Class, infer::Inference, rules::TypeRules, view::View};
use crate::{
    datetime::{TimeDetection, TimeReader, Years},
    tabular::TextSettings,
    text::scalar,
};

/// The settings of an input that are about times.
#[derive(Clone, Copy)]
pub(crate) struct TimeSettings<'a> {
    /// The path of the input in the settings, such as `input.csv`.
    pub driver: &'static str,
    pub types: &'a BTreeMap<String, TypeSetting>,
    pub times: Option<&'a Times>,
}

impl<'a> TimeSettings<'a> {
    pub fn for_text(settings: &'a TextSettings) -> Self {
        let TextSettings { driver, types, times, .. } = settings;
        Self { driver, types, times: times.as_ref() }
    }

    pub fn for_parquet(input: &'a ParquetInput) -> Self {
        Self { driver: "input.parquet", types: &input.types, times: input.times.as_ref() }
    }

    /// Reads a column of an input whose values have types as times, where the settings make it one.
    ///
    /// # Errors
    /// `InvalidSettings` for numbers without a format, which say nothing of their unit.
    pub fn typed_reader(&self, column: &str, own: DataType) -> Result<Option<Arc<TimeReader>>> {
        let is_time = self.types.get(column).is_some_and(|setting| {
            setting.column_type() == ColumnType::Datetime && own != DataType::Datetime
        });
        if !is_time {
            return Ok(None);
        }
        let formats = self.formats(column)?.unwrap_or_default();
        if formats.is_empty() && own != DataType::String {
            let key = scalar(column);
            let message = format!(
                "`{column}` has numbers, whose unit is the format: `types: {{{key}: {{type: datetime, format: epochMillis}}}}`, \
                 or another of epoch, epochMillis, epochMicros and epochNanos"
            );
            return Err(self.error(&format!("types.{column}"), message));
        }
        Ok(Some(Arc::new(TimeReader::new(formats, self.zone(column)?, self.year(column)))))
    }

    fn details(&self, column: &str) -> Option<&TypeDetails> {
        self.types.get(column)?.details()
    }

    /// Whether a sample has to show how the times of a column are written whose type the settings set.
    pub fn needs_detection(&self, column: &str) -> bool {
        self.details(column).is_none_or(|details| details.format.is_none())
    }

    /// The year of the first time without one.
    pub fn year(&self, column: &str) -> Option<i16> {
        let details = self.details(column).and_then(|details| details.year);
        details.or_else(|| self.times?.year)
    }

    fn zone(&self, column: &str) -> Result<Option<TimeZone>> {
        let of_column = self.details(column).and_then(|details| details.zone.as_ref());
        let name = of_column.or_else(|| self.times?.zone.as_ref());
        let zone = name.map(|name| time_zone(name)).transpose();
        zone.map_err(|message| self.error(&format!("types.{column}.zone"), message))
    }

    fn formats(&self, column: &str) -> Result<Option<Vec<TimeFormat>>> {
        let names = self.details(column).and_then(|details| details.format.as_ref());
        let formats =
            |names: &[String]| names.iter().map(|name| TimeFormat::from_name(name)).collect();
        let formats = names.map(|names| formats(names.names())).transpose();
        formats.map_err(|message| self.error(&format!("types.{column}.format"), message))
    }

    fn error(&self, key: &str, message: String) -> Error {
        Error::settings(format!("{}.{key}", self.driver), "BAD_TIME_SETTING", message)
    }

    /// Sets how a view of times is read. `place`: the file and line of a record of the sample.
    ///
    /// # Errors
    /// `InvalidInput` if the sample shows no single reading; `InvalidSettings`.
    pub fn set_reader(
        &self,
        view: &mut View,
        inference: Option<&Inference>,
        rules: &TypeRules,
        place: impl Fn(usize) -> String,
    ) -> Result<()> {
        if view.data_type != DataType::Datetime {
            return Ok(());
        }
        let column = view.source.as_str();
        let given = self.formats(column)?;
        let is_given = given.is_some();
        let formats = match (given, inference) {
            (Some(formats), _) => formats,
            (None, None) => Vec::new(),
            (None, Some(inference)) => {
                let declared = self.types.contains_key(column);
                let is_time = declared || inference.data_type() == DataType::Datetime;
                let found = if is_time { &inference.time } else { &inference.on_demand };
                if !is_time && rules.strays != Strays::Text {
                    view.inferred = Some(Class::Datetime.into());
                }
                if let TimeDetection::Doubt(doubt) = found {
                    return Err(Error::input(doubt.reason(), doubt.message(column, place)));
                }
                self.note(rules, column, found, is_time, place);
                found.format().cloned().into_iter().collect()
            }
        };
        let without_year = formats.iter().find(|format| !format.has_year());
        let year = self.year(column).filter(|_| without_year.is_some());
        if let (Some(format), None) = (without_year, year) {
            let message = format!("times in the format `{}` have no year", format.name());
            return Err(self.error(&format!("types.{column}.year"), message));
        }
        let reader = TimeReader::new(formats, self.zone(column)?, year);
        let reader = if is_given { reader } else { reader.with_detected_unit() };
        view.times = Some(Arc::new(reader));
        Ok(())
    }

    /// Notes what has been found out and is not evident, as that numbers are times.
    fn note(
        &self,
        rules: &TypeRules,
        column: &str,
        found: &TimeDetection,
        is_time: bool,
        place: impl Fn(usize) -> String,
    ) {
        let TimeDetection::Format(format, evidence) = found else { return };
        let why = match evidence {
            Some(evidence) => format!(", {}", evidence.describe(place)),
            None if is_time && !format.is_number() => return,
            None => String::new(),
        };
        let (name, key) = (format.name(), scalar(column));
        rules.findings.note(Diagnostic {
            path: self.driver.to_owned(),
            reason: "TIME_FORMAT".to_owned(),
            message: format!(
                "`{column}` is read as times in the format {name}{why}; `types: {{{key}: {{type: datetime, format: \
                 {name}}}}}` sets it"
            ),
            count: 0,
        });
    }
}

/// How columns of other types are read where they are needed as times.
pub(crate) fn readings(
    schema: &[Column],
    inferred: &[Option<Inference>],
    settings: TimeSettings<'_>,
    place: impl Fn(usize) -> String,
) -> Vec<TimeReading> {
    let mut readings = Vec::new();
    for (column, inference) in schema.iter().zip(inferred) {
        let Some(inference) = inference else { continue };
        if settings.types.contains_key(&column.name) || column.data_type() == DataType::Datetime {
            continue;
        }
        let (reason, problem) = match &inference.on_demand {
            TimeDetection::None => continue,
            TimeDetection::Format(..) => (String::new(), String::new()),
            TimeDetection::Doubt(doubt) => {
                (doubt.reason().to_owned(), doubt.message(&column.name, &place))
            }
        };
        readings.push(TimeReading { column: column.name.clone(), reason, problem });
    }
    readings
}

/// Finds the years of times without one in the columns of these views.
pub(crate) fn years(views: &[View]) -> Years {
    let times = views.iter().filter_map(|view| Some((view.name.as_str(), view.times.as_ref()?)));
    Years::new(times)
}

/// Resolves the times without a year of the next batch, and counts what zones do to them.
///
/// # Errors
/// `Internal`.
pub(crate) fn resolve_years(
    years: &mut Years,
    mut batch: Batch,
    rules: &TypeRules,
) -> Result<Batch> {
    for (view, tally) in years.resolve(&mut batch)? {
        rules.findings.count_times(column_of_view(&view), &tally);
    }
    Ok(batch)
}
