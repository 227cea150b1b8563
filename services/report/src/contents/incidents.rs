//! The tables of a report's incidents, made from what a runner published.

use std::collections::{BTreeMap, HashMap, HashSet};

use anomal_core::{
    Result,
    proto::{self, Entity, Evidence, Incident, IncidentCounts, Report, Severity},
};
use polars::prelude::{Column, DataFrame};

use super::{groups::Groups, incident_frame, invalid, timeline};
use crate::{
    verdicts::keys,
    view::incidents::{EntitySummary, IncidentSummary, level},
};

/// Added to the risk of an entity for each further incident of medium or high severity.
const FURTHER: u32 = 5;

/// Keys that a manifest has of the report's incidents.
const KEYS: usize = 500;

/// Incidents whose parts belong together.
pub(super) struct CheckedIncidents {
    incidents: Vec<Incident>,
    entities: Vec<Entity>,
    evidence: Evidence,
    timeline: Option<proto::Timeline>,
    totals: Vec<proto::EntityTotal>,
    sides: HashMap<String, (bool, bool)>,
}

/// A row that is suspicious or flagged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EvidenceRow<'a> {
    pub incident: u64,
    pub time: Option<i64>,
    pub actor: Option<&'a Entity>,
    pub target: Option<&'a Entity>,
}

/// The tables, and what is not in tables.
pub(super) struct IncidentFrames {
    pub incidents: DataFrame,
    pub entities: DataFrame,
    pub groups: DataFrame,
    pub summary: IncidentSummary,
    /// The rows of `entities`.
    pub summaries: Vec<EntitySummary>,
}

impl CheckedIncidents {
    /// # Errors
    /// `InvalidRequest` if lists differ in length, or refer to what is not there.
    pub fn new(all: proto::Incidents) -> Result<Self> {
        let evidence = all.evidence.unwrap_or_default();
        let rows = evidence.rows.len();
        let lengths = [
            evidence.incidents.len(),
            evidence.times.len(),
            evidence.actors.len(),
            evidence.targets.len(),
        ];
        if lengths.iter().any(|length| *length != rows) || !evidence.rows.is_sorted_by(|a, b| a < b)
        {
            return Err(invalid("the rows of its incidents are not lists of one length, by row"));
        }
        let places = evidence.actors.iter().chain(&evidence.targets);
        let known = |place: &u32| usize::try_from(*place).is_ok_and(|it| it <= all.entities.len());
        if !places.into_iter().all(known) || evidence.incidents.contains(&0) {
            return Err(invalid(
                "the rows of its incidents refer to unknown entities or incidents",
            ));
        }
        let numbered = all.incidents.iter().zip(1..).all(|(it, number)| it.number == number);
        if !numbered {
            return Err(invalid("its incidents are not in the order of their numbers"));
        }
        let sides = all.flags.into_iter().map(|it| (it.flag, (it.actor, it.target))).collect();
        Ok(Self {
            incidents: all.incidents,
            entities: all.entities,
            evidence,
            timeline: all.timeline,
            totals: all.totals,
            sides,
        })
    }

    /// By which entities a flag groups its rows: actor, target.
    pub fn sides(&self, flag: &str) -> (bool, bool) {
        self.sides.get(flag).copied().unwrap_or((true, true))
    }

    /// What a later report is compared by: for each incident its keys; none if there are very many, or not all incidents are
    /// described.
    pub fn keys(&self, counts: &IncidentCounts) -> Vec<String> {
        let all: usize = self.incidents.iter().map(|it| keys(it).len()).sum();
        let is_whole = counts.high + counts.medium + counts.low == self.incidents.len() as u64;
        if all > KEYS || !is_whole {
            return Vec::new();
        }
        self.incidents.iter().map(|incident| keys(incident).join(" ")).collect()
    }

