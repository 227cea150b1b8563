//! A grid of blocks, for layout; data tables are in [`super::table`].

use krilla::tagging::Tag;

use super::{
    block::{Align, Block, Context},
    frame::Frame,
    tags::Mark,
};

/// Width of a column.
#[derive(Clone, Copy, Debug)]
pub enum Track {
    /// The width of its widest cell.
    Natural,
    /// A share of the remaining width.
    Share(f32),
    /// A fixed width.
    Fixed(f32),
}

/// Limit of all natural columns together, as a share of the width.
const NATURAL: f32 = 0.75;

/// Position of a cell within the height of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerticalAlign {
    Top,
    Centre,
    Bottom,
}

impl VerticalAlign {
    /// Offset of the cell in a row that is higher by `room`.
    pub fn offset(self, room: f32) -> f32 {
        match self {
            Self::Top => 0.0,
            Self::Centre => room / 2.0,
            Self::Bottom => room,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub track: Track,
    pub align: Align,
    pub place: VerticalAlign,
}

impl Column {
    pub const fn natural() -> Self {
        Self { track: Track::Natural, align: Align::Left, place: VerticalAlign::Top }
    }

    pub const fn share(share: f32) -> Self {
        Self { track: Track::Share(share), ..Self::natural() }
    }

    pub const fn fixed(width: f32) -> Self {
        Self { track: Track::Fixed(width), ..Self::natural() }
    }

    pub const fn right(self) -> Self {
        Self { align: Align::Right, ..self }
    }

    pub const fn centred(self) -> Self {
        Self { place: VerticalAlign::Centre, ..self }
    }

    pub const fn bottom(self) -> Self {
        Self { place: VerticalAlign::Bottom, ..self }
    }
}

#[derive(Clone, Debug)]
pub struct Grid {
    columns: Vec<Column>,
    column_gap: f32,
    row_gap: f32,
    rows: Vec<Vec<Block>>,
}

impl Grid {
    pub fn new(columns: impl Into<Vec<Column>>, column_gap: f32, row_gap: f32) -> Self {
        Self { columns: columns.into(), column_gap, row_gap, rows: Vec::new() }
    }

    pub fn with_rows<const N: usize>(mut self, rows: impl IntoIterator<Item = [Block; N]>) -> Self {
        rows.into_iter().for_each(|row| self.rows.push(row.into()));
        self
    }

    pub fn with_row(mut self, row: Vec<Block>) -> Self {
        self.rows.push(row);
        self
    }

    pub fn with_leading(mut self, leading: f32) -> Self {
        for row in &mut self.rows {
            *row = std::mem::take(row).into_iter().map(|cell| cell.with_leading(leading)).collect();
        }
        self
    }

    pub fn layout(&self, context: &mut Context, width: f32, parent: Mark) -> Frame {
        let gaps = self.column_gap * self.columns.len().saturating_sub(1) as f32;
        let widths = widths(context, &self.columns, &self.rows, width - gaps);
        let mut frame = Frame::new(width, 0.0);
        for (place, row) in self.rows.iter().enumerate() {
            // One structure element, so that screen readers read name and value together.
            let is_line = row.iter().all(Block::is_inline);
            let mark = if is_line { context.tags.child(parent, Tag::P) } else { parent };
            let y = if place == 0 { 0.0 } else { frame.height + self.row_gap };
            let cells = row.iter().zip(&self.columns).zip(&widths);
            let cells: Vec<Frame> = cells
                .map(|((cell, column), width)| {
                    let cell = cell.clone().with_align(column.align);
                    let cell = if is_line { cell.without_tag() } else { cell };
                    cell.layout(context, *width, mark)
                })
                .collect();
            let height = cells.iter().map(|cell| cell.height).fold(0.0, f32::max);
            let mut x = 0.0;
            for ((cell, column), width) in cells.into_iter().zip(&self.columns).zip(&widths) {
                let down = column.place.offset(height - cell.height);
                frame.place(x, y + down, cell);
                x += width + self.column_gap;
            }
            frame.height = y + height;
        }
        frame
    }
}

/// Resolves the widths of the columns.
pub fn widths(context: &Context, columns: &[Column], rows: &[Vec<Block>], width: f32) -> Vec<f32> {
    let natural = |place: usize| {
        rows.iter()
            .filter_map(|row| row.get(place))
            .map(|cell| cell.natural_width(context))
            .fold(0.0, f32::max)
    };
    let mut widths: Vec<f32> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| match column.track {
            Track::Natural => natural(place),
            Track::Fixed(width) => width,
            Track::Share(_) => 0.0,
        })
        .collect();
    let is_natural = |column: &Column| matches!(column.track, Track::Natural);
    let wanted: f32 =
        columns.iter().zip(&widths).filter(|(column, _)| is_natural(column)).map(|(_, w)| w).sum();
    if wanted > width * NATURAL {
        let scale = width * NATURAL / wanted;
        for (column, width) in columns.iter().zip(&mut widths) {
            *width *= if is_natural(column) { scale } else { 1.0 };
        }
    }
    let left = (width - widths.iter().sum::<f32>()).max(0.0);
    let share = |column: &Column| match column.track {
        Track::Share(share) => share,
        Track::Natural | Track::Fixed(_) => 0.0,
    };
    let shares: f32 = columns.iter().map(share).sum();
    for (column, width) in columns.iter().zip(&mut widths) {
        if shares > 0.0 {
            *width += left * share(column) / shares;
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::{
        super::{super::design::style::CELL, paragraph::Paragraph},
        *,
    };

    #[test]
    fn widths_add_up() {
        let context = Context::default();
        let rows =
            vec![vec![Paragraph::new("natural", CELL).into(), Block::empty(), Block::empty()]];
        let columns = [Column::natural(), Column::fixed(20.0), Column::share(1.0)];
        let found = widths(&context, &columns, &rows, 200.0);
        assert_eq!(found[1], 20.0);
        assert!(found[0] > 20.0 && found[0] < 40.0, "{found:?}");
        assert!((found.iter().sum::<f32>() - 200.0).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn natural_columns_leave_room_for_others() {
        let context = Context::default();
        let rows = vec![vec![Paragraph::new("x".repeat(500), CELL).into(), Block::empty()]];
        let found = widths(&context, &[Column::natural(), Column::share(1.0)], &rows, 200.0);
        assert!((found[0] - 150.0).abs() < 0.01 && (found[1] - 50.0).abs() < 0.01, "{found:?}");
    }
}
