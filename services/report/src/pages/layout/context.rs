//! The report as a section sees it.

use anomal_core::proto::{Analysis, Clustering, Report, Severity};

use super::Links;
use crate::view::View;

/// What is shown, and where.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub report: &'a Report,
    pub analysis: Option<&'a Analysis>,
    pub view: &'a View,
    pub links: &'a Links,
    /// Of the headings below the section's own.
    pub level: u8,
}

impl<'a> Shown<'a> {
    /// On a page of its own, below its `h1`.
    pub fn page(
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

    /// The severity of the flag of that name.
    pub fn severity(&self, flag: &str) -> Severity {
        self.report
            .flags
            .iter()
            .find(|known| known.name == flag)
            .map_or(Severity::Unspecified, anomal_core::proto::report::FlagCount::severity)
    }
}
