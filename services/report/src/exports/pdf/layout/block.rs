//! Blocks: the content of pages. A block is laid out to a given width, which determines its height.

use krilla::tagging::Tag;

use super::{
    chart::Chart,
    contents::ContentsList,
    frame::{Colour, Frame, Item},
    grid::Grid,
    paragraph::Paragraph,
    shape::Shaper,
    tags::{Mark, Tags},
};

/// Shared state of a layout: shaped text and the document structure.
#[derive(Default)]
pub struct Context {
    pub shaper: Shaper,
    pub tags: Tags,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    #[default]
    Left,
    Right,
}

#[derive(Clone, Debug)]
pub enum Block {
    Paragraph(Paragraph),
    /// Blocks below each other, each with the space above it.
    Stack(Vec<(f32, Self)>),
    Grid(Grid),
    Bar(Bar),
    Card(Box<Card>),
    Chart(Chart),
    Contents(ContentsList),
}

/// A share of 0..1 as a bar.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    pub share: f64,
    pub width: f32,
    pub colour: Colour,
    pub ground: Colour,
}

const BAR_HEIGHT: f32 = 4.0;
const BAR_RADIUS: f32 = 1.0;

/// A block on a background, with an optional line at the top.
#[derive(Clone, Debug)]
pub struct Card {
    pub body: Block,
    pub ground: Colour,
    pub top: Option<Colour>,
    /// Padding: horizontal, vertical.
    pub inset: (f32, f32),
}

const CARD_RADIUS: f32 = 3.0;
const CARD_TOP: f32 = 1.6;

impl Block {
    pub fn empty() -> Self {
        Self::Stack(Vec::new())
    }

    /// Blocks below each other with equal space between them.
    pub fn column(gap: f32, blocks: impl IntoIterator<Item = Self>) -> Self {
        Self::Stack(
            blocks
                .into_iter()
                .enumerate()
                .map(|(place, block)| (if place == 0 { 0.0 } else { gap }, block))
                .collect(),
        )
    }

    /// Sets the alignment of all paragraphs.
    pub fn with_align(self, align: Align) -> Self {
        match self {
            Self::Paragraph(paragraph) => Self::Paragraph(paragraph.with_align(align)),
            Self::Stack(blocks) => Self::Stack(
                blocks.into_iter().map(|(gap, block)| (gap, block.with_align(align))).collect(),
            ),
            other => other,
        }
    }

    /// Whether its content can belong to an enclosing structure element.
    pub fn is_inline(&self) -> bool {
        matches!(self, Self::Paragraph(_) | Self::Bar(_))
    }

    /// Makes a paragraph part of the enclosing structure element.
    pub fn without_tag(self) -> Self {
        match self {
            Self::Paragraph(paragraph) => Self::Paragraph(paragraph.without_tag()),
            other => other,
        }
    }

    /// Sets the line spacing of all paragraphs.
    pub fn with_leading(self, leading: f32) -> Self {
        match self {
            Self::Paragraph(paragraph) => Self::Paragraph(paragraph.with_leading(leading)),
            Self::Stack(blocks) => Self::Stack(
                blocks.into_iter().map(|(gap, block)| (gap, block.with_leading(leading))).collect(),
            ),
            Self::Grid(grid) => Self::Grid(grid.with_leading(leading)),
            other => other,
        }
    }

    /// The width without line breaks; 0 for blocks that adapt to any width.
    pub fn natural_width(&self, context: &Context) -> f32 {
        match self {
            Self::Paragraph(paragraph) => paragraph.natural_width(context),
            Self::Stack(blocks) => {
                blocks.iter().map(|(_, block)| block.natural_width(context)).fold(0.0, f32::max)
            }
            Self::Bar(bar) => bar.width,
            Self::Grid(_) | Self::Card(_) | Self::Chart(_) | Self::Contents(_) => 0.0,
        }
    }

    pub fn layout(&self, context: &mut Context, width: f32, parent: Mark) -> Frame {
        match self {
            Self::Paragraph(paragraph) => paragraph.layout(context, width, parent),
            Self::Stack(blocks) => {
                let mut frame = Frame::new(width, 0.0);
                for (gap, block) in blocks {
                    let part = block.layout(context, width, parent);
                    let y = frame.height + gap;
                    frame.height = y + part.height;
                    frame.place(0.0, y, part);
                }
                frame
            }
            Self::Grid(grid) => grid.layout(context, width, parent),
            Self::Bar(bar) => bar.layout(),
            Self::Card(card) => card.layout(context, width, parent),
            Self::Chart(chart) => chart.layout(context, width, parent),
            Self::Contents(list) => list.layout(context, width, parent),
        }
    }
}

impl From<Paragraph> for Block {
    fn from(paragraph: Paragraph) -> Self {
        Self::Paragraph(paragraph)
    }
}

impl Bar {
    #[expect(clippy::cast_possible_truncation, reason = "a share")]
    fn layout(&self) -> Frame {
        let mut frame = Frame::new(self.width, BAR_HEIGHT);
        let share = if self.share.is_finite() { self.share.clamp(0.0, 1.0) as f32 } else { 0.0 };
        for (width, colour) in [(self.width, self.ground), (self.width * share, self.colour)] {
            if width > 0.0 {
                let bar = Item::Rectangle { width, height: BAR_HEIGHT, radius: BAR_RADIUS, colour };
                frame.push(0.0, 0.0, bar, Mark::Layout);
            }
        }
        frame
    }
}

impl Card {
    fn layout(&self, context: &mut Context, width: f32, parent: Mark) -> Frame {
        let (x, y) = self.inset;
        let mark = context.tags.child(parent, Tag::Div);
        let body = self.body.layout(context, width - 2.0 * x, mark);
        let height = body.height + 2.0 * y;
        let mut frame = Frame::new(width, height);
        let ground = Item::Rectangle { width, height, radius: CARD_RADIUS, colour: self.ground };
        frame.push(0.0, 0.0, ground, Mark::Layout);
        if let Some(colour) = self.top {
            let line = Item::Rectangle { width, height: CARD_TOP, radius: 0.0, colour };
            frame.push(0.0, 0.0, line, Mark::Layout);
        }
        frame.place(x, y, body);
        frame
    }
}
