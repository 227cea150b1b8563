//! The time of an incident within that of the data, small enough for a line of text.

use anomal_core::proto::{Severity, TimeSpan};

use super::{scale::Scale, svg::Svg};

const WIDTH: f64 = 120.0;

/// A bar over the core, whiskers to the first and the last row. `ends`: the first and the last time of the data; `words`:
/// the time in words.
pub fn strip(span: &TimeSpan, ends: (i64, i64), severity: Severity, words: &str) -> String {
    let mut svg = Svg::new(WIDTH, 12.0, &format!("Time: {words}."));
    svg.title(words);
    let x = Scale::new((ends.0 as f64, ends.1 as f64), (1.0, WIDTH - 1.0));
    svg.line("grid", (0.0, 6.0), (WIDTH, 6.0));
    let [first, last, start, end] =
        [span.first, span.last, span.core_start, span.core_end].map(|time| x.at(time as f64));
    svg.line("mark", (first, 6.0), (last, 6.0));
    // Wide enough to see.
    let width = (end - start).max(3.0);
    let start = start.min(WIDTH - width);
    svg.rect(severity_class(severity), start, 1.0, width, 10.0).number("rx", 1.0).empty();
    svg.finish()
}

/// The class of a severity's colour.
pub fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low | Severity::Unspecified => "low",
    }
}
