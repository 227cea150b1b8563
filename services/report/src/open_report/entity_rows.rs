//! All rows of an entity, as far as they are listed.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
};

use anomal_core::{ROW, Result};
use polars::prelude::{DataFrame, IdxCa};

use super::{OpenReport, records::Records, to_usize};
use crate::{
    contents::{
        ACTOR, INCIDENT, TARGET, TIME,
        entity_rows::{EVIDENCE, LISTED_ROWS, OTHER, PLACE, quartile_column},
        parquet::{read_columns, read_layout},
    },
    view::entity::{Around, OtherRows},
};

/// Row groups that are read for the other rows of an entity.
const ROW_GROUPS: usize = 4;

/// The tables of the rows of entities.
pub(super) struct EntityTables {
    rows: File,
    values: File,
    /// Entities that have quartiles.
    measured: usize,
    /// For each entity the place of its first row in `rows`, and a last one where they end.
    starts: Vec<usize>,
}

impl EntityTables {
    /// `entities`: the table of entities.
    pub fn new(rows: File, values: File, entities: &DataFrame) -> Result<Self> {
        let measured = read_layout(&values)?.rows();
        let mut starts = vec![0];
        let mut end = 0;
        for rows in entities.column(LISTED_ROWS)?.u64()?.iter() {
            end += to_usize(rows.unwrap_or_default());
            starts.push(end);
        }
        Ok(Self { rows, values, measured, starts })
    }

    /// The place of an entity's first row, and their number.
    fn slice(&self, entity: usize) -> Option<(usize, usize)> {
        let (start, end) = (self.starts.get(entity)?, self.starts.get(entity + 1)?);
        (end > start).then_some((*start, end - start))
    }
}

/// The rows of an entity.
pub(super) struct EntityRows(DataFrame);

impl EntityRows {
    /// The values on the other side, with their numbers of rows.
    pub fn others(&self) -> HashMap<&str, u64> {
        let mut others = HashMap::new();
        let values = self.0.column(OTHER).and_then(|column| column.str());
        for value in values.iter().flat_map(|values| values.iter()).flatten() {
            *others.entry(value).or_default() += 1;
        }
        others
    }

    /// The times of the rows; none where no row has one.
    pub fn times(&self) -> Vec<Option<i64>> {
        let times = self.0.column(TIME).and_then(|column| column.i64());
        times.map_or_else(|_| vec![None; self.0.height()], |times| times.iter().collect())
    }

    /// The places, in the result table, and times of rows that do not stand out.
    fn plain(&self) -> Result<Vec<(usize, Option<i64>)>> {
        let places =
            self.0.column(PLACE)?.u32()?.iter().zip(self.0.column(EVIDENCE)?.bool()?.iter());
        let plain = places.zip(self.times()).filter_map(|((place, is_evidence), time)| {
            (is_evidence == Some(false)).then_some((place? as usize, time))
        });
        Ok(plain.collect())
    }
}

impl OpenReport {
    /// None where they are not listed: in reports of older versions, and of the last of very many entities.
    pub(super) fn entity_rows(&self, entity: usize) -> Result<Option<EntityRows>> {
        let Some(tables) = &self.entity_tables else { return Ok(None) };
        let Some(slice) = tables.slice(entity) else { return Ok(None) };
        Ok(Some(EntityRows(read_columns(&tables.rows, None, Some(slice))?)))
    }

    /// The quartiles of the features over all rows of an entity; none where they are not stored.
    pub(super) fn stored_quartiles(&self, entity: usize) -> Result<Option<Vec<Option<[f64; 3]>>>> {
        let tables = self.entity_tables.as_ref().filter(|tables| entity < tables.measured);
        let Some(tables) = tables else { return Ok(None) };
        let frame = read_columns(&tables.values, None, Some((entity, 1)))?;
        let quartile = |feature: usize, quarter: usize| {
            frame.column(&quartile_column(feature, quarter)).ok()?.f64().ok()?.get(0)
        };
        let quartiles = |feature: usize| {
            Some([quartile(feature, 1)?, quartile(feature, 2)?, quartile(feature, 3)?])
        };
        Ok(Some((0..self.report.features.len()).map(quartiles).collect()))
    }

    /// Rows of an entity that do not stand out, near a time or a row.
    ///
    /// # Errors
    /// `Output` if the stored tables are damaged.
    pub fn other_rows(&self, entity: usize, around: &Around) -> Result<OtherRows> {
        let Some(rows) = self.entity_rows(entity)? else { return Ok(OtherRows::default()) };
        let mut plain = rows.plain()?;
        let total = plain.len() as u64;
        // Rows ascend, and most tables have one for each place from 0.
        let row = to_usize(around.row);
        plain.sort_by_key(|(place, time)| match (around.time, time) {
            (Some(wanted), Some(time)) => (false, wanted.abs_diff(*time), *place),
            (Some(_), None) => (true, 0, *place),
            (None, _) => (false, place.abs_diff(row) as u64, *place),
        });
        plain.truncate(around.limit);
        let mut by_group: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut is_partial = false;
        // The nearest first: the groups that these are in are read.
        for (place, _) in &plain {
            let group = self.groups.partition_point(|group| to_usize(group.offset) <= *place);
            match by_group.len() {
                ROW_GROUPS if !by_group.contains_key(&group) => is_partial = true,
                _ => by_group.entry(group).or_default().push(*place),
            }
        }
        let mut items = Vec::new();
        for mut places in by_group.into_values() {
            places.sort_unstable();
            let frame = self.read_places(&places, &around.columns)?;
            let records = Records::new(&self.report, &frame)?;
            for index in 0..frame.height() {
                items.push(records.get(index)?);
            }
        }
        items.sort_by_key(|record| (record.time, record.row));
        Ok(OtherRows { items, total, is_partial })
    }

    /// Rows at these places, ascending, of one row group: without features and contributions.
    fn read_places(&self, places: &[usize], columns: &[usize]) -> Result<DataFrame> {
        let (Some(first), Some(last)) = (places.first(), places.last()) else {
            return Ok(DataFrame::default());
        };
        let known: HashSet<&str> = columns
            .iter()
            .filter_map(|place| self.report.columns.get(*place))
            .map(|it| it.name.as_str())
            .collect();
        let result = [
            ROW,
            "anomal.score",
            "anomal.rank",
            "anomal.cluster",
            "anomal.suspicious",
            "anomal.severity",
            "anomal.flags",
            "anomal.reasons",
            INCIDENT,
            TIME,
            ACTOR,
            TARGET,
        ];
        let wanted =
            |name: &&String| result.contains(&name.as_str()) || known.contains(name.as_str());
        let names = self.row_columns.iter().filter(wanted).cloned().collect();
        let frame = read_columns(&self.rows, Some(names), Some((*first, last - first + 1)))?;
        let indices: Vec<u32> =
            places.iter().map(|place| u32::try_from(place - first).unwrap_or(0)).collect();
        Ok(frame.take(&IdxCa::from_vec("".into(), indices))?)
    }
}
