//! Section "Clustering".

use super::{
    super::{
        content::clustering::Clusters,
        layout::{block::Block, flow::Spacing, grid::Column, paragraph::Paragraph, table::Table},
    },
    parts::{figure, note, small},
    sections::Sections,
    style::{CELL, PARAGRAPH, STRONG_CELL},
};

pub fn section(sections: &mut Sections, clusters: &Clusters) {
    sections.section("Clustering");
    let mark = sections.mark;
    if let Some(words) = &clusters.note {
        sections.flow.block(&note(words), Spacing::new(8.0, 10.0), mark);
    }
    for (title, chart, share) in [
        ("Map", &clusters.map, 0.84),
        ("Dendrogram", &clusters.dendrogram, 0.84),
        ("Similarity", &clusters.heatmap, 0.56),
    ] {
        if let Some((chart, words)) = chart {
            sections.subsection(title);
            figure(&mut sections.flow, chart, share, words, mark);
        }
    }
    if clusters.table.is_empty() {
        return;
    }
    sections.subsection("Numbers of clusters");
    let flow = &mut sections.flow;
    if let Some((chart, words)) = &clusters.silhouettes {
        figure(flow, chart, 0.6, words, mark);
    }
    flow.table(&table(clusters), PARAGRAPH, mark);
    if clusters.chosen.is_some() {
        let words = "The line in bold is what the map and the dendrogram show.";
        flow.block(&small(words), Spacing::new(5.0, 8.1), mark);
    }
}

fn table(clusters: &Clusters) -> Table {
    Table::new(
        [
            Column::natural().right(),
            Column::natural().right(),
            Column::natural().right(),
            Column::share(1.0),
        ],
        ["Clusters", "Silhouette", "Height of the cut", "Rows in each, from the largest"],
        (5.0, 4.5),
    )
    .with_rows(clusters.table.iter().enumerate().map(|(place, line)| {
        let style = if Some(place) == clusters.chosen { STRONG_CELL } else { CELL };
        line.each_ref().map(|words| Block::from(Paragraph::new(&**words, style)))
    }))
}
