//! What a section renders from.

use anomal_core::proto::{
    Analysis, Clustering, FeatureGroup, Group, Report, Severity, report::FlagCount,
};

use super::links::Links;
use crate::view::View;

/// A report and the place where a section of it is rendered.
#[derive(Clone, Copy, Debug)]
pub struct ReportContext<'a> {
    pub report: &'a Report,
    /// None if nothing was classified.
    pub analysis: Option<&'a Analysis>,
    pub view: &'a View,
    pub links: &'a Links,
    /// The level of the headings in the section.
    pub level: u8,
}

impl<'a> ReportContext<'a> {
    /// For a separate page, below its `h1`.
    pub fn for_page(
        report: &'a Report,
        analysis: Option<&'a Analysis>,
        view: &'a View,
        links: &'a Links,
    ) -> Self {
        Self { report, analysis, view, links, level: 2 }
    }

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
}
