//! What the template reads: words and shares, made ready here so that it only sets them.

use anomal_core::proto::{Report, Severity};
use serde::Serialize;

use super::{
    behaviour::{self, Behaviour},
    clustering::{self, Clusters},
    cover::{self, Cover},
    flags::{self, Level},
    suspects::{self, Suspects},
    text,
    world::Files,
};
use crate::view::{ReportDocument, display_name};

#[derive(Serialize)]
pub struct Data {
    job: String,
    when: String,
    id: String,
    version: String,
    cover: Cover,
    suspects: Suspects,
    clusters: Option<Clusters>,
    behaviour: Option<Behaviour>,
    /// By severity from the highest; empty where the job has no flags.
    levels: Vec<Level>,
}

pub fn of(whole: &ReportDocument, files: &mut Files) -> Data {
    let report = &whole.report;
    let analysis = whole.analysis.as_ref();
    Data {
        job: title(report),
        when: when(&report.create_time),
        id: text::name(&report.id),
        version: text::name(&report.version),
        cover: cover::of(whole),
        suspects: suspects::of(whole, files),
        clusters: analysis.and_then(|analysis| clustering::of(analysis, &whole.view, files)),
        behaviour: analysis.and_then(|analysis| behaviour::of(analysis, files)),
        levels: flags::of(whole),
    }
}

fn title(report: &Report) -> String {
    let name = text::name(display_name(report));
    if name.trim().is_empty() { "Report".to_owned() } else { name }
}

/// RFC 3339 in UTC, as people write it; what is no time stays, as far as its line is long.
fn when(time: &str) -> String {
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

/// Adds a chart with its style sheet, and returns its name.
pub fn chart(files: &mut Files, name: &str, svg: &str) -> String {
    let name = format!("{name}.svg");
    files.add(&name, crate::charts::standalone(svg));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_out() {
        assert_eq!(when("2026-11-03T09:05:00Z"), "3 November 2026, 09:05:00 UTC");
        assert_eq!(when("soon"), "soon");
    }
}
