//! Section "Suspects".

use super::{
    super::{
        content::suspects::{FeatureReason, Suspect, Suspects},
        layout::{
            block::Block,
            grid::{Column, Grid},
            inline::Inline,
            paragraph::Paragraph,
            table::Table,
        },
    },
    parts::{bar, figure, severity_badge, small, value},
    sections::Sections,
    style::{ACCENT, INK, MUTED, PARAGRAPH, SMALL, STRONG, TEXT, VALUE, VALUE_NAME},
};
use crate::exports::pdf::{
    fonts::Family::SemiBold,
    layout::{flow::Spacing, shape::Style},
};

pub fn section(sections: &mut Sections, suspects: &Suspects) {
    sections.section_without_number("Suspects");
    let mark = sections.mark;
    let flow = &mut sections.flow;
    let mut note = suspects.note.clone();
    if let Some(columns) = &suspects.columns {
        note = format!("{note} {columns}");
    }
    flow.block(&Paragraph::new(note, TEXT).into(), Spacing::new(12.0, 10.0), mark);
    if let Some(scores) = &suspects.scores {
        figure(flow, scores, 0.6, "All rows by their score.", mark);
    }
    if suspects.rows.is_empty() {
        return;
    }
    let table =
        if suspects.classified { classified(&suspects.rows) } else { flagged(&suspects.rows) };
    flow.table(&table, PARAGRAPH, mark);
}

fn classified(rows: &[Suspect]) -> Table {
    Table::new(
        [Column::fixed(77.0), Column::fixed(172.0), Column::share(1.0)],
        ["Row", "Why", "Record"],
        (7.0, 6.5),
    )
    .with_rows(
        rows.iter()
            .map(|suspect| [Block::Stack(standing(suspect)), reasons(suspect), record(suspect)]),
    )
}

fn flagged(rows: &[Suspect]) -> Table {
    Table::new([Column::fixed(123.0), Column::share(1.0)], ["Row", "Record"], (7.0, 6.5)).with_rows(
        rows.iter().map(|suspect| {
            let mut left = standing(suspect);
            if !suspect.explanation.is_empty() {
                left.push((5.0, detail(&suspect.explanation)));
            }
            [Block::Stack(left), record(suspect)]
        }),
    )
}

/// Text in a cell of the table.
const DETAIL: Style = SMALL.with_colour(INK);

fn detail(words: &str) -> Block {
    Paragraph::new(words, DETAIL).into()
}

/// The row number with score, rank, severity and flags.
fn standing(suspect: &Suspect) -> Vec<(f32, Block)> {
    let mut lines: Vec<(f32, Block)> = vec![(0.0, Paragraph::new(&*suspect.row, STRONG).into())];
    let places: Vec<&str> = [&suspect.score, &suspect.rank]
        .into_iter()
        .map(String::as_str)
        .filter(|words| !words.is_empty())
        .collect();
    if !places.is_empty() {
        lines.push((5.0, small(&places.join(" · "))));
    }
    let mut marks: Vec<Inline> = severity_badge(suspect.severity).into_iter().collect();
    if suspect.suspicious {
        marks.push(Inline::Gap(4.0));
        marks.push(Inline::Text(
            "suspicious".to_owned(),
            Style { family: SemiBold, ..DETAIL.with_colour(ACCENT) },
        ));
    }
    if !marks.is_empty() {
        lines.push((6.5, Paragraph::from_inlines(marks).into()));
    }
    lines.extend(suspect.flags.iter().map(|flag| (5.0, detail(flag))));
    if suspect.more_flags > 0 {
        lines.push((5.0, small(&format!("and {} more", suspect.more_flags))));
    }
    lines
}

fn reasons(suspect: &Suspect) -> Block {
    let mut parts = Vec::new();
    if !suspect.reasons.is_empty() {
        let columns =
            [Column::share(1.0), Column::fixed(28.0).centred(), Column::fixed(22.0).right()];
        parts.push((
            0.0,
            Block::Grid(Grid::new(columns, 5.0, 4.5).with_rows(suspect.reasons.iter().map(reason))),
        ));
    }
    if !suspect.explanation.is_empty() {
        let above = if parts.is_empty() { 0.0 } else { 7.5 };
        parts.push((above, detail(&suspect.explanation)));
    }
    Block::Stack(parts)
}

fn reason(reason: &FeatureReason) -> [Block; 3] {
    let mut words = vec![Inline::Text(reason.feature.clone(), DETAIL)];
    if !reason.value.is_empty() {
        words.push(Inline::Gap(4.0));
        words.push(Inline::Text(reason.value.clone(), VALUE.with_colour(MUTED)));
    }
    [Paragraph::from_inlines(words).into(), bar(reason.share, 28.0, ACCENT), small(&reason.percent)]
}

fn record(suspect: &Suspect) -> Block {
    let columns = [Column::fixed(68.0), Column::share(1.0)];
    Block::Grid(Grid::new(columns, 6.0, 4.0).with_rows(suspect.record.iter().map(
        |(name, words)| [Paragraph::new(&**name, VALUE_NAME).into(), value(words.as_deref())],
    )))
}
