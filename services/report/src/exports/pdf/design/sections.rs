//! Sections and their headings, numbered.

use krilla::tagging::Tag;

use super::{
    super::layout::{
        flow::{Flow, Heading, Spacing},
        inline::Inline,
        paragraph::Paragraph,
        shape::Style,
        tags::Mark,
    },
    style::{FAINT, ITEM_TITLE, SECTION, SUBSECTION},
};

/// Lays out the sections after the first page.
pub struct Sections<'a> {
    pub flow: Flow<'a>,
    section: u32,
    subsection: u32,
    /// The section that is laid out now.
    pub mark: Mark,
}

impl<'a> Sections<'a> {
    pub fn new(flow: Flow<'a>) -> Self {
        Self { flow, section: 0, subsection: 0, mark: Mark::Layout }
    }

    /// Begins a section on a separate page.
    pub fn section(&mut self, title: &str) {
        self.section += 1;
        self.subsection = 0;
        self.begin(title, self.section.to_string());
    }

    pub fn section_without_number(&mut self, title: &str) {
        self.begin(title, String::new());
    }

    fn begin(&mut self, title: &str, number: String) {
        self.flow.break_page();
        self.mark = self.flow.context.tags.root(Tag::Section);
        let heading = Heading { level: 1, number, title: title.to_owned() };
        self.heading(heading, SECTION, 8.0, Spacing::new(0.0, 12.0));
    }

    pub fn subsection(&mut self, title: &str) {
        self.subsection += 1;
        let number = format!("{}.{}", self.section, self.subsection);
        let heading = Heading { level: 2, number, title: title.to_owned() };
        self.heading(heading, SUBSECTION, 6.0, Spacing::new(20.0, 8.0));
    }

    /// A title below a subsection, without a number.
    pub fn item(&mut self, title: &str) {
        let heading = Heading { level: 3, number: String::new(), title: title.to_owned() };
        self.heading(heading, ITEM_TITLE, 0.0, Spacing::new(16.0, 6.0));
    }

    fn heading(&mut self, heading: Heading, style: Style, gap: f32, spacing: Spacing) {
        let mut words = Vec::new();
        if !heading.number.is_empty() {
            words.push(Inline::Text(heading.number.clone(), style.with_colour(FAINT)));
            words.push(Inline::Gap(gap));
        }
        words.push(Inline::Text(heading.title.clone(), style));
        self.flow.heading(heading, Paragraph::from_inlines(words), spacing, self.mark);
    }
}
