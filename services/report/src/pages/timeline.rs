//! Rows by time as a figure, in two widths.

use anomal_core::Result;

use super::{
    Markup, ReportContext,
    format::text,
    layout::{
        figure::{FigureSpec, figure},
        links,
    },
};
use crate::{
    charts::{self, TimelineLabels},
    view::incidents::{Timeline, merged},
};

/// Widths, and the intervals that are one in the narrow chart.
const WIDE: f64 = 1_200.0;
const NARROW: f64 = 360.0;
const MERGED: usize = 3;

/// The texts of a timeline.
pub struct TimelineSpec<'a> {
    pub title: &'a str,
    pub caption: &'a str,
}

/// Where a bar leads, by its start and its end as parameters of an address.
pub type BarLink<'a> = dyn Fn(&str, &str) -> Option<String> + 'a;

/// The figure. `evidence` is as [`Timeline::evidence`].
pub fn section(
    context: &ReportContext<'_>,
    texts: &TimelineSpec<'_>,
    timeline: &Timeline,
    evidence: &[Vec<u64>; 3],
    link: &BarLink<'_>,
) -> Result<Markup> {
    let spec = FigureSpec {
        id: None,
        anchor: "timeline",
        title: texts.title,
        caption: texts.caption,
        class: "timeline",
        scrolls: false,
    };
    if context.links.is_file() {
        return figure(context, &spec, draw(context, timeline, evidence, WIDE, link));
    }
    let narrow = timeline.merged(MERGED);
    let narrow_evidence = evidence.each_ref().map(|rows| merged(rows, MERGED));
    let svg = format!(
        "<div class=\"when-wide\">{}</div><div class=\"when-narrow\">{}</div>",
        draw(context, timeline, evidence, WIDE, link),
        draw(context, &narrow, &narrow_evidence, NARROW, link)
    );
    figure(context, &spec, svg)
}

/// The chart with its labels, for pages and documents.
pub fn draw(
    context: &ReportContext<'_>,
    timeline: &Timeline,
    evidence: &[Vec<u64>; 3],
    width: f64,
    link: &BarLink<'_>,
) -> String {
    let times = context.times();
    let href = |bin: usize| {
        let [from, to] = [bin, bin + 1].map(|bin| times.parameter(timeline.time(bin)));
        link(&from, &to)
    };
    let time = |bin: usize| times.short(timeline.time(bin));
    let scale = (times.units(timeline.start), times.units(timeline.width));
    let labels = TimelineLabels { time: &time, scale, href: &href };
    charts::timeline(timeline, evidence, &labels, width)
}

/// The page that a bar is on, with its time as a filter in place of another one.
pub fn filtered(context: &ReportContext<'_>, from: &str, to: &str) -> Option<String> {
    let others = context.query.parts.iter().filter(|it| !matches!(it.name.as_str(), "from" | "to"));
    let query = links::query(others);
    let query = if query.is_empty() { String::new() } else { format!("{query}&") };
    let [from, to] = [from, to].map(text::encode);
    (!context.links.is_file()).then(|| format!("?{query}from={from}&to={to}"))
}
