//! The fonts of the document: those embedded here and no others, so that it is the same wherever it is made.
//!
//! Inter (for text) and `JetBrains Mono` (for values) have Latin, Greek and Cyrillic, Noto Sans has Arabic,
//! Hebrew, Devanagari and Thai. Chinese, Japanese, Korean and other scripts are not covered, nor are emoji: what has no
//! glyph is written as an escape (see [`super::text`]). All are under the SIL Open Font License: fonts/OFL.txt.

use std::sync::LazyLock;

use typst::{
    foundations::Bytes,
    text::{Font, FontBook},
    utils::LazyHash,
};

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

/// Fonts and what is known of them, in the same order.
pub struct Fonts {
    pub fonts: Vec<Font>,
    pub book: LazyHash<FontBook>,
}

pub static FONTS: LazyLock<Fonts> = LazyLock::new(|| {
    let fonts: Vec<Font> = FILES.iter().flat_map(|file| Font::iter(Bytes::new(*file))).collect();
    let book = LazyHash::new(FontBook::from_fonts(&fonts));
    Fonts { fonts, book }
});

/// Whether any font has a glyph for it.
pub fn has(character: char) -> bool {
    character.is_ascii_graphic()
        || FONTS.fonts.iter().any(|font| font.info().coverage.contains(u32::from(character)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_those_that_the_template_names() {
        let families: Vec<&str> = FONTS.book.families().map(|(family, _)| family).collect();
        assert_eq!(
            families,
            [
                "Inter",
                "JetBrains Mono",
                "Noto Sans Arabic",
                "Noto Sans Devanagari",
                "Noto Sans Hebrew",
                "Noto Sans Thai"
            ]
        );
        assert_eq!(FONTS.fonts.len(), FILES.len());
    }

    #[test]
    fn scripts_are_covered_as_told() {
        assert!("azÄßžñ Ωλ Жя عربي עברית हिन्दी ไทย …–·→≥%".chars().filter(|c| *c != ' ').all(has));
        assert!(!"漢かカ한😀\u{fffff}".chars().any(has));
    }
}
