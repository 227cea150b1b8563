//! Entities by the risk of their incidents.

use std::collections::BTreeMap;

use anomal_spec::{EntityKind, Severity, Side};
use serde::Serialize;

use super::Incident;

/// For each further incident of at least medium severity.
const FURTHER: i64 = 5;

/// A thing that incidents are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityRisk {
    pub kind: EntityKind,
    pub side: Side,
    pub value: String,
    /// 1..100: that of its highest incident, and 5 for each further one of medium or high severity.
    pub risk: i64,
    /// The highest first.
    pub incidents: Vec<u64>,
    /// Rows of these incidents that it is in.
    pub rows: u64,
}

/// The entities of incidents, which are in the order of their numbers: the highest risk first, of equal ones more rows, then
/// by value. An entity that an incident does not list, among very many, is not counted there.
pub fn entity_risks(incidents: &[Incident]) -> Vec<EntityRisk> {
    let mut all: BTreeMap<(Side, EntityKind, &str), EntityRisk> = BTreeMap::new();
    for incident in incidents {
        let actors = incident.actors.iter().map(|entity| (Side::Actor, entity));
        let targets = incident.targets.iter().map(|entity| (Side::Target, entity));
        for (side, entity) in actors.chain(targets) {
            let known =
                all.entry((side, entity.kind, &entity.value)).or_insert_with(|| EntityRisk {
                    kind: entity.kind,
                    side,
                    value: entity.value.clone(),
                    risk: 0,
                    incidents: Vec::new(),
                    rows: 0,
                });
            let further = if incident.severity >= Severity::Medium { FURTHER } else { 0 };
            let more = if known.incidents.is_empty() { incident.risk } else { further };
            known.risk = (known.risk + more).min(100);
            known.incidents.push(incident.number);
            known.rows += entity.rows;
        }
    }
    let mut all: Vec<EntityRisk> = all.into_values().collect();
    all.sort_by(|a, b| (b.risk, b.rows).cmp(&(a.risk, a.rows)).then_with(|| a.value.cmp(&b.value)));
    all
}
