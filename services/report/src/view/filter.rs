//! What rows of evidence are shown: the filters of an address.

use anomal_core::proto::{Report, Severity};
use jiff::{Timestamp, civil::DateTime};

use crate::verdicts::Judgement;

/// Rows fit if they fit each part that is set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Microseconds since the epoch; `to` is not included.
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// Any of them, as of the lists below.
    pub actors: Vec<String>,
    pub targets: Vec<String>,
    pub flags: Vec<String>,
    /// Of the row's incident; without incidents of its flags.
    pub severities: Vec<Severity>,
    pub incidents: Vec<u64>,
    /// Of the row's incident.
    pub risk: Option<(u32, u32)>,
    /// What was decided about the row's incident: the name of a judgement, `open` or `quiet`.
    pub verdicts: Vec<String>,
    /// The numbers of the incidents that these are about.
    pub judged: Vec<u64>,
    /// A value, a flag or the explanation contains this, ignoring case.
    pub search: String,
    /// All of them.
    pub columns: Vec<ColumnFilter>,
}

/// Conditions on a column of the records.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnFilter {
    /// Its place in the report's columns.
    pub column: usize,
    /// Whether rows that fit are left out.
    pub is_exclusion: bool,
    /// Any of them.
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Equals(String),
    /// Ignoring case.
    Contains(String),
    Above(f64),
    Below(f64),
    /// Both ends included.
    Between(f64, f64),
    Present,
    Missing,
}

/// Filters of an address beyond which the others are not used.
const MOST: usize = 24;
/// Bytes of all filters.
const LONGEST: usize = 4_096;
/// The parameters that are filters, beside those of columns.
const NAMES: [&str; 10] =
    ["from", "to", "actor", "target", "flag", "severity", "incident", "risk", "verdict", "q"];

/// A parameter of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterPart {
    pub name: String,
    pub value: String,
    /// Why it is not used.
    pub problem: Option<String>,
}

/// The filters of an address with what they say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilterQuery {
    pub filter: Filter,
    pub parts: Vec<FilterPart>,
}

impl FilterQuery {
    /// As [`FilterQuery::parse`], of the query of an address.
    pub fn from_query(query: &str, report: &Report) -> Self {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self::parse(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())), report)
    }

    /// Parameters that are not filters are ignored, those that can't be used have a problem.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
        report: &Report,
    ) -> Self {
        let is_filter =
            |name: &str| NAMES.contains(&name) || name.starts_with("f.") || name.starts_with("x.");
        let mut query = Self::default();
        let mut bytes = 0;
        for (name, value) in parameters {
            if !is_filter(name) || (value.is_empty() && NAMES.contains(&name)) {
                continue;
            }
            bytes += name.len() + value.len();
            let (name, value) = (name.to_owned(), value.to_owned());
            if query.parts.len() >= MOST || bytes > LONGEST {
                let problem = Some(format!("at most {MOST} filters of {LONGEST} bytes are used"));
                query.parts.push(FilterPart {
                    name: "…".to_owned(),
                    value: String::new(),
                    problem,
                });
                break;
            }
            let problem = query.filter.add(&name, &value, report).err();
            query.parts.push(FilterPart { name, value, problem });
        }
        query
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, name: &str, value: &str, report: &Report) -> Result<(), String> {
        let step = report.roles.as_ref().map_or(0, |roles| roles.time_step);
        match name {
            "from" => self.from = Some(parse_time(value, step)?),
            "to" => self.to = Some(parse_time(value, step)?),
            "actor" => self.actors.push(value.to_owned()),
            "target" => self.targets.push(value.to_owned()),
            "flag" if report.flags.iter().any(|flag| flag.name == value) => {
                self.flags.push(value.to_owned());
            }
            "flag" => return Err("this report has no such flag".to_owned()),
            "severity" => self.severities.push(match value {
                "high" => Severity::High,
                "medium" => Severity::Medium,
                "low" => Severity::Low,
                _ => return Err("a severity is high, medium or low".to_owned()),
            }),
            "incident" => match value.parse() {
                Ok(number) => self.incidents.push(number),
                Err(_) => return Err("an incident is named by its number".to_owned()),
            },
            "verdict" => {
                let is_known =
                    value == "open" || value == "quiet" || Judgement::from_name(value).is_some();
                if !is_known {
                    return Err(
                        "a verdict is true-positive, benign, false-positive, open or quiet"
                            .to_owned(),
                    );
                }
                self.verdicts.push(value.to_owned());
            }
            "risk" => {
                let number =
                    |text: &str, open| if text.is_empty() { Some(open) } else { text.parse().ok() };
                let range = value
                    .split_once("..")
                    .and_then(|(low, high)| Some((number(low, 0)?, number(high, 100)?)));
                self.risk = Some(range.ok_or("a range of risks is such as 40..100")?);
            }
            "q" => self.search = value.trim().chars().take(300).collect(),
            _ => return self.add_column(name, value, report),
        }
        Ok(())
    }

    fn add_column(&mut self, name: &str, value: &str, report: &Report) -> Result<(), String> {
        let (kind, column) = name.split_once('.').unwrap_or(("f", name));
        let column = report.columns.iter().position(|other| other.name == column);
        let column = column.ok_or("this report has no such column")?;
        let condition = Condition::parse(value)?;
        let is_exclusion = kind == "x";
        let same = |it: &&mut ColumnFilter| it.column == column && it.is_exclusion == is_exclusion;
        match self.columns.iter_mut().find(same) {
            Some(known) => known.conditions.push(condition),
            None => {
                let conditions = vec![condition];
                self.columns.push(ColumnFilter { column, is_exclusion, conditions });
            }
        }
        Ok(())
    }
}

