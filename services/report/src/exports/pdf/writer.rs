//! Writes pages as a tagged PDF with bookmarks.

use anomal_core::{Error, Result};
use krilla::{
    Document as Pdf, SerializeSettings,
    annotation::{Annotation, LinkAnnotation, Target},
    color::rgb,
    configure::{Accessibility, Configuration, ConfigurationBuilder},
    destination::XyzDestination,
    error::KrillaError,
    geom::{PathBuilder, Point, Rect, Size, Transform},
    metadata::{DateTime, Metadata},
    outline::{Outline, OutlineNode},
    page::{Page, PageSettings},
    paint::Fill,
    surface::Surface,
    tagging::{Artifact, ArtifactType, BBox, ContentTag, SpanTag},
};
use krilla_svg::{SurfaceExt as _, SvgSettings};

use super::{
    design::{Document, PlacedHeading, style::SIDE},
    fonts::FONTS,
    layout::{
        frame::{Colour, Frame, Item, PlacedItem},
        tags::{Mark, Tags},
    },
};

/// Distance of the control points from a corner, as a share of the radius (approximates a circle).
const CORNER: f32 = 0.447_715;
/// Space shown above the target of a bookmark.
const ABOVE_HEADING: f32 = 12.0;

/// Metadata of the document.
pub struct Properties {
    pub title: String,
    pub creator: String,
    /// Creation time, in UTC.
    pub time: Option<jiff::civil::DateTime>,
    /// The report's identifier.
    pub id: String,
}

/// Returns the bytes, which are the same for the same pages. The file conforms to PDF/UA-1 as far as krilla can check
/// it, or is a plain tagged PDF if that check fails.
///
/// # Errors
/// `Internal`: a bug.
pub fn write(document: &Document, properties: &Properties) -> Result<Vec<u8>> {
    let accessible =
        ConfigurationBuilder::new().with_accessibility_validator(Accessibility::UA1).finish();
    let configuration = accessible.map_err(|error| failed(&format!("{error:?}")))?;
    match write_as(document, properties, configuration) {
        Err(KrillaError::Validation(_)) => write_as(document, properties, Configuration::default()),
        written => written,
    }
    .map_err(|error| failed(&error.to_string()))
}

fn failed(message: &str) -> Error {
    Error::internal(format!("the PDF could not be written: {message}"))
}

/// Returns the bytes, or a violation of the configured standards.
pub fn write_as(
    document: &Document,
    properties: &Properties,
    configuration: Configuration,
) -> std::result::Result<Vec<u8>, KrillaError> {
    let mut pdf =
        Pdf::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let mut tags = document.tags.clone();
    for (number, page) in document.pages.iter().enumerate() {
        let Some(settings) = PageSettings::from_wh(page.width, page.height) else { continue };
        write_page(
            &mut pdf.start_page_with(settings),
            (number, page),
            &document.headings,
            &mut tags,
        );
    }
    pdf.set_tag_tree(tags.to_tree());
    pdf.set_outline(outline(&document.headings));
    pdf.set_metadata(metadata(properties));
    pdf.finish()
}

fn metadata(properties: &Properties) -> Metadata {
    let metadata = Metadata::new()
        .title(properties.title.clone())
        .creator(properties.creator.clone())
        .language("en".to_owned())
        .document_id(properties.id.clone());
    match properties.time.and_then(date) {
        Some(time) => metadata.creation_date(time),
        None => metadata,
    }
}

fn date(time: jiff::civil::DateTime) -> Option<DateTime> {
    let part = |part: i8| u8::try_from(part).ok();
    Some(
        DateTime::new(u16::try_from(time.year()).ok()?)
            .month(part(time.month())?)
            .day(part(time.day())?)
            .hour(part(time.hour())?)
            .minute(part(time.minute())?)
            .second(part(time.second())?)
            .utc_offset_hour(0)
            .utc_offset_minute(0),
    )
}

/// The bookmarks: headings, nested by level.
fn outline(headings: &[PlacedHeading]) -> Outline {
    let mut outline = Outline::new();
    nodes(headings, 1).into_iter().for_each(|node| outline.push_child(node));
    outline
}

fn nodes(headings: &[PlacedHeading], level: u8) -> Vec<OutlineNode> {
    let mut nodes = Vec::new();
    let mut rest = headings;
    while let Some((first, others)) = rest.split_first() {
        let end =
            others.iter().position(|other| other.heading.level <= level).unwrap_or(others.len());
        let (below, next) = others.split_at(end);
        let mut node = OutlineNode::new(title(first), destination(first));
        self::nodes(below, level + 1).into_iter().for_each(|child| node.push_child(child));
        nodes.push(node);
        rest = next;
    }
    nodes
}

