//! Section "Behaviour".

use super::{
    super::{
        content::behaviour::{Behaviour, Density},
        layout::{
            block::Block,
            flow::Spacing,
            grid::{Column, Grid},
            paragraph::Paragraph,
            table::Table,
        },
    },
    parts::{cell, figure, more, muted_cell, small, value},
    sections::Sections,
    style::{PARAGRAPH, STRONG_CELL},
};

pub fn section(sections: &mut Sections, behaviour: &Behaviour) {
    sections.section("Behaviour");
    let mark = sections.mark;
    sections.subsection("What influenced the result");
    let flow = &mut sections.flow;
    if let Some(chart) = &behaviour.contributions {
        let words = "Mean share of each feature in the scores, beside its share of the weights.";
        figure(flow, chart, 0.66, words, mark);
    }
    flow.table(&features(behaviour), PARAGRAPH, mark);
    if let Some(more) = more(behaviour.more.as_deref()) {
        flow.block(&more, Spacing::new(5.0, 8.1), mark);
    }
    let typical = "Typical is the median of a number and the most frequent of other values.";
    flow.block(&small(typical), PARAGRAPH, mark);
    densities(sections, &behaviour.densities);
    correlations(sections, behaviour);
}

fn features(behaviour: &Behaviour) -> Table {
    let number = Column::natural().right();
    Table::new(
        [
            Column::share(1.0),
            Column::natural(),
            number,
            number,
            number,
            number,
            number,
            Column::fixed(62.0).right(),
            Column::fixed(58.0).right(),
        ],
        [
            "Feature",
            "Kind",
            "Weight",
            "Missing",
            "Distinct",
            "Share: all",
            "suspicious",
            "Typical: normal",
            "suspicious",
        ],
        (4.0, 4.0),
    )
    .with_rows(behaviour.table.iter().map(|line| {
        [
            cell(&line.name),
            muted_cell(line.kind),
            cell(&line.weight),
            cell(&line.missing),
            cell(&line.distinct),
            cell(&line.all),
            cell(&line.suspicious),
            value(Some(&line.normally)),
            value(Some(&line.suspiciously)),
        ]
    }))
}

/// Two beside each other.
fn densities(sections: &mut Sections, densities: &[Density]) {
    if densities.is_empty() {
        return;
    }
    sections.subsection("Values of the features");
    for pair in densities.chunks(2) {
        let [left, right] =
            [pair.first(), pair.get(1)].map(|found| found.map_or_else(Block::empty, density));
        let columns = [Column::share(1.0), Column::share(1.0)];
        let row = Block::Grid(Grid::new(columns, 14.0, 0.0).with_rows([[left, right]]));
        sections.flow.block(&row, Spacing::new(14.0, 14.0), sections.mark);
    }
}

fn density(density: &Density) -> Block {
    Block::Stack(vec![
        (0.0, Paragraph::new(&*density.name, STRONG_CELL).into()),
        (4.0, Block::Chart(density.chart.with_share(1.0))),
    ])
}

fn correlations(sections: &mut Sections, behaviour: &Behaviour) {
    let Some(chart) = &behaviour.correlations else { return };
    sections.subsection("Correlations");
    let mark = sections.mark;
    let flow = &mut sections.flow;
    let words = "How features go together: 1 and -1 are fully, 0 is not at all.";
    figure(flow, chart, 0.76, words, mark);
    if behaviour.pairs.is_empty() {
        return;
    }
    let table = Table::new(
        [Column::share(1.0), Column::share(1.0), Column::natural(), Column::natural().right()],
        ["Feature", "Goes with", "Measure", "Correlation"],
        (5.0, 4.5),
    )
    .with_rows(behaviour.pairs.iter().map(|pair| pair.each_ref().map(|words| cell(words))));
    flow.table(&table, PARAGRAPH, mark);
}
