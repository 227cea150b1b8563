//! The fonts of the document, embedded so that it is the same on every machine.
//!
//! Inter (for text) and `JetBrains Mono` (for values) have Latin, Greek and Cyrillic, Noto Sans has Arabic,
//! Hebrew, Devanagari and Thai. Chinese, Japanese, Korean and other scripts are not covered, nor are emoji: a
//! character without a glyph is written as an escape (see [`super::content::text`]). All are under the SIL Open Font
//! License: fonts/OFL.txt.

use std::sync::{Arc, LazyLock};

use krilla::text::Font;
use rustybuzz::{Face, ttf_parser};
use usvg::fontdb::{Database, Source};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fonts/", $name)).as_slice()
    };
}

const FILES: [&[u8]; 7] = [
    file!("Inter-Regular.otf"),
    file!("Inter-SemiBold.otf"),
    file!("JetBrainsMono-Regular.ttf"),
    file!("NotoSansArabic-Regular.ttf"),
    file!("NotoSansDevanagari-Regular.ttf"),
    file!("NotoSansHebrew-Regular.ttf"),
    file!("NotoSansThai-Regular.ttf"),
];

/// Cap height of a font that does not define it, as a share of the size.
const CAP_HEIGHT: f32 = 0.7;

/// Index in [`FONTS`].
pub type FontId = usize;

/// A font with its fallbacks, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Regular,
    SemiBold,
    Monospaced,
}

impl Family {
    pub fn fonts(self) -> [FontId; 5] {
        let first = match self {
            Self::Regular => 0,
            Self::SemiBold => 1,
            Self::Monospaced => 2,
        };
        [first, 3, 5, 4, 6]
    }
}

/// A font, parsed for shaping and for writing.
pub struct LoadedFont {
    pub face: Face<'static>,
    pub font: Font,
    /// As a share of the size.
    pub cap_height: f32,
    pub units_per_em: f32,
}

impl LoadedFont {
    fn new(file: &'static [u8]) -> Option<Self> {
        let face = Face::from_slice(file, 0)?;
        let units_per_em = f32::from(ttf_parser::Face::units_per_em(&face));
        let cap_height =
            face.capital_height().map_or(CAP_HEIGHT, |height| f32::from(height) / units_per_em);
        Some(Self { font: Font::new(file.into(), 0)?, cap_height, units_per_em, face })
    }

    pub fn has(&self, character: char) -> bool {
        self.face.glyph_index(character).is_some()
    }
}

/// All fonts, in the order of [`FILES`].
pub static FONTS: LazyLock<Vec<LoadedFont>> =
    LazyLock::new(|| FILES.iter().filter_map(|file| LoadedFont::new(file)).collect());

/// The same fonts, for charts.
pub static CHART_FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    for file in FILES {
        fonts.load_font_source(Source::Binary(Arc::new(file)));
    }
    fonts.set_sans_serif_family("Inter");
    Arc::new(fonts)
});

/// Whether any font has a glyph for it.
pub fn has(character: char) -> bool {
    character.is_ascii_graphic() || FONTS.iter().any(|font| font.has(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_fonts() {
        assert_eq!(FONTS.len(), FILES.len());
        let families: Vec<&str> = CHART_FONTS
            .faces()
            .filter_map(|face| face.families.first().map(|(name, _)| name.as_str()))
            .collect();
        assert_eq!(
            families,
            [
                "Inter",
                "Inter",
                "JetBrains Mono",
                "Noto Sans Arabic",
                "Noto Sans Devanagari",
                "Noto Sans Hebrew",
                "Noto Sans Thai"
            ]
        );
    }

    #[test]
    fn every_family_falls_back_to_all_scripts() {
        for family in [Family::Regular, Family::SemiBold, Family::Monospaced] {
            for character in ['a', 'Ω', 'Ж', 'ع', 'ש', 'ह', 'ไ'] {
                assert!(
                    family.fonts().iter().any(|font| FONTS[*font].has(character)),
                    "{character}"
                );
            }
        }
    }

    #[test]
    fn scripts_are_covered_as_documented() {
        assert!("azÄßžñ Ωλ Жя عربي עברית हिन्दी ไทย …–·→≥%".chars().filter(|c| *c != ' ').all(has));
        assert!(!"漢かカ한😀\u{fffff}".chars().any(has));
    }
}
