//! All rows by time, and above them when rows of incidents were, by severity.

use std::fmt::Write as _;

use anomal_core::proto::Severity;

use super::{
    scale::{Scale, count, rows},
    strip::severity_class,
    svg::{Number, Svg, empty_chart},
};
use crate::view::incidents::{Timeline, level};

const LEFT: f64 = 66.0;
const MARGIN: f64 = 8.0;
/// The middles of the lines of high, medium and low severity.
const LINES: [f64; 3] = [14.0, 36.0, 58.0];
const TOP: f64 = 76.0;
const BOTTOM: f64 = 132.0;
const SEVERITIES: [(Severity, &str); 3] =
    [(Severity::High, "high"), (Severity::Medium, "medium"), (Severity::Low, "low")];

/// What a timeline shows beside its numbers.
pub struct TimelineLabels<'a> {
    /// The start of an interval in words; that after the last is its end.
    pub time: &'a dyn Fn(usize) -> String,
    /// The start of the first interval and the length of each, in milliseconds or in the unit that times count, for the
    /// script.
    pub scale: (i64, i64),
    /// The rows of each interval that are usual, and what they are in words.
    pub usual: Option<(&'a [u64], &'a str)>,
    /// Where an interval leads, if anywhere.
    pub href: &'a dyn Fn(usize) -> Option<String>,
}

/// The bars of all rows, with marks where evidence of each severity was. `evidence` is as [`Timeline::evidence`], `width`
/// that of the chart.
pub fn timeline(
    timeline: &Timeline,
    evidence: &[Vec<u64>; 3],
    labels: &TimelineLabels<'_>,
    width: f64,
) -> String {
    let all = timeline.rows.iter().copied().max().unwrap_or(0);
    let usual = labels.usual.map_or(&[][..], |usual| usual.0);
    let most = usual.iter().copied().fold(all, u64::max);
    if all == 0 {
        return empty_chart("no row has a time");
    }
    let bins = timeline.rows.len();
    let end = width - MARGIN;
    let total = timeline.rows.iter().fold(0_u64, |sum, rows| sum.saturating_add(*rows));
    let sums = SEVERITIES.map(|(severity, name)| {
        let sum: u64 = evidence[level(severity)].iter().sum();
        format!("{} of {name} severity", count(sum))
    });
    let label = format!(
        "{} from {} to {}; rows of incidents: {}.",
        rows(total),
        (labels.time)(0),
        (labels.time)(bins),
        sums.join(", ")
    );
    let attributes = [
        ("data-first", labels.scale.0.to_string()),
        ("data-each", labels.scale.1.to_string()),
        ("data-bins", bins.to_string()),
        ("data-left", LEFT.to_string()),
        ("data-right", end.to_string()),
    ];
    let attributes: Vec<(&str, &str)> =
        attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut svg = Svg::with_role(width, 156.0, &label, "group", &attributes);
    for ((_, name), middle) in SEVERITIES.iter().zip(LINES) {
        svg.text("", LEFT - 8.0, middle + 4.0, "end", name);
        svg.line("grid", (LEFT, middle), (end, middle));
    }
    svg.text("", LEFT - 8.0, TOP + 8.0, "end", &count(most));
    svg.text("", LEFT - 8.0, BOTTOM, "end", "rows");
    let width = (end - LEFT) / bins as f64;
    let y = Scale::new((0.0, most as f64), (0.0, BOTTOM - TOP));
    for bin in 0..bins {
        let counts = SEVERITIES
            .map(|(severity, _)| evidence[level(severity)].get(bin).copied().unwrap_or(0));
        let all = timeline.rows[bin];
        if all == 0 && counts == [0; 3] {
            continue;
        }
        let href = (labels.href)(bin);
        match &href {
            // Keys use the form beside the chart: a hundred stops would be in their way.
            Some(href) => {
                svg.tag("a").attribute("href", href).attribute("tabindex", "-1").open();
            }
            None => {
                svg.tag("g").open();
            }
        }
        svg.title(&words(labels, bin, all, &counts));
        let left = LEFT + width * bin as f64;
        // The whole column can be pointed at.
        svg.rect("", left, 0.0, width, BOTTOM).attribute("fill", "transparent").empty();
        let gap = if width > 3.0 { 0.5 } else { 0.0 };
        let height = if all > 0 { y.at(all as f64).max(1.0) } else { 0.0 };
        svg.rect("normal", left + gap, BOTTOM - height, width - 2.0 * gap, height).empty();
        for (((severity, _), middle), count) in SEVERITIES.iter().zip(LINES).zip(counts) {
            if count > 0 {
                mark(&mut svg, *severity, left + width / 2.0, middle);
            }
        }
        svg.close();
    }
    if usual.iter().any(|rows| *rows > 0) {
        let path = steps(usual, |bin| LEFT + width * bin as f64, |rows| BOTTOM - y.at(rows as f64));
        svg.tag("path").class("median").attribute("d", &path).empty();
    }
    svg.line("axis", (LEFT, BOTTOM), (end, BOTTOM));
    for (at, anchor, bin) in [
        (LEFT, "start", 0),
        (LEFT + width * (bins / 2) as f64, "middle", bins / 2),
        (end, "end", bins),
    ] {
        svg.text("", at, BOTTOM + 18.0, anchor, &(labels.time)(bin));
    }
    svg.finish()
}

fn words(labels: &TimelineLabels<'_>, bin: usize, all: u64, counts: &[u64; 3]) -> String {
    let found = SEVERITIES.iter().zip(counts).filter(|(_, count)| **count > 0);
    let found: Vec<String> =
        found.map(|((_, name), number)| format!("{} {name}", count(*number))).collect();
    let of_incidents = if found.is_empty() {
        String::new()
    } else {
        format!("; of incidents: {}", found.join(", "))
    };
    let usual = labels.usual.and_then(|(usual, name)| Some((*usual.get(bin)?, name)));
    let usual = usual.map_or_else(String::new, |(rows, name)| format!("; {name}: {}", count(rows)));
    let (from, to) = ((labels.time)(bin), (labels.time)(bin + 1));
    format!("{from} to {to}: {}{usual}{of_incidents}", rows(all))
}

/// A line that is level within each interval.
fn steps(rows: &[u64], x: impl Fn(usize) -> f64, y: impl Fn(u64) -> f64) -> String {
    let mut path = String::new();
    for (bin, rows) in rows.iter().enumerate() {
        let command = if bin == 0 { format!("M{} ", Number(x(0))) } else { "V".to_owned() };
        let _ = write!(path, "{command}{}H{}", Number(y(*rows)), Number(x(bin + 1)));
    }
    path
}

/// A triangle, a diamond or a circle, so that severities differ without colour.
fn mark(svg: &mut Svg, severity: Severity, x: f64, y: f64) {
    let class = severity_class(severity);
    let path = match severity {
        Severity::High => {
            format!("M{} {}l5.5 9.5h-11Z", Number(x), Number(y - 5.5))
        }
        Severity::Medium => format!("M{} {}l5 5l-5 5l-5 -5Z", Number(x), Number(y - 5.0)),
        Severity::Low | Severity::Unspecified => {
            return svg.circle(class, x, y, 3.5).empty();
        }
    };
    svg.tag("path").class(class).attribute("d", &path).empty();
}