impl Condition {
    /// `=text`, `~text`, `>1`, `<1`, `1..2`, `*`, an empty text, or a text.
    fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| format!("{text:?} is no number"))
        };
        if let Some(literal) = text.strip_prefix('=') {
            return Ok(Self::Equals(literal.to_owned()));
        }
        if let Some(part) = text.strip_prefix('~') {
            return Ok(Self::Contains(part.to_lowercase()));
        }
        if let Some(low) = text.strip_prefix('>') {
            return Ok(Self::Above(number(low)?));
        }
        if let Some(high) = text.strip_prefix('<') {
            return Ok(Self::Below(number(high)?));
        }
        if let Some((low, high)) = text.split_once("..")
            && let (Ok(low), Ok(high)) = (number(low), number(high))
        {
            return Ok(Self::Between(low, high));
        }
        Ok(match text {
            "" => Self::Missing,
            "*" => Self::Present,
            text => Self::Equals(text.to_owned()),
        })
    }

    /// None: the value is missing.
    pub fn fits(&self, value: Option<&str>) -> bool {
        let number = || value?.trim().parse::<f64>().ok();
        match self {
            Self::Equals(text) => value == Some(text),
            Self::Contains(part) => value.is_some_and(|value| value.to_lowercase().contains(part)),
            Self::Above(low) => number().is_some_and(|number| number > *low),
            Self::Below(high) => number().is_some_and(|number| number < *high),
            Self::Between(low, high) => {
                number().is_some_and(|number| (*low..=*high).contains(&number))
            }
            Self::Present => value.is_some_and(|value| !value.is_empty()),
            Self::Missing => value.is_none_or(str::is_empty),
        }
    }
}

/// RFC 3339, a time in UTC without a zone, a day; or a number of units of `step` microseconds.
fn parse_time(text: &str, step: u64) -> Result<i64, String> {
    if step > 0 {
        let units: Option<i64> = text.trim().parse().ok();
        let micros = units.and_then(|units| units.checked_mul(i64::try_from(step).ok()?));
        return micros.ok_or_else(|| "times of this report are whole numbers".to_owned());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_microsecond());
    }
    let civil: Option<DateTime> = text.parse().ok();
    let time = civil.and_then(|civil| civil.in_tz("UTC").ok());
    let time = time.ok_or_else(|| "a time is such as 2026-03-02T16:57:00Z".to_owned())?;
    Ok(time.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::{Column, report::FlagCount};
    use proptest::prelude::*;

    use super::*;

    fn report() -> Report {
        let column = |name: &str| Column { name: name.to_owned(), ..Column::default() };
        let flag = FlagCount { name: "tunnel".to_owned(), ..FlagCount::default() };
        Report {
            columns: vec![column("dns.name"), column("bytes")],
            flags: vec![flag],
            ..Report::default()
        }
    }

    #[test]
    fn parameters_are_filters() {
        let parameters = [
            ("page", "2"),
            ("from", "2026-03-02T16:57:00Z"),
            ("to", "2026-03-02T17:00"),
            ("actor", "a"),
            ("actor", "b"),
            ("flag", "tunnel"),
            ("risk", "40.."),
            ("f.bytes", ">400"),
            ("f.bytes", ""),
            ("x.dns.name", "=~a"),
        ];
        let query = FilterQuery::parse(parameters, &report());
        assert!(query.parts.iter().all(|part| part.problem.is_none()), "{query:?}");
        assert_eq!(query.parts.len(), 9);
        let filter = query.filter;
        assert_eq!(filter.to.unwrap() - filter.from.unwrap(), 180_000_000);
        assert_eq!((filter.actors.len(), filter.risk), (2, Some((40, 100))));
        let conditions = vec![Condition::Above(400.0), Condition::Missing];
        let [bytes, name] = [&filter.columns[0], &filter.columns[1]];
        assert_eq!((bytes.column, &bytes.conditions), (1, &conditions));
        assert!(name.is_exclusion);
        assert_eq!(name.conditions, [Condition::Equals("~a".to_owned())]);
    }

    #[test]
    fn what_cannot_be_used_has_a_problem() {
        let parameters = [
            ("from", "yesterday"),
            ("flag", "other"),
            ("severity", "worst"),
            ("incident", "one"),
            ("risk", "much"),
            ("f.other", "1"),
            ("f.bytes", ">many"),
        ];
        let query = FilterQuery::parse(parameters, &report());
        assert_eq!(query.parts.iter().filter(|part| part.problem.is_some()).count(), 7);
        assert!(query.filter.is_empty());
        let many = (0..30).map(|_| ("actor", "a"));
        let query = FilterQuery::parse(many, &report());
        assert_eq!((query.parts.len(), query.filter.actors.len()), (25, 24));
        assert!(query.parts[24].problem.is_some());
    }

    #[test]
    fn conditions_fit_values() {
        for (condition, value, fits) in [
            ("b", Some("b"), true),
            ("b", Some("B"), false),
            ("~B", Some("abc"), true),
            ("1..2", Some("2"), true),
            ("1..", Some("1.."), true),
            ("<1", Some("x"), false),
            ("*", None, false),
            ("", Some(""), true),
            ("=", Some(""), true),
        ] {
            assert_eq!(Condition::parse(condition).unwrap().fits(value), fits, "{condition}");
        }
    }

    proptest! {
        #[test]
        fn any_parameters_are_read(name in "(f\\.bytes|x\\.dns\\.name|from|to|risk|q|incident)", value in ".*") {
            let parameters = [(name.as_str(), value.as_str())];
            let query = FilterQuery::parse(parameters, &report());
            prop_assert!(query.parts.len() <= 1);
        }
    }
}
