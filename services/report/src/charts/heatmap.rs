//! The heat map of similarities: an image in the SVG, since an element per cell would be a quarter of a million
//! elements.

use anomal_core::proto::Heatmap;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    palette::{SHADES, similarity},
    scale::rows,
    svg::{Svg, empty_chart},
};

const SIDE: f64 = 440.0;
const MARGIN: f64 = 20.0;
/// The image's largest side, in cells.
const CELLS: usize = 512;

/// Similarities (0..1) of rows in dendrogram order, the first row at the top and at the left.
pub fn heatmap(heatmap: &Heatmap) -> String {
    let side = heatmap.rows.len();
    if side == 0 || Some(heatmap.similarities.len()) != side.checked_mul(side) {
        return empty_chart("no rows were compared");
    }
    let shades = image(&heatmap.similarities, side);
    let (Some(image), Some(legend)) = (
        shades.and_then(|(shades, side)| png(&shades, side, side)),
        png(&(0..SHADES).collect::<Vec<_>>(), usize::from(SHADES), 1),
    ) else {
        return empty_chart("the image cannot be encoded");
    };
    let label = format!("Heat map of the similarity of {} to one another.", rows(side as u64));
    let mut svg = Svg::new(SIDE + 2.0 * MARGIN, SIDE + 64.0, &label);
    draw_image(&mut svg, &image, (MARGIN, 4.0), (SIDE, SIDE));

    let y = SIDE + 20.0;
    let (left, right) = (MARGIN + SIDE / 2.0 - 100.0, MARGIN + SIDE / 2.0 + 100.0);
    draw_image(&mut svg, &legend, (left, y), (right - left, 10.0));
    svg.text("", left - 8.0, y + 9.0, "end", "different 0");
    svg.text("", right + 8.0, y + 9.0, "start", "1 equal");
    svg.text(
        "",
        MARGIN + SIDE / 2.0,
        y + 28.0,
        "middle",
        "similarity, rows in the order of the dendrogram",
    );
    svg.finish()
}

fn draw_image(svg: &mut Svg, png: &[u8], (x, y): (f64, f64), (width, height): (f64, f64)) {
    svg.tag("image")
        .number("x", x)
        .number("y", y)
        .number("width", width)
        .number("height", height)
        .attribute("preserveAspectRatio", "none")
        .attribute("image-rendering", "pixelated")
        .attribute("href", &format!("data:image/png;base64,{}", STANDARD.encode(png)))
        .empty();
}

/// A shade per cell; of more rows than the image has, every k-th is drawn.
fn image(similarities: &[f32], side: usize) -> Option<(Vec<u8>, usize)> {
    let stride = side.div_ceil(CELLS).max(1);
    let sampled = side.div_ceil(stride);
    let mut shades = Vec::with_capacity(sampled * sampled);
    for row in (0..side).step_by(stride) {
        let row = similarities.get(row * side..(row + 1) * side)?;
        shades.extend(row.iter().step_by(stride).map(|similarity| shade(*similarity)));
    }
    Some((shades, sampled))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of the type"
)]
fn shade(similarity: f32) -> u8 {
    let similarity = if similarity.is_finite() { similarity.clamp(0.0, 1.0) } else { 0.0 };
    (similarity * f32::from(SHADES - 1)).round() as u8
}

/// A PNG in the palette of similarities.
fn png(shades: &[u8], width: usize, height: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(similarity());
    encoder.set_filter(png::Filter::NoFilter);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(shades).ok()?;
    writer.finish().ok()?;
    Some(out)
}
