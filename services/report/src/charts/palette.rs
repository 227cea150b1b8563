//! Colours and the style sheets that use them.
//!
//! Macros generate the public constants from a table of colours for both themes and a list of rules. The colours of
//! clusters were found by search: each has a contrast of at least 3:1 with its theme's surface, and any two are
//! distinguishable with normal vision, deuteranopia, protanopia and tritanopia (tests/colours.rs has the bounds), the
//! first ones best.

/// Clusters with their own colours, `c1` to `c12`; further clusters share `c-rest`.
pub const CLUSTERS: u32 = 12;

macro_rules! colours {
    ($($name:ident $light:literal $dark:literal)*) => {
        /// The colours for a light surface, as custom properties: `--c1` to `--c12` and `--rest` for
        /// clusters, `--accent` for suspicious rows, `--normal` for others, `--ink`, `--muted` and `--line`
        /// for text, small text and lines, `--surface` for the background, `--positive` and
        /// `--negative` for correlations, `--high`, `--medium` and `--low` for severities.
        pub const LIGHT: &str = concat!($("--", stringify!($name), ":", $light, ";"),*);
        /// The same for a dark surface.
        pub const DARK: &str = concat!($("--", stringify!($name), ":", $dark, ";"),*);

        macro_rules! plain { $(($name) => { $light };)* }
        macro_rules! property { $(($name) => { concat!("var(--", stringify!($name), ")") };)* }
    };
}

colours! {
    c1 "#2a6fbb" "#5ea3ee"
    c2 "#d97706" "#f0a93c"
    c3 "#0b5d52" "#8fe3cf"
    c4 "#450687" "#a46189"
    c5 "#612006" "#6967e1"
    c6 "#7d8cab" "#e86aba"
    c7 "#6880f8" "#fbd509"
    c8 "#263952" "#c9b7fe"
    c9 "#16a56e" "#cfa69d"
    c10 "#82558d" "#b76006"
    c11 "#5c7053" "#3aa460"
    c12 "#6f32a7" "#aded8e"
    rest "#8b929c" "#747c88"
    accent "#d11f2f" "#ff5f57"
    normal "#7d8ca0" "#8391a6"
    ink "#1c2128" "#e8ebf0"
    muted "#5b6472" "#9aa4b2"
    line "#dfe3e8" "#2e343d"
    surface "#ffffff" "#15181d"
    positive "#2a6fbb" "#5ea3ee"
    negative "#b4500b" "#f0954f"
    high "#b01322" "#ff8f88"
    medium "#8a4b00" "#f3b860"
    low "#2b5f93" "#8fbdf0"
}

macro_rules! clusters {
    ($colour:ident $($class:ident)*) => {
        concat!($(
            ".chart circle.", stringify!($class), "{fill:", $colour!($class), "}",
            ".chart path.", stringify!($class), "{stroke:", $colour!($class), "}",
        )*)
    };
}

macro_rules! sheet {
    ($colour:ident) => {
        concat!(
            clusters!($colour c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12),
            ".chart circle.c-rest{fill:", $colour!(rest), "}",
            ".chart path.c-rest{stroke:", $colour!(rest), "}",
            ".chart text{fill:", $colour!(muted), "}",
            ".chart .ink{fill:", $colour!(ink), "}",
            ".chart .muted{fill:", $colour!(muted), "}",
            ".chart .halo{stroke:", $colour!(surface), "}",
            ".chart .frame{fill:none;stroke:", $colour!(line), "}",
            ".chart .grid{stroke:", $colour!(line), "}",
            ".chart .axis{stroke:", $colour!(rest), "}",
            ".chart .cut{stroke:", $colour!(ink), "}",
            ".chart .median{fill:none;stroke:", $colour!(ink), "}",
            ".chart .mark{stroke:", $colour!(ink), "}",
            ".chart .ring{fill:", $colour!(surface), ";stroke:", $colour!(accent), "}",
            ".chart .branch{stroke:", $colour!(rest), "}",
            ".chart .track{fill:", $colour!(line), "}",
            ".chart .normal{fill:", $colour!(normal), "}",
            ".chart .suspicious{fill:", $colour!(accent), "}",
            ".chart .normal-edge{stroke:", $colour!(normal), "}",
            ".chart .suspicious-edge{stroke:", $colour!(accent), "}",
            ".chart .positive{fill:", $colour!(positive), "}",
            ".chart .negative{fill:", $colour!(negative), "}",
            ".chart .high{fill:", $colour!(high), "}",
            ".chart .medium{fill:", $colour!(medium), "}",
            ".chart .low{fill:", $colour!(low), "}",
        )
    };
}

