//! All rows of what evidence is about: which they are, by entity, and the quartiles of their values.

use std::{collections::HashMap, fs::File};

use anomal_core::{
    Result,
    proto::{FeatureColumn, Report},
};
use polars::prelude::{Column, DataFrame, DataType};

use super::{
    ACTOR, TARGET, TIME, incidents::IncidentFrames, medians::medians, parquet::read_columns,
    result_table::ResultTable,
};
use crate::view::incidents::{EntitySummary, MedianRows};

/// Rows that are listed of all entities together, those with more risk first: an entity lists all of its rows, or none.
const LISTED: usize = 4_000_000;
/// Quartiles that are stored, of all entities and features.
const VALUES: usize = 400_000;
/// Marks what is missing.
const NONE: u32 = u32::MAX;

/// The columns of the table of rows.
pub(crate) const PLACE: &str = "place";
pub(crate) const OTHER: &str = "other";
pub(crate) const EVIDENCE: &str = "evidence";
/// The column of the table of entities with the number of listed rows.
pub(crate) const LISTED_ROWS: &str = "listed";

/// The tables of an entity's rows.
pub(super) struct EntityTables {
    /// For each entity, in order, the number of its rows in `rows`.
    pub listed: Vec<u64>,
    /// By entity, then place in the result table: that place, time, the value on the other side, whether it is evidence.
    pub rows: DataFrame,
    /// For the first entities the quartiles of each feature that has them, by [`quartile_column`].
    pub values: DataFrame,
    /// The rows by time of the median of all targets, and of all actors.
    pub medians: [Option<MedianRows>; 2],
}

/// The column of a quartile (1, 2, 3) of the report's feature at a place.
pub(crate) fn quartile_column(feature: usize, quarter: usize) -> String {
    format!("{feature}.{quarter}")
}

/// Whether a feature of the report has quartiles.
pub(crate) fn is_measured(feature: &FeatureColumn) -> bool {
    use anomal_core::proto::FeatureKind::{Boolean, Numeric};
    feature.weight > 0.0 && matches!(feature.kind(), Numeric | Boolean)
}

/// The tables; none where the result table does not say what its rows are about, as that of an older runner.
///
/// # Errors
/// `InvalidRequest` if the columns have other types.
pub(super) fn entity_tables(
    file: &File,
    table: &ResultTable,
    report: &Report,
    frames: &IncidentFrames,
) -> Result<Option<EntityTables>> {
    let entities = &frames.summaries;
    if ![ACTOR, TARGET].iter().all(|name| table.has_column(name)) {
        return Ok(None);
    }
    let actors = Side::read(file, ACTOR)?;
    let targets = Side::read(file, TARGET)?;
    let side = |entity: &EntitySummary| if entity.is_actor() { &actors } else { &targets };
    let codes: Vec<u32> = entities.iter().map(|entity| side(entity).code(&entity.value)).collect();
    let of_side = |is_actor: bool| -> Places {
        let of = entities.iter().zip(&codes).filter(|(entity, _)| entity.is_actor() == is_actor);
        let side = if is_actor { &actors } else { &targets };
        side.places(of.map(|(_, code)| *code))
    };
    let places = [of_side(false), of_side(true)];
    let of_entity =
        |entity: usize| places[usize::from(entities[entity].is_actor())].of(codes[entity]);
    let times = times(file, table)?;
    let sides = [&targets, &actors];
    let (listed, rows) = rows(table, times.as_deref(), entities, sides, &of_entity)?;
    let timeline = frames.summary.timeline.as_ref();
    let medians = sides.map(|side| {
        let values = side.by_value.len();
        let (times, timeline) = (times.as_ref()?, timeline?);
        (values > 0).then(|| medians(&side.codes, values, times, timeline))
    });
    let values = values(file, table, report, entities.len(), &of_entity)?;
    Ok(Some(EntityTables { listed, rows, values, medians }))
}

/// A column of entities as codes.
struct Side {
    codes: Vec<u32>,
    by_value: HashMap<String, u32>,
}