fn title(placed: &PlacedHeading) -> String {
    format!("{} {}", placed.heading.number, placed.heading.title).trim().to_owned()
}

fn destination(placed: &PlacedHeading) -> XyzDestination {
    XyzDestination::new(placed.page, Point::from_xy(SIDE, (placed.y - ABOVE_HEADING).max(0.0)))
}

fn write_page(
    page: &mut Page,
    (number, frame): (usize, &Frame),
    headings: &[PlacedHeading],
    tags: &mut Tags,
) {
    let mut surface = page.surface();
    let drawn = frame
        .items
        .iter()
        .filter(|placed| !matches!(placed.item, Item::Anchor(_) | Item::Link { .. }));
    let mut drawn = drawn.peekable();
    while let Some(first) = drawn.next() {
        let content = surface.start_tagged(content_tag(first));
        draw(&mut surface, first);
        while let Some(next) = drawn.next_if(|next| next.mark == first.mark) {
            draw(&mut surface, next);
        }
        surface.end_tagged();
        tags.add_content(first.mark, content);
        if let Item::Chart { width, height, .. } = first.item {
            let area = Rect::from_xywh(first.x, first.y, width, height);
            tags.set_area(first.mark, area.map(|area| BBox::new(number, area)));
        }
    }
    surface.finish();
    for placed in &frame.items {
        if let Item::Link { width, height, heading, words } = &placed.item
            && let Some(target) = headings.get(*heading)
            && let Some(area) = Rect::from_xywh(placed.x, placed.y, *width, *height)
        {
            let link = LinkAnnotation::new(area, Target::Destination(destination(target).into()));
            let link = Annotation::new_link(link, Some(words.clone()));
            let content = page.add_tagged_annotation(link);
            tags.add_content(placed.mark, content);
        }
    }
}

fn content_tag(placed: &PlacedItem) -> ContentTag<'static> {
    let kind = match (placed.mark, &placed.item) {
        (Mark::Element(_), Item::Chart { .. }) => return ContentTag::Other,
        (Mark::Element(_), _) => return ContentTag::Span(SpanTag::empty()),
        (Mark::Layout, _) => ArtifactType::Layout,
        (Mark::Header, _) => ArtifactType::Header,
        (Mark::Footer, _) => ArtifactType::Footer,
    };
    ContentTag::Artifact(Artifact::with_kind(kind))
}

fn draw(surface: &mut Surface, placed: &PlacedItem) {
    match &placed.item {
        Item::Glyphs { run, colour } => {
            let Some(font) = FONTS.get(run.font) else { return };
            surface.set_fill(Some(fill(*colour)));
            let start = Point::from_xy(placed.x, placed.y);
            surface.draw_glyphs(start, &run.glyphs, font.font.clone(), &run.text, run.size, false);
        }
        Item::Rectangle { width, height, radius, colour } => {
            surface.set_fill(Some(fill(*colour)));
            let corner = Point::from_xy(placed.x, placed.y);
            draw_rectangle(surface, corner, (*width, *height), *radius);
        }
        Item::Chart { tree, width, height } => {
            if let Some(size) = Size::from_wh(*width, *height) {
                surface.push_transform(&Transform::from_translate(placed.x, placed.y));
                surface.draw_svg(tree, size, SvgSettings::default());
                surface.pop();
            }
        }
        Item::Anchor(_) | Item::Link { .. } => {}
    }
}

fn fill(Colour(red, green, blue): Colour) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }
}

fn draw_rectangle(surface: &mut Surface, corner: Point, (width, height): (f32, f32), radius: f32) {
    let (left, top) = (corner.x, corner.y);
    let (right, bottom) = (left + width, top + height);
    let radius = radius.min(width / 2.0).min(height / 2.0);
    let mut path = PathBuilder::new();
    if radius <= 0.0 {
        let Some(rectangle) = Rect::from_ltrb(left, top, right, bottom) else { return };
        path.push_rect(rectangle);
    } else {
        let inner = radius * CORNER;
        path.move_to(left + radius, top);
        path.line_to(right - radius, top);
        path.cubic_to(right - inner, top, right, top + inner, right, top + radius);
        path.line_to(right, bottom - radius);
        path.cubic_to(right, bottom - inner, right - inner, bottom, right - radius, bottom);
        path.line_to(left + radius, bottom);
        path.cubic_to(left + inner, bottom, left, bottom - inner, left, bottom - radius);
        path.line_to(left, top + radius);
        path.cubic_to(left, top + inner, left + inner, top, left + radius, top);
        path.close();
    }
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
}
