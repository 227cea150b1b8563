//! Bar charts: contributions of features, silhouettes of clusterings.

use anomal_core::proto::{Clustering, FeatureSummary};

use super::{
    legend::{Swatch, legend},
    scale::{Scale, percent, percent_tick, positive, ticks},
    svg::{Number, Svg, empty_chart},
};

const WIDTH: f64 = 480.0;
/// The most features in the chart of contributions.
const FEATURES: usize = 30;

/// The mean contribution of each feature to the scores of suspicious rows and of all rows (shares), in descending
/// order, with a mark at the feature's share of the weights.
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
    let Some(first) = order.first() else { return empty_chart("there are no features") };
    let share = |f: &FeatureSummary| positive(weight(f) / weights);
    let most = order
        .iter()
        .flat_map(|f| {
            [positive(f.mean_contribution), positive(f.mean_contribution_suspicious), share(f)]
        })
        .fold(0.0, f64::max);
    if most == 0.0 {
        return empty_chart("no feature contributes");
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
    let (left, right, top, row) = (176.0, 432.0, 44.0, 32.0);
    let bottom = top + row * order.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + 26.0 + if hidden > 0 { 20.0 } else { 0.0 }, &label);
    let mut swatches = vec![Swatch("normal", "all rows"), Swatch("|", "weight given")];
    if suspicious {
        swatches.insert(0, Swatch("suspicious", "suspicious rows"));
    }
    legend(&mut svg, 8.0, &swatches);
    let x = Scale::new((0.0, most), (left, right));
    let (values, step) = ticks(0.0, most, 4);
    for value in values {
        let at = x.at(value);
        svg.line("grid", (at, top - 8.0), (at, bottom));
        svg.text("", at, bottom + 16.0, "middle", &percent_tick(value, step));
    }
    for (index, feature) in order.iter().enumerate() {
        let y = top + row * index as f64;
        let name = name(feature);
        svg.tag("g").open();
        svg.title(&format!(
            "{name}: {} of the reasons of suspicious rows, {} of all rows, {} of the weight",
            percent(feature.mean_contribution_suspicious),
            percent(feature.mean_contribution),
            percent(share(feature))
        ));
        svg.short_text("ink", (left - 10.0, y + 14.0), "end", &name, 20);
        let all = x.at(positive(feature.mean_contribution)) - left;
        if suspicious {
            let suspicious = positive(feature.mean_contribution_suspicious);
            svg.rect("suspicious", left, y, x.at(suspicious) - left, 9.0).empty();
            svg.rect("normal", left, y + 10.0, all, 9.0).empty();
            svg.text("suspicious", WIDTH - 4.0, y + 14.0, "end", &percent(suspicious));
        } else {
            svg.rect("normal", left, y + 4.0, all, 11.0).empty();
        }
        if weights > 0.0 {
            let at = x.at(share(feature));
            svg.tag("path")
                .class("mark")
                .number("stroke-width", 2.0)
                .attribute("d", &format!("M{} {}v23", Number(at), Number(y - 2.0)))
                .empty();
        }
        svg.close();
    }
    svg.line("axis", (left, top - 8.0), (left, bottom));
    if hidden > 0 {
        svg.text("", left, bottom + 38.0, "start", &format!("{hidden} more contribute less"));
    }
    svg.finish()
}

/// The mean silhouette (-1..1) by number of clusters; the best in blue.
pub fn silhouettes(clusterings: &[Clustering]) -> String {
    let value = |c: &Clustering| c.silhouette.filter(|s| s.is_finite()).map(|s| s.clamp(-1.0, 1.0));
    let Some((best, found)) = clusterings
        .iter()
        .filter_map(|c| value(c).map(|s| (c.k, s)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
    else {
        return empty_chart("no silhouettes were computed");
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
    // Labels that would overlap are written for every second or third bar only.
    let step = (30.0 / column).ceil().max(1.0);
    for (index, clustering) in clusterings.iter().enumerate() {
        let x = left + (index as f64 + 0.5) * column;
        let labelled = (index as f64 % step) == 0.0;
        svg.tag("g").attribute("data-k", &clustering.k.to_string()).open();
        if let Some(value) = value(clustering) {
            svg.title(&format!("{} clusters: {}", clustering.k, Number(value)));
            let class = if clustering.k == best { "positive" } else { "normal" };
            let (zero, end) = (y.at(0.0), y.at(value));
            svg.rect(class, x - width / 2.0, zero.min(end), width, (zero - end).abs().max(1.0))
                .empty();
            if labelled {
                svg.text("", x, zero.min(end) - 5.0, "middle", &format!("{value:.2}"));
            }
        } else {
            svg.title(&format!("{} clusters: not defined", clustering.k));
            svg.text("", x, y.at(0.0) - 5.0, "middle", "–");
        }
        if labelled {
            svg.text("ink", x, bottom + 18.0, "middle", &clustering.k.to_string());
        }
        svg.close();
    }
    svg.line("axis", (left, y.at(0.0)), (right, y.at(0.0)));
    svg.text("", f64::midpoint(left, right), bottom + 36.0, "middle", "number of clusters");
    svg.finish()
}
