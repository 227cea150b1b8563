//! Paragraphs. Lines break at the opportunities of UAX #14, and anywhere in a word wider than a line.
//!
//! A line is as high as its capital letters; leading is the space from a baseline to the capitals of the next line.

use std::rc::Rc;

use krilla::tagging::{Tag, TagKind};
use unicode_bidi::Level;
use unicode_linebreak::linebreaks;

use super::{
    super::{content::text::BREAK, design::style::BADGE},
    block::{Align, Context},
    frame::Frame,
    inline::{Inline, InlineText, TOLERANCE},
    line::{Line, LineItem},
    shape::Style,
    tags::Mark,
};

/// Default leading, as a share of the font size.
pub const LEADING: f32 = 0.62;
/// Leading in tables.
pub const TABLE_LEADING: f32 = 0.5;

#[derive(Clone, Debug)]
pub struct Paragraph {
    pub inlines: Vec<Inline>,
    pub align: Align,
    pub leading: f32,
    /// Structure element; none: part of the enclosing element.
    pub tag: Option<TagKind>,
}

impl Paragraph {
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self::from_inlines(vec![Inline::Text(text.into(), style)])
    }

    pub fn from_inlines(inlines: Vec<Inline>) -> Self {
        Self { inlines, align: Align::Left, leading: LEADING, tag: Some(Tag::P.into()) }
    }

    pub fn with_leading(self, leading: f32) -> Self {
        Self { leading, ..self }
    }

    pub fn with_align(self, align: Align) -> Self {
        Self { align, ..self }
    }

    pub fn without_tag(self) -> Self {
        Self { tag: None, ..self }
    }

    pub fn with_tag(self, tag: impl Into<TagKind>) -> Self {
        Self { tag: Some(tag.into()), ..self }
    }

    /// A paragraph of one line, truncated with an ellipsis if it is wider than `width`.
    pub fn line(text: &str, style: Style, width: f32, context: &Context) -> Self {
        let ends: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        let cut =
            |end: &usize| Self::new(format!("{}…", text.get(..*end).unwrap_or_default()), style);
        let whole = Self::new(text, style);
        if whole.natural_width(context) <= width {
            return whole;
        }
        let fitting = ends.partition_point(|end| cut(end).natural_width(context) <= width);
        cut(ends.get(fitting.saturating_sub(1)).unwrap_or(&0))
    }

    /// The width without line breaks.
    pub fn natural_width(&self, context: &Context) -> f32 {
        let source = InlineText::new(&self.inlines);
        source.items(context, 0..source.text.len()).iter().map(LineItem::width).sum()
    }

    pub fn layout(&self, context: &mut Context, width: f32, parent: Mark) -> Frame {
        let lines = self.lines(context, width);
        let mark = match &self.tag {
            Some(tag) => context.tags.child(parent, tag.clone()),
            None => parent,
        };
        let mut frame = Frame::new(width, 0.0);
        for (place, line) in lines.iter().enumerate() {
            let between = if place == 0 { 0.0 } else { self.leading * self.size() };
            let baseline = frame.height + between + line.ascent();
            let x = match self.align {
                Align::Left => 0.0,
                Align::Right => width - line.width(),
            };
            line.draw(&mut frame, x, baseline, mark);
            frame.height = baseline;
        }
        frame
    }

    /// The size of its first text.
    fn size(&self) -> f32 {
        let size = self.inlines.iter().find_map(|inline| match inline {
            Inline::Text(_, style) => Some(style.size),
            Inline::Gap(_) | Inline::Badge(..) => None,
        });
        size.unwrap_or(BADGE.size)
    }

    fn lines(&self, context: &Context, width: f32) -> Vec<Line> {
        let source = InlineText::new(&self.inlines);
        let mut lines = Vec::new();
        let mut line = Line::default();
        let mut spaces: Vec<LineItem> = Vec::new();
        let mut start = 0;
        for (end, _) in linebreaks(&source.text) {
            let word = source.text.get(start..end).unwrap_or_default();
            let word_end = start + word.trim_end_matches([' ', BREAK]).len();
            let items = source.items(context, start..word_end);
            let length: f32 = items.iter().chain(&spaces).map(LineItem::width).sum();
            if !line.is_empty() && line.width() + length > width + TOLERANCE {
                line.end_with(std::mem::take(&mut spaces));
                lines.push(std::mem::take(&mut line));
            }
            if line.is_empty() {
                let rest = source.break_word(context, start..word_end, width, &mut lines);
                line.extend(source.items(context, rest));
            } else {
                line.extend(std::mem::take(&mut spaces));
                line.extend(items);
            }
            spaces = source.items(context, word_end..end);
            start = end;
        }
        if !line.is_empty() {
            if self.tag.is_none() {
                line.end_with(vec![self.space(context)]);
            }
            lines.push(line);
        }
        lines
    }

    /// Separates this paragraph from the next content of the same element.
    fn space(&self, context: &Context) -> LineItem {
        let style = self.inlines.iter().find_map(|inline| match inline {
            Inline::Text(_, style) => Some(*style),
            Inline::Gap(_) | Inline::Badge(..) => None,
        });
        let style = style.unwrap_or(BADGE);
        match context.shaper.shape(" ", style, false).first() {
            Some(run) => {
                LineItem::Run { run: Rc::clone(run), colour: style.colour, level: Level::ltr() }
            }
            None => LineItem::Gap { width: 0.0, space: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{
            super::content::text,
            frame::{Item, PlacedItem},
        },
        *,
    };
    use crate::exports::pdf::design::style::{BADGE, TEXT, VALUE};

    /// The text of each line.
    fn lines(paragraph: &Paragraph, width: f32) -> Vec<String> {
        let context = Context::default();
        let frame = paragraph.layout(&mut Context::default(), width, Mark::Layout);
        assert!(paragraph.natural_width(&context) >= 0.0);
        let mut lines: Vec<(f32, String)> = Vec::new();
        for PlacedItem { y, item, .. } in frame.items {
            let Item::Glyphs { run, .. } = item else { continue };
            match lines.last_mut() {
                Some((last, text)) if *last == y => text.push_str(&run.text),
                _ => lines.push((y, run.text.clone())),
            }
        }
        lines.into_iter().map(|(_, text)| text.trim_end().to_owned()).collect()
    }

    #[test]
    fn lines_break_between_words() {
        let paragraph = Paragraph::new("one two three", TEXT);
        assert_eq!(lines(&paragraph, 1_000.0), ["one two three"]);
        assert_eq!(lines(&paragraph, 45.0), ["one two", "three"]);
        assert_eq!(lines(&paragraph, 26.0), ["one", "two", "three"]);
    }

    #[test]
    fn long_words_break_where_they_may_and_else_anywhere() {
        // A letter of this font is 0.6 of the size wide.
        let width = |letters: f32| letters * 0.6 * VALUE.size + 0.1;
        let word = Paragraph::new("mail.\u{200b}example.\u{200b}org", VALUE);
        assert_eq!(lines(&word, width(12.0)), ["mail.", "example.org"]);
        assert_eq!(lines(&word, width(16.0)), ["mail.example.org"]);
        assert_eq!(lines(&Paragraph::new("abcdefgh", VALUE), width(3.0)), ["abc", "def", "gh"]);
        assert_eq!(lines(&Paragraph::new("abc", VALUE), 0.0), ["a", "b", "c"]);
    }

    #[test]
    fn words_from_the_right_are_in_their_order() {
        // The first word is the rightmost one.
        let shown = lines(&Paragraph::new("שלום עולם abc", TEXT), 1_000.0);
        assert_eq!(shown, ["עולם שלום abc"]);
    }

    #[test]
    fn badges_and_gaps_are_in_the_line() {
        let paragraph = Paragraph::from_inlines(vec![
            Inline::Badge("high".to_owned(), BADGE.colour),
            Inline::Gap(4.0),
            Inline::Text("suspicious".to_owned(), TEXT),
        ]);
        assert_eq!(lines(&paragraph, 1_000.0), ["high suspicious"]);
        assert_eq!(lines(&paragraph, 50.0), ["high", "suspicious"]);
    }

    #[test]
    fn a_line_is_cut() {
        let context = Context::default();
        let cut = Paragraph::line(&"x".repeat(300), TEXT, 100.0, &context);
        assert!(cut.natural_width(&context) <= 100.0);
        assert!(lines(&cut, 1_000.0)[0].ends_with("x…"));
        let whole = Paragraph::line("short", TEXT, 100.0, &context);
        assert_eq!(lines(&whole, 1_000.0), ["short"]);
        assert_eq!(lines(&Paragraph::line("short", TEXT, 0.0, &context), 1_000.0), ["…"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_may_be(text in any::<String>(), width in 20.0_f32..300.0) {
            let paragraph = Paragraph::new(text::value(&text), TEXT);
            let frame = paragraph.layout(&mut Context::default(), width, Mark::Layout);
            let words = |item: &Item| matches!(item, Item::Glyphs { run, .. } if run.text != " ");
            // Arrows of the font are wider than the narrowest line, and can't be broken.
            let single = |item: &Item| matches!(item, Item::Glyphs { run, .. } if run.text.chars().count() == 1);
            for placed in frame.items.iter().filter(|placed| words(&placed.item) && !single(&placed.item)) {
                prop_assert!(placed.x >= -TOLERANCE && placed.right() <= width + 2.0 * TOLERANCE);
            }
            let shown = lines(&paragraph, width).concat();
            let count = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != BREAK).count();
            prop_assert_eq!(count(&shown), count(&text::value(&text)));
        }
    }
}
