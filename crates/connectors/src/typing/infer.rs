//! Infers the type of a column from a sample of its values.

use std::collections::HashSet;

use anomal_core::proto::DataType as Type;
use anomal_spec::{DecimalMark, Numbers, Strays, ThousandsMark};

use super::{
    classes::{Class, Classes, Kind},
    places::{Detected, NumberFormat, detect},
};
use crate::datetime::{self, Demand, TimeDetection};

/// Records from which a type is inferred.
pub(crate) const INFER_FROM: usize = 10_000;
/// Values from which on a column may have strays.
const MIN_VALUES: usize = 100;
/// The largest share of strays: one of so many values.
const STRAY_SHARE: usize = 100;
/// Different strays at most.
const MAX_STRAYS: usize = 20;

/// A value of a sample: not missing and no null word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampleValue<'a> {
    pub text: &'a str,
    pub class: Class,
    /// The place of the record in the sample.
    pub record: usize,
}

/// What the values of a column have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inference {
    /// The classes of the values that are no strays.
    pub classes: Classes,
    /// For each class that makes a column of numbers text: the first value and the place of its record in the sample.
    pub codes: Vec<(Class, String, usize)>,
    /// How numbers are written, if not plainly.
    pub format: Option<NumberFormat>,
    /// Why numbers can't be read that are not written plainly.
    pub doubt: Option<Detected>,
    /// Values that are numbers, and others, where numbers and texts are mixed in a column of text.
    pub mixed: Option<(usize, usize)>,
    /// How times are written, or why a column of times is text.
    pub time: TimeDetection,
    /// How the values of a column of another type are read where they are needed as times.
    pub on_demand: TimeDetection,
}

