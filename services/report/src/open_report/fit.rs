//! Which suspects fit a filter. All parts of a page use the same answer, so that they can't differ.

use std::collections::{BTreeMap, HashMap};

use anomal_core::{
    Result,
    proto::{Incident, Severity},
};

use super::{OpenReport, records::text};
use crate::{
    charts::CELLS,
    contents::{ACTOR, INCIDENT, TARGET, TIME, severity_rank},
    view::{
        filter::{ColumnFilter, Filter},
        incidents::{FlagGroup, Lane, Matches, level},
    },
};

/// A flag's place, an incident, its entities.
type GroupKey = (usize, u64, Option<String>, Option<String>);

impl OpenReport {
    /// For each stored suspect whether it fits.
    ///
    /// # Errors
    /// `Output` if the stored table is damaged.
    pub(crate) fn fit(&self, filter: &Filter) -> Result<Vec<bool>> {
        let mut fits = vec![true; self.suspects.height()];
        let mut keep = |fit: &dyn Fn(usize) -> bool| {
            for (place, fits) in fits.iter_mut().enumerate() {
                *fits = *fits && fit(place);
            }
        };
        if filter.from.is_some() || filter.to.is_some() {
            let times = self.times()?;
            keep(&|place| {
                times[place].is_some_and(|time| {
                    filter.from.is_none_or(|from| time >= from)
                        && filter.to.is_none_or(|to| time < to)
                })
            });
        }
        for (name, wanted) in [(ACTOR, &filter.actors), (TARGET, &filter.targets)] {
            if !wanted.is_empty() {
                let values = self.texts_of(name)?;
                keep(&|place| values[place].as_ref().is_some_and(|it| wanted.contains(it)));
            }
        }
        if !filter.flags.is_empty() {
            let flags = self.flags()?;
            keep(&|place| flags[place].iter().any(|flag| filter.flags.contains(flag)));
        }
        if !filter.incidents.is_empty() {
            let incidents = self.incident_numbers()?;
            keep(&|place| incidents[place].is_some_and(|it| filter.incidents.contains(&it)));
        }
        if !filter.verdicts.is_empty() {
            let incidents = self.incident_numbers()?;
            keep(&|place| incidents[place].is_some_and(|it| filter.judged.contains(&it)));
        }
        if !filter.severities.is_empty() {
            let severities = self.severities()?;
            keep(&|place| severities[place].is_some_and(|it| filter.severities.contains(&it)));
        }
        if let Some((low, high)) = filter.risk {
            let incidents = self.incident_numbers()?;
            let risk = |number| self.incident(number).map_or(1, |incident| incident.risk);
            keep(&|place| incidents[place].is_some_and(|it| (low..=high).contains(&risk(it))));
        }
        for column in &filter.columns {
            let values = self.source_texts(column);
            keep(&|place| {
                let fits = column.conditions.iter().any(|it| it.fits(values[place].as_deref()));
                fits != column.is_exclusion
            });
        }
        if !filter.search.is_empty() {
            let (search, texts) = (filter.search.to_lowercase(), self.texts()?);
            keep(&|place| texts[place].contains(&search));
        }
        Ok(fits)
    }

    /// The stored suspects that fit, by what they are about.
    ///
    /// # Errors
    /// As [`OpenReport::fit`].
    pub fn matches(&self, filter: &Filter) -> Result<Matches> {
        let fits = self.fit(filter)?;
        let (actors, targets) = (self.texts_of(ACTOR)?, self.texts_of(TARGET)?);
        let incidents = self.incident_numbers()?;
        let times = self.times()?;
        let stored = self.incidents.as_ref().and_then(|all| all.summary.timeline.as_ref());
        let mut timeline = stored.map(|timeline| [(); 3].map(|()| vec![0; timeline.rows.len()]));
        let mut by_incident: BTreeMap<u64, u64> = BTreeMap::new();
        let mut matches = Matches::default();
        for place in (0..fits.len()).filter(|place| fits[*place]) {
            matches.rows += 1;
            for (values, counts) in
                [(&actors, &mut matches.actors), (&targets, &mut matches.targets)]
            {
                if let Some(value) = &values[place] {
                    *counts.entry(value.clone()).or_default() += 1;
                }
            }
            let Some(number) = incidents[place] else { continue };
            *by_incident.entry(number).or_default() += 1;
            let severity = self.incident(number).map_or(Severity::Low, Incident::severity);
            if let (Some(bins), Some(timeline)) = (&mut timeline, stored)
                && let Some(bin) = times[place].and_then(|time| timeline.bin(time))
            {
                bins[level(severity)][bin] += 1;
            }
        }
        Ok(Matches { incidents: by_incident.into_iter().collect(), timeline, ..matches })
    }

