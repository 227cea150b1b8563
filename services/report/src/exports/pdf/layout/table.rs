//! A data table with a head.

use krilla::tagging::{TableHeaderScope, Tag};

use super::{
    super::design::style::{INK, LABEL, LINE},
    block::{Block, Context},
    frame::{Colour, Frame, Item},
    grid::{Column, widths},
    paragraph::{Paragraph, TABLE_LEADING},
    tags::Mark,
};

/// Thickness of the line below the head.
const HEAD_LINE: f32 = 0.8;
/// Thickness of the lines below rows.
const ROW_LINE: f32 = 0.5;

#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    head: Vec<&'static str>,
    /// Padding of cells: horizontal (except at the table's edges), vertical.
    inset: (f32, f32),
    pub rows: Vec<Vec<Block>>,
}

impl Table {
    pub fn new<const N: usize>(
        columns: [Column; N],
        head: [&'static str; N],
        inset: (f32, f32),
    ) -> Self {
        Self { columns: columns.into(), head: head.into(), inset, rows: Vec::new() }
    }

    pub fn with_rows<const N: usize>(mut self, rows: impl IntoIterator<Item = [Block; N]>) -> Self {
        for row in rows {
            let cells = row.into_iter().map(|cell| cell.with_leading(TABLE_LEADING));
            self.rows.push(cells.collect());
        }
        self
    }

    /// The widths of the columns, including padding.
    pub fn widths(&self, context: &Context, width: f32) -> Vec<f32> {
        let mut rows = self.rows.clone();
        rows.push(self.head_cells());
        let insets: Vec<f32> =
            (0..self.columns.len()).map(|place| self.left(place) + self.right(place)).collect();
        let inner = widths(context, &self.columns, &rows, width - insets.iter().sum::<f32>());
        inner.iter().zip(insets).map(|(width, inset)| width + inset).collect()
    }

    fn left(&self, column: usize) -> f32 {
        if column == 0 { 0.0 } else { self.inset.0 }
    }

    fn right(&self, column: usize) -> f32 {
        if column + 1 == self.columns.len() { 0.0 } else { self.inset.0 }
    }

    fn head_cells(&self) -> Vec<Block> {
        self.head
            .iter()
            .map(|words| Paragraph::new(*words, LABEL).with_leading(TABLE_LEADING).into())
            .collect()
    }

    pub fn head(&self, context: &mut Context, widths: &[f32], table: Mark) -> Frame {
        let head = context.tags.child(table, Tag::THead);
        let line = (HEAD_LINE, INK);
        self.layout(context, &self.head_cells(), widths, head, line, |context, row| {
            context.tags.child(row, Tag::TH(TableHeaderScope::Column))
        })
    }

    pub fn row(&self, context: &mut Context, row: &[Block], widths: &[f32], body: Mark) -> Frame {
        let line = (ROW_LINE, LINE);
        self.layout(context, row, widths, body, line, |context, row| {
            context.tags.child(row, Tag::TD)
        })
    }

    fn layout(
        &self,
        context: &mut Context,
        cells: &[Block],
        widths: &[f32],
        parent: Mark,
        (thickness, colour): (f32, Colour),
        cell_mark: fn(&mut Context, Mark) -> Mark,
    ) -> Frame {
        let row = context.tags.child(parent, Tag::TR);
        let mut frames = Vec::with_capacity(cells.len());
        for (place, ((cell, column), width)) in
            cells.iter().zip(&self.columns).zip(widths).enumerate()
        {
            let mark = cell_mark(context, row);
            let inner = width - self.left(place) - self.right(place);
            let cell = cell.clone().with_align(column.align).without_tag();
            frames.push(cell.layout(context, inner, mark));
        }
        let height = frames.iter().map(|cell| cell.height).fold(0.0, f32::max);
        let mut frame = Frame::new(widths.iter().sum(), height + 2.0 * self.inset.1);
        let mut x = 0.0;
        for (place, ((cell, column), width)) in
            frames.into_iter().zip(&self.columns).zip(widths).enumerate()
        {
            let down = column.place.offset(height - cell.height);
            frame.place(x + self.left(place), self.inset.1 + down, cell);
            x += width;
        }
        let line = Item::Rectangle { width: frame.width, height: thickness, radius: 0.0, colour };
        frame.push(0.0, frame.height - thickness / 2.0, line, Mark::Layout);
        frame
    }
}
