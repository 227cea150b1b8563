//! The first page.

use krilla::tagging::Tag;

use super::{
    super::{
        content::{
            Content,
            cover::{Cover, Feature, Flag, KeyFigure},
            incidents::Incidents,
        },
        fonts::Family::{Regular, SemiBold},
        layout::{
            block::{Block, Card, Context},
            contents::ContentsList,
            flow::{Flow, Spacing},
            frame::Frame,
            grid::{Column, Grid},
            inline::Inline,
            paragraph::Paragraph,
            shape::Style,
            table::Table,
            tags::Mark,
        },
    },
    PlacedHeading,
    parts::{bar, cell, figure, more, muted_cell, severity_badge, small},
    style::{
        ACCENT, BLUE, BODY, CELL, FAINT, GROUND, INK, LABEL, LIST_TITLE, MUTED, PARAGRAPH, TEXT,
    },
};

/// The headings of the pages after the first ones, and how many those are.
pub struct Contents<'a> {
    pub headings: &'a [PlacedHeading],
    pub first_pages: usize,
}

/// Height of a share's digits.
const SHARE_HEIGHT: f32 = 5.45;
const OVERLINE: Style = Style::new(SemiBold, 8.0, ACCENT).with_tracking(0.6);
const TITLE: Style = Style::new(SemiBold, 24.0, INK);
const CONCLUSION: Style = Style::new(SemiBold, 13.0, INK);

pub fn layout(
    content: &Content,
    contents: &Contents,
    context: &mut Context,
    mark: Mark,
) -> Vec<Frame> {
    let mut flow = Flow::new(context, BODY.0, BODY.1);
    let cover = &content.cover;
    let overline = Paragraph::new("ANOMALY REPORT", OVERLINE);
    flow.block(&overline.into(), Spacing::new(0.0, 9.0), mark);
    let title = Paragraph::new(&*content.job, TITLE).with_tag(Tag::Title);
    flow.block(&title.into(), Spacing::new(8.1, 12.0), mark);
    let time = match &content.incidents {
        Some(incidents) => format!("{} · created {}", incidents.data, content.time),
        None => content.time.clone(),
    };
    let time = Paragraph::new(time, TEXT.with_colour(MUTED));
    flow.block(&time.into(), Spacing::new(8.1, 16.0), mark);
    match &content.incidents {
        Some(incidents) => summary(&mut flow, content, incidents, mark),
        None => run_of(&mut flow, cover, mark),
    }
    let list = Block::Contents(ContentsList::new(contents.headings, contents.first_pages));
    let list = Block::column(8.0, [list_title("Contents"), list]);
    flow.block(&list, Spacing::new(20.1, 0.0), mark);
    flow.finish().0
}

/// What was found, so that the page stands alone.
fn summary(flow: &mut Flow, content: &Content, incidents: &Incidents, mark: Mark) {
    let conclusion = Paragraph::new(&*incidents.conclusion, CONCLUSION);
    flow.block(&conclusion.into(), Spacing::new(4.0, 10.0), mark);
    if !incidents.counts.is_empty() {
        let mut counts = vec![Inline::Text(format!("{} ", incidents.counts), TEXT)];
        for (severity, words) in &incidents.severities {
            let badge = severity_badge(severity).map(|badge| match badge {
                Inline::Badge(_, colour) => Inline::Badge(words.clone(), colour),
                other => other,
            });
            counts.extend(badge);
            counts.push(Inline::Gap(4.0));
        }
        flow.block(&Paragraph::from_inlines(counts).into(), Spacing::new(4.0, 10.0), mark);
    }
    if let Some(timeline) = &content.timeline {
        let words = "Bars: all rows by time. Marks: rows of incidents, by severity.";
        figure(flow, timeline, 1.0, words, mark);
    }
    if !incidents.first.is_empty() {
        flow.sticky_block(&list_title("Incidents"), Spacing::new(10.0, 6.0), mark);
        flow.table(&super::incidents::table(&incidents.first), PARAGRAPH, mark);
    }
    if !incidents.first_entities.is_empty() {
        let words = Paragraph::new(&*incidents.first_entities, TEXT);
        flow.block(&words.into(), Spacing::new(8.1, 6.0), mark);
    }
    if let Some(judged) = &incidents.judged {
        flow.block(&small(judged), Spacing::new(6.0, 6.0), mark);
    }
    flow.block(&small(&content.cover.how), Spacing::new(6.0, 6.0), mark);
}

