//! The inline content of a paragraph, prepared for line breaking.

use std::{ops::Range, rc::Rc};

use unicode_bidi::{BidiInfo, Level};

use super::{
    super::{
        content::text::{BREAK, is_mark},
        design::style::BADGE,
    },
    badge::Badge,
    block::Context,
    frame::{Colour, GlyphRun},
    line::{Line, LineItem},
    shape::Style,
};

/// Placeholder for gaps and badges in the text.
const OBJECT: char = '\u{fffc}';
/// Tolerance for rounding errors in widths.
pub const TOLERANCE: f32 = 0.01;

/// A part of a paragraph.
#[derive(Clone, Debug)]
pub enum Inline {
    Text(String, Style),
    /// Empty space, in points.
    Gap(f32),
    /// A word on a coloured background.
    Badge(String, Colour),
}

/// The text of a paragraph with the range of each part.
pub struct InlineText<'a> {
    pub text: String,
    parts: Vec<(Range<usize>, &'a Inline)>,
    /// Bidi level of each byte; empty where all text is left-to-right.
    levels: Vec<Level>,
}

impl<'a> InlineText<'a> {
    pub fn new(inlines: &'a [Inline]) -> Self {
        let mut text = String::new();
        let mut parts = Vec::new();
        for inline in inlines {
            let start = text.len();
            match inline {
                Inline::Text(part, _) => text.push_str(part),
                Inline::Gap(_) | Inline::Badge(..) => text.push(OBJECT),
            }
            parts.push((start..text.len(), inline));
        }
        let levels = if text.is_ascii() {
            Vec::new()
        } else {
            let bidi = BidiInfo::new(&text, Some(Level::ltr()));
            if bidi.has_rtl() { bidi.levels } else { Vec::new() }
        };
        Self { text, parts, levels }
    }

    fn level(&self, place: usize) -> Level {
        self.levels.get(place).copied().unwrap_or(Level::ltr())
    }

    /// The items of a range of the text, in logical order.
    pub fn items(&self, context: &Context, range: Range<usize>) -> Vec<LineItem> {
        let mut items = Vec::new();
        for (part, inline) in &self.parts {
            let (start, end) = (part.start.max(range.start), part.end.min(range.end));
            if start >= end {
                continue;
            }
            match inline {
                Inline::Text(_, style) => self.add_runs(context, start..end, *style, &mut items),
                Inline::Gap(width) => items.push(LineItem::Gap {
                    width: *width,
                    space: context.shaper.shape(" ", BADGE, false).first().cloned(),
                }),
                Inline::Badge(word, ground) => {
                    items.push(LineItem::Badge(Badge::new(word, *ground, &context.shaper)));
                }
            }
        }
        items
    }

    /// Adds runs of words or spaces, each of one direction.
    fn add_runs(
        &self,
        context: &Context,
        range: Range<usize>,
        style: Style,
        items: &mut Vec<LineItem>,
    ) {
        let kind = |place: usize, character: char| (self.level(place), character == ' ');
        let mut start = range.start;
        let text = self.text.get(range.clone()).unwrap_or_default();
        let mut characters =
            text.char_indices().map(|(place, c)| (range.start + place, c)).peekable();
        while let Some((place, character)) = characters.next() {
            let next = characters.peek().copied();
            let end = next.map_or(range.end, |(place, _)| place);
            if character == BREAK {
                start = end;
                continue;
            }
            let ends = next.is_none_or(|(after, next)| {
                next == BREAK || kind(after, next) != kind(place, character)
            });
            if ends {
                let level = self.level(place);
                let part = self.text.get(start..end).unwrap_or_default();
                let runs: Rc<[Rc<GlyphRun>]> = context.shaper.shape(part, style, level.is_rtl());
                items.extend(runs.iter().map(|run| LineItem::Run {
                    run: Rc::clone(run),
                    colour: style.colour,
                    level,
                }));
                start = end;
            }
        }
    }

    /// Splits a word wider than a line: adds the full lines and returns the rest of the word.
    pub fn break_word(
        &self,
        context: &Context,
        mut word: Range<usize>,
        width: f32,
        lines: &mut Vec<Line>,
    ) -> Range<usize> {
        loop {
            let fits = |end: usize| {
                let items = self.items(context, word.start..end);
                items.iter().map(LineItem::width).sum::<f32>() <= width + TOLERANCE
            };
            if fits(word.end) {
                return word;
            }
            let ends = self.ends(word.clone());
            let fitting = ends.partition_point(|end| fits(*end)).max(1);
            let Some(end) = ends.get(fitting - 1).copied() else { return word };
            let mut line = Line::default();
            line.extend(self.items(context, word.start..end));
            lines.push(line);
            word.start = end;
        }
    }

    /// Where the word can be split: after each letter with its marks, except the last.
    fn ends(&self, word: Range<usize>) -> Vec<usize> {
        let text = self.text.get(word.clone()).unwrap_or_default();
        let mut ends = Vec::new();
        let mut joins = true;
        for (place, character) in text.char_indices() {
            if !joins && !is_mark(character) {
                ends.push(word.start + place);
            }
            joins = character == BREAK || character == '\u{94d}';
        }
        ends
    }
}
