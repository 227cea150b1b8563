//! How many rows of an incident are about which thing.

use std::{cmp::Reverse, collections::HashMap};

use anomal_core::Result;

use super::{
    LISTED,
    findings::{EntityRows, SideRows},
    input::{Code, IncidentInput},
    risk::{Draft, Things},
};
use crate::spool::Sorter;

/// Rows by group of findings, side and value; equal ones are next to each other.
pub(super) struct EntityCounts(EntityRows);

impl EntityCounts {
    /// `found_in`: the group of each finding in the order in which they were found.
    ///
    /// # Errors
    /// `Output` if they can't be written, or read again.
    pub fn new(input: &IncidentInput, entities: EntityRows, found_in: &[u32]) -> Result<Self> {
        let mut sorted = Sorter::new(input.memory / 2, SideRows::cmp);
        entities
            .drain(|rows| sorted.push(SideRows { group: found_in[rows.group as usize], ..rows }))?;
        Ok(Self(sorted.finish()?))
    }

    /// For each group the number of different values.
    pub fn things(&self, groups: usize) -> Result<Vec<Things>> {
        let mut things = vec![Things::default(); groups];
        let mut last = None;
        for rows in self.0.iter() {
            let SideRows { group, side, code, .. } = *rows?;
            if last.replace((group, side, code)) != Some((group, side, code)) {
                let things = &mut things[group as usize];
                *if side == 0 { &mut things.actors } else { &mut things.targets } += 1;
            }
        }
        Ok(things)
    }

    /// For the group of each draft the actors and targets with the most rows, then by text.
    pub fn listed(
        &self,
        input: &IncidentInput,
        drafts: &[Draft],
    ) -> Result<HashMap<u32, [Vec<(Code, u64)>; 2]>> {
        let mut all: HashMap<u32, [Vec<(Code, u64)>; 2]> =
            drafts.iter().map(|draft| (draft.group, Default::default())).collect();
        let text = |code: Code| input.values.get(code as usize).map_or("", |value| &value.text);
        let shorten = |group: u32, all: &mut HashMap<u32, [Vec<(Code, u64)>; 2]>| {
            for values in all.get_mut(&group).into_iter().flatten() {
                values.sort_by(|a, b| (Reverse(a.1), text(a.0)).cmp(&(Reverse(b.1), text(b.0))));
                values.truncate(LISTED);
                values.shrink_to_fit();
            }
        };
        let mut last = None;
        for rows in self.0.iter() {
            let SideRows { group, side, code, rows } = *rows?;
            if let Some(done) = last.replace(group).filter(|last| *last != group) {
                shorten(done, &mut all);
            }
            let Some(values) = all.get_mut(&group).map(|sides| &mut sides[usize::from(side)])
            else {
                continue;
            };
            match values.last_mut().filter(|last| last.0 == code) {
                Some(last) => last.1 += rows,
                None => values.push((code, rows)),
            }
        }
        last.into_iter().for_each(|done| shorten(done, &mut all));
        Ok(all)
    }
}