impl Side {
    fn read(file: &File, name: &str) -> Result<Self> {
        let frame = read_columns(file, Some(vec![name.to_owned()]), None)?;
        let mut by_value: HashMap<String, u32> = HashMap::new();
        let code = |value: Option<&str>| {
            let Some(value) = value else { return NONE };
            if let Some(code) = by_value.get(value) {
                return *code;
            }
            let code = u32::try_from(by_value.len()).unwrap_or(NONE);
            by_value.insert(value.to_owned(), code);
            code
        };
        let codes = frame.column(name)?.str()?.iter().map(code).collect();
        Ok(Self { codes, by_value })
    }

    fn code(&self, value: &str) -> u32 {
        self.by_value.get(value).copied().unwrap_or(NONE)
    }

    fn values(&self) -> Vec<&str> {
        let mut values = vec![""; self.by_value.len()];
        for (value, code) in &self.by_value {
            values[*code as usize] = value;
        }
        values
    }

    /// The places of the rows with these values.
    fn places(&self, wanted: impl Iterator<Item = u32>) -> Places {
        let mut is_wanted = vec![false; self.by_value.len()];
        wanted.filter(|code| *code != NONE).for_each(|code| is_wanted[code as usize] = true);
        let has = |code: u32| is_wanted.get(code as usize) == Some(&true);
        let mut starts = vec![0; is_wanted.len() + 1];
        for code in self.codes.iter().filter(|code| has(**code)) {
            starts[*code as usize + 1] += 1;
        }
        for code in 1..starts.len() {
            starts[code] += starts[code - 1];
        }
        let mut next = starts.clone();
        let mut places = vec![0; starts.last().copied().unwrap_or(0)];
        for (place, code) in (0..).zip(&self.codes) {
            if has(*code) {
                let next = &mut next[*code as usize];
                places[*next] = place;
                *next += 1;
            }
        }
        Places { starts, places }
    }
}

/// Places in the result table by code, ascending.
struct Places {
    starts: Vec<usize>,
    places: Vec<u32>,
}

impl Places {
    fn of(&self, code: u32) -> &[u32] {
        if code == NONE {
            return &[];
        }
        &self.places[self.starts[code as usize]..self.starts[code as usize + 1]]
    }
}

/// The times of all rows, if they have any.
fn times(file: &File, table: &ResultTable) -> Result<Option<Vec<Option<i64>>>> {
    if !table.has_column(TIME) {
        return Ok(None);
    }
    let frame = read_columns(file, Some(vec![TIME.to_owned()]), None)?;
    Ok(Some(frame.column(TIME)?.i64()?.iter().collect()))
}

/// The numbers of rows that are listed, and the table of these rows. `sides`: those of targets and of actors.
fn rows<'a>(
    table: &ResultTable,
    times: Option<&[Option<i64>]>,
    entities: &[EntitySummary],
    sides: [&Side; 2],
    of_entity: &dyn Fn(usize) -> &'a [u32],
) -> Result<(Vec<u64>, DataFrame)> {
    let mut is_evidence = vec![false; table.rows.len()];
    table.suspects.iter().for_each(|place| is_evidence[*place] = true);
    let texts = sides.map(Side::values);
    let (mut all, mut others): (Vec<u32>, Vec<Option<&str>>) = (Vec::new(), Vec::new());
    let mut listed = Vec::with_capacity(entities.len());
    for (place, entity) in entities.iter().enumerate() {
        let rows = of_entity(place);
        if all.len() + rows.len() > LISTED {
            listed.push(0);
            continue;
        }
        listed.push(rows.len() as u64);
        all.extend(rows);
        // The other side of an actor are targets.
        let other = usize::from(!entity.is_actor());
        let text = |row: &u32| {
            let code = sides[other].codes[*row as usize];
            texts[other].get(code as usize).copied()
        };
        others.extend(rows.iter().map(text));
    }
    let mut columns = vec![
        Column::new(OTHER.into(), others),
        Column::new(
            EVIDENCE.into(),
            all.iter().map(|row| is_evidence[*row as usize]).collect::<Vec<_>>(),
        ),
    ];
    if let Some(times) = times {
        let times: Vec<Option<i64>> = all.iter().map(|row| times[*row as usize]).collect();
        columns.push(Column::new(TIME.into(), times));
    }
    let height = all.len();
    columns.push(Column::new(PLACE.into(), all));
    Ok((listed, DataFrame::new(height, columns)?))
}

