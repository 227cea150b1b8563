//! The heat map of similarities: an image inside the SVG, for a picture element per cell would be a quarter of a
//! million of them.

use anomal_core::proto::Heatmap;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    palette::{SHADES, similarity},
    scale::rows,
    svg::{Svg, nothing},
};

const SIDE: f64 = 440.0;
const MARGIN: f64 = 20.0;
/// The image's largest side, in cells.
const CELLS: usize = 512;

/// Similarities (0..1) of rows in dendrogram order, from the first row at the top and at the left.
pub fn heatmap(heatmap: &Heatmap) -> String {
    let side = heatmap.rows.len();
    if side == 0 || Some(heatmap.similarities.len()) != side.checked_mul(side) {
        return nothing("no rows were compared");
    }
    let shades = image(&heatmap.similarities, side);
    let (Some(image), Some(legend)) = (
        shades.and_then(|(shades, side)| png(&shades, side, side)),
        png(&(0..SHADES).collect::<Vec<_>>(), usize::from(SHADES), 1),
    ) else {
        return nothing("the image could not be made");
    };
    let label = format!("Heat map of the similarity of {} to one another.", rows(side as u64));
    let mut svg = Svg::new(SIDE + 2.0 * MARGIN, SIDE + 64.0, &label);
    picture(&mut svg, &image, (MARGIN, 4.0), (SIDE, SIDE));

    let y = SIDE + 20.0;
    let (left, right) = (MARGIN + SIDE / 2.0 - 100.0, MARGIN + SIDE / 2.0 + 100.0);
    picture(&mut svg, &legend, (left, y), (right - left, 10.0));
    svg.words("", left - 8.0, y + 9.0, "end", "unlike 0");
    svg.words("", right + 8.0, y + 9.0, "start", "1 alike");
    svg.words(
        "",
        MARGIN + SIDE / 2.0,
        y + 28.0,
        "middle",
        "similarity, rows in the dendrogram's order",
    );
    svg.finish()
}

fn picture(svg: &mut Svg, png: &[u8], (x, y): (f64, f64), (width, height): (f64, f64)) {
    svg.tag("image")
        .num("x", x)
        .num("y", y)
        .num("width", width)
        .num("height", height)
        .text("preserveAspectRatio", "none")
        .text("image-rendering", "pixelated")
        .text("href", &format!("data:image/png;base64,{}", STANDARD.encode(png)))
        .empty();
}

/// A shade per cell; where there are more rows than the image may have, each k-th is shown.
fn image(similarities: &[f32], side: usize) -> Option<(Vec<u8>, usize)> {
    let stride = side.div_ceil(CELLS).max(1);
    let kept = side.div_ceil(stride);
    let mut shades = Vec::with_capacity(kept * kept);
    for row in (0..side).step_by(stride) {
        let row = similarities.get(row * side..(row + 1) * side)?;
        shades.extend(row.iter().step_by(stride).map(|similarity| shade(*similarity)));
    }
    Some((shades, kept))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what it holds"
)]
fn shade(similarity: f32) -> u8 {
    let similarity = if similarity.is_finite() { similarity.clamp(0.0, 1.0) } else { 0.0 };
    (similarity * f32::from(SHADES - 1)).round() as u8
}

/// A PNG with our palette.
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
