//! The histogram of scores.

use std::fmt::Write as _;

use super::{
    legend::{Swatch, legend},
    scale::{Scale, count, powers, rows, short, tick, ticks},
    svg::{Svg, nothing},
};
use crate::view::ScoreHistogram;

const WIDTH: f64 = 480.0;

/// All rows by their score, the suspicious ones in the accent colour at the foot of each bar. Where those would
/// be too small to see, the height is log(1 + rows).
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
    let most = bins.iter().map(|(.., normal, odd)| normal.saturating_add(*odd)).max().unwrap_or(0);
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else {
        return nothing("no row has a score");
    };
    if most == 0 {
        return nothing("no row has a score");
    }
    let least = bins.iter().map(|bin| bin.3).filter(|odd| *odd > 0).min();
    let logarithmic =
        least.is_some_and(|least| most / least > 50 || most > least.saturating_mul(50));
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
        if logarithmic { (powers(most as f64), 1.0) } else { whole(ticks(0.0, most as f64, 4)) };
    for value in values {
        let at = y.at(height(value));
        // 1 stands close to 0 where the axis is logarithmic and long.
        if value > 0.0 && bottom - at < 14.0 {
            continue;
        }
        svg.line("grid", (left, at), (right, at));
        svg.words("", left - 8.0, at + 4.0, "end", &tick(value, step));
    }
    // Beside the legend: the cut is named on the line below.
    let counts = if logarithmic { "rows, logarithmic" } else { "rows" };
    svg.words("", right, 15.0, "end", counts);

    for (from, to, normal, odd) in &bins {
        let (start, end) =
            if to > from { (x.at(*from), x.at(*to)) } else { (left + 180.0, right - 180.0) };
        let gap = if end - start > 4.0 { 0.5 } else { 0.0 };
        if normal.saturating_add(*odd) == 0 {
            continue;
        }
        svg.tag("g").open();
        svg.title(&format!(
            "score {} to {}: {} normal, {} suspicious",
            short(*from),
            short(*to),
            count(*normal),
            count(*odd)
        ));
        let foot = y.at(height(*odd as f64));
        let head = y.at(height(normal.saturating_add(*odd) as f64));
        let (start, width) = (start + gap, end - start - 2.0 * gap);
        if *normal > 0 {
            svg.rect("normal", start, head, width, foot - head).empty();
        }
        if *odd > 0 {
            // Never thinner than can be seen.
            let foot = foot.min(bottom - 1.5);
            svg.rect("suspicious", start, foot, width, bottom - foot).empty();
        }
        svg.close();
    }
    svg.line("axis", (left, bottom), (right, bottom));
    let (values, step) = ticks(domain.0, domain.1, 5);
    for value in values {
        svg.words("", x.at(value), bottom + 18.0, "middle", &tick(value, step));
    }
    svg.words("", f64::midpoint(left, right), bottom + 38.0, "middle", "score");
    if let Some(cut) = histogram.cut.filter(|cut| domain.0 <= *cut && *cut <= domain.1) {
        let at = x.at(cut);
        svg.tag("line")
            .class("cut")
            .num("x1", at)
            .num("y1", top - 10.0)
            .num("x2", at)
            .num("y2", bottom)
            .text("stroke-dasharray", "5 4")
            .empty();
        let (anchor, at) =
            if at > f64::midpoint(left, right) { ("end", at + 2.0) } else { ("start", at - 2.0) };
        svg.words("ink", at, top - 14.0, anchor, &format!("cut at {}", short(cut)));
    }
    svg.finish()
}

/// Counts have no ticks between whole numbers.
fn whole((values, step): (Vec<f64>, f64)) -> (Vec<f64>, f64) {
    (values.into_iter().filter(|value| value.fract() == 0.0).collect(), step.max(1.0))
}
