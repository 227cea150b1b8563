//! The flow of blocks down a page and on to the next one.

use std::num::NonZeroU16;

use krilla::tagging::Tag;

use super::{
    block::{Block, Context},
    frame::{Frame, Item},
    paragraph::Paragraph,
    table::Table,
    tags::Mark,
};

/// A divisible block starts on a page only where at least this much of it fits.
const BEGINNING: f32 = 120.0;
/// Tolerance for rounding errors.
const TOLERANCE: f32 = 0.01;

/// Space around a block. The larger space of two neighbours applies; at the top of a page there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spacing {
    pub above: f32,
    pub below: f32,
}

impl Spacing {
    pub const fn new(above: f32, below: f32) -> Self {
        Self { above, below }
    }
}

/// A heading, also used for bookmarks and the table of contents.
#[derive(Clone, Debug)]
pub struct Heading {
    pub level: u8,
    /// Section number; empty for headings without one.
    pub number: String,
    pub title: String,
}

/// A frame to be placed on the same page as its successor.
struct HeldFrame {
    frame: Frame,
    spacing: Spacing,
}

/// Places blocks on pages of one size.
pub struct Flow<'a> {
    pub context: &'a mut Context,
    width: f32,
    height: f32,
    pages: Vec<Frame>,
    page: Frame,
    y: f32,
    /// Space below the last block.
    space: f32,
    held: Vec<HeldFrame>,
    headings: Vec<Heading>,
}

impl<'a> Flow<'a> {
    /// `width` and `height` are those of a page's content.
    pub fn new(context: &'a mut Context, width: f32, height: f32) -> Self {
        Self {
            context,
            width,
            height,
            pages: Vec::new(),
            page: Frame::new(width, height),
            y: 0.0,
            space: 0.0,
            held: Vec::new(),
            headings: Vec::new(),
        }
    }

    /// Adds a block, which is divided only if it is higher than a page.
    pub fn block(&mut self, block: &Block, spacing: Spacing, parent: Mark) {
        let frame = block.layout(self.context, self.width, parent);
        if frame.height > 0.0 {
            self.place(frame, spacing, None);
        }
    }

    /// Adds a block that may continue on the next page.
    pub fn divisible_block(&mut self, block: &Block, spacing: Spacing, parent: Mark) {
        let frame = block.layout(self.context, self.width, parent);
        let room = self.height - self.y - self.space.max(spacing.above);
        if frame.height <= room || room < BEGINNING || !self.held.is_empty() {
            return self.place(frame, spacing, None);
        }
        let (fitting, rest) = frame.split(room);
        let fitting = Frame { height: fitting.height.min(room), ..fitting };
        self.place(fitting, Spacing { below: 0.0, ..spacing }, None);
        if let Some(rest) = rest {
            self.next_page();
            self.place(rest, Spacing { above: 0.0, ..spacing }, None);
        }
    }

    /// Adds a block that stays on the same page as its successor.
    pub fn sticky_block(&mut self, block: &Block, spacing: Spacing, parent: Mark) {
        let frame = block.layout(self.context, self.width, parent);
        if frame.height > 0.0 {
            self.held.push(HeldFrame { frame, spacing });
        }
    }

    /// Adds a heading, printed as `words`. It stays on the same page as its successor.
    pub fn heading(&mut self, heading: Heading, words: Paragraph, spacing: Spacing, parent: Mark) {
        let level = NonZeroU16::new(heading.level.into()).unwrap_or(NonZeroU16::MIN);
        let words = words.with_tag(Tag::Hn(level, Some(heading.title.clone())));
        let mut frame = words.layout(self.context, self.width, parent);
        frame.push(0.0, 0.0, Item::Anchor(self.headings.len()), Mark::Layout);
        self.headings.push(heading);
        self.held.push(HeldFrame { frame, spacing });
    }