    /// When rows of each of these actors stood out.
    ///
    /// # Errors
    /// As [`OpenReport::fit`].
    pub fn lanes(&self, filter: &Filter, actors: &[String]) -> Result<Vec<Lane>> {
        let mut lanes: Vec<Lane> = actors.iter().map(|_| vec![None; CELLS]).collect();
        let counts = self.report.incidents.as_ref();
        let Some((first, last)) = counts.and_then(|it| Some((it.first?, it.last?))) else {
            return Ok(lanes);
        };
        let fits = self.fit(filter)?;
        let (of_rows, incidents) = (self.texts_of(ACTOR)?, self.incident_numbers()?);
        let times = self.times()?;
        let span = (i128::from(last) - i128::from(first)).max(0) + 1;
        for place in (0..fits.len()).filter(|place| fits[*place]) {
            let actor = of_rows[place].as_ref();
            let lane = actors.iter().position(|other| Some(other) == actor);
            let (Some(lane), Some(time), Some(number)) = (lane, times[place], incidents[place])
            else {
                continue;
            };
            let cell = (i128::from(time) - i128::from(first)) * CELLS as i128 / span;
            let severity = self.incident(number).map_or(Severity::Low, Incident::severity);
            let cell = usize::try_from(cell).ok().and_then(|cell| lanes[lane].get_mut(cell));
            if let Some(cell) = cell {
                *cell = (*cell).max(Some(severity));
            }
        }
        Ok(lanes)
    }

    /// The groups with rows that fit, with the number of these.
    pub(super) fn fitting_groups(
        &self,
        filter: &Filter,
        groups: Vec<FlagGroup>,
    ) -> Result<Vec<FlagGroup>> {
        let fits = self.fit(filter)?;
        let (incidents, flags) = (self.incident_numbers()?, self.flags()?);
        let (actors, targets) = (self.texts_of(ACTOR)?, self.texts_of(TARGET)?);
        let key = |group: &FlagGroup| -> GroupKey {
            (group.flag, group.incident, group.actor.clone(), group.target.clone())
        };
        let mut counts: HashMap<GroupKey, u64> =
            groups.iter().map(|group| (key(group), 0)).collect();
        let place_of = |name: &String| self.report.flags.iter().position(|it| it.name == *name);
        for place in (0..fits.len()).filter(|place| fits[*place]) {
            let Some(incident) = incidents[place] else { continue };
            let (actor, target) = (&actors[place], &targets[place]);
            for flag in flags[place].iter().filter_map(place_of) {
                // A flag groups by both entities, by one of them, or by none.
                let keys = [
                    (flag, incident, actor.clone(), target.clone()),
                    (flag, incident, actor.clone(), None),
                    (flag, incident, None, target.clone()),
                    (flag, incident, None, None),
                ];
                if let Some(key) = keys.iter().find(|key| counts.contains_key(*key))
                    && let Some(count) = counts.get_mut(key)
                {
                    *count += 1;
                }
            }
        }
        let fitting = groups.into_iter().filter_map(|group| {
            let rows = counts.get(&key(&group)).copied().filter(|rows| *rows > 0)?;
            Some(FlagGroup { rows, ..group })
        });
        Ok(fitting.collect())
    }

    /// A described incident.
    pub(super) fn incident(&self, number: u64) -> Option<&Incident> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.incidents.as_ref()?.incidents.get(place)
    }

    fn times(&self) -> Result<Vec<Option<i64>>> {
        match self.suspects.column(TIME) {
            Ok(column) => Ok(column.i64()?.iter().collect()),
            Err(_) => Ok(vec![None; self.suspects.height()]),
        }
    }

    pub(super) fn incident_numbers(&self) -> Result<Vec<Option<u64>>> {
        match (&self.incidents, self.suspects.column(INCIDENT)) {
            (Some(_), Ok(column)) => Ok(column.u64()?.iter().collect()),
            _ => Ok(vec![None; self.suspects.height()]),
        }
    }

    pub(super) fn texts_of(&self, name: &str) -> Result<Vec<Option<String>>> {
        match self.suspects.column(name) {
            Ok(column) => Ok(column.str()?.iter().map(|text| text.map(str::to_owned)).collect()),
            Err(_) => Ok(vec![None; self.suspects.height()]),
        }
    }

    fn severities(&self) -> Result<Vec<Option<Severity>>> {
        if self.incidents.is_some() {
            let severity = |number| self.incident(number).map_or(Severity::Low, Incident::severity);
            return Ok(self.incident_numbers()?.into_iter().map(|it| it.map(severity)).collect());
        }
        let column = self.suspects.column("anomal.severity")?.str()?;
        let severity = |name: Option<&str>| match severity_rank(name) {
            3 => Some(Severity::High),
            2 => Some(Severity::Medium),
            1 => Some(Severity::Low),
            _ => None,
        };
        Ok(column.iter().map(severity).collect())
    }

    pub(super) fn flags(&self) -> Result<Vec<Vec<String>>> {
        let none = || vec![Vec::new(); self.suspects.height()];
        let Ok(column) = self.suspects.column("anomal.flags") else { return Ok(none()) };
        // One series for all lists: making one for each takes longer than anything else of a filter.
        let mut all = Vec::with_capacity(self.suspects.height());
        for names in column.list()?.amortized_iter() {
            let Some(names) = names else {
                all.push(Vec::new());
                continue;
            };
            all.push(names.as_ref().str()?.iter().flatten().map(str::to_owned).collect());
        }
        Ok(all)
    }

    fn source_texts(&self, filter: &ColumnFilter) -> Vec<Option<String>> {
        let column = self.report.columns.get(filter.column);
        let Some(column) = column.and_then(|it| self.suspects.column(&it.name).ok()) else {
            return vec![None; self.suspects.height()];
        };
        (0..self.suspects.height()).map(|place| text(column, place)).collect()
    }
}