/// How the report was made: counts, settings, features, notes.
pub fn run_of(flow: &mut Flow, cover: &Cover, mark: Mark) {
    flow.block(&key_figures(cover), Spacing::new(8.1, 18.0), mark);
    flow.divisible_block(&run(cover), Spacing::new(8.1, 18.0), mark);
    if !cover.features.is_empty() {
        flow.sticky_block(&list_title("Features"), Spacing::new(8.1, 8.0), mark);
        flow.table(&features(cover), PARAGRAPH, mark);
        if let Some(more) = more(cover.more_features.as_deref()) {
            flow.block(&more, Spacing::new(5.0, 8.1), mark);
        }
    }
    if !cover.notes.is_empty() {
        flow.sticky_block(&list_title("Notes"), Spacing::new(18.0, 8.0), mark);
        for words in &cover.notes {
            flow.block(&cell(words), Spacing::new(5.0, 8.1), mark);
        }
        if let Some(more) = more(cover.more_notes.as_deref()) {
            flow.block(&more, Spacing::new(5.0, 8.1), mark);
        }
    }
}

fn list_title(words: &str) -> Block {
    Paragraph::new(words, LIST_TITLE).into()
}

fn key_figures(cover: &Cover) -> Block {
    let columns = vec![Column::share(1.0); cover.figures.len()];
    let cards = cover.figures.iter().map(key_figure).collect();
    Block::Grid(Grid::new(columns, 6.0, 0.0).with_row(cards))
}

fn key_figure(figure: &KeyFigure) -> Block {
    let size = if figure.value.len() > 9 { 10.0 } else { 14.0 };
    let colour = if figure.strong && figure.value != "0" { ACCENT } else { INK };
    let body = Block::Stack(vec![
        (0.0, Paragraph::new(figure.label, LABEL).into()),
        (8.0, Paragraph::new(&*figure.value, Style::new(SemiBold, size, colour)).into()),
        match figure.share.as_str() {
            // As high as the others.
            "" => (7.0 + SHARE_HEIGHT, Block::empty()),
            share => (7.0, small(share)),
        },
    ]);
    Block::Card(Box::new(Card {
        body,
        ground: GROUND,
        top: Some(if figure.strong { ACCENT } else { FAINT }),
        inset: (8.0, 8.0),
    }))
}

/// Settings and filters, with the flags beside them.
fn run(cover: &Cover) -> Block {
    let facts = Grid::new([Column::natural(), Column::share(1.0)], 10.0, 6.0)
        .with_rows(cover.facts.iter().map(|(name, words)| [muted_cell(name), cell(words)]));
    let mut left = vec![(0.0, list_title("How it was run")), (8.0, Block::Grid(facts))];
    if !cover.filters.is_empty() {
        let filters = Grid::new([Column::share(1.0), Column::natural()], 10.0, 6.0)
            .with_rows(cover.filters.iter().map(|(name, rows)| [cell(name), muted_cell(rows)]));
        left.extend([(16.0, list_title("Filters")), (8.0, Block::Grid(filters))]);
        left.extend(more(cover.more_filters.as_deref()).map(|more| (5.0, more)));
    }
    let mut right = Vec::new();
    if !cover.flags.is_empty() {
        let columns = [Column::natural(), Column::share(1.0), Column::natural().right()];
        let flags = Grid::new(columns, 8.0, 7.0).with_rows(cover.flags.iter().map(flag));
        right.extend([(0.0, list_title("Flags")), (8.0, Block::Grid(flags))]);
        right.extend(more(cover.more_flags.as_deref()).map(|more| (5.0, more)));
    }
    let columns = [Column::share(1.0), Column::share(1.0)];
    Block::Grid(
        Grid::new(columns, 22.0, 0.0).with_rows([[Block::Stack(left), Block::Stack(right)]]),
    )
}

fn flag(flag: &Flag) -> [Block; 3] {
    let style = Style::new(Regular, 8.0, if flag.hit { INK } else { MUTED });
    let badge: Vec<Inline> = severity_badge(flag.severity).into_iter().collect();
    [
        Paragraph::from_inlines(badge).into(),
        Paragraph::new(&*flag.name, style).into(),
        Paragraph::new(&*flag.rows, style).into(),
    ]
}

fn features(cover: &Cover) -> Table {
    Table::new(
        [
            Column::share(1.0),
            Column::natural(),
            Column::natural().right(),
            Column::fixed(44.0).centred(),
            Column::share(1.0),
        ],
        ["Feature", "Kind", "Weight", "", "Comes from"],
        (5.0, 3.5),
    )
    .with_rows(cover.features.iter().map(|feature: &Feature| {
        [
            Paragraph::new(&*feature.name, CELL).into(),
            muted_cell(feature.kind),
            cell(&feature.weight),
            bar(feature.share, 44.0, BLUE),
            muted_cell(&feature.origin),
        ]
    }))
}
