//! The hits of flags by what they are about: 384 calls of a beacon are a few groups.

use std::collections::{BTreeMap, HashSet};

use anomal_core::{Result, proto::Report};
use polars::prelude::DataFrame;

use super::{incident_frame, incidents::CheckedIncidents};
use crate::view::incidents::{FlagGroup, FlagSummary};

/// Different details of a group that are counted.
const VALUES: usize = 1_000;

#[derive(Default)]
pub(super) struct Groups {
    groups: BTreeMap<Key, Sums>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    flag: usize,
    incident: u64,
    actor: Option<String>,
    target: Option<String>,
}

#[derive(Default)]
struct Sums {
    group: FlagGroup,
    values: HashSet<String>,
}

impl Groups {
    /// `hits`: place of the flag, row, details; by row.
    pub fn new<'a>(
        report: &Report,
        incidents: &CheckedIncidents,
        hits: impl Iterator<Item = (usize, u64, &'a str)>,
    ) -> Self {
        let sides: Vec<(bool, bool)> =
            report.flags.iter().map(|flag| incidents.sides(&flag.name)).collect();
        let mut all = Self::default();
        for (flag, row, value) in hits {
            let Some(evidence) = incidents.row(row) else { continue };
            let (by_actor, by_target) = sides.get(flag).copied().unwrap_or((true, true));
            let text = |entity: Option<&anomal_core::proto::Entity>, by: bool| {
                entity.filter(|_| by).map(|entity| entity.value.clone())
            };
            let key = Key {
                flag,
                incident: evidence.incident,
                actor: text(evidence.actor, by_actor),
                target: text(evidence.target, by_target),
            };
            let is_rare = evidence.target.is_some_and(|target| target.actors == 1);
            let new = || FlagGroup {
                flag,
                incident: evidence.incident,
                actor: key.actor.clone(),
                target: key.target.clone(),
                value: value.to_owned(),
                first_row: row,
                is_rare: is_rare && by_target,
                ..FlagGroup::default()
            };
            let sums = all
                .groups
                .entry(key.clone())
                .or_insert_with(|| Sums { group: new(), values: HashSet::new() });
            sums.add(value, evidence.time);
        }
        all
    }

    /// The groups by flag and incident, those with more rows first; and the sums of each flag.
    pub fn finish(self, flags: usize) -> Result<(DataFrame, Vec<FlagSummary>)> {
        let mut all: Vec<FlagGroup> = self.groups.into_values().map(Sums::finish).collect();
        all.sort_by_key(|group| {
            (group.flag, group.incident, std::cmp::Reverse(group.rows), group.first_row)
        });
        let mut sums = vec![FlagSummary::default(); flags];
        for (flag, sum) in sums.iter_mut().enumerate() {
            let of = || all.iter().filter(|group| group.flag == flag);
            let different = |value: fn(&FlagGroup) -> Option<&String>| {
                of().filter_map(value).collect::<HashSet<_>>().len() as u64
            };
            *sum = FlagSummary {
                groups: of().count() as u64,
                actors: different(|group| group.actor.as_ref()),
                targets: different(|group| group.target.as_ref()),
                incidents: of().map(|group| group.incident).collect::<HashSet<_>>().len() as u64,
            };
        }
        Ok((incident_frame::groups(&all)?, sums))
    }
}

impl Sums {
    fn add(&mut self, value: &str, time: Option<i64>) {
        self.group.rows += 1;
        if self.values.len() < VALUES && !self.values.contains(value) {
            self.values.insert(value.to_owned());
        }
        if let Some(time) = time {
            let (first, last) = self.group.span.unwrap_or((time, time));
            self.group.span = Some((first.min(time), last.max(time)));
        }
    }

    fn finish(self) -> FlagGroup {
        FlagGroup { values: self.values.len() as u64, ..self.group }
    }
}
