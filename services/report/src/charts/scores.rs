//! The histogram of scores.

use std::fmt::Write as _;

use super::{
    legend::{Swatch, legend},
    scale::{Scale, count, powers, rows, short, tick, ticks},
    svg::{Svg, empty_chart},
};
use crate::view::ScoreHistogram;

const WIDTH: f64 = 480.0;

/// All rows by score, with the suspicious rows at the foot of each bar in the accent colour. If those would be too
/// small to see, the height is log(1 + rows).
pub fn scores(histogram: &ScoreHistogram) -> String {
    let bins: Vec<(f64, f64, u64, u64)> = histogram
        .edges
        .iter()
        .zip(histogram.edges.iter().skip(1))
        .enumerate()
        .map(|(i, (from, to))| {
            let at = |counts: &[u64]| counts.get(i).copied().unwrap_or(0);
            (*from, *to, at(&histogram.normal), at(&histogram.suspicious))
        })
        .filter(|(from, to, ..)| from.is_finite() && to.is_finite())
        .collect();
    let most = bins
        .iter()
        .map(|(.., normal, suspicious_rows)| normal.saturating_add(*suspicious_rows))
        .max()
        .unwrap_or(0);
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else {
        return empty_chart("no row has a score");
    };
    if most == 0 {
        return empty_chart("no row has a score");
    }
    let smallest =
        bins.iter().map(|bin| bin.3).filter(|suspicious_rows| *suspicious_rows > 0).min();
    let logarithmic =
        smallest.is_some_and(|smallest| most / smallest > 50 || most > smallest.saturating_mul(50));
    let height = |value: f64| if logarithmic { value.ln_1p() } else { value };

    let suspicious = bins.iter().fold(0_u64, |sum, bin| sum.saturating_add(bin.3));
    let total = bins.iter().fold(suspicious, |sum, bin| sum.saturating_add(bin.2));
    let mut label = format!("Scores of {}, {} of them suspicious", rows(total), count(suspicious));
    if let Some(cut) = histogram.cut {
        let _ = write!(label, ", from {}", short(cut));
    }
    label.push('.');
    let mut svg = Svg::new(WIDTH, 272.0, &label);
    let (left, right, top, bottom) = (48.0, 472.0, 48.0, 226.0);
    legend(&mut svg, left, &[Swatch("normal", "normal"), Swatch("suspicious", "suspicious")]);

    let domain = if last.1 > first.0 { (first.0, last.1) } else { (first.0 - 0.5, first.0 + 0.5) };
    let x = Scale::new(domain, (left, right));
    let y = Scale::new((0.0, height(most as f64)), (bottom, top));
    let (values, step) =
        if logarithmic { (powers(most as f64), 1.0) } else { integers(ticks(0.0, most as f64, 4)) };
    for value in values {
        let at = y.at(height(value));
        // On a long logarithmic axis 1 is too close to 0.
        if value > 0.0 && bottom - at < 14.0 {
            continue;
        }
        svg.line("grid", (left, at), (right, at));
        svg.text("", left - 8.0, at + 4.0, "end", &tick(value, step));
    }
    // Beside the legend: the label of the cut is on the line below.
    let counts = if logarithmic { "rows, logarithmic" } else { "rows" };
    svg.text("", right, 15.0, "end", counts);

    for (from, to, normal, suspicious_rows) in &bins {
        let (start, end) =
            if to > from { (x.at(*from), x.at(*to)) } else { (left + 180.0, right - 180.0) };
        let gap = if end - start > 4.0 { 0.5 } else { 0.0 };
        if normal.saturating_add(*suspicious_rows) == 0 {
            continue;
        }
        svg.tag("g").open();
        svg.title(&format!(
            "score {} to {}: {} normal, {} suspicious",
            short(*from),
            short(*to),
            count(*normal),
            count(*suspicious_rows)
        ));
        let foot = y.at(height(*suspicious_rows as f64));
        let head = y.at(height(normal.saturating_add(*suspicious_rows) as f64));
        let (start, width) = (start + gap, end - start - 2.0 * gap);
        if *normal > 0 {
            svg.rect("normal", start, head, width, foot - head).empty();
        }
        if *suspicious_rows > 0 {
            // Thick enough to see.
            let foot = foot.min(bottom - 1.5);
            svg.rect("suspicious", start, foot, width, bottom - foot).empty();
        }
        svg.close();
    }
    svg.line("axis", (left, bottom), (right, bottom));
    let (values, step) = ticks(domain.0, domain.1, 5);
    for value in values {
        svg.text("", x.at(value), bottom + 18.0, "middle", &tick(value, step));
    }
    svg.text("", f64::midpoint(left, right), bottom + 38.0, "middle", "score");
    if let Some(cut) = histogram.cut.filter(|cut| domain.0 <= *cut && *cut <= domain.1) {
        let at = x.at(cut);
        svg.tag("line")
            .class("cut")
            .number("x1", at)
            .number("y1", top - 10.0)
            .number("x2", at)
            .number("y2", bottom)
            .attribute("stroke-dasharray", "5 4")
            .empty();
        let (anchor, at) =
            if at > f64::midpoint(left, right) { ("end", at + 2.0) } else { ("start", at - 2.0) };
        svg.text("ink", at, top - 14.0, anchor, &format!("cut at {}", short(cut)));
    }
    svg.finish()
}

/// Ticks of counts are integers.
fn integers((values, step): (Vec<f64>, f64)) -> (Vec<f64>, f64) {
    (values.into_iter().filter(|value| value.fract() == 0.0).collect(), step.max(1.0))
}