/// The rules of the charts with the colours of the light theme, for PDFs and SVG files.
pub const STYLE: &str = sheet!(plain);

/// The rules of the charts with colours as custom properties, which pages define ([`LIGHT`], [`DARK`]).
pub const THEMED: &str = sheet!(property);

/// The class of a cluster; 1 is the largest, 0 is none.
pub fn cluster(label: u32) -> std::borrow::Cow<'static, str> {
    const NAMES: [&str; CLUSTERS as usize] =
        ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12"];
    let index = usize::try_from(label).unwrap_or(usize::MAX).wrapping_sub(1);
    NAMES.get(index).copied().unwrap_or("c-rest").into()
}

/// The chart with its style sheet included.
pub fn standalone(svg: &str) -> String {
    match svg.split_once('>') {
        Some((root, rest)) if root.starts_with("<svg") => {
            format!("{root}><style>{STYLE}</style>{rest}")
        }
        _ => svg.to_owned(),
    }
}

/// The scale of similarities from 0 to 1: lightness in `OKLab` increases evenly from 0.25 to 0.95, and the hue changes
/// from indigo over teal to sand, so that it can be read without colour and on either surface.
const SIMILARITY: [u32; 17] = [
    0x1f_1e36, 0x21_2850, 0x1a_3566, 0x01_4576, 0x02_5579, 0x02_647f, 0x01_7484, 0x04_8489,
    0x0b_948b, 0x0a_a48a, 0x26_b582, 0x63_bf7d, 0x8e_c87c, 0xb2_d183, 0xd0_d993, 0xe9_e3ab,
    0xfe_eec1,
];

/// The number of colours in a heat map: enough for the eye, few enough for a small image.
pub const SHADES: u8 = 64;

/// Red, green, blue of each shade, from similarity 0.
pub fn similarity() -> Vec<u8> {
    let channel = |colour: u32, shift: u32| f64::from((colour >> shift) & 0xff);
    let mut out = Vec::with_capacity(usize::from(SHADES) * 3);
    for shade in 0..SHADES {
        let position = f64::from(shade) / f64::from(SHADES - 1) * (SIMILARITY.len() - 1) as f64;
        let pair = SIMILARITY.iter().zip(SIMILARITY.iter().skip(1)).enumerate();
        for (i, (from, to)) in pair {
            let share = position - i as f64;
            if (0.0..1.0).contains(&share) || (i + 2 == SIMILARITY.len() && share == 1.0) {
                for shift in [16, 8, 0] {
                    let (from, to) = (channel(*from, shift), channel(*to, shift));
                    out.push(byte(from + share * (to - from)));
                }
            }
        }
    }
    out
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of the type"
)]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_have_classes() {
        assert_eq!(
            [1, 12, 13, 0, u32::MAX].map(cluster),
            ["c1", "c12", "c-rest", "c-rest", "c-rest"]
        );
    }

    #[test]
    fn a_standalone_chart_contains_its_style() {
        let svg = super::super::svg::empty_chart("none > 0");
        let alone = standalone(&svg);
        assert!(alone.contains("<style>.chart circle.c1{"));
        roxmltree::Document::parse(&alone).unwrap();
        assert_eq!(standalone("text"), "text");
    }
}
