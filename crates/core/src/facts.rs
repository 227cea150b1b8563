//! What flags measure, as values and in words.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use crate::{
    Error, Result, Table,
    proto::plan::{FactUnit, Flag},
    words,
};

/// A value of a fact. Which fact it is, its place says: that in `Plan.Flag.facts`.
#[derive(Clone, Debug, PartialEq)]
pub enum FactValue {
    Missing,
    /// In the unit of its fact.
    Number(f64),
    Text(Box<str>),
}

/// The facts of a flag, in the order of its plan. Hits with the same ones share them.
pub type Facts = Arc<[FactValue]>;

impl From<f64> for FactValue {
    fn from(number: f64) -> Self {
        if number.is_finite() { Self::Number(number) } else { Self::Missing }
    }
}

impl From<usize> for FactValue {
    fn from(count: usize) -> Self {
        Self::Number(count as f64)
    }
}

impl From<&str> for FactValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl FactValue {
    /// The value for people; none where it is missing.
    pub fn words(&self, unit: FactUnit) -> Option<String> {
        Some(match (self, unit) {
            (Self::Missing, _) => return None,
            (Self::Text(text), _) => text.to_string(),
            (Self::Number(number), FactUnit::Count) => {
                words::grouped(format!("{:.0}", number.max(0.0)))
            }
            (Self::Number(number), FactUnit::Bytes) => {
                words::bytes(whole(number.max(0.0)).unsigned_abs())
            }
            (Self::Number(number), FactUnit::Seconds) => words::duration(*number),
            (Self::Number(number), FactUnit::Share) => words::percent(*number),
            (Self::Number(number), FactUnit::Time) => words::time(whole(*number)),
            (Self::Number(number), _) => words::number(*number),
        })
    }

    /// The value for programs: a number, or a text. Times are texts (RFC 3339).
    pub fn exact(&self, unit: FactUnit) -> (Option<f64>, Option<String>) {
        match self {
            Self::Missing => (None, None),
            Self::Text(text) => (None, Some(text.to_string())),
            Self::Number(number) if unit == FactUnit::Time => {
                let time = Timestamp::from_microsecond(whole(*number));
                (None, Some(time.map_or_else(|_| number.to_string(), |time| time.to_string())))
            }
            Self::Number(number) => (Some(*number), None),
        }
    }
}

fn whole(number: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "numbers beyond the range become its ends")]
    let whole = number as i64;
    whole
}

/// The text of what a flag found: its template with its facts.
pub fn finding_text(flag: &Flag, facts: &[FactValue]) -> String {
    let value = |name: &str| {
        let place = flag.facts.iter().position(|fact| fact.name == name)?;
        facts.get(place)?.words(flag.facts[place].unit())
    };
    words::filled(&flag.value, value).unwrap_or_default()
}

/// The places of flags by their names.
pub(crate) struct FlagPlaces<'a>(HashMap<&'a str, usize>);

impl<'a> FlagPlaces<'a> {
    pub fn new(flags: &'a [Flag]) -> Self {
        let places = flags.iter().enumerate().map(|(place, flag)| (flag.name.as_str(), place));
        Self(places.collect())
    }

    /// # Errors
    /// `Internal` if the engine speaks of a flag that it did not plan.
    pub fn find(&self, name: Option<&str>) -> Result<usize> {
        let place = name.and_then(|name| self.0.get(name));
        place.copied().ok_or_else(|| {
            Error::internal(format!("hits of the flag {name:?}, which is not in the plan"))
        })
    }
}

/// The facts of an answer, by flag and group. Facts that the plan does not have are passed over.
///
/// # Errors
/// `Internal` if the table has other columns, or speaks of a flag that was not planned.
pub(crate) fn by_group(flags: &[Flag], table: &Table) -> Result<HashMap<(usize, u64), Facts>> {
    if table.height() == 0 {
        return Ok(HashMap::new());
    }
    let columns = table.columns();
    let (names, facts) = (columns.column("flag")?.str()?, columns.column("name")?.str()?);
    let (numbers, texts) = (columns.column("number")?.f64()?, columns.column("text")?.str()?);
    let places = FlagPlaces::new(flags);
    let mut groups: HashMap<(usize, u64), Vec<FactValue>> = HashMap::new();
    let lines = table.rows().into_iter().zip(names.iter()).zip(facts.iter());
    for (((group, name), fact), (number, text)) in lines.zip(numbers.iter().zip(texts.iter())) {
        let flag = places.find(name)?;
        let planned = &flags[flag].facts;
        let values =
            groups.entry((flag, group)).or_insert_with(|| vec![FactValue::Missing; planned.len()]);
        if let Some(place) = planned.iter().position(|known| Some(known.name.as_str()) == fact) {
            values[place] = match (number, text) {
                (Some(number), _) => number.into(),
                (None, Some(text)) => text.into(),
                (None, None) => FactValue::Missing,
            };
        }
    }
    Ok(groups.into_iter().map(|(group, values)| (group, values.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::plan::FactInfo;

    #[test]
    fn values_have_words_and_exact_forms() {
        let cases = [
            (FactUnit::Count, 1234.0, "1,234"),
            (FactUnit::Bytes, 2_265_962.0, "2.27 MB"),
            (FactUnit::Seconds, 3600.0, "1 h"),
            (FactUnit::Share, 0.182, "18.2 %"),
            (FactUnit::Number, 5.933_323_166_179_639, "5.933"),
            (FactUnit::Time, 0.0, "1 Jan 1970, 00:00 UTC"),
        ];
        for (unit, number, text) in cases {
            assert_eq!(FactValue::from(number).words(unit).unwrap(), text);
        }
        assert_eq!(FactValue::from(f64::NAN), FactValue::Missing);
        assert_eq!(FactValue::Missing.words(FactUnit::Count), None);
        assert_eq!(FactValue::from(3600.0).exact(FactUnit::Seconds), (Some(3600.0), None));
        let time = Some("1970-01-01T00:00:01Z".to_owned());
        assert_eq!(FactValue::from(1e6).exact(FactUnit::Time), (None, time));
        for extreme in [f64::MAX, f64::MIN] {
            for unit in [FactUnit::Count, FactUnit::Bytes, FactUnit::Time, FactUnit::Seconds] {
                assert!(FactValue::from(extreme).words(unit).is_some());
            }
        }
    }

    #[test]
    fn a_finding_is_its_template_with_facts() {
        let fact = |name: &str, unit: FactUnit| FactInfo { name: name.into(), unit: unit.into() };
        let flag = Flag {
            facts: vec![fact("names", FactUnit::Count), fact("window", FactUnit::Seconds)],
            value: "{names} names in {window}".into(),
            ..Flag::default()
        };
        assert_eq!(finding_text(&flag, &[21.0.into(), 3600.0.into()]), "21 names in 1 h");
        assert_eq!(finding_text(&flag, &[21.0.into(), FactValue::Missing]), "");
    }
}