    /// Adds a table. Its head is repeated on every page.
    pub fn table(&mut self, table: &Table, spacing: Spacing, parent: Mark) {
        let widths = table.widths(self.context, self.width);
        let mark = self.context.tags.child(parent, Tag::Table);
        let head = table.head(self.context, &widths, mark);
        let repeated = table.head(self.context, &widths, Mark::Layout);
        self.held.push(HeldFrame { frame: head, spacing: Spacing::new(spacing.above, 0.0) });
        let body = self.context.tags.child(mark, Tag::TBody);
        for row in &table.rows {
            let row = table.row(self.context, row, &widths, body);
            self.place(row, Spacing::default(), Some(&repeated));
        }
        self.place_held();
        self.space = spacing.below;
    }

    /// Starts a new page, unless this one is empty.
    pub fn break_page(&mut self) {
        self.place_held();
        if self.y > 0.0 {
            self.next_page();
        }
    }

    /// Returns the pages and the headings; [`Item::Anchor`] marks where each heading is.
    pub fn finish(mut self) -> (Vec<Frame>, Vec<Heading>) {
        self.place_held();
        if self.y > 0.0 {
            self.next_page();
        }
        (self.pages, self.headings)
    }

    fn next_page(&mut self) {
        let page = std::mem::replace(&mut self.page, Frame::new(self.width, self.height));
        self.pages.push(page);
        (self.y, self.space) = (0.0, 0.0);
    }

    fn place_held(&mut self) {
        for HeldFrame { frame, spacing } in std::mem::take(&mut self.held) {
            self.place(frame, spacing, None);
        }
    }

    /// Places the held frames and this one on the current page, or on the next one if they do not fit. A frame higher
    /// than a page is divided; `head` is repeated on each page.
    fn place(&mut self, frame: Frame, spacing: Spacing, head: Option<&Frame>) {
        let held = std::mem::take(&mut self.held);
        let with_head = !held.is_empty();
        if self.y + self.height_of(&held, &frame, spacing) > self.height + TOLERANCE && self.y > 0.0
        {
            self.next_page();
            if !with_head && let Some(head) = head {
                self.append(head.clone(), Spacing::default());
            }
        }
        for HeldFrame { frame, spacing } in held {
            self.append(frame, spacing);
        }
        let mut rest = Some(frame);
        while let Some(frame) = rest {
            let room = self.height - self.y - self.gap(spacing.above);
            if frame.height <= room + TOLERANCE {
                return self.append(frame, spacing);
            }
            let (fitting, more) = frame.split(room);
            self.append(fitting, spacing);
            rest = more;
            if rest.is_some() {
                self.next_page();
                if let Some(head) = head {
                    self.append(head.clone(), Spacing::default());
                }
            }
        }
    }

    /// Height of the held frames and the last one, with the spaces between them.
    fn height_of(&self, held: &[HeldFrame], frame: &Frame, spacing: Spacing) -> f32 {
        let (mut height, mut space) = (0.0, self.space);
        let last = std::iter::once((frame.height, spacing));
        for (own, spacing) in held.iter().map(|held| (held.frame.height, held.spacing)).chain(last)
        {
            height += own + if self.y + height > 0.0 { space.max(spacing.above) } else { 0.0 };
            space = spacing.below;
        }
        height
    }

    fn gap(&self, above: f32) -> f32 {
        if self.y > 0.0 { self.space.max(above) } else { 0.0 }
    }

