//! What flags found: texts and facts, and the tables in which they leave the engine.

use std::collections::HashMap;

use anomal_components::{Finding, FlagHits};
use anomal_core::{
    FactValue, Result, Table, column_of_view, finding_text,
    proto::{
        DataType,
        plan::{FactInfo, FactUnit, Flag},
    },
    words,
};
use polars::prelude::{AnyValue, Column, DataFrame, TimeUnit};

use crate::{columns::Columns, step::Work};

/// The number of columns in a finding of an expression.
const REPORTED_COLUMNS: usize = 3;
/// Whole numbers beyond it are not all floating-point numbers.
const WHOLE: u64 = 1 << 53;

/// The columns that a finding of an expression names: the first that it reads.
pub(crate) fn reported(work: &Work) -> Vec<&str> {
    let all: Vec<&str> = match work {
        Work::Expression(expression) => expression.columns.iter().map(String::as_str).collect(),
        Work::Declared(declared) => {
            declared.columns().filter(|name| column_of_view(name) == *name).collect()
        }
        _ => Vec::new(),
    };
    let mut names: Vec<&str> = Vec::new();
    for name in all {
        let is_other = |known: &&str| column_of_view(known) != column_of_view(name);
        if names.len() < REPORTED_COLUMNS && names.iter().all(is_other) {
            names.push(name);
        }
    }
    names
}

/// The facts of a flag by an expression: the columns that it names, and its figure.
pub(crate) fn facts_of_expression(work: &Work, columns: &Columns<'_>) -> Vec<FactInfo> {
    let of_column = |name: &str| FactInfo {
        name: column_of_view(name).to_owned(),
        unit: match columns.type_of(name) {
            DataType::Integer | DataType::Float => FactUnit::Number,
            DataType::Datetime => FactUnit::Time,
            DataType::String | DataType::Boolean | DataType::Unspecified => FactUnit::Text,
        }
        .into(),
    };
    let mut facts: Vec<FactInfo> = reported(work).into_iter().map(of_column).collect();
    if let Work::Declared(declared) = work
        && let Some(declared) = &declared.aggregate
    {
        let name = declared.aggregate.function.name();
        if facts.iter().all(|fact| fact.name != name) {
            facts.push(FactInfo { name: name.to_owned(), unit: FactUnit::Number.into() });
        }
    }
    facts
}

/// The hits of a flag with what was found, once for all rows with the same finding.
#[derive(Default)]
pub(crate) struct Findings {
    /// Positions in the table, each with the place of its finding.
    pub rows: Vec<(usize, u32)>,
    all: Vec<(String, Option<Vec<FactValue>>)>,
}

impl Findings {
    /// Of a component. `flag`: its plan.
    pub fn of_component(hits: FlagHits, flag: &Flag) -> Self {
        let finding = |finding: Finding| match finding {
            Finding::Text(text) => (text, None),
            Finding::Facts(facts) => (finding_text(flag, &facts), Some(facts)),
        };
        Self { rows: hits.rows, all: hits.findings.into_iter().map(finding).collect() }
    }

    /// The rows for which a predicate holds, with the values of columns there.
    ///
    /// # Errors
    /// `Internal` if it has other values.
    pub fn of_predicate(holds: &Column, reported: &[&Column]) -> Result<Self> {
        let mut found = Self::default();
        let mut known: HashMap<String, u32> = HashMap::new();
        let rows = holds.bool()?.iter().enumerate().filter(|(_, holds)| *holds == Some(true));
        for (row, _) in rows {
            let mut exact = String::new();
            for column in reported {
                exact.push_str(&cell(column, row));
                exact.push('\u{1f}');
            }
            let next = u32::try_from(found.all.len()).unwrap_or(u32::MAX);
            let place = *known.entry(exact).or_insert(next);
            if place == next {
                let text = |column: &&Column| {
                    format!("{}={}", column_of_view(column.name()), shown(column, row))
                };
                let text = reported.iter().map(text).collect::<Vec<_>>().join(", ");
                let facts = reported.iter().map(|column| fact(column, row)).collect();
                found.all.push((text, Some(facts)));
            }
            found.rows.push((row, place));
        }
        Ok(found)
    }
}

/// The tables of hits and of their facts.
#[derive(Default)]
pub(crate) struct HitTables<'a> {
    rows: Vec<u64>,
    flags: Vec<&'a str>,
    values: Vec<String>,
    groups: Vec<Option<u32>>,
    facts: FactLines<'a>,
}

#[derive(Default)]
struct FactLines<'a> {
    groups: Vec<u64>,
    flags: Vec<&'a str>,
    names: Vec<&'a str>,
    numbers: Vec<Option<f64>>,
    texts: Vec<Option<String>>,
}

impl<'a> HitTables<'a> {
    /// Adds the findings of a flag. `rows`: the numbers of the table's rows.
    pub fn add(&mut self, flag: &'a Flag, rows: &[u64], findings: Findings) {
        for (position, place) in findings.rows {
            let (text, facts) = &findings.all[place as usize];
            self.rows.push(rows[position]);
            self.flags.push(&flag.name);
            self.values.push(text.clone());
            self.groups.push(facts.is_some().then_some(place));
        }
        for (group, (_, facts)) in findings.all.into_iter().enumerate() {
            for (fact, value) in flag.facts.iter().zip(facts.into_iter().flatten()) {
                self.facts.add(group as u64, &flag.name, &fact.name, value);
            }
        }
    }

