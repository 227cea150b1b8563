//! The incidents of a run as its report has them.

use std::collections::{BTreeMap, HashMap, HashSet};

use anomal_core::{
    Result,
    proto::{
        ColumnRoles as Roles, Entity, EntityTotal, Evidence, FlagSides, Incident as Described,
        IncidentCounts, Incidents, RiskParts as Parts, Severity as Wire, TimeSpan, Timeline,
        column_roles,
    },
};
use anomal_spec::{EntityKind, Severity, Side, TimeStep};

use crate::{
    collector::IncidentRows,
    incidents::{Code, Incident, IncidentInput, KeyPart, NumberedRows},
    roles::ColumnRoles,
};

/// Intervals of time that are counted apart.
const BINS: usize = 8_192;

/// What is published with a report.
#[derive(Clone, Debug)]
pub(crate) struct ReportIncidents {
    pub counts: IncidentCounts,
    pub incidents: Incidents,
}

/// Rows by time, in intervals as short as the number of different ones allows: the same for any order of rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeBins {
    /// The width of an interval is 2 to the power of it, in microseconds.
    shift: u32,
    rows: HashMap<i64, u64>,
    without: u64,
    ends: Option<(i64, i64)>,
}

impl TimeBins {
    pub fn add(&mut self, time: Option<i64>) {
        let Some(time) = time else {
            self.without += 1;
            return;
        };
        let (first, last) = self.ends.unwrap_or((time, time));
        self.ends = Some((first.min(time), last.max(time)));
        *self.rows.entry(time >> self.shift).or_default() += 1;
        while self.rows.len() > BINS {
            self.shift += 1;
            let mut wider = HashMap::new();
            for (bin, rows) in self.rows.drain() {
                *wider.entry(bin >> 1).or_default() += rows;
            }
            self.rows = wider;
        }
    }

    fn timeline(&self) -> Option<Timeline> {
        let (first, last) = self.ends?;
        let mut bins: Vec<(i64, u64)> =
            self.rows.iter().map(|(bin, rows)| (bin << self.shift, *rows)).collect();
        bins.sort_unstable();
        let (starts, rows) = bins.into_iter().unzip();
        let (width, without) = (1 << self.shift, self.without);
        Some(Timeline { width, starts, rows, without, first, last })
    }
}

/// Everything of [`Incidents`] but for the described ones. `keys`: by flag, the parts of its key.
///
/// # Errors
/// `Output` if rows in a temporary file can't be read again.
pub(crate) fn evidence(
    input: &IncidentInput,
    rows: &NumberedRows,
    timeline: &TimeBins,
    keys: &[Option<Vec<(usize, KeyPart)>>],
) -> Result<Incidents> {
    let mut entities = Vec::new();
    let mut places: HashMap<Code, u32> = HashMap::new();
    let mut place_of = |code: Code| {
        let Some(value) = input.values.get(code as usize) else { return 0 };
        *places.entry(code).or_insert_with(|| {
            entities.push(Entity {
                kind: kind_name(value.kind).to_owned(),
                value: value.text.clone(),
                actor_rows: value.actor_rows,
                target_rows: value.target_rows,
                actors: value.actors,
            });
            u32::try_from(entities.len()).unwrap_or(0)
        })
    };
    let mut evidence = Evidence::default();
    for row in rows.iter() {
        let row = row?;
        evidence.rows.push(row.row);
        evidence.incidents.push(row.incident);
        evidence.times.push(row.time.unwrap_or(i64::MIN));
        evidence.actors.push(place_of(row.actor));
        evidence.targets.push(place_of(row.target));
    }
    Ok(Incidents {
        incidents: Vec::new(),
        entities,
        evidence: Some(evidence),
        timeline: timeline.timeline(),
        totals: totals(input),
        flags: input
            .flags
            .iter()
            .zip(keys)
            .map(|(flag, key)| sides(&flag.name, key.as_deref()))
            .collect(),
    })
}

fn totals(input: &IncidentInput) -> Vec<EntityTotal> {
    let mut totals: BTreeMap<(EntityKind, bool), u64> = BTreeMap::new();
    for value in &input.values {
        for (is_actor, rows) in [(true, value.actor_rows), (false, value.target_rows)] {
            *totals.entry((value.kind, is_actor)).or_default() += u64::from(rows > 0);
        }
    }
    let total = |((kind, is_actor), values): ((EntityKind, bool), u64)| EntityTotal {
        kind: kind_name(kind).to_owned(),
        is_actor,
        values,
    };
    totals.into_iter().filter(|(_, values)| *values > 0).map(total).collect()
}