    fn append(&mut self, frame: Frame, spacing: Spacing) {
        let y = self.y + self.gap(spacing.above);
        self.y = y + frame.height;
        self.space = spacing.below;
        self.page.place(0.0, y, frame);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            super::design::style::{CELL, INK},
            block::Bar,
            frame::PlacedItem,
            grid::Column,
        },
        *,
    };

    const WIDTH: f32 = 200.0;
    const HEIGHT: f32 = 100.0;

    fn stack(heights: &[f32]) -> Block {
        let bar = Block::Bar(Bar { share: 1.0, width: 10.0, colour: INK, ground: INK });
        // A bar is four high.
        let line = |(place, height): (usize, &f32)| {
            (if place == 0 { 0.0 } else { height - 4.0 }, bar.clone())
        };
        Block::Stack(heights.iter().enumerate().map(line).collect())
    }

    fn pages(add: impl Fn(&mut Flow)) -> Vec<Frame> {
        let mut context = Context::default();
        let mut flow = Flow::new(&mut context, WIDTH, HEIGHT);
        add(&mut flow);
        flow.finish().0
    }

    /// The texts on each page.
    fn texts(pages: &[Frame]) -> Vec<Vec<String>> {
        let text = |placed: &PlacedItem| match &placed.item {
            Item::Glyphs { run, .. } if run.text != " " => Some(run.text.clone()),
            _ => None,
        };
        pages.iter().map(|page| page.items.iter().filter_map(text).collect()).collect()
    }

    fn words(words: &str) -> Block {
        Paragraph::new(words, CELL).into()
    }

    #[test]
    fn between_blocks_is_the_larger_space() {
        let pages = pages(|flow| {
            flow.block(&stack(&[4.0]), Spacing::new(30.0, 10.0), Mark::Layout);
            flow.block(&stack(&[4.0]), Spacing::new(5.0, 0.0), Mark::Layout);
            flow.block(&stack(&[4.0]), Spacing::new(7.0, 0.0), Mark::Layout);
        });
        let mut places: Vec<f32> = pages[0].items.iter().map(|placed| placed.y).collect();
        places.dedup();
        assert_eq!(places, [0.0, 14.0, 25.0]);
    }

    #[test]
    fn a_sticky_block_is_on_the_page_of_the_next_one() {
        let pages = pages(|flow| {
            flow.block(&stack(&[4.0, 80.0]), Spacing::default(), Mark::Layout);
            flow.sticky_block(&words("title"), Spacing::default(), Mark::Layout);
            flow.block(
                &words("a b c d e f g").with_leading(20.0),
                Spacing::new(10.0, 0.0),
                Mark::Layout,
            );
        });
        assert_eq!(texts(&pages), [vec![], vec!["title".to_owned(), "a b c d e f g".to_owned()]]);
    }

    #[test]
    fn a_table_repeats_its_head() {
        let table = Table::new([Column::share(1.0)], ["head"], (0.0, 10.0))
            .with_rows((0..8).map(|row| [words(&row.to_string())]));
        let pages = pages(|flow| flow.table(&table, Spacing::default(), Mark::Layout));
        let texts = texts(&pages);
        assert!(texts.len() >= 3 && texts.iter().all(|page| page[0] == "head"), "{texts:?}");
        let rows: Vec<&String> = texts.iter().flat_map(|page| &page[1..]).collect();
        assert_eq!(rows, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    }

    #[test]
    fn a_block_higher_than_a_page_is_divided() {
        let lines: Vec<String> = (0..40).map(|line| format!("line{line}")).collect();
        let block = Block::column(4.0, lines.iter().map(|line| words(line)));
        let pages = pages(|flow| {
            flow.block(&words("before"), Spacing::default(), Mark::Layout);
            flow.block(&block, Spacing::new(4.0, 0.0), Mark::Layout);
        });
        assert!(
            pages.iter().all(|page| page.items.iter().all(|item| item.bottom() <= HEIGHT + 3.0))
        );
        let shown = texts(&pages).concat();
        assert_eq!(shown[1..], lines);
    }

    #[test]
    fn a_page_is_broken_once() {
        let pages = pages(|flow| {
            flow.break_page();
            flow.block(&words("a"), Spacing::default(), Mark::Layout);
            flow.break_page();
            flow.break_page();
            flow.block(&words("b"), Spacing::default(), Mark::Layout);
        });
        assert_eq!(texts(&pages), [["a"], ["b"]]);
    }
}