/// The quartiles of the first entities. Reads one feature at a time to bound memory.
fn values<'a>(
    file: &File,
    table: &ResultTable,
    report: &Report,
    entities: usize,
    of_entity: &dyn Fn(usize) -> &'a [u32],
) -> Result<DataFrame> {
    let stored = |feature: &FeatureColumn| format!("anomal.features.{}", feature.name);
    let is_stored = |(_, feature): &(usize, &FeatureColumn)| {
        is_measured(feature) && table.has_column(&stored(feature))
    };
    let features: Vec<_> = report.features.iter().enumerate().filter(is_stored).collect();
    let entities = entities.min(VALUES / features.len().max(1));
    // A table without a column has no rows.
    let places: Vec<u64> = (0..entities as u64).collect();
    let mut columns = vec![Column::new("entity".into(), places)];
    for (place, feature) in features {
        let name = stored(feature);
        let frame = read_columns(file, Some(vec![name.clone()]), None)?;
        let numbers = frame.column(&name)?.cast(&DataType::Float64)?.rechunk();
        let numbers: Vec<f64> = numbers.f64()?.iter().map(|it| it.unwrap_or(f64::NAN)).collect();
        let mut of_rows = Vec::new();
        let mut quartiles_of = |entity: usize| {
            of_rows.clear();
            of_rows.extend(of_entity(entity).iter().map(|row| numbers[*row as usize]));
            quartiles(&mut of_rows, feature)
        };
        let found: Vec<Option<[f64; 3]>> = (0..entities).map(&mut quartiles_of).collect();
        for quarter in 0..3 {
            let values: Vec<Option<f64>> =
                found.iter().map(|it| it.map(|it| it[quarter])).collect();
            columns.push(Column::new(quartile_column(place, quarter + 1).into(), values));
        }
    }
    Ok(DataFrame::new(entities, columns)?)
}

/// The quartiles of a feature's values; none without any. Numbers that stand for something else have no place among them.
pub(crate) fn quartiles(values: &mut Vec<f64>, feature: &FeatureColumn) -> Option<[f64; 3]> {
    let is_named = |value: &f64| feature.named.iter().any(|named| named.number == *value);
    values.retain(|value| value.is_finite() && !is_named(value));
    let last = values.len().checked_sub(1)?;
    let mut found = [0.0; 3];
    let mut rest = values.as_mut_slice();
    for quarter in (1..=3).rev() {
        let place = last * quarter / 4;
        found[quarter - 1] = *rest.select_nth_unstable_by(place, f64::total_cmp).1;
        rest = &mut rest[..=place];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::NamedNumber;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quartiles_are_those_of_the_sorted_values(values in prop::collection::vec(-9..9_i32, 0..40)) {
            let feature = FeatureColumn {
                named: vec![NamedNumber { number: 7.0, ..NamedNumber::default() }],
                ..FeatureColumn::default()
            };
            let mut sorted: Vec<f64> = values.iter().map(|value| f64::from(*value)).filter(|value| *value != 7.0).collect();
            sorted.sort_by(f64::total_cmp);
            let quartile = |quarter: usize| sorted.get(sorted.len().saturating_sub(1) * quarter / 4).copied();
            let expected = quartile(1).zip(quartile(2)).zip(quartile(3)).map(|((a, b), c)| [a, b, c]);
            let mut all: Vec<f64> = values.iter().map(|value| f64::from(*value)).chain([f64::NAN]).collect();
            prop_assert_eq!(quartiles(&mut all, &feature), expected);
        }

        #[test]
        fn places_are_those_of_the_values(codes in prop::collection::vec(0..5_u32, 0..40), wanted in 0..5_u32) {
            let side = Side {
                by_value: (0..5).map(|code| (code.to_string(), code)).collect(),
                codes: codes.iter().map(|code| if *code == 4 { NONE } else { *code }).collect(),
            };
            let places = side.places([wanted, NONE].into_iter());
            let expected: Vec<u32> = (0..).zip(&side.codes).filter(|(_, code)| **code == wanted).map(|(place, _)| place).collect();
            prop_assert_eq!(places.of(wanted), expected);
            prop_assert!(places.of(NONE).is_empty());
        }
    }
}