fn sides(flag: &str, key: Option<&[(usize, KeyPart)]>) -> FlagSides {
    let parts: Option<HashSet<bool>> = key.map(|parts| {
        let side = |(_, part): &(usize, KeyPart)| match part {
            KeyPart::Actor => Some(true),
            KeyPart::Target => Some(false),
            KeyPart::Other => None,
        };
        parts.iter().filter_map(side).collect()
    });
    let has = |is_actor| parts.as_ref().is_none_or(|parts| parts.contains(&is_actor));
    FlagSides { flag: flag.to_owned(), actor: has(true), target: has(false) }
}

/// The incidents as a report has them; none where none is made.
pub(crate) fn report(rows: &IncidentRows) -> Option<ReportIncidents> {
    let mut incidents = rows.report.as_deref()?.clone();
    incidents.incidents = rows.set.incidents.iter().map(described).collect();
    let [low, medium, high] = rows.set.by_severity;
    let timeline = incidents.timeline.as_ref();
    let counts = IncidentCounts {
        high,
        medium,
        low,
        first_title: rows.set.incidents.first().map_or_else(String::new, |it| it.title.clone()),
        first: timeline.map(|timeline| timeline.first),
        last: timeline.map(|timeline| timeline.last),
        keys: Vec::new(),
    };
    Some(ReportIncidents { counts, incidents })
}

fn described(incident: &Incident) -> Described {
    let part = |part: i64| u32::try_from(part).unwrap_or(0);
    Described {
        number: incident.number,
        key: incident.key.clone(),
        title: incident.title.clone(),
        severity: wire(incident.severity).into(),
        risk: part(incident.risk),
        parts: Some(Parts {
            flag: part(incident.parts.flag),
            score: part(incident.parts.score),
            more: part(incident.parts.more),
            rarity: i32::try_from(incident.parts.rarity).unwrap_or(0),
        }),
        flags: incident.flags.clone(),
        rows: incident.rows,
        suspicious: incident.suspicious,
        findings: incident.findings,
        together: incident.together.iter().map(|&reason| reason.to_owned()).collect(),
        actors: incident.actor_count,
        targets: incident.target_count,
        top_row: incident.top_row,
        keys: incident.keys.clone(),
        suppression: incident.suppressed.clone().unwrap_or_default(),
        span: incident.span.map(|span| TimeSpan {
            first: span.first,
            last: span.last,
            core_start: span.core_start,
            core_end: span.core_end,
        }),
    }
}

/// The roles as a report has them. `unused`: those that were given up.
pub(crate) fn columns(roles: &ColumnRoles, unused: &[String]) -> Roles {
    let time = roles.time.as_ref();
    let step = time.and_then(|time| time.unit).map_or(0, TimeStep::micros);
    let entity = |entity: &crate::roles::EntityColumn| column_roles::EntityColumn {
        column: entity.column.clone(),
        kind: kind_name(entity.kind).to_owned(),
        is_actor: entity.side == Side::Actor,
        one: entity.name.one.clone(),
        many: entity.name.many.clone(),
        origin: entity.origin.describe().to_owned(),
    };
    Roles {
        time_column: time.map_or_else(String::new, |time| time.column.clone()),
        time_origin: time.map_or_else(String::new, |time| time.origin.describe().to_owned()),
        time_step: u64::try_from(step).unwrap_or(0),
        entities: roles.entities.iter().map(entity).collect(),
        show: roles.show.clone(),
        unused: unused.to_vec(),
    }
}

fn wire(severity: Severity) -> Wire {
    match severity {
        Severity::Low => Wire::Low,
        Severity::Medium => Wire::Medium,
        Severity::High => Wire::High,
    }
}

/// The name of a kind in settings and messages.
fn kind_name(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Other => "other",
        kind => kind.nouns().0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bins(times: &[Option<i64>]) -> TimeBins {
        let mut bins = TimeBins::default();
        times.iter().for_each(|time| bins.add(*time));
        bins
    }

    #[test]
    fn without_times_there_is_no_timeline() {
        assert_eq!(bins(&[None, None]).timeline(), None);
        let one = bins(&[Some(-7), None]).timeline().unwrap();
        assert_eq!((one.width, one.starts, one.rows, one.without), (1, vec![-7], vec![1], 1));
    }

    proptest! {
        #[test]
        fn any_order_of_rows_gives_the_same_intervals(
            mut times in prop::collection::vec(any::<Option<i64>>(), 0..20),
            step in 1_i64..1_000_000,
        ) {
            times.extend((0..10_000).map(|place| Some(place * step)));
            let forward = bins(&times).timeline().unwrap();
            times.reverse();
            prop_assert_eq!(&bins(&times).timeline().unwrap(), &forward);
            prop_assert!(forward.starts.len() <= BINS && forward.starts.is_sorted());
            let rows: u64 = forward.rows.iter().sum();
            prop_assert_eq!(rows + forward.without, times.len() as u64);
        }
    }
}