impl Inference {
    /// Infers from the values of a sample. At most 1 % of at least 100 values, and at most 20 different ones, may be of
    /// other classes than the rest, unless `strays` is `text`.
    pub fn new(values: &[SampleValue<'_>], strays: Strays) -> Self {
        let all: Classes = values.iter().map(|value| value.class).collect();
        let mut inference = Self { classes: all, ..Self::default() };
        if all.kind() == Kind::Text {
            let tolerated = tolerated(values).filter(|_| strays != Strays::Text);
            match tolerated {
                Some(classes) => inference.classes = classes,
                None => inference.mixed = mixed(values),
            }
        }
        if inference.classes.kind() == Kind::Code {
            inference.codes = codes(values, inference.classes);
        }
        inference
    }

    /// Looks for numbers that are not written plainly, in a column in which some value is no plain number.
    /// `given`: the settings set the type, so that other values are bad and no reason to give up.
    pub fn find_format(
        &mut self,
        values: &[SampleValue<'_>],
        strays: Strays,
        numbers: &Numbers,
        given: bool,
    ) {
        // With these marks, plain decimals are other numbers than everywhere.
        let others =
            numbers.decimal == DecimalMark::Comma || numbers.thousands == ThousandsMark::Point;
        let all: Classes = values.iter().map(|value| value.class).collect();
        match all.kind() {
            Kind::Text => {}
            Kind::Number if others => {}
            _ => return,
        }
        let detect = |strays| detect(values.iter().map(|value| value.text), numbers, strays);
        let mut detected = detect(0);
        let tolerates = strays != Strays::Text && values.len() >= MIN_VALUES;
        if detected == Detected::None && given {
            detected = detect(values.len() / 2);
        } else if detected == Detected::None && tolerates && self.classes.kind() == Kind::Text {
            detected = detect(values.len() / STRAY_SHARE);
        }
        match detected {
            Detected::Format(format) => {
                let classes = Class::Number.into();
                *self = Self { classes, format: Some(format), ..Self::default() };
            }
            Detected::None => {}
            doubt => self.doubt = Some(doubt),
        }
    }

    /// Looks for the format of times. `has_year`: the settings have the year of times without one.
    pub fn find_time(
        &mut self,
        values: &[SampleValue<'_>],
        name: &str,
        has_year: bool,
        strays: Strays,
    ) {
        let tolerance = strays != Strays::Text && values.len() >= MIN_VALUES;
        let strays = if tolerance { values.len() / STRAY_SHARE } else { 0 };
        let kind = self.classes.kind();
        // Most columns of text show at once that they are no times.
        let mut first = values.iter().take(strays + 1).map(|value| value.text);
        if matches!(kind, Kind::Empty | Kind::Boolean)
            || kind == Kind::Text && !first.any(datetime::may_be_time)
        {
            return;
        }
        if matches!(kind, Kind::Datetime | Kind::Text) {
            self.time = datetime::detect(values, name, has_year, Demand::Guess { strays });
        }
        match (&self.time, kind) {
            (TimeDetection::Format(..), _) => {
                (self.classes, self.mixed) = (Class::Datetime.into(), None);
                return;
            }
            (TimeDetection::Doubt(_), _) => self.on_demand = self.time.clone(),
            (TimeDetection::None, _) => {
                self.on_demand =
                    datetime::detect(values, name, has_year, Demand::Needed { strays });
            }
        }
        if kind == Kind::Datetime {
            // Times in several formats.
            self.classes |= Class::Text.into();
        }
    }

    /// How the times of a column are written whose type the settings set.
    pub fn for_times(values: &[SampleValue<'_>], name: &str, has_year: bool) -> Self {
        let time = datetime::detect(values, name, has_year, Demand::Declared);
        Self { time, ..Self::default() }
    }

    /// A type that the format of the input has.
    pub fn declared(data_type: Type) -> Self {
        let class = match data_type {
            Type::Integer => Class::Integer,
            Type::Float => Class::Number,
            Type::Boolean => Class::Boolean,
            Type::Datetime => Class::Datetime,
            Type::String | Type::Unspecified => Class::Text,
        };
        Self { classes: class.into(), ..Self::default() }
    }

    /// Takes the type that a model was fitted with. A column of whole numbers may have fractions: for features they are the
    /// same numbers.
    pub fn take_fitted(&mut self, fitted: Type) {
        match (fitted, self.data_type()) {
            (fitted, own) if fitted == own => {}
            (Type::Integer, Type::Float) => {}
            (Type::Float, Type::Integer) => self.classes |= Class::Number.into(),
            (Type::String | Type::Unspecified, _) => {
                self.classes |= Class::Text.into();
                self.format = None;
            }
            (fitted, _) => {
                let time = std::mem::take(&mut self.on_demand);
                *self = Self { time, ..Self::declared(fitted) };
            }
        }
    }

    pub fn data_type(&self) -> Type {
        match self.classes.kind() {
            Kind::Integer => Type::Integer,
            Kind::Number => Type::Float,
            Kind::Boolean => Type::Boolean,
            Kind::Datetime => Type::Datetime,
            Kind::Empty | Kind::Code | Kind::Text => Type::String,
        }
    }
}

/// The classes of the values without strays; nothing if too many would be strays.
fn tolerated(values: &[SampleValue<'_>]) -> Option<Classes> {
    if values.len() < MIN_VALUES {
        return None;
    }
    let count = |of: fn(Class) -> bool| values.iter().filter(|value| of(value.class)).count();
    let families: [fn(Class) -> bool; 3] =
        [Class::is_numeric, |class| class == Class::Boolean, |class| class == Class::Datetime];
    let family = families.into_iter().max_by_key(|family| count(*family))?;
    if (values.len() - count(family)) * STRAY_SHARE > values.len() {
        return None;
    }
    let mut different = HashSet::new();
    for stray in values.iter().filter(|value| !family(value.class)) {
        different.insert(stray.text);
        if different.len() > MAX_STRAYS {
            return None;
        }
    }
    Some(values.iter().map(|value| value.class).filter(|class| family(*class)).collect())
}

/// The first value of each class that makes numbers text.
fn codes(values: &[SampleValue<'_>], classes: Classes) -> Vec<(Class, String, usize)> {
    let mut codes: Vec<Class> =
        classes.iter().filter(|class| class.code_reason().is_some()).collect();
    // 64-bit numbers are codes only because of decimals beside them.
    if codes.len() > 1 {
        codes.retain(|class| *class != Class::BigInteger);
    }
    let first = |class| {
        let value = values.iter().find(|value| value.class == class)?;
        Some((class, value.text.to_owned(), value.record))
    };
    codes.into_iter().filter_map(first).collect()
}

/// The values that are numbers and those that are none, where at least half are numbers.
fn mixed(values: &[SampleValue<'_>]) -> Option<(usize, usize)> {
    let numbers = values.iter().filter(|value| value.class.is_numeric()).count();
    let others = values.len() - numbers;
    (others > 0 && numbers >= others).then_some((numbers, others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(texts: &[&str]) -> Inference {
        let values: Vec<SampleValue<'_>> = texts
            .iter()
            .enumerate()
            .map(|(record, text)| SampleValue { text, class: Class::classify(text), record })
            .collect();
        Inference::new(&values, Strays::Missing)
    }

    #[test]
    fn one_value_in_a_hundred_may_be_a_stray() {
        let mut texts = vec!["5"; 99];
        texts.push("x");
        assert_eq!(inferred(&texts).data_type(), Type::Integer);
        assert_eq!(inferred(&texts[1..]).data_type(), Type::String);
        texts.push("y");
        assert_eq!(inferred(&texts).data_type(), Type::String);
        assert_eq!(inferred(&texts).mixed, Some((99, 2)));
    }

    #[test]
    fn at_most_twenty_strays_are_different() {
        let strays: Vec<String> = (0..21).map(|index| format!("x{index}")).collect();
        let mut texts = vec!["5"; 5_000];
        texts.extend(strays[..20].iter().map(String::as_str));
        assert_eq!(inferred(&texts).data_type(), Type::Integer);
        texts.push("x0");
        assert_eq!(inferred(&texts).data_type(), Type::Integer);
        texts.push(&strays[20]);
        assert_eq!(inferred(&texts).data_type(), Type::String);
    }

    #[test]
    fn strays_do_not_hide_codes() {
        let mut texts = vec!["5"; 200];
        texts.extend(["x", "00713"]);
        let inference = inferred(&texts);
        assert_eq!(inference.data_type(), Type::String);
        assert_eq!(inference.codes, [(Class::LeadingZero, "00713".to_owned(), 201)]);
    }

    #[test]
    fn times_and_truth_values_may_have_strays_too() {
        for (value, data_type) in [("2024-01-02", Type::Datetime), ("true", Type::Boolean)] {
            let mut texts = vec![value; 150];
            texts.push("7");
            assert_eq!(inferred(&texts).data_type(), data_type);
        }
    }
}
