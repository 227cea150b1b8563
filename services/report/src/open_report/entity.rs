//! An entity beside the others, from the rows that stand out.

use std::collections::{BTreeMap, BTreeSet};

use anomal_core::{Result, proto::FeatureColumn};
use polars::prelude::AnyValue;

use super::OpenReport;
use crate::{
    contents::{ACTOR, TARGET},
    view::entity::{EntityDetails, Shared},
};

/// Entries of a list.
const LISTED: usize = 10;
/// Others that an entry names.
const OTHERS: usize = 3;

/// For each name the values with it, with their numbers of rows.
type Uses<'a> = BTreeMap<&'a str, BTreeMap<&'a str, u64>>;

impl OpenReport {
    /// `is_actor`: the side of the entity that is looked at.
    ///
    /// # Errors
    /// `Output` if the stored table is damaged.
    pub fn entity_details(&self, value: &str, is_actor: bool) -> Result<EntityDetails> {
        let (own, other) = if is_actor { (ACTOR, TARGET) } else { (TARGET, ACTOR) };
        let (values, partners) = (self.texts_of(own)?, self.texts_of(other)?);
        let flags = self.flags()?;
        let is_own = |place: &usize| values[*place].as_deref() == Some(value);
        let places: Vec<usize> = (0..values.len()).filter(is_own).collect();
        let own_partners: BTreeSet<&str> =
            places.iter().filter_map(|place| partners[*place].as_deref()).collect();
        let own_flags: BTreeSet<&str> =
            places.iter().flat_map(|place| &flags[*place]).map(String::as_str).collect();
        let (mut by_partner, mut by_flag) = (Uses::new(), Uses::new());
        for (place, value) in values.iter().enumerate() {
            let Some(value) = value.as_deref() else { continue };
            let partner = partners[place].as_deref().filter(|it| own_partners.contains(it));
            let hit = flags[place].iter().map(String::as_str).filter(|it| own_flags.contains(it));
            if let Some(name) = partner {
                *by_partner.entry(name).or_default().entry(value).or_default() += 1;
            }
            for name in hit {
                *by_flag.entry(name).or_default().entry(value).or_default() += 1;
            }
        }
        let partner_count = by_partner.len();
        let mut partners = shared(value, by_partner);
        partners.truncate(LISTED);
        let features = self.report.features.iter();
        Ok(EntityDetails {
            partners,
            partner_count,
            flags: shared(value, by_flag),
            features: features.map(|feature| self.quartiles(feature, &places)).collect(),
        })
    }

    fn quartiles(&self, feature: &FeatureColumn, places: &[usize]) -> Option<[f64; 3]> {
        let column = self.suspects.column(&format!("anomal.features.{}", feature.name)).ok()?;
        let number = |place: &usize| match column.get(*place).ok()? {
            value if value.is_primitive_numeric() => value.extract::<f64>(),
            AnyValue::Boolean(value) => Some(f64::from(u8::from(value))),
            _ => None,
        };
        // Numbers that stand for something else have no place among quartiles.
        let is_named = |number: &f64| feature.named.iter().any(|named| named.number == *number);
        let mut numbers: Vec<f64> = places.iter().filter_map(number).collect();
        numbers.retain(|number| number.is_finite() && !is_named(number));
        numbers.sort_unstable_by(f64::total_cmp);
        let last = numbers.len().saturating_sub(1);
        let quartile = |quarters: usize| numbers.get(last * quarters / 4).copied();
        Some([quartile(1)?, quartile(2)?, quartile(3)?])
    }
}

/// The most rows of the value first.
fn shared(value: &str, uses: Uses<'_>) -> Vec<Shared> {
    let entry = |(name, mut uses): (&str, BTreeMap<&str, u64>)| {
        let rows = uses.remove(value).unwrap_or_default();
        let other_count = uses.len();
        let mut others: Vec<(&str, u64)> = uses.into_iter().collect();
        // Stable: of equal ones by value.
        others.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        let others = others.into_iter().take(OTHERS).map(|(other, _)| other.to_owned()).collect();
        Shared { name: name.to_owned(), rows, others, other_count }
    };
    let mut all: Vec<Shared> = uses.into_iter().map(entry).collect();
    all.sort_by_key(|entry| std::cmp::Reverse(entry.rows));
    all
}