    pub fn row(&self, row: u64) -> Option<EvidenceRow<'_>> {
        self.evidence.rows.binary_search(&row).ok().map(|place| self.at(place))
    }

    fn at(&self, place: usize) -> EvidenceRow<'_> {
        let entity = |place: u32| {
            let place = usize::try_from(place).ok()?.checked_sub(1)?;
            self.entities.get(place)
        };
        EvidenceRow {
            incident: self.evidence.incidents[place],
            time: Some(self.evidence.times[place]).filter(|time| *time != i64::MIN),
            actor: entity(self.evidence.actors[place]),
            target: entity(self.evidence.targets[place]),
        }
    }

    pub fn incident(&self, number: u64) -> Option<&Incident> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.incidents.get(place)
    }

    /// The severity of an incident; those that are not described have the lowest risks.
    pub fn severity(&self, number: u64) -> Severity {
        self.incident(number).map_or(Severity::Low, Incident::severity)
    }

    /// The columns of incident, time, actor and target of rows.
    pub fn columns(&self, rows: &[u64]) -> Vec<Column> {
        let found: Vec<Option<EvidenceRow<'_>>> = rows.iter().map(|row| self.row(*row)).collect();
        let of = |entity: Option<&Entity>| entity.map(|entity| entity.value.clone());
        let incidents: Vec<Option<u64>> = found.iter().map(|row| Some((*row)?.incident)).collect();
        let times: Vec<Option<i64>> = found.iter().map(|row| (*row)?.time).collect();
        let actors: Vec<Option<String>> = found.iter().map(|row| of((*row)?.actor)).collect();
        let targets: Vec<Option<String>> = found.iter().map(|row| of((*row)?.target)).collect();
        vec![
            Column::new(super::INCIDENT.into(), incidents),
            Column::new(super::TIME.into(), times),
            Column::new(super::ACTOR.into(), actors),
            Column::new(super::TARGET.into(), targets),
        ]
    }

    /// # Errors
    /// `Internal`.
    pub fn frames(&self, report: &Report, groups: Groups) -> Result<IncidentFrames> {
        let step = report.roles.as_ref().map_or(0, |roles| roles.time_step);
        let evidence = (0..self.evidence.rows.len()).map(|place| {
            let row = self.at(place);
            (row.time, level(self.severity(row.incident)))
        });
        let timeline = self.timeline.as_ref().map(|all| timeline::timeline(all, evidence, step));
        let (groups, flags) = groups.finish(report.flags.len())?;
        let summaries = self.entity_summaries();
        Ok(IncidentFrames {
            incidents: incident_frame::incidents(&self.incidents)?,
            entities: incident_frame::entities(&summaries)?,
            groups,
            summary: IncidentSummary {
                totals: self.totals.clone(),
                timeline,
                flags,
                ..IncidentSummary::default()
            },
            summaries,
        })
    }

    /// The highest risk first.
    fn entity_summaries(&self) -> Vec<EntitySummary> {
        #[derive(Default)]
        struct Sums {
            rows: u64,
            incidents: HashSet<u64>,
            span: Option<(i64, i64)>,
        }
        let mut sums: BTreeMap<usize, Sums> = BTreeMap::new();
        for (place, incident) in self.evidence.incidents.iter().enumerate() {
            let sides = [self.evidence.actors[place], self.evidence.targets[place]];
            let time = self.at(place).time;
            // An entity that is both counts once.
            let last = if sides[0] == sides[1] { 1 } else { 2 };
            for entity in sides[..last].iter().filter_map(|it| usize::try_from(*it).ok()) {
                let Some(entity) = entity.checked_sub(1) else { continue };
                let sum = sums.entry(entity).or_default();
                sum.rows += 1;
                sum.incidents.insert(*incident);
                if let Some(time) = time {
                    let (first, last) = sum.span.unwrap_or((time, time));
                    sum.span = Some((first.min(time), last.max(time)));
                }
            }
        }
        let summary = |(place, sums): (usize, Sums)| {
            let entity = &self.entities[place];
            let first = sums.incidents.iter().copied().min().unwrap_or_default();
            EntitySummary {
                kind: entity.kind.clone(),
                value: entity.value.clone(),
                actor_rows: entity.actor_rows,
                target_rows: entity.target_rows,
                actors: entity.actors.into(),
                evidence: sums.rows,
                incidents: sums.incidents.len() as u64,
                first_incident: first,
                risk: self.entity_risk(first, &sums.incidents),
                span: sums.span,
            }
        };
        let mut all: Vec<EntitySummary> = sums.into_iter().map(summary).collect();
        all.sort_by(|a, b| {
            (b.risk.cmp(&a.risk))
                .then_with(|| a.first_incident.cmp(&b.first_incident))
                .then_with(|| b.evidence.cmp(&a.evidence))
                .then_with(|| a.value.cmp(&b.value))
        });
        all
    }

    fn entity_risk(&self, first: u64, incidents: &HashSet<u64>) -> u32 {
        let highest = self.incident(first).map_or(1, |incident| incident.risk);
        let is_further = |number: &&u64| {
            **number != first && level(self.severity(**number)) > level(Severity::Low)
        };
        let further = incidents.iter().filter(is_further).count();
        let added = u32::try_from(further).unwrap_or(u32::MAX).saturating_mul(FURTHER);
        highest.saturating_add(added).min(100)
    }
}
