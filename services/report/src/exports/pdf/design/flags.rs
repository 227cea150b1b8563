//! Section "Flags".

use super::{
    super::{
        content::flags::{FlagDetails, FlagLevel},
        layout::{flow::Spacing, grid::Column, inline::Inline, paragraph::Paragraph, table::Table},
    },
    parts::{cell, small, value},
    sections::Sections,
    style::{ACCENT, MUTED, PARAGRAPH, STRONG, TEXT},
};

pub fn section(sections: &mut Sections, title_of_section: &str, levels: &[FlagLevel]) {
    sections.section(title_of_section);
    for level in levels {
        sections.subsection(&title(level.severity));
        for flag in &level.flags {
            sections.item(&flag.name);
            details(sections, flag);
        }
    }
}

fn title(severity: &str) -> String {
    let mut letters = severity.chars();
    match letters.next() {
        Some(first) => format!("{}{} severity", first.to_uppercase(), letters.as_str()),
        None => "Without severity".to_owned(),
    }
}

fn details(sections: &mut Sections, flag: &FlagDetails) {
    let mark = sections.mark;
    let flow = &mut sections.flow;
    let colour = if flag.hit { ACCENT } else { MUTED };
    let mut words = vec![Inline::Text(flag.count.clone(), STRONG.with_colour(colour))];
    if !flag.description.is_empty() {
        words.push(Inline::Text(format!(" · {}", flag.description), TEXT));
    }
    let mut lines = vec![Paragraph::from_inlines(words).into()];
    if flag.hit && !flag.message.is_empty() && flag.message != flag.description {
        lines.push(Paragraph::new(&*flag.message, TEXT.with_colour(MUTED)).into());
    }
    lines.extend(flag.note.as_deref().map(small));
    let last = lines.len() - 1;
    for (place, line) in lines.iter().enumerate() {
        if place < last || !flag.rows.is_empty() {
            flow.sticky_block(line, Spacing::new(6.0, 6.0), mark);
        } else {
            flow.block(line, Spacing::new(6.0, 6.0), mark);
        }
    }
    if !flag.rows.is_empty() {
        let table =
            Table::new([Column::fixed(54.0), Column::share(1.0)], ["Row", "Value"], (6.0, 3.5))
                .with_rows(flag.rows.iter().map(|(row, words)| [cell(row), value(Some(words))]));
        flow.table(&table, PARAGRAPH, mark);
    }
}
