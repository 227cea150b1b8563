//! What the document shows: words and shares, ready to be laid out.

pub mod behaviour;
pub mod clustering;
pub mod cover;
pub mod flags;
pub mod suspects;
pub mod text;

use anomal_core::{
    Result,
    proto::{Report, Severity},
};

use super::layout::chart::Chart;
use crate::view::{ReportDocument, display_name};
use behaviour::Behaviour;
use clustering::Clusters;
use cover::Cover;
use flags::FlagLevel;
use suspects::Suspects;

pub struct Content {
    pub job: String,
    pub time: String,
    pub id: String,
    pub version: String,
    pub cover: Cover,
    pub suspects: Suspects,
    pub clusters: Option<Clusters>,
    pub behaviour: Option<Behaviour>,
    /// By severity from the highest; empty where the job has no flags.
    pub levels: Vec<FlagLevel>,
}

impl Content {
    /// # Errors
    /// `Internal` where a chart cannot be read.
    pub fn new(whole: &ReportDocument) -> Result<Self> {
        let report = &whole.report;
        let analysis = whole.analysis.as_ref();
        Ok(Self {
            job: title(report),
            time: time(&report.create_time),
            id: text::name(&report.id),
            version: text::name(&report.version),
            cover: Cover::new(whole),
            suspects: Suspects::new(whole)?,
            clusters: analysis
                .map(|analysis| Clusters::new(analysis, &whole.view))
                .transpose()?
                .flatten(),
            behaviour: analysis.map(Behaviour::new).transpose()?.flatten(),
            levels: flags::levels(whole),
        })
    }
}

fn title(report: &Report) -> String {
    let name = text::name(display_name(report));
    if name.trim().is_empty() { "Report".to_owned() } else { name }
}

/// RFC 3339 in UTC, as people write it; any other text stays, cut to a line.
fn time(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(time) => time.strftime("%-d %B %Y, %H:%M:%S UTC").to_string(),
        Err(_) => text::cut(time, 40),
    }
}

/// The name of a severity; empty where there is none.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Unspecified => "",
    }
}

/// A chart with its style sheet.
fn chart(svg: &str) -> Result<Chart> {
    Chart::new(&crate::charts::standalone(svg))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_out() {
        assert_eq!(time("2026-11-03T09:05:00Z"), "3 November 2026, 09:05:00 UTC");
        assert_eq!(time("soon"), "soon");
    }
}
