//! Shaping: turns text of one direction into glyphs, with font fallback.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use krilla::text::{GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Feature, UnicodeBuffer, ttf_parser::Tag};

use super::{
    super::{
        content::text::is_mark,
        fonts::{FONTS, Family, FontId},
    },
    frame::{Colour, GlyphRun},
};

/// Font, size and colour of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    pub family: Family,
    /// In points.
    pub size: f32,
    /// Space after each glyph, in points.
    pub tracking: f32,
    pub colour: Colour,
}

impl Style {
    pub const fn new(family: Family, size: f32, colour: Colour) -> Self {
        Self { family, size, tracking: 0.0, colour }
    }

    pub const fn with_tracking(self, tracking: f32) -> Self {
        Self { tracking, ..self }
    }

    pub const fn with_colour(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    text: String,
    family: Family,
    size: u32,
    tracking: u32,
    right_to_left: bool,
}

/// Shapes text, with a cache: reports repeat the same words.
#[derive(Default)]
pub struct Shaper(RefCell<HashMap<Key, Rc<[Rc<GlyphRun>]>>>);

impl Shaper {
    /// Returns a run for each change of font, in logical order.
    pub fn shape(&self, text: &str, style: Style, right_to_left: bool) -> Rc<[Rc<GlyphRun>]> {
        let key = Key {
            text: text.to_owned(),
            family: style.family,
            size: style.size.to_bits(),
            tracking: style.tracking.to_bits(),
            right_to_left,
        };
        if let Some(runs) = self.0.borrow().get(&key) {
            return Rc::clone(runs);
        }
        let runs: Rc<[Rc<GlyphRun>]> = divide(text, style.family)
            .into_iter()
            .map(|(font, part)| Rc::new(run(part, font, style, right_to_left)))
            .collect();
        self.0.borrow_mut().insert(key, Rc::clone(&runs));
        runs
    }
}

/// Splits text by font. A combining mark uses the font of its letter if it has a glyph there.
fn divide(text: &str, family: Family) -> Vec<(FontId, &str)> {
    let fonts = family.fonts();
    let mut parts: Vec<(FontId, &str)> = Vec::new();
    let mut start = 0;
    let mut current = None;
    for (place, character) in text.char_indices() {
        let stays = is_mark(character)
            && current
                .and_then(|font| FONTS.get::<usize>(font))
                .is_some_and(|font| font.has(character));
        let font = if stays { current } else { font_for(character, &fonts) };
        if font != current {
            if let Some(font) = current {
                parts.push((font, &text[start..place]));
            }
            (start, current) = (place, font);
        }
    }
    parts.extend(current.map(|font| (font, &text[start..])));
    parts
}

/// The first font that has the character, else the first font.
fn font_for(character: char, fonts: &[FontId]) -> Option<FontId> {
    let found = fonts.iter().find(|font| FONTS.get(**font).is_some_and(|font| font.has(character)));
    found.or(fonts.first()).copied()
}

fn run(text: &str, font: FontId, style: Style, right_to_left: bool) -> GlyphRun {
    let mut run =
        GlyphRun { font, size: style.size, text: text.to_owned(), glyphs: Vec::new(), width: 0.0 };
    let Some(loaded) = FONTS.get(font) else { return run };
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.set_direction(if right_to_left {
        Direction::RightToLeft
    } else {
        Direction::LeftToRight
    });
    buffer.guess_segment_properties();
    let shaped = rustybuzz::shape(&loaded.face, &features(style.family), buffer);
    let clusters: Vec<usize> =
        shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    let ends = cluster_ends(&clusters, text.len());
    let units = |units: i32| units as f32 / loaded.units_per_em;
    for (place, position) in shaped.glyph_positions().iter().enumerate() {
        let (Some(info), Some(end)) = (shaped.glyph_infos().get(place), ends.get(place)) else {
            break;
        };
        let advance = units(position.x_advance) + style.tracking / style.size;
        run.width += advance * style.size;
        run.glyphs.push(KrillaGlyph::new(
            GlyphId::new(info.glyph_id),
            advance,
            units(position.x_offset),
            units(position.y_offset),
            0.0,
            info.cluster as usize..*end,
            None,
        ));
    }
    run
}

/// For each glyph the end of its cluster in the text: the start of the next one.
fn cluster_ends(clusters: &[usize], length: usize) -> Vec<usize> {
    let mut sorted = clusters.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    clusters
        .iter()
        .map(|cluster| {
            let next = sorted.partition_point(|other| other <= cluster);
            sorted.get(next).copied().unwrap_or(length)
        })
        .collect()
}

/// Tabular digits in text; no ligatures in values.
fn features(family: Family) -> Vec<Feature> {
    let feature = |tag: &[u8; 4], value| Feature::new(Tag::from_bytes(tag), value, ..);
    match family {
        Family::Monospaced => vec![feature(b"liga", 0), feature(b"clig", 0), feature(b"calt", 0)],
        Family::Regular | Family::SemiBold => vec![feature(b"tnum", 1)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style::new(Family::Regular, 10.0, Colour(0, 0, 0));

    fn texts(text: &str, right_to_left: bool) -> Vec<(FontId, String)> {
        let runs = Shaper::default().shape(text, STYLE, right_to_left);
        runs.iter().map(|run| (run.font, run.text.clone())).collect()
    }

    #[test]
    fn text_is_divided_by_font() {
        assert_eq!(texts("abc", false), [(0, "abc".to_owned())]);
        assert_eq!(texts("ab שלום", false), [(0, "ab ".to_owned()), (5, "שלום".to_owned())]);
        assert_eq!(texts("e\u{301}a", false), [(0, "e\u{301}a".to_owned())]);
    }

    #[test]
    fn glyphs_cover_the_text() {
        for (text, right_to_left) in [
            ("office fi 12", false),
            ("مرحبا", true),
            ("हिन्दी", false),
            ("e\u{301}x", false),
            ("ไทย", false),
        ] {
            let runs = Shaper::default().shape(text, STYLE, right_to_left);
            for run in &*runs {
                let mut covered = vec![false; run.text.len()];
                for glyph in &run.glyphs {
                    assert!(run.text.get(glyph.text_range.clone()).is_some(), "{text}");
                    covered[glyph.text_range.clone()].fill(true);
                    assert_ne!(glyph.glyph_id.to_u32(), 0, "{text}");
                }
                assert!(covered.iter().all(|covered| *covered), "{text}");
                assert!(run.width > 0.0);
            }
        }
    }

    #[test]
    fn digits_have_one_width() {
        let width = |text| Shaper::default().shape(text, STYLE, false)[0].width;
        assert_eq!(width("1111"), width("0808"));
    }
}
