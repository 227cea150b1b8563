//! Bars: the histogram of scores, contributions of features, silhouettes.

use anomal_core::proto::{Clustering, FeatureSummary};

use super::{
    legend::{Swatch, legend},
    scale::{Scale, count, percent, positive, powers, rows, short, tick, ticks},
    svg::{Number, Svg, nothing},
};
use crate::view::ScoreHistogram;

const WIDTH: f64 = 480.0;
/// Features that the chart of contributions has room for.
const FEATURES: usize = 30;

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
        label += &format!(", from {}", short(cut));
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
        svg.line("grid", (left, at), (right, at));
        svg.words("", left - 8.0, at + 4.0, "end", &tick(value, step));
    }
    svg.words("", 4.0, 34.0, "start", if logarithmic { "rows, logarithmic" } else { "rows" });

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

/// How much each feature contributes to the reasons of suspicious rows and of all rows (means of shares), from
/// the largest, with a mark at the share of the weight that it was given.
pub fn contributions(features: &[FeatureSummary]) -> String {
    let weight = |summary: &FeatureSummary| {
        summary.feature.as_ref().map_or(0.0, |feature| positive(feature.weight))
    };
    let weights: f64 = features.iter().map(weight).sum();
    let suspicious = features.iter().any(|f| positive(f.mean_contribution_suspicious) > 0.0);
    let key = |f: &FeatureSummary| {
        positive(if suspicious { f.mean_contribution_suspicious } else { f.mean_contribution })
    };
    let mut order: Vec<&FeatureSummary> = features.iter().collect();
    order.sort_by(|a, b| key(b).total_cmp(&key(a)));
    let Some(first) = order.first() else { return nothing("there are no features") };
    let share = |f: &FeatureSummary| positive(weight(f) / weights);
    let most = order
        .iter()
        .flat_map(|f| {
            [positive(f.mean_contribution), positive(f.mean_contribution_suspicious), share(f)]
        })
        .fold(0.0, f64::max);
    if most == 0.0 {
        return nothing("no feature contributes");
    }
    let name = |f: &FeatureSummary| f.feature.as_ref().map_or(String::new(), |f| f.name.clone());
    let label = format!(
        "Mean contribution of {} features; {} contributes most, {}.",
        order.len(),
        name(first),
        percent(key(first))
    );

    let hidden = order.len().saturating_sub(FEATURES);
    order.truncate(FEATURES);
    let (left, right, top, row) = (150.0, 432.0, 44.0, 32.0);
    let bottom = top + row * order.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + 26.0 + if hidden > 0 { 20.0 } else { 0.0 }, &label);
    let mut swatches = vec![Swatch("normal", "all rows"), Swatch("|", "weight given")];
    if suspicious {
        swatches.insert(0, Swatch("suspicious", "suspicious rows"));
    }
    legend(&mut svg, 8.0, &swatches);
    let x = Scale::new((0.0, most), (left, right));
    for value in ticks(0.0, most, 4).0 {
        let at = x.at(value);
        svg.line("grid", (at, top - 8.0), (at, bottom));
        svg.words("", at, bottom + 16.0, "middle", &percent(value));
    }
    for (place, feature) in order.iter().enumerate() {
        let y = top + row * place as f64;
        let name = name(feature);
        svg.tag("g").open();
        svg.title(&format!(
            "{name}: {} of the reasons of suspicious rows, {} of all rows, {} of the weight",
            percent(feature.mean_contribution_suspicious),
            percent(feature.mean_contribution),
            percent(share(feature))
        ));
        svg.name("ink", (left - 10.0, y + 14.0), "end", &name, 20);
        let all = x.at(positive(feature.mean_contribution)) - left;
        if suspicious {
            let odd = positive(feature.mean_contribution_suspicious);
            svg.rect("suspicious", left, y, x.at(odd) - left, 9.0).empty();
            svg.rect("normal", left, y + 10.0, all, 9.0).empty();
            svg.words(
                "",
                x.at(odd).max(x.at(share(feature))) + 8.0,
                y + 9.0,
                "start",
                &percent(odd),
            );
        } else {
            svg.rect("normal", left, y + 4.0, all, 11.0).empty();
        }
        if weights > 0.0 {
            let at = x.at(share(feature));
            svg.tag("path")
                .class("mark")
                .num("stroke-width", 2.0)
                .text("d", &format!("M{} {}v23", Number(at), Number(y - 2.0)))
                .empty();
        }
        svg.close();
    }
    svg.line("axis", (left, top - 8.0), (left, bottom));
    if hidden > 0 {
        svg.words("", left, bottom + 38.0, "start", &format!("{hidden} more contribute less"));
    }
    svg.finish()
}

/// The mean silhouette (-1..1) of each number of clusters; the best in the accent colour.
pub fn silhouettes(clusterings: &[Clustering]) -> String {
    let value = |c: &Clustering| c.silhouette.filter(|s| s.is_finite()).map(|s| s.clamp(-1.0, 1.0));
    let Some((best, found)) = clusterings
        .iter()
        .filter_map(|c| value(c).map(|s| (c.k, s)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
    else {
        return nothing("no silhouettes were computed");
    };
    let low = clusterings.iter().filter_map(value).fold(0.0, f64::min);
    let high = clusterings.iter().filter_map(value).fold(0.1, f64::max);
    let label = format!(
        "Mean silhouette by number of clusters; the best is {} at {best} clusters.",
        Number(found)
    );
    let (left, right, top, bottom) = (16.0, 464.0, 26.0, 118.0);
    let mut svg = Svg::new(WIDTH, 158.0, &label);
    let y = Scale::new((low, high), (bottom, top));
    let column = (right - left) / clusterings.len() as f64;
    let width = (column * 0.6).min(28.0);
    // Where numbers would touch, each second or third is written.
    let each = (30.0 / column).ceil().max(1.0);
    for (place, clustering) in clusterings.iter().enumerate() {
        let x = left + (place as f64 + 0.5) * column;
        let written = (place as f64 % each) == 0.0;
        svg.tag("g").text("data-k", &clustering.k.to_string()).open();
        if let Some(value) = value(clustering) {
            svg.title(&format!("{} clusters: {}", clustering.k, Number(value)));
            let class = if clustering.k == best { "suspicious" } else { "normal" };
            let (zero, end) = (y.at(0.0), y.at(value));
            svg.rect(class, x - width / 2.0, zero.min(end), width, (zero - end).abs().max(1.0))
                .empty();
            if written {
                svg.words("", x, zero.min(end) - 5.0, "middle", &format!("{value:.2}"));
            }
        } else {
            svg.title(&format!("{} clusters: not defined", clustering.k));
        }
        if written {
            svg.words("ink", x, bottom + 18.0, "middle", &clustering.k.to_string());
        }
        svg.close();
    }
    svg.line("axis", (left, y.at(0.0)), (right, y.at(0.0)));
    svg.words("", f64::midpoint(left, right), bottom + 36.0, "middle", "number of clusters");
    svg.finish()
}
