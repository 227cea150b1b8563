//! The distribution of a feature's values in normal and in suspicious rows.

use std::fmt::Write as _;

use anomal_core::proto::{FeatureGroup, FeatureKind, FeatureSummary, Group};

use super::{
    legend::{Swatch, legend},
    scale::{Scale, percent, percent_tick, positive, rows, short, tick, ticks},
    svg::{Number, Svg, empty_chart, note},
};

const WIDTH: f64 = 480.0;
/// The most values with their own bars.
const VALUES: usize = 15;
const OTHERS: &str = "other values";

/// A group of rows: its counts per bin or value, and its style.
struct RowGroup {
    fill: &'static str,
    edge: &'static str,
    label: String,
    counts: Vec<f64>,
    total: f64,
}

impl RowGroup {
    fn share(&self, index: usize) -> f64 {
        positive(self.counts.get(index).copied().unwrap_or(0.0) / self.total)
    }
}

/// The values of a feature as shares of the normal and of the suspicious rows: areas over the bins of numbers, bars
/// for categories.
pub fn density(feature: &FeatureSummary) -> String {
    let groups = row_groups(feature);
    if groups.is_empty() {
        return empty_chart("no row has a value");
    }
    let column = feature.feature.as_ref();
    let numeric =
        column.map_or(!feature.edges.is_empty(), |column| column.kind() == FeatureKind::Numeric);
    if numeric { areas(feature, &groups) } else { values(feature, &groups) }
}

fn name(feature: &FeatureSummary) -> &str {
    feature.feature.as_ref().map_or("", |column| &column.name)
}

/// The groups to draw: normal and suspicious rows, or all rows if there are no such groups.
fn row_groups(feature: &FeatureSummary) -> Vec<RowGroup> {
    let row_group = |group: Group, fill, edge, label: &str| {
        let found: &FeatureGroup = feature.groups.iter().find(|found| found.group() == group)?;
        let counts: Vec<f64> = found.counts.iter().map(|count| *count as f64).collect();
        let total: f64 = counts.iter().sum();
        (total > 0.0).then(|| RowGroup {
            fill,
            edge,
            label: format!("{label} ({})", rows(found.count)),
            counts,
            total,
        })
    };
    let normal = row_group(Group::Normal, "normal", "normal-edge", "normal");
    let suspicious = row_group(Group::Suspicious, "suspicious", "suspicious-edge", "suspicious");
    let all = if normal.is_none() && suspicious.is_none() {
        row_group(Group::All, "normal", "normal-edge", "all")
    } else {
        None
    };
    [normal, suspicious, all].into_iter().flatten().collect()
}

fn draw_legend(svg: &mut Svg, left: f64, groups: &[RowGroup]) {
    let swatches: Vec<Swatch> =
        groups.iter().map(|group| Swatch(group.fill, &group.label)).collect();
    legend(svg, left, &swatches);
}

fn missing_note(svg: &mut Svg, feature: &FeatureSummary, y: f64) {
    if feature.missing > 0 {
        svg.text("", WIDTH - 8.0, y, "end", &format!("missing in {}", rows(feature.missing)));
    }
}

