//! Infers the types of columns from the first records.

use anomal_core::{
    Result,
    proto::{Column, DataType},
};
use anomal_spec::{DecimalMark, Numbers, TypeSetting};
use polars::prelude::DataFrame;

use super::{format::TextFormat, settings::TextSettings};
use crate::{
    source::data_type,
    typing::{Class, Detected, INFER_FROM, Inference, SampleValue, TimeSettings, TypeRules},
};

/// The first records as text.
pub(super) struct Sample<'a> {
    pub batches: &'a [&'a DataFrame],
    pub rules: &'a TypeRules,
    pub settings: &'a TextSettings,
    pub format: &'a dyn TextFormat,
    /// Whether the input can be read again.
    pub rereadable: bool,
}

impl Sample<'_> {
    /// All columns, and what the sample shows of them. Of a column whose type the settings set, that is how its numbers
    /// are written.
    ///
    /// # Errors
    /// `Internal`.
    pub fn infer_schema(&self, header: &[String]) -> Result<(Vec<Column>, Vec<Option<Inference>>)> {
        let numbers = self.settings.numbers;
        let mut inferred: Vec<Option<Inference>> =
            header.iter().map(|name| self.infer(name, &numbers)).collect::<Result<_>>()?;
        if let Some(decimal) = common_decimal(&inferred) {
            let numbers = Numbers { decimal, ..numbers };
            for (name, inference) in header.iter().zip(&mut inferred) {
                let doubt = inference.as_ref().and_then(|inference| inference.doubt.as_ref());
                if matches!(doubt, Some(Detected::Ambiguous(_))) {
                    *inference = self.infer(name, &numbers)?;
                }
            }
        }
        let columns = header.iter().zip(&inferred).map(|(name, inference)| {
            let given = self.settings.types.get(name).map(|given| data_type(given.column_type()));
            let found = || inference.as_ref().map(Inference::data_type).unwrap_or_default();
            Column { name: name.clone(), data_type: given.unwrap_or_else(found).into() }
        });
        Ok((columns.collect(), inferred))
    }

    fn infer(&self, name: &str, numbers: &Numbers) -> Result<Option<Inference>> {
        let given = self.settings.types.get(name).map(|given| data_type(given.column_type()));
        if given.is_none()
            && let Some(declared) = self.format.declared(name)
        {
            return Ok(Some(self.declared(name, &declared)));
        }
        let times = TimeSettings::for_text(self.settings);
        if given == Some(DataType::Datetime) && times.needs_detection(name) {
            let has_year = times.year(name).is_some();
            return Ok(Some(Inference::for_times(&self.values(name)?, name, has_year)));
        }
        if given.is_some_and(|given| given != DataType::Float) {
            return Ok(None);
        }
        let mut values = self.values(name)?;
        if let Some(text) = self.rules.findings.marked(name) {
            values.push(SampleValue { text, class: Class::Text, record: 0 });
        }
        let mut inference = Inference::new(&values, self.rules.strays);
        if given.is_none() {
            inference.find_time(&values, name, times.year(name).is_some(), self.rules.strays);
        }
        if self.rules.has_widened(name) || inference.data_type() == DataType::Datetime {
            inference.classes = self.rules.widened(name, inference.classes, self.rereadable);
        } else {
            inference.find_format(&values, self.rules.strays, numbers, given.is_some());
            inference.classes = self.rules.widened(name, inference.classes, self.rereadable);
        }
        if given.is_none() {
            self.rules.take_fitted(name, &mut inference);
        }
        Ok(match given {
            None => Some(inference),
            Some(_) => inference.format.is_some().then_some(inference),
        })
    }

    /// What the format itself says, and what values behind the sample have shown in attempts before.
    fn declared(&self, name: &str, declared: &TypeSetting) -> Inference {
        let mut inference = Inference::declared(data_type(declared.column_type()));
        if self.rules.has_widened(name) {
            inference.classes = self.rules.widened(name, inference.classes, self.rereadable);
        }
        inference
    }

    fn values(&self, name: &str) -> Result<Vec<SampleValue<'_>>> {
        let (mut values, mut record) = (Vec::new(), 0);
        let cell_text = self.format.cell_text(name);
        for batch in self.batches {
            for text in batch.column(name)?.str()?.iter().take(INFER_FROM - record) {
                let present = text.is_some_and(|text| cell_text.has_value(text));
                let text = text.unwrap_or_default().trim();
                if present && !self.rules.nulls.contains(text) && !self.rules.is_word(text, true) {
                    values.push(SampleValue { text, class: self.rules.class(text), record });
                }
                record += 1;
            }
        }
        Ok(values)
    }
}

/// The decimal mark of at least two columns, if no other column has another one.
fn common_decimal(inferred: &[Option<Inference>]) -> Option<DecimalMark> {
    let formats = inferred.iter().flatten().filter_map(|inference| inference.format);
    let mut decimals = formats.map(|format| format.decimal);
    let (first, second) = (decimals.next()?, decimals.next()?);
    let same = first == second && decimals.all(|other| other == first);
    same.then_some(if first == ',' { DecimalMark::Comma } else { DecimalMark::Point })
}
