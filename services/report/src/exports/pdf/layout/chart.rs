//! A chart: an SVG as a figure.

use std::rc::Rc;

use anomal_core::{Error, Result};
use krilla::tagging::Tag;
use usvg::{ImageHrefResolver, Options, Tree, roxmltree};

use super::{
    super::fonts::CHART_FONTS,
    block::Context,
    frame::{Frame, Item},
    tags::Mark,
};

/// Maximum height; higher charts are scaled down, so that title and caption fit on the same page.
const HEIGHT: f32 = 600.0;

#[derive(Clone, Debug)]
pub struct Chart {
    tree: Rc<Tree>,
    /// Alternative text, from the SVG's `aria-label`.
    description: String,
    /// Share of the available width, 0..1.
    share: f32,
}

impl Chart {
    /// # Errors
    /// `Internal` where the text is not valid SVG: a bug, whatever the data.
    pub fn new(svg: &str) -> Result<Self> {
        let failed =
            |error: &dyn std::fmt::Display| Error::internal(format!("a chart of the PDF: {error}"));
        let document = roxmltree::Document::parse(svg).map_err(|error| failed(&error))?;
        let description = document.root_element().attribute("aria-label").unwrap_or("Chart");
        let tree = Tree::from_xmltree(&document, &options()).map_err(|error| failed(&error))?;
        Ok(Self { tree: Rc::new(tree), description: description.to_owned(), share: 1.0 })
    }

    pub fn with_share(&self, share: f32) -> Self {
        Self { share, ..self.clone() }
    }

    pub fn layout(&self, context: &mut Context, width: f32, parent: Mark) -> Frame {
        let size = self.tree.size();
        let scale = (width * self.share / size.width()).min(HEIGHT / size.height());
        let (chart_width, height) = (size.width() * scale, size.height() * scale);
        let tag = Tag::Figure(Some(self.description.clone()));
        let mark = context.tags.child(parent, tag);
        let mut frame = Frame::new(width, height);
        let chart = Item::Chart { tree: Rc::clone(&self.tree), width: chart_width, height };
        frame.push((width - chart_width) / 2.0, 0.0, chart, mark);
        frame
    }
}

/// The embedded fonts; references to files are not loaded.
fn options() -> Options<'static> {
    Options {
        font_family: "Inter".to_owned(),
        fontdb: CHART_FONTS.clone(),
        image_href_resolver: ImageHrefResolver {
            resolve_data: ImageHrefResolver::default_data_resolver(),
            resolve_string: Box::new(|_, _| None),
        },
        ..Options::default()
    }
}
