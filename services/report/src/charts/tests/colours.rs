//! The contrast of colours with their surface and with each other, also with colour vision deficiencies.

use super::super::{
    palette::{SHADES, similarity},
    *,
};

/// Red, green or blue of `#rrggbb` in linear light.
fn channel(colour: &str, at: usize) -> f64 {
    let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// Relative luminance.
fn luminance(colour: &str) -> f64 {
    0.2126 * channel(colour, 1) + 0.7152 * channel(colour, 3) + 0.0722 * channel(colour, 5)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn colours_by_name(theme: &'static str) -> std::collections::BTreeMap<&'static str, &'static str> {
    theme.split_terminator(';').map(|part| part.split_once(':').unwrap()).collect()
}

#[test]
fn all_colours_contrast_with_their_surface() {
    for theme in [LIGHT, DARK] {
        let colours = colours_by_name(theme);
        assert_eq!(colours.len(), 24);
        for (name, colour) in &colours {
            let minimum = match *name {
                "--surface" | "--line" => 1.0,
                "--ink" | "--muted" | "--accent" => 4.5,
                _ => 3.0,
            };
            let found = contrast(colour, colours["--surface"]);
            assert!(found >= minimum, "{name} {colour}: {found}");
        }
    }
}

#[test]
fn both_sheets_have_the_same_rules() {
    let mut plain = THEMED.to_owned();
    for (name, colour) in colours_by_name(LIGHT) {
        plain = plain.replace(&format!("var({name})"), colour);
    }
    assert_eq!(plain, STYLE);
    assert!(!STYLE.contains("var("));
    assert!(STYLE.contains(".chart circle.c12{fill:#6f32a7}"));
}

/// Transformations of linear light: normal vision, deuteranopia, protanopia, tritanopia (Machado, Oliveira and
/// Fernandes 2009, at full severity).
const VISIONS: [[[f64; 3]; 3]; 4] = [
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    [
        [0.367_322, 0.860_646, -0.227_968],
        [0.280_085, 0.672_501, 0.047_413],
        [-0.011_820, 0.042_940, 0.968_881],
    ],
    [
        [0.152_286, 1.052_583, -0.204_868],
        [0.114_503, 0.786_281, 0.099_216],
        [-0.003_882, -0.048_116, 1.051_998],
    ],
    [
        [1.255_528, -0.076_749, -0.178_779],
        [-0.078_411, 0.930_809, 0.147_602],
        [0.004_733, 0.691_367, 0.303_900],
    ],
];

fn multiply(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2])
}

/// A colour in `OKLab`, where distances are perceptual.
fn perceived(colour: &str, vision: &[[f64; 3]; 3]) -> [f64; 3] {
    let linear =
        multiply(vision, [1, 3, 5].map(|at| channel(colour, at))).map(|value| value.max(0.0));
    let cones = multiply(
        &[
            [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
            [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
            [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
        ],
        linear,
    );
    multiply(
        &[
            [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
            [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
            [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
        ],
        cones.map(f64::cbrt),
    )
}

/// The smallest distance of two colours over all kinds of vision.
fn distance(a: &str, b: &str) -> f64 {
    let for_vision = |vision| {
        let (a, b) = (perceived(a, vision), perceived(b, vision));
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    VISIONS.iter().map(for_vision).fold(f64::INFINITY, f64::min)
}

#[test]
fn colours_are_distinguishable_with_any_vision() {
    for theme in [LIGHT, DARK] {
        let colours = colours_by_name(theme);
        let cluster = |i: u32| colours[format!("--c{i}").as_str()];
        for a in 1..=12 {
            for b in 1..a {
                let minimum = if a <= 4 { 0.11 } else { 0.05 };
                let found = distance(cluster(a), cluster(b));
                assert!(found > minimum, "c{a} and c{b}: {found}");
            }
        }
        assert!(distance(colours["--normal"], colours["--accent"]) > 0.11);
        assert!(distance(colours["--positive"], colours["--negative"]) > 0.22);
    }
}

#[test]
fn similarity_increases_evenly_in_lightness() {
    let colours = similarity();
    assert_eq!(colours.len(), usize::from(SHADES) * 3);
    for (shade, rgb) in (0..SHADES).zip(colours.chunks(3)) {
        let colour = format!("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
        let even = 0.25 + 0.7 * f64::from(shade) / f64::from(SHADES - 1);
        let [lightness, ..] = perceived(&colour, &VISIONS[0]);
        assert!((lightness - even).abs() < 0.005, "{shade}: {lightness}, not {even}");
    }
}
