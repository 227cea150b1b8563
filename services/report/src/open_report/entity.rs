//! An entity beside the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anomal_core::{Result, proto::FeatureColumn};
use polars::prelude::AnyValue;

use super::{OpenReport, entity_rows::EntityRows};
use crate::{
    contents::{ACTOR, TARGET, entity_rows::quartiles},
    view::{
        entity::{EntityDetails, Shared},
        filter::Filter,
        incidents::{EntitySummary, Timeline},
    },
};

/// Entries of a list.
const LISTED: usize = 10;
/// Others that an entry names.
const OTHERS: usize = 3;

/// For each name the values with it, with their numbers of rows.
type Uses<'a> = BTreeMap<&'a str, BTreeMap<&'a str, u64>>;

impl OpenReport {
    /// `place`: that of the entity among those of the report.
    ///
    /// # Errors
    /// `Output` if the stored tables are damaged.
    pub fn entity_details(&self, place: usize) -> Result<EntityDetails> {
        let Some(entity) = self.entity(place) else { return Ok(EntityDetails::default()) };
        let value = entity.value.as_str();
        let (own, other) = if entity.is_actor() { (ACTOR, TARGET) } else { (TARGET, ACTOR) };
        let (values, partners) = (self.texts_of(own)?, self.texts_of(other)?);
        let flags = self.flags()?;
        let is_own = |place: &usize| values[*place].as_deref() == Some(value);
        let places: Vec<usize> = (0..values.len()).filter(is_own).collect();
        let own_flags: BTreeSet<&str> =
            places.iter().flat_map(|place| &flags[*place]).map(String::as_str).collect();
        let rows = self.entity_rows(place)?;
        let all_partners = rows.as_ref().map_or_else(HashMap::new, EntityRows::others);
        let mut own_partners: BTreeSet<&str> =
            places.iter().filter_map(|place| partners[*place].as_deref()).collect();
        own_partners.extend(all_partners.keys().copied());
        let (mut by_partner, mut by_flag) = (Uses::new(), Uses::new());
        for (place, other) in values.iter().enumerate() {
            let Some(other) = other.as_deref() else { continue };
            let partner = partners[place].as_deref().filter(|it| own_partners.contains(it));
            let hit = flags[place].iter().map(String::as_str).filter(|it| own_flags.contains(it));
            if let Some(name) = partner {
                *by_partner.entry(name).or_default().entry(other).or_default() += 1;
            }
            for name in hit {
                *by_flag.entry(name).or_default().entry(other).or_default() += 1;
            }
        }
        for name in &own_partners {
            by_partner.entry(name).or_default();
        }
        let partner_count = by_partner.len();
        let mut partners = shared(value, by_partner, &all_partners);
        partners.truncate(LISTED);
        let (features, has_all_values) = self.quartiles_of(place, &places)?;
        Ok(EntityDetails {
            partners,
            partner_count,
            flags: shared(value, by_flag, &HashMap::new()),
            features,
            has_all_values,
            timeline: match &rows {
                Some(rows) => self.timeline_of(entity, rows)?,
                None => None,
            },
        })
    }

    pub(super) fn entity(&self, place: usize) -> Option<&EntitySummary> {
        self.incidents.as_ref()?.entities.get(place)
    }

    /// The quartiles of all rows of an entity, where they are stored; else of those that stand out, at `places`.
    fn quartiles_of(
        &self,
        entity: usize,
        places: &[usize],
    ) -> Result<(Vec<Option<[f64; 3]>>, bool)> {
        if let Some(stored) = self.stored_quartiles(entity)? {
            return Ok((stored, true));
        }
        let features = self.report.features.iter();
        Ok((features.map(|feature| self.quartiles(feature, places)).collect(), false))
    }

    fn quartiles(&self, feature: &FeatureColumn, places: &[usize]) -> Option<[f64; 3]> {
        let column = self.suspects.column(&format!("anomal.features.{}", feature.name)).ok()?;
        let number = |place: &usize| match column.get(*place).ok()? {
            value if value.is_primitive_numeric() => value.extract::<f64>(),
            AnyValue::Boolean(value) => Some(f64::from(u8::from(value))),
            _ => None,
        };
        quartiles(&mut places.iter().filter_map(number).collect(), feature)
    }

    /// Its rows in the intervals of the report's timeline.
    fn timeline_of(&self, entity: &EntitySummary, rows: &EntityRows) -> Result<Option<Timeline>> {
        let stored = self.incidents.as_ref().and_then(|all| all.summary.timeline.as_ref());
        let Some(stored) = stored else { return Ok(None) };
        let value = vec![entity.value.clone()];
        let filter = if entity.is_actor() {
            Filter { actors: value, ..Filter::default() }
        } else {
            Filter { targets: value, ..Filter::default() }
        };
        let evidence = self.matches(&filter)?.timeline.unwrap_or_default();
        let mut timeline =
            Timeline { rows: vec![0; stored.rows.len()], evidence, without: 0, ..stored.clone() };
        for time in rows.times() {
            match time.and_then(|time| timeline.bin(time)) {
                Some(bin) => timeline.rows[bin] += 1,
                None => timeline.without += 1,
            }
        }
        Ok(Some(timeline))
    }
}

/// Those with the most rows that stand out first, then those with the most rows.
fn shared(value: &str, uses: Uses<'_>, all: &HashMap<&str, u64>) -> Vec<Shared> {
    let entry = |(name, mut uses): (&str, BTreeMap<&str, u64>)| {
        let rows = uses.remove(value).unwrap_or_default();
        let other_count = uses.len();
        let mut others: Vec<(&str, u64)> = uses.into_iter().collect();
        // Stable: of equal ones by value.
        others.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        let others = others.into_iter().take(OTHERS).map(|(other, _)| other.to_owned()).collect();
        let all_rows = all.get(name).copied().unwrap_or_default();
        Shared { name: name.to_owned(), rows, all_rows, others, other_count }
    };
    let mut all: Vec<Shared> = uses.into_iter().map(entry).collect();
    all.sort_by_key(|entry| std::cmp::Reverse((entry.rows, entry.all_rows)));
    all
}