fn areas(feature: &FeatureSummary, groups: &[RowGroup]) -> String {
    let bins = feature.edges.len().saturating_sub(1);
    let edges = &feature.edges;
    let (Some(low), Some(high)) = (edges.first().copied(), edges.last().copied()) else {
        return empty_chart("no row has a value");
    };
    if !edges.iter().all(|edge| edge.is_finite()) || high < low {
        return empty_chart("the bins are not in ascending order");
    }
    if low == high {
        let missing = match feature.missing {
            0 => String::new(),
            count => format!(", missing in {}", rows(count)),
        };
        return note(&format!("One value only: {}{missing}.", short(low)));
    }
    let most =
        groups.iter().flat_map(|group| (0..bins).map(|bin| group.share(bin))).fold(0.0, f64::max);
    let (left, right, top, bottom) = (48.0, 468.0, 38.0, 196.0);
    let label = format!(
        "Values of {} from {} to {}, as shares of {}.",
        name(feature),
        short(low),
        short(high),
        groups.iter().map(|group| group.label.as_str()).collect::<Vec<_>>().join(" and ")
    );
    let mut svg = Svg::new(WIDTH, 242.0, &label);
    draw_legend(&mut svg, left, groups);
    let (x, y) = (Scale::new((low, high), (left, right)), Scale::new((0.0, most), (bottom, top)));
    let (values, step) = ticks(0.0, most, 3);
    for value in values {
        svg.line("grid", (left, y.at(value)), (right, y.at(value)));
        svg.text("", left - 8.0, y.at(value) + 4.0, "end", &percent_tick(value, step));
    }
    for group in groups {
        let mut line = format!("M{} {}", Number(x.at(low)), Number(bottom));
        for (bin, end) in edges.iter().skip(1).enumerate() {
            let _ = write!(line, "V{}H{}", Number(y.at(group.share(bin))), Number(x.at(*end)));
        }
        let _ = write!(line, "V{}", Number(bottom));
        svg.tag("path")
            .class(group.fill)
            .number("fill-opacity", 0.28)
            .attribute("d", &format!("{line}Z"))
            .empty();
        svg.tag("path")
            .class(group.edge)
            .attribute("fill", "none")
            .number("stroke-width", 1.5)
            .attribute("d", &line)
            .empty();
    }
    // An invisible area over each bin, with a tooltip.
    svg.tag("g").number("fill-opacity", 0.0).open();
    for (bin, (from, to)) in edges.iter().zip(edges.iter().skip(1)).enumerate() {
        if groups.iter().all(|group| group.share(bin) == 0.0) {
            continue;
        }
        let figures: Vec<String> = groups
            .iter()
            .map(|group| format!("{} of {}", percent(group.share(bin)), group.label))
            .collect();
        svg.rect("", x.at(*from), top, x.at(*to) - x.at(*from), bottom - top).titled(&format!(
            "{} to {}: {}",
            short(*from),
            short(*to),
            figures.join(", ")
        ));
    }
    svg.close();
    svg.line("axis", (left, bottom), (right, bottom));
    let (values, step) = ticks(low, high, 5);
    for value in values {
        svg.text("", x.at(value), bottom + 18.0, "middle", &tick(value, step));
    }
    missing_note(&mut svg, feature, bottom + 38.0);
    svg.finish()
}

fn values(feature: &FeatureSummary, groups: &[RowGroup]) -> String {
    // By frequency in the drawn groups; the analysis' own sum of other values stays last.
    let total = |index: usize| -> f64 {
        groups.iter().map(|group| group.counts.get(index).copied().unwrap_or(0.0)).sum()
    };
    let mut order: Vec<usize> = (0..feature.categories.len()).collect();
    order.sort_by(|a, b| total(*b).total_cmp(&total(*a)));
    let (others, mut order): (Vec<usize>, Vec<usize>) = order.into_iter().partition(|index| {
        *index + 1 == feature.categories.len()
            && feature.categories.get(*index).is_some_and(|value| value == OTHERS)
    });
    let rest: Vec<usize> = order.drain(order.len().min(VALUES)..).chain(others).collect();
    let mut bars: Vec<(&str, Vec<f64>)> = order
        .iter()
        .map(|index| {
            let value = feature.categories.get(*index).map_or("", String::as_str);
            (value, groups.iter().map(|group| group.share(*index)).collect())
        })
        .collect();
    if rest.iter().any(|index| total(*index) > 0.0) {
        let sums =
            groups.iter().map(|group| rest.iter().map(|index| group.share(*index)).sum()).collect();
        bars.push((OTHERS, sums));
    }
    let Some((first, _)) = bars.first() else { return empty_chart("no row has a value") };
    let label = format!(
        "Values of {}, as shares of {}; the most frequent is {}.",
        name(feature),
        groups.iter().map(|group| group.label.as_str()).collect::<Vec<_>>().join(" and "),
        if first.is_empty() { "the empty string" } else { first }
    );
    let (left, right, top) = (150.0, 424.0, 34.0);
    let thickness = 11.0;
    let row = (thickness + 1.0) * groups.len() as f64 + 12.0;
    let bottom = top + row * bars.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + if feature.missing > 0 { 22.0 } else { 4.0 }, &label);
    draw_legend(&mut svg, 8.0, groups);
    let most = bars.iter().flat_map(|(_, shares)| shares).copied().fold(0.0, f64::max);
    let x = Scale::new((0.0, most), (left, right));
    for (index, (value, shares)) in bars.iter().enumerate() {
        let y = top + row * index as f64;
        let name = if value.is_empty() { "(empty)" } else { value };
        let middle = y + (thickness + 1.0) * groups.len() as f64 / 2.0 + 4.0;
        svg.short_text("ink", (left - 10.0, middle), "end", name, 20);
        for (i, (group, share)) in groups.iter().zip(shares).enumerate() {
            let y = y + (thickness + 1.0) * i as f64;
            svg.rect(group.fill, left, y, x.at(*share) - left, thickness).empty();
            svg.label("", x.at(*share) + 6.0, y + thickness - 1.5, "start")
                .number("font-size", 11.0)
                .content(&percent(*share));
        }
    }
    svg.line("axis", (left, top - 4.0), (left, bottom - 6.0));
    missing_note(&mut svg, feature, bottom + 12.0);
    svg.finish()
}
