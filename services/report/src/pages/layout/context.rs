//! What a section renders from.

use anomal_core::proto::{
    Analysis, Clustering, FeatureGroup, Group, Incident, Report, Severity, report::FlagCount,
};

use super::links::Links;
use crate::{
    pages::{format::times::Times, verdicts::ShownVerdicts},
    verdicts::Standing,
    view::{
        View,
        filter::FilterQuery,
        incidents::{IncidentTable, Matches},
    },
};

/// A report and the place where a section of it is rendered.
#[derive(Clone, Copy, Debug)]
pub struct ReportContext<'a> {
    pub report: &'a Report,
    /// None if nothing was classified.
    pub analysis: Option<&'a Analysis>,
    pub view: &'a View,
    /// None where rows are not grouped.
    pub incidents: Option<&'a IncidentTable>,
    pub links: &'a Links,
    /// The filters of the address.
    pub query: &'a FilterQuery,
    /// What fits them; none without filters.
    pub matches: Option<&'a Matches>,
    /// What was decided about incidents of the job; none where that is not shown.
    pub verdicts: Option<&'a ShownVerdicts>,
    /// The level of the headings in the section.
    pub level: u8,
}

impl<'a> ReportContext<'a> {
    pub fn clusterings(&self) -> &'a [Clustering] {
        self.analysis.map_or(&[], |analysis| &analysis.clusterings)
    }

    /// The names of the features, in order.
    pub fn feature_names(&self) -> Vec<String> {
        self.report.features.iter().map(|feature| feature.name.clone()).collect()
    }

    /// A feature's summary over all rows.
    pub fn feature_group(&self, feature: usize) -> Option<&'a FeatureGroup> {
        let summary = self.analysis?.features.get(feature)?;
        summary.groups.iter().find(|group| group.group() == Group::All)
    }

    /// The severity of the flag with this name.
    pub fn severity(&self, flag: &str) -> Severity {
        let flag = self.report.flags.iter().find(|other| other.name == flag);
        flag.map_or(Severity::Unspecified, FlagCount::severity)
    }

    pub fn times(&self) -> Times {
        Times::new(self.report)
    }

    /// A described incident.
    pub fn incident(&self, number: u64) -> Option<&'a Incident> {
        self.incidents?.incidents.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// All incidents, described or not.
    pub fn incident_count(&self) -> u64 {
        self.report.incidents.as_ref().map_or(0, |it| it.high + it.medium + it.low)
    }

    /// The newest decision about an incident; none while it is open.
    pub fn standing(&self, incident: &Incident) -> Option<Standing<'a>> {
        self.verdicts?.book.standing(incident)
    }

    /// Whether the run was quiet about an incident, or the next one would be.
    pub fn is_quiet(&self, incident: &Incident) -> bool {
        let by_verdict = || {
            let day = self.verdicts?.day;
            Some(self.standing(incident)?.is_quiet(day))
        };
        !incident.suppression.is_empty() || by_verdict().unwrap_or(false)
    }

    /// Whether an incident needs no further look.
    pub fn is_settled(&self, incident: &Incident) -> bool {
        self.is_quiet(incident) || self.standing(incident).is_some_and(|it| it.is_settled())
    }

    /// The described incidents with rows that fit, each with the number of these; those that need no further look last.
    pub fn fitting_incidents(&self) -> Vec<(&'a Incident, u64)> {
        let mut all = self.all_fitting();
        // Stable: the others stay in order.
        all.sort_by_key(|(incident, _)| self.is_settled(incident));
        all
    }

    fn all_fitting(&self) -> Vec<(&'a Incident, u64)> {
        let all = self.incidents.map_or(&[][..], |all| &all.incidents);
        match self.matches {
            None => all.iter().map(|incident| (incident, incident.rows)).collect(),
            Some(matches) => {
                let fitting = matches.incidents.iter();
                fitting
                    .filter_map(|(number, rows)| Some((self.incident(*number)?, *rows)))
                    .collect()
            }
        }
    }

    /// The noun of actors or of targets, for one and for several; none without a column of them.
    pub fn nouns(&self, is_actor: bool) -> Option<(&'a str, &'a str)> {
        let entities = &self.report.roles.as_ref()?.entities;
        let entity = entities.iter().find(|entity| entity.is_actor == is_actor)?;
        Some((&entity.one, &entity.many))
    }
}
