//! The legend of a chart, in one line above it.

use super::svg::{Number, Svg};

/// A class and its meaning. The class `|` is a mark instead of an area.
pub struct Swatch<'a>(pub &'static str, pub &'a str);

pub fn legend(svg: &mut Svg, left: f64, swatches: &[Swatch]) {
    let mut x = left;
    for Swatch(class, label) in swatches {
        if *class == "|" {
            svg.tag("path")
                .class("mark")
                .number("stroke-width", 2.0)
                .attribute("d", &format!("M{} 4v14", Number(x + 6.0)))
                .empty();
        } else {
            svg.rect(class, x, 6.0, 10.0, 10.0).number("rx", 2.0).empty();
        }
        svg.text("", x + 16.0, 15.0, "start", label);
        x += 16.0 + label.chars().count() as f64 * 7.0 + 20.0;
    }
}
