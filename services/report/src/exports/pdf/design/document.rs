//! All pages, with their headers and footers.

use krilla::tagging::Tag;

use super::{
    super::{
        content::Content,
        fonts::Family::SemiBold,
        layout::{
            block::{Block, Context},
            flow::{Flow, Heading},
            frame::{Frame, Item},
            grid::{Column, Grid},
            paragraph::Paragraph,
            shape::Style,
            tags::{Mark, Tags},
        },
    },
    behaviour, clustering,
    cover::{self, Contents},
    flags, incidents,
    parts::figure,
    sections::Sections,
    style::{BODY, BOTTOM, INK, LINE, PAGE, SIDE, SMALL, TOP},
    suspects,
};

/// Space between header and content, as a share of the top margin.
const HEADER: f32 = 0.3;
/// Space between content and footer, as a share of the bottom margin.
const FOOTER: f32 = 0.3;
/// Limit of layouts of the first pages: their table of contents depends on their own number.
const TRIALS: usize = 4;

/// A heading and the position of its top edge.
#[derive(Clone, Debug)]
pub struct PlacedHeading {
    pub heading: Heading,
    /// From 0.
    pub page: usize,
    pub y: f32,
}

/// Pages ready to be written.
pub struct Document {
    pub title: String,
    pub pages: Vec<Frame>,
    pub headings: Vec<PlacedHeading>,
    pub tags: Tags,
}

impl Document {
    pub fn new(content: &Content) -> Self {
        let mut context = Context::default();
        let first = context.tags.root(Tag::Section);
        let (sections, headings) = sections(content, &mut context);
        let section_headings = places(&sections, &headings);
        let mut count = 1;
        for _ in 0..TRIALS {
            let contents = Contents { headings: &section_headings, first_pages: count };
            let pages = cover::layout(content, &contents, &mut Context::default(), Mark::Layout);
            if pages.len() == count {
                break;
            }
            count = pages.len();
        }
        let contents = Contents { headings: &section_headings, first_pages: count };
        let mut pages = cover::layout(content, &contents, &mut context, first);
        pages.extend(sections);
        let count = pages.len();
        let pages: Vec<Frame> = pages
            .into_iter()
            .enumerate()
            .map(|(place, body)| page(content, &mut context, body, (place + 1, count)))
            .collect();
        Self {
            title: format!("{} – anomaly report", content.job),
            headings: places(&pages, &headings),
            pages,
            tags: context.tags,
        }
    }
}

/// The pages below the first ones.
fn sections(content: &Content, context: &mut Context) -> (Vec<Frame>, Vec<Heading>) {
    let mut sections = Sections::new(Flow::new(context, BODY.0, BODY.1));
    if let Some(all) = &content.incidents {
        incidents::sections(&mut sections, all);
        if !content.explain.is_empty() && !content.is_full {
            sections.section("Explain");
            let mark = sections.mark;
            for (chart, share, words) in &content.explain {
                figure(&mut sections.flow, chart, *share, words, mark);
            }
        }
    }
    if content.is_full {
        suspects::section(&mut sections, &content.suspects);
        if let Some(clusters) = &content.clusters {
            clustering::section(&mut sections, clusters);
        }
        if let Some(behaviour) = &content.behaviour {
            behaviour::section(&mut sections, behaviour);
        }
        if !content.levels.is_empty() {
            let title = if content.incidents.is_some() { "Rows that flags hit" } else { "Flags" };
            flags::section(&mut sections, title, &content.levels);
        }
    }
    if content.incidents.is_some() {
        sections.section("Run");
        let mark = sections.mark;
        cover::run_of(&mut sections.flow, &content.cover, mark);
    }
    sections.flow.finish()
}

/// The headings with the places of their anchors.
fn places(pages: &[Frame], headings: &[Heading]) -> Vec<PlacedHeading> {
    let anchors = pages.iter().enumerate().flat_map(|(page, frame)| {
        frame.items.iter().filter_map(move |placed| match placed.item {
            Item::Anchor(heading) => Some((page, placed.y, heading)),
            _ => None,
        })
    });
    anchors
        .filter_map(|(page, y, heading)| {
            Some(PlacedHeading { heading: headings.get(heading)?.clone(), page, y })
        })
        .collect()
}

/// The page with margins and footer, and with a header except on the first page.
fn page(
    content: &Content,
    context: &mut Context,
    body: Frame,
    (number, count): (usize, usize),
) -> Frame {
    let mut page = Frame::new(PAGE.0, PAGE.1);
    if number > 1 {
        let header = header(content, context).layout(context, BODY.0, Mark::Header);
        let line = TOP * (1.0 - HEADER);
        page.place(SIDE, line - 5.0 - header.height, header);
        let rule = Item::Rectangle { width: BODY.0, height: 0.5, radius: 0.0, colour: LINE };
        page.push(SIDE, line - 0.25, rule, Mark::Header);
    }
    page.place(SIDE, TOP, body);
    let footer = footer(content, context, (number, count)).layout(context, BODY.0, Mark::Footer);
    page.place(SIDE, PAGE.1 - BOTTOM * (1.0 - FOOTER), footer);
    page
}

/// Between the left and the right part of a header or footer.
const GAP: f32 = 12.0;

fn header(content: &Content, context: &Context) -> Block {
    let job = Style { family: SemiBold, ..SMALL.with_colour(INK) };
    let room = (BODY.0 - GAP) / 3.0;
    let columns = [Column::share(2.0).bottom(), Column::share(1.0).right().bottom()];
    Block::Grid(Grid::new(columns, GAP, 0.0).with_rows([[
        Paragraph::line(&content.job, job, 2.0 * room, context).into(),
        Paragraph::line(&content.time, SMALL, room, context).into(),
    ]]))
}

fn footer(content: &Content, context: &Context, (number, count): (usize, usize)) -> Block {
    let mut left = format!("Anomal {}", content.version);
    if !content.id.is_empty() {
        left = format!("{left} · report {}", content.id);
    }
    let number = Paragraph::new(format!("Page {number} of {count}"), SMALL);
    let room = BODY.0 - GAP - number.natural_width(context);
    let columns = [Column::share(1.0), Column::natural().right()];
    Block::Grid(
        Grid::new(columns, GAP, 0.0)
            .with_rows([[Paragraph::line(&left, SMALL, room, context).into(), number.into()]]),
    )
}
