//! Blocks that several sections use.

use super::{
    super::layout::{
        block::{Bar, Block, Card},
        chart::Chart,
        flow::{Flow, Spacing},
        frame::Colour,
        inline::Inline,
        paragraph::Paragraph,
        tags::Mark,
    },
    style::{ACCENT, CELL, FAINT, GROUND, LINE, MEDIUM, MUTED, SMALL, VALUE, VALUE_NAME},
};

pub fn cell(words: &str) -> Block {
    Paragraph::new(words, CELL).into()
}

pub fn muted_cell(words: &str) -> Block {
    Paragraph::new(words, CELL.with_colour(MUTED)).into()
}

/// A value of a record; none: missing.
pub fn value(words: Option<&str>) -> Block {
    match words {
        Some(words) => Paragraph::new(words, VALUE).into(),
        None => Paragraph::new("missing", VALUE_NAME.with_colour(FAINT)).into(),
    }
}

pub fn small(words: &str) -> Block {
    Paragraph::new(words, SMALL).into()
}

/// None for an empty severity.
pub fn severity_badge(severity: &str) -> Option<Inline> {
    let colour = match severity {
        "" => return None,
        "high" => ACCENT,
        "medium" => MEDIUM,
        _ => MUTED,
    };
    Some(Inline::Badge(severity.to_owned(), colour))
}

pub fn bar(share: f64, width: f32, colour: Colour) -> Block {
    Block::Bar(Bar { share, width, colour, ground: LINE })
}

/// The phrase below a shortened list.
pub fn more(words: Option<&str>) -> Option<Block> {
    words.map(small)
}

pub fn note(words: &str) -> Block {
    Block::Card(Box::new(Card {
        body: Paragraph::new(words, CELL.with_colour(MUTED)).into(),
        ground: GROUND,
        top: None,
        inset: (9.0, 7.0),
    }))
}

/// Adds a chart of that share of the width, with its caption below.
pub fn figure(flow: &mut Flow, chart: &Chart, share: f32, words: &str, parent: Mark) {
    let figure =
        Block::Stack(vec![(0.0, Block::Chart(chart.with_share(share))), (6.0, small(words))]);
    flow.block(&figure, Spacing::new(8.0, 14.0), parent);
}
