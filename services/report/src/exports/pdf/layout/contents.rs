//! The table of contents: headings with page numbers, in two columns.

use krilla::tagging::Tag;

use super::{
    super::design::{
        PlacedHeading,
        style::{CELL, FAINT, STRONG_CELL},
    },
    block::{Align, Block, Context},
    frame::{Frame, Item},
    paragraph::Paragraph,
    tags::Mark,
};

/// Space between the columns.
const GUTTER: f32 = 22.0;
const INDENT: f32 = 10.0;
/// Above entries of the first level and of the second.
const SPACES: [f32; 2] = [7.0, 4.5];
/// Space around the dots.
const DOT_GAP: f32 = 4.0;
/// Distance from one dot to the next.
const DOT_STEP: f32 = 4.0;
/// Minimum width of a page number.
const NUMBER: f32 = 14.0;

#[derive(Clone, Debug)]
struct Entry {
    level: u8,
    words: String,
    title: String,
    page: usize,
    /// Index in the document's headings.
    heading: usize,
}

#[derive(Clone, Debug)]
pub struct ContentsList(Vec<Entry>);

impl ContentsList {
    /// Lists headings whose pages come after `pages` other pages.
    pub fn new(headings: &[PlacedHeading], pages: usize) -> Self {
        let listed = headings.iter().enumerate().filter(|(_, placed)| placed.heading.level <= 2);
        Self(
            listed
                .map(|(number, placed)| Entry {
                    level: placed.heading.level,
                    words: format!("{} {}", placed.heading.number, placed.heading.title)
                        .trim()
                        .to_owned(),
                    title: placed.heading.title.clone(),
                    page: placed.page + pages + 1,
                    heading: number,
                })
                .collect(),
        )
    }

    pub fn layout(&self, context: &mut Context, width: f32, parent: Mark) -> Frame {
        let column = (width - GUTTER) / 2.0;
        let mark = context.tags.child(parent, Tag::TOC);
        let frames: Vec<(f32, Frame)> = self
            .0
            .iter()
            .map(|entry| {
                let above = SPACES[usize::from(entry.level > 1)];
                (above, entry.layout(context, column, mark))
            })
            .collect();
        let half = frames.iter().map(|(above, entry)| above + entry.height).sum::<f32>() / 2.0;
        let mut frame = Frame::new(width, 0.0);
        let (mut x, mut y) = (0.0, 0.0);
        for (above, entry) in frames {
            if x == 0.0 && y > half {
                (x, y) = (column + GUTTER, 0.0);
            }
            y += if y == 0.0 { 0.0 } else { above };
            let height = entry.height;
            frame.place(x, y, entry);
            y += height;
            frame.height = frame.height.max(y);
        }
        frame
    }
}

impl Entry {
    fn layout(&self, context: &mut Context, width: f32, parent: Mark) -> Frame {
        let indent = if self.level > 1 { INDENT } else { 0.0 };
        let style = if self.level > 1 { CELL } else { STRONG_CELL };
        let item = context.tags.child(parent, Tag::TOCI);
        let reference = context.tags.child(item, Tag::Reference);
        let link = context.tags.child(reference, Tag::Link);
        let tag = Tag::Span;
        let words = Paragraph::new(&*self.words, style).with_tag(tag.clone());
        let number =
            Paragraph::new(self.page.to_string(), CELL).with_align(Align::Right).with_tag(tag);
        let number_width = number.natural_width(context).max(NUMBER);
        let room = width - indent - number_width - DOT_GAP;
        let natural = words.natural_width(context);
        let words = Block::from(words).layout(context, room, link);
        let number = Block::from(number).layout(context, number_width, link);
        let mut frame = Frame::new(width, words.height);
        let baseline = frame.height;
        frame.place(indent, 0.0, words);
        if natural <= room {
            dots(&mut frame, context, (indent + natural + DOT_GAP, indent + room), baseline);
        }
        frame.place(width - number_width, baseline - number.height, number);
        let area = Item::Link {
            width: width - indent,
            height: frame.height + 3.0,
            heading: self.heading,
            words: format!("{}, page {}", self.title, self.page),
        };
        frame.push(indent, -1.5, area, link);
        frame
    }
}

/// Draws dots at the same positions in all entries.
fn dots(frame: &mut Frame, context: &Context, (from, to): (f32, f32), baseline: f32) {
    let runs = context.shaper.shape(".", CELL, false);
    let Some(run) = runs.first() else { return };
    let mut x = (from / DOT_STEP).ceil() * DOT_STEP;
    while x + run.width <= to {
        frame.push(x, baseline, Item::Glyphs { run: run.clone(), colour: FAINT }, Mark::Layout);
        x += DOT_STEP;
    }
}
