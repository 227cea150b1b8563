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
    view::incidents::{MERGED, MedianRows, Timeline, merged},
};

const WIDE: f64 = 1_200.0;
const NARROW: f64 = 360.0;

/// The texts of a timeline.
pub struct TimelineSpec<'a> {
    pub title: &'a str,
    pub caption: &'a str,
    /// What is usual, with what it is called.
    pub usual: Option<(&'a MedianRows, &'a str)>,
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
    let wide_usual = texts.usual.map(|(usual, name)| (usual.rows.as_slice(), name));
    if context.links.is_file() {
        let wide = Drawing { timeline, evidence, usual: wide_usual, width: WIDE };
        return figure(context, &spec, draw(context, &wide, link));
    }
    let narrow = timeline.merged(MERGED);
    let narrow_evidence = evidence.each_ref().map(|rows| merged(rows, MERGED));
    let svg = format!(
        "<div class=\"when-wide\">{}</div><div class=\"when-narrow\">{}</div>",
        draw(context, &Drawing { timeline, evidence, usual: wide_usual, width: WIDE }, link),
        draw(
            context,
            &Drawing {
                timeline: &narrow,
                evidence: &narrow_evidence,
                usual: texts.usual.map(|(usual, name)| (usual.merged.as_slice(), name)),
                width: NARROW
            },
            link
        )
    );
    figure(context, &spec, svg)
}

/// What a chart shows, and how wide it is.
pub struct Drawing<'a> {
    pub timeline: &'a Timeline,
    /// As [`Timeline::evidence`].
    pub evidence: &'a [Vec<u64>; 3],
    /// The rows of each interval that are usual, and what they are called.
    pub usual: Option<(&'a [u64], &'a str)>,
    pub width: f64,
}

/// The chart with its labels, for pages and documents.
pub fn draw(context: &ReportContext<'_>, drawing: &Drawing<'_>, link: &BarLink<'_>) -> String {
    let Drawing { timeline, evidence, usual, width } = *drawing;
    let times = context.times();
    let href = |bin: usize| {
        let [from, to] = [bin, bin + 1].map(|bin| times.parameter(timeline.time(bin)));
        link(&from, &to)
    };
    let time = |bin: usize| times.short(timeline.time(bin));
    let scale = (times.units(timeline.start), times.units(timeline.width));
    let labels = TimelineLabels { time: &time, scale, usual, href: &href };
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
