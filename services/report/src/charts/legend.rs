//! What the colours of a chart mean, in one line above it.

use super::svg::{Number, Svg};

/// A class and what it stands for. The class `|` is a mark rather than an area.
pub struct Swatch<'a>(pub &'static str, pub &'a str);

pub fn legend(svg: &mut Svg, left: f64, swatches: &[Swatch]) {
    let mut x = left;
    for Swatch(class, words) in swatches {
        if *class == "|" {
            svg.tag("path")
                .class("mark")
                .num("stroke-width", 2.0)
                .text("d", &format!("M{} 4v14", Number(x + 6.0)))
                .empty();
        } else {
            svg.rect(class, x, 6.0, 10.0, 10.0).num("rx", 2.0).empty();
        }
        svg.words("", x + 16.0, 15.0, "start", words);
        x += 16.0 + words.chars().count() as f64 * 7.0 + 20.0;
    }
}
