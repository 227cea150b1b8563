//! What the document shows: words and shares, ready to be laid out.

pub mod behaviour;
pub mod clustering;
pub mod cover;
pub mod flags;
pub mod incidents;
pub mod suspects;
pub mod text;

use std::collections::HashSet;

use anomal_core::{
    Result,
    proto::{Report, Severity},
};

use super::layout::chart::Chart;
use crate::{
    pages::{
        Links, ReportContext,
        timeline::{self, Drawing},
    },
    view::{ReportDocument, display_name, filter::FilterQuery},
};
use behaviour::Behaviour;
use clustering::Clusters;
use cover::Cover;
use flags::FlagLevel;
use incidents::Incidents;
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
    /// None where rows are not grouped.
    pub incidents: Option<Incidents>,
    pub timeline: Option<Chart>,
    /// Charts on one page, each with a share of the width and its caption.
    pub explain: Vec<(Chart, f32, &'static str)>,
    /// Whether all sections follow those of incidents.
    pub is_full: bool,
}

/// The width of the timeline in the document.
const TIMELINE: f64 = 640.0;

impl Content {
    /// `full`: with the suspects and all charts after the incidents.
    ///
    /// # Errors
    /// `Internal` where a chart cannot be read.
    pub fn new(whole: &ReportDocument, full: bool) -> Result<Self> {
        let report = &whole.report;
        let analysis = whole.analysis.as_ref();
        let links = Links::File { rows: HashSet::new(), incidents: 0 };
        let query = FilterQuery::default();
        let context = ReportContext {
            report,
            analysis,
            view: &whole.view,
            incidents: whole.incidents.as_ref(),
            links: &links,
            query: &query,
            matches: None,
            verdicts: whole.verdicts.as_ref(),
            level: 1,
        };
        let timeline = whole.incidents.as_ref().and_then(|all| all.summary.timeline.as_ref());
        let timeline = timeline.map(|all| {
            let none = |_: &str, _: &str| None;
            let evidence = &all.evidence;
            let drawing = Drawing { timeline: all, evidence, usual: None, width: TIMELINE };
            chart(&timeline::draw(&context, &drawing, &none))
        });
        let suspects = Suspects::new(whole)?;
        let clusters =
            analysis.map(|analysis| Clusters::new(analysis, &whole.view)).transpose()?.flatten();
        let behaviour = analysis.map(Behaviour::new).transpose()?.flatten();
        Ok(Self {
            incidents: Incidents::new(&context, whole),
            timeline: timeline.transpose()?,
            explain: explain(clusters.as_ref(), &suspects, behaviour.as_ref()),
            is_full: full || whole.incidents.is_none(),
            job: title(report),
            time: time(&report.create_time),
            id: text::name(&report.id),
            version: text::name(&report.version),
            cover: Cover::new(whole),
            suspects,
            clusters,
            behaviour,
            levels: flags::levels(whole),
        })
    }
}

/// The charts that say most: the map, the scores, and what makes rows suspicious.
fn explain(
    clusters: Option<&Clusters>,
    suspects: &Suspects,
    behaviour: Option<&Behaviour>,
) -> Vec<(Chart, f32, &'static str)> {
    let map = clusters.and_then(|clusters| clusters.map.as_ref()).map(|(chart, _)| chart);
    let contributions = behaviour.and_then(|behaviour| behaviour.contributions.as_ref());
    let near = "Rows close to each other are similar; a ring marks a suspicious row.";
    [
        (map, 0.6, near),
        (suspects.scores.as_ref(), 0.5, "All rows by their score."),
        (contributions, 0.5, "The share of each feature in the scores."),
    ]
    .into_iter()
    .filter_map(|(chart, share, words)| Some((chart?.clone(), share, words)))
    .collect()
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
