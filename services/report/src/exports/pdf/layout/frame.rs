//! Frames: drawn items with their positions, relative to the frame's top left corner.

use std::rc::Rc;

use krilla::text::KrillaGlyph;
use usvg::Tree;

use super::{
    super::fonts::{FONTS, FontId},
    tags::Mark,
};

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// Glyphs of one font, from left to right.
#[derive(Debug)]
pub struct GlyphRun {
    pub font: FontId,
    /// In points, as all lengths.
    pub size: f32,
    /// The text of the glyphs.
    pub text: String,
    /// Advances and offsets are in units of the size.
    pub glyphs: Vec<KrillaGlyph>,
    pub width: f32,
}

impl GlyphRun {
    /// From the baseline to the top of the capitals.
    pub fn cap_height(&self) -> f32 {
        FONTS.get(self.font).map_or(0.0, |font| font.cap_height) * self.size
    }
}

#[derive(Clone, Debug)]
pub enum Item {
    /// Positioned at the left end of the baseline.
    Glyphs {
        run: Rc<GlyphRun>,
        colour: Colour,
    },
    Rectangle {
        width: f32,
        height: f32,
        radius: f32,
        colour: Colour,
    },
    Chart {
        tree: Rc<Tree>,
        width: f32,
        height: f32,
    },
    /// The destination of links and bookmarks to the heading with that index.
    Anchor(usize),
    /// A link to the heading with that index; `words` describe it.
    Link {
        width: f32,
        height: f32,
        heading: usize,
        words: String,
    },
}

impl Item {
    /// Width, height above the position and height below it.
    fn extent(&self) -> (f32, f32, f32) {
        match self {
            Self::Glyphs { run, .. } => (run.width, run.size * 0.75, run.size * 0.35),
            Self::Rectangle { width, height, .. }
            | Self::Chart { width, height, .. }
            | Self::Link { width, height, .. } => (*width, 0.0, *height),
            Self::Anchor(_) => (0.0, 0.0, 0.0),
        }
    }
}

#[derive(Clone, Debug)]
pub struct PlacedItem {
    pub x: f32,
    pub y: f32,
    pub item: Item,
    pub mark: Mark,
}

impl PlacedItem {
    #[cfg(test)]
    pub fn right(&self) -> f32 {
        self.x + self.item.extent().0
    }

    fn top(&self) -> f32 {
        self.y - self.item.extent().1
    }

    pub fn bottom(&self) -> f32 {
        self.y + self.item.extent().2
    }
}

#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub width: f32,
    pub height: f32,
    pub items: Vec<PlacedItem>,
}

impl Frame {
    pub fn new(width: f32, height: f32) -> Self {
        Self { width, height, items: Vec::new() }
    }

    pub fn push(&mut self, x: f32, y: f32, item: Item, mark: Mark) {
        self.items.push(PlacedItem { x, y, item, mark });
    }

    /// Adds the items of another frame at that position.
    pub fn place(&mut self, x: f32, y: f32, frame: Self) {
        self.items.extend(frame.items.into_iter().map(|item| PlacedItem {
            x: item.x + x,
            y: item.y + y,
            ..item
        }));
    }

    /// Divides the frame into the items that end within `height` and the others, which are moved up to the top.
    /// If no item fits, all stay in the first frame.
    pub fn split(self, height: f32) -> (Self, Option<Self>) {
        let (mut fitting, rest): (Vec<_>, Vec<_>) =
            self.items.into_iter().partition(|item| item.bottom() <= height);
        if fitting.is_empty() || rest.is_empty() {
            fitting.extend(rest);
            return (Self { items: fitting, ..Self::new(self.width, self.height) }, None);
        }
        let top = rest.iter().map(PlacedItem::top).fold(f32::INFINITY, f32::min).max(0.0);
        let mut below = Self::new(self.width, self.height - top);
        below.items = rest;
        below.items.iter_mut().for_each(|item| item.y -= top);
        (Self { items: fitting, ..Self::new(self.width, height) }, Some(below))
    }
}
