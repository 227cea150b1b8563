//! Sections "Incidents", "Entities" and "Flags" of a report with incidents.

use super::{
    super::{
        content::incidents::{FlagLines, IncidentBlock, IncidentLine, Incidents},
        layout::{
            block::Block, flow::Spacing, grid::Column, inline::Inline, paragraph::Paragraph,
            table::Table,
        },
    },
    parts::{cell, muted_cell, severity_badge, small, value},
    sections::Sections,
    style::{CELL, MUTED, PARAGRAPH, STRONG, STRONG_CELL, TEXT},
};

pub fn sections(sections: &mut Sections, all: &Incidents) {
    if !all.blocks.is_empty() || !all.low.is_empty() {
        sections.section("Incidents");
        for block in &all.blocks {
            incident(sections, block);
        }
        low(sections, all);
    }
    if let Some((noun, lines)) = &all.entities {
        sections.section("Entities");
        let mark = sections.mark;
        let words = format!("The {noun} with the highest risk.");
        sections.flow.block(&Paragraph::new(words, TEXT).into(), PARAGRAPH, mark);
        let columns = [
            Column::share(1.0),
            Column::natural().right(),
            Column::natural().right(),
            Column::natural().right(),
            Column::natural(),
        ];
        let head = ["Entity", "Risk", "Incidents", "Rows that stand out", "Time"];
        let table = Table::new(columns, head, (5.0, 3.5))
            .with_rows(lines.iter().map(|line| line.each_ref().map(|words| cell(words))));
        sections.flow.table(&table, PARAGRAPH, mark);
    }
    if !all.flags.is_empty() {
        sections.section("Flags");
        for flag in &all.flags {
            flag_lines(sections, flag);
        }
    }
}

/// The lines of incidents as a table.
pub fn table(lines: &[IncidentLine]) -> Table {
    let columns = [
        Column::natural().right(),
        Column::natural(),
        Column::natural().right(),
        Column::share(1.0),
        Column::natural().right(),
        Column::natural().right(),
    ];
    Table::new(columns, ["", "Severity", "Risk", "Incident", "Rows", "Time"], (5.0, 3.5)).with_rows(
        lines.iter().map(|line| {
            let badge: Vec<Inline> = severity_badge(line.severity).into_iter().collect();
            [
                muted_cell(&line.number),
                Paragraph::from_inlines(badge).into(),
                Paragraph::new(&*line.risk, STRONG_CELL).into(),
                about(line),
                cell(&line.rows),
                cell(&line.when),
            ]
        }),
    )
}

fn about(line: &IncidentLine) -> Block {
    let mut words = vec![Inline::Text(line.title.clone(), CELL)];
    if !line.flags.is_empty() {
        words.push(Inline::Text(format!(" ({})", line.flags), CELL.with_colour(MUTED)));
    }
    Paragraph::from_inlines(words).into()
}

fn incident(sections: &mut Sections, block: &IncidentBlock) {
    let mark = sections.mark;
    let line = &block.line;
    let mut words: Vec<Inline> = severity_badge(line.severity).into_iter().collect();
    words.push(Inline::Text(format!(" {} ", line.number), STRONG.with_colour(MUTED)));
    words.push(Inline::Text(line.title.clone(), STRONG));
    if !line.flags.is_empty() {
        words.push(Inline::Text(format!(" ({})", line.flags), TEXT.with_colour(MUTED)));
    }
    let flow = &mut sections.flow;
    flow.sticky_block(&Paragraph::from_inlines(words).into(), Spacing::new(13.0, 4.0), mark);
    let about = Block::column(4.0, [small(&block.about), small(&block.risk)]);
    flow.sticky_block(&about, Spacing::new(4.0, 4.0), mark);
    if !block.groups.is_empty() {
        let columns =
            [Column::natural(), Column::share(1.0), Column::share(1.0), Column::natural().right()];
        let table = Table::new(columns, ["Flag", "About", "Details", "Rows"], (5.0, 2.5))
            .with_rows(block.groups.iter().map(|line| line.each_ref().map(|words| cell(words))));
        flow.table(&table, Spacing::new(4.0, 4.0), mark);
    }
    let columns = [
        Column::natural().right(),
        Column::natural(),
        Column::share(1.0),
        Column::natural().right(),
        Column::fixed(120.0),
    ];
    let table = Table::new(columns, ["Row", "Time", "Record", "Score", "First reason"], (5.0, 2.5))
        .with_rows(block.rows.iter().map(|[row, time, record, score, reason]| {
            [cell(row), cell(time), value(Some(record)), cell(score), muted_cell(reason)]
        }));
    flow.table(&table, Spacing::new(4.0, 8.0), mark);
}

fn low(sections: &mut Sections, all: &Incidents) {
    let mark = sections.mark;
    if !all.low.is_empty() {
        sections.subsection("Further incidents");
        sections.flow.table(&table(&all.low), PARAGRAPH, mark);
    }
    if let Some(more) = &all.more {
        sections.flow.block(&small(more), PARAGRAPH, mark);
    }
}

fn flag_lines(sections: &mut Sections, flag: &FlagLines) {
    let mark = sections.mark;
    sections.item(&flag.name);
    let flow = &mut sections.flow;
    let mut words: Vec<Inline> = severity_badge(flag.severity).into_iter().collect();
    words.push(Inline::Text(format!(" {}", flag.about), TEXT));
    let words: Block = Paragraph::from_inlines(words).into();
    if flag.groups.is_empty() {
        return flow.block(&words, Spacing::new(4.0, 6.0), mark);
    }
    flow.sticky_block(&words, Spacing::new(4.0, 6.0), mark);
    let columns = [
        Column::share(1.0),
        Column::share(1.0),
        Column::natural().right(),
        Column::natural(),
        Column::natural().right(),
    ];
    let table = Table::new(columns, ["About", "Details", "Rows", "Time", "Incident"], (5.0, 2.5))
        .with_rows(flag.groups.iter().map(|line| line.each_ref().map(|words| cell(words))));
    flow.table(&table, Spacing::new(4.0, 6.0), mark);
    if let Some(more) = &flag.more {
        flow.block(&small(more), Spacing::new(3.0, 8.0), mark);
    }
}