    /// The hits, and the facts of their groups.
    ///
    /// # Errors
    /// `Internal`.
    pub fn into_tables(self) -> Result<(Table, Table)> {
        let columns = vec![
            Column::new("flag".into(), self.flags),
            Column::new("value".into(), self.values),
            Column::new("group".into(), self.groups),
        ];
        let height = self.rows.len();
        let hits = Table::new(self.rows, DataFrame::new(height, columns)?)?;
        let columns = vec![
            Column::new("flag".into(), self.facts.flags),
            Column::new("name".into(), self.facts.names),
            Column::new("number".into(), self.facts.numbers),
            Column::new("text".into(), self.facts.texts),
        ];
        let height = self.facts.groups.len();
        Ok((hits, Table::new(self.facts.groups, DataFrame::new(height, columns)?)?))
    }
}

impl<'a> FactLines<'a> {
    fn add(&mut self, group: u64, flag: &'a str, name: &'a str, value: FactValue) {
        let (number, text) = match value {
            FactValue::Missing => return,
            FactValue::Number(number) => (Some(number), None),
            FactValue::Text(text) => (None, Some(text.into_string())),
        };
        self.groups.push(group);
        self.flags.push(flag);
        self.names.push(name);
        self.numbers.push(number);
        self.texts.push(text);
    }
}

/// A cell as text with all digits; `none` where it has no value.
fn cell(column: &Column, row: usize) -> String {
    match column.get(row) {
        Ok(AnyValue::Null) | Err(_) => "none".into(),
        Ok(AnyValue::Float64(number)) => number.to_string(),
        Ok(value) => value.get_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}

/// A cell for people.
fn shown(column: &Column, row: usize) -> String {
    match column.get(row) {
        Ok(AnyValue::Float64(number)) => words::number(number),
        _ => cell(column, row),
    }
}

fn fact(column: &Column, row: usize) -> FactValue {
    match column.get(row) {
        Ok(AnyValue::Null) | Err(_) => FactValue::Missing,
        Ok(AnyValue::Float64(number)) => number.into(),
        Ok(AnyValue::Int64(number)) if number.unsigned_abs() <= WHOLE => (number as f64).into(),
        Ok(AnyValue::UInt32(number)) => f64::from(number).into(),
        Ok(AnyValue::UInt64(number)) if number <= WHOLE => (number as f64).into(),
        Ok(AnyValue::Datetime(time, TimeUnit::Microseconds, _)) => (time as f64).into(),
        Ok(_) => cell(column, row).as_str().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_equal_values_share_a_finding() {
        let holds = Column::new("".into(), [Some(true), None, Some(true), Some(true), Some(false)]);
        let amount = Column::new("amount".into(), [5.933_323_166_179_639, 0.0, 2.0, 2.0, 0.0]);
        let kind = Column::new("kind".into(), [Some("a"), None, None, None, None]);
        let found = Findings::of_predicate(&holds, &[&amount, &kind]).unwrap();
        assert_eq!(found.rows, [(0, 0), (2, 1), (3, 1)]);
        assert_eq!(found.all[0].0, "amount=5.933, kind=a");
        let exact = vec![FactValue::Number(5.933_323_166_179_639), "a".into()];
        assert_eq!(found.all[0].1, Some(exact));
        assert_eq!(found.all[1].0, "amount=2, kind=none");
        assert_eq!(found.all[1].1, Some(vec![2.0.into(), FactValue::Missing]));
        assert_eq!(found.all.len(), 2);
    }

    #[test]
    fn tables_have_a_line_for_each_fact_that_has_a_value() {
        let facts =
            ["names", "window"].map(|name| FactInfo { name: name.into(), ..FactInfo::default() });
        let flag = Flag {
            name: "f".into(),
            facts: facts.to_vec(),
            value: "{names} names".into(),
            ..Flag::default()
        };
        let mut hits = FlagHits::default();
        hits.add([0, 2], vec![21.0.into(), FactValue::Missing]);
        let mut tables = HitTables::default();
        tables.add(&flag, &[10, 20, 30], Findings::of_component(hits, &flag));
        let text = Flag { name: "g".into(), ..Flag::default() };
        let texts: FlagHits = vec![(1, "x".to_owned())].into();
        tables.add(&text, &[10, 20, 30], Findings::of_component(texts, &text));
        let (hits, facts) = tables.into_tables().unwrap();
        assert_eq!((hits.rows(), facts.rows()), (vec![10, 30, 20], vec![0]));
        let groups: Vec<_> =
            hits.columns().column("group").unwrap().u32().unwrap().iter().collect();
        assert_eq!(groups, [Some(0), Some(0), None]);
        let values: Vec<_> =
            hits.columns().column("value").unwrap().str().unwrap().iter().collect();
        assert_eq!(values, [Some("21 names"), Some("21 names"), Some("x")]);
    }
}
