//! A line of a paragraph.

use std::rc::Rc;

use krilla::text::KrillaGlyph;
use unicode_bidi::{BidiInfo, Level};

use super::{
    super::design::style::WHITE,
    badge::Badge,
    frame::{Colour, Frame, GlyphRun, Item},
    tags::Mark,
};

#[derive(Clone, Debug)]
pub enum LineItem {
    Run {
        run: Rc<GlyphRun>,
        colour: Colour,
        level: Level,
    },
    /// Empty space, extracted as a space.
    Gap {
        width: f32,
        space: Option<Rc<GlyphRun>>,
    },
    Badge(Badge),
}

impl LineItem {
    pub fn width(&self) -> f32 {
        match self {
            Self::Run { run, .. } => run.width,
            Self::Gap { width, .. } => *width,
            Self::Badge(badge) => badge.width(),
        }
    }

    fn ascent(&self) -> f32 {
        match self {
            Self::Run { run, .. } => run.cap_height(),
            Self::Gap { .. } => 0.0,
            Self::Badge(badge) => badge.ascent(),
        }
    }

    fn level(&self) -> Level {
        match self {
            Self::Run { level, .. } => *level,
            Self::Gap { .. } | Self::Badge(_) => Level::ltr(),
        }
    }
}

/// Items in logical order.
#[derive(Debug, Default)]
pub struct Line {
    items: Vec<LineItem>,
    /// Trailing spaces, not counted in the width: they separate words when the text is extracted.
    spaces: Vec<LineItem>,
}

impl Line {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds items. A gap at the start of a line is dropped.
    pub fn extend(&mut self, items: Vec<LineItem>) {
        for item in items {
            if !(self.is_empty() && matches!(item, LineItem::Gap { .. })) {
                self.items.push(item);
            }
        }
    }

    /// Sets the trailing spaces.
    pub fn end_with(&mut self, spaces: Vec<LineItem>) {
        self.spaces = spaces;
    }

    pub fn width(&self) -> f32 {
        self.items.iter().map(LineItem::width).sum()
    }

    /// Height above the baseline.
    pub fn ascent(&self) -> f32 {
        self.items.iter().map(LineItem::ascent).fold(0.0, f32::max)
    }

    pub fn draw(&self, frame: &mut Frame, mut x: f32, baseline: f32, mark: Mark) {
        for item in self.visual_order().into_iter().chain(self.spaces.iter().cloned()) {
            let width = item.width();
            match item {
                LineItem::Run { run, colour, .. } => {
                    frame.push(x, baseline, Item::Glyphs { run, colour }, mark);
                }
                LineItem::Gap { space: Some(run), .. } => {
                    frame.push(x, baseline, Item::Glyphs { run, colour: WHITE }, mark);
                }
                LineItem::Gap { space: None, .. } => {}
                LineItem::Badge(badge) => badge.draw(frame, x, baseline, mark),
            }
            x += width;
        }
    }

    /// Items from left to right, adjacent runs of the same font and colour merged.
    fn visual_order(&self) -> Vec<LineItem> {
        let levels: Vec<Level> = self.items.iter().map(LineItem::level).collect();
        let order = BidiInfo::reorder_visual(&levels);
        let mut items: Vec<LineItem> = Vec::with_capacity(order.len());
        for item in order.into_iter().filter_map(|place| self.items.get(place)) {
            match items.last_mut().and_then(|last| joined(last, item)) {
                Some(joined) => {
                    items.pop();
                    items.push(joined);
                }
                None => items.push(item.clone()),
            }
        }
        items
    }
}

/// Merges two left-to-right runs of the same font and colour.
fn joined(first: &LineItem, second: &LineItem) -> Option<LineItem> {
    let (
        LineItem::Run { run: a, colour, level },
        LineItem::Run { run: b, colour: colour_b, level: level_b },
    ) = (first, second)
    else {
        return None;
    };
    let alike = a.font == b.font && a.size == b.size && colour == colour_b;
    if !alike || level.is_rtl() || level_b.is_rtl() {
        return None;
    }
    let offset = a.text.len();
    let moved = b.glyphs.iter().map(|glyph| KrillaGlyph {
        text_range: glyph.text_range.start + offset..glyph.text_range.end + offset,
        ..glyph.clone()
    });
    let run = GlyphRun {
        font: a.font,
        size: a.size,
        text: format!("{}{}", a.text, b.text),
        glyphs: a.glyphs.iter().cloned().chain(moved).collect(),
        width: a.width + b.width,
    };
    Some(LineItem::Run { run: Rc::new(run), colour: *colour, level: *level })
}
