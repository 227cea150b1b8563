//! Colours, sizes and spaces. The colours are those of the charts.

use super::super::{
    fonts::Family::{Monospaced, Regular, SemiBold},
    layout::{flow::Spacing, frame::Colour, shape::Style},
};

pub const INK: Colour = Colour(0x1c, 0x21, 0x28);
pub const MUTED: Colour = Colour(0x5b, 0x64, 0x72);
pub const FAINT: Colour = Colour(0x8b, 0x92, 0x9c);
pub const LINE: Colour = Colour(0xdf, 0xe3, 0xe8);
pub const GROUND: Colour = Colour(0xf5, 0xf6, 0xf8);
pub const ACCENT: Colour = Colour(0xd1, 0x1f, 0x2f);
pub const MEDIUM: Colour = Colour(0xb4, 0x50, 0x0b);
pub const BLUE: Colour = Colour(0x2a, 0x6f, 0xbb);
pub const WHITE: Colour = Colour(0xff, 0xff, 0xff);

const MILLIMETRE: f32 = 72.0 / 25.4;
/// A4.
pub const PAGE: (f32, f32) = (210.0 * MILLIMETRE, 297.0 * MILLIMETRE);
pub const SIDE: f32 = 18.0 * MILLIMETRE;
pub const TOP: f32 = 24.0 * MILLIMETRE;
pub const BOTTOM: f32 = 20.0 * MILLIMETRE;
/// The width and the height that a page has for its content.
pub const BODY: (f32, f32) = (PAGE.0 - 2.0 * SIDE, PAGE.1 - TOP - BOTTOM);

pub const TEXT: Style = Style::new(Regular, 9.0, INK);
pub const STRONG: Style = Style::new(SemiBold, 9.0, INK);
/// In tables and lists.
pub const CELL: Style = Style::new(Regular, 8.0, INK);
pub const STRONG_CELL: Style = Style::new(SemiBold, 8.0, INK);
/// Captions, notes, page headers and footers.
pub const SMALL: Style = Style::new(Regular, 7.5, MUTED);
/// A table's head, the name of a figure.
pub const LABEL: Style = Style::new(SemiBold, 7.0, MUTED).with_tracking(0.2);
pub const BADGE: Style = Style::new(SemiBold, 6.5, WHITE).with_tracking(0.2);
/// A value of a record.
pub const VALUE: Style = Style::new(Monospaced, 6.8, INK);
/// A column's name beside it.
pub const VALUE_NAME: Style = Style::new(Regular, 6.8, MUTED);
/// Above a list on the first page.
pub const LIST_TITLE: Style = Style::new(SemiBold, 10.0, INK);

pub const SECTION: Style = Style::new(SemiBold, 17.0, INK);
pub const SUBSECTION: Style = Style::new(SemiBold, 11.5, INK);
pub const ITEM_TITLE: Style = Style::new(SemiBold, 9.5, INK);

/// Around a paragraph.
pub const PARAGRAPH: Spacing = Spacing::new(8.1, 8.1);
