//! A small SVG writer: elements, attributes, escaping. It never writes what a strict content security policy forbids
//! (`style` attributes, handlers), nor unbalanced elements.

use std::fmt::Write as _;

/// An SVG document under construction.
pub struct Svg {
    out: String,
    open: Vec<&'static str>,
}

/// A start tag under construction. [`Tag::empty`], [`Tag::open`], [`Tag::content`] or [`Tag::titled`] completes it.
#[must_use = "a tag has to be completed"]
pub struct Tag<'a> {
    svg: &'a mut Svg,
    name: &'static str,
}

impl Svg {
    /// `label` describes the chart in a sentence, for screen readers.
    pub fn new(width: f64, height: f64, label: &str) -> Self {
        Self::with_role(width, height, label, "img", &[])
    }

    /// With an ARIA role and further attributes of the root.
    pub fn with_role(
        width: f64,
        height: f64,
        label: &str,
        role: &str,
        attributes: &[(&str, &str)],
    ) -> Self {
        let mut svg = Self { out: String::with_capacity(4096), open: Vec::new() };
        let mut root = svg
            .tag("svg")
            .attribute("xmlns", "http://www.w3.org/2000/svg")
            .attribute("class", "chart")
            .attribute("viewBox", &format!("0 0 {} {}", Number(width), Number(height)))
            .number("width", width)
            .number("height", height)
            .attribute("role", role)
            .attribute("aria-label", label)
            .attribute("font-family", "Inter, system-ui, sans-serif")
            .number("font-size", 13.0);
        for (name, value) in attributes {
            root = root.attribute(name, value);
        }
        root.open();
        svg
    }

    pub fn tag(&mut self, name: &'static str) -> Tag<'_> {
        let _ = write!(self.out, "<{name}");
        Tag { svg: self, name }
    }

    pub fn group(&mut self, class: &str) {
        self.tag("g").class(class).open();
    }

    /// Closes the innermost open element, except the root, which [`Svg::finish`] closes.
    pub fn close(&mut self) {
        if self.open.len() > 1
            && let Some(name) = self.open.pop()
        {
            let _ = write!(self.out, "</{name}>");
        }
    }

    pub fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) -> Tag<'_> {
        self.tag("rect")
            .class(class)
            .number("x", x)
            .number("y", y)
            .number("width", width.max(0.0))
            .number("height", height.max(0.0))
    }

    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.tag("line")
            .class(class)
            .number("x1", x1)
            .number("y1", y1)
            .number("x2", x2)
            .number("y2", y2)
            .empty();
    }

    pub fn circle(&mut self, class: &str, x: f64, y: f64, radius: f64) -> Tag<'_> {
        self.tag("circle").class(class).number("cx", x).number("cy", y).number("r", radius)
    }

    /// A line of text; `anchor` is `start`, `middle` or `end`.
    pub fn text(&mut self, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
        self.label(class, x, y, anchor).content(text);
    }

    /// A text element.
    pub fn label(&mut self, class: &str, x: f64, y: f64, anchor: &str) -> Tag<'_> {
        let tag = self.tag("text").class(class).number("x", x).number("y", y);
        if anchor == "start" { tag } else { tag.attribute("text-anchor", anchor) }
    }

    /// A line of text of at most `limit` characters. A longer text is shortened, with the full text as its title.
    pub fn short_text(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        anchor: &str,
        text: &str,
        limit: usize,
    ) {
        let tag = self.label(class, x, y, anchor);
        let short = shorten(text, limit);
        if short == text {
            tag.content(text);
        } else {
            tag.open();
            self.title(text);
            self.content(&short);
            self.close();
        }
    }

    /// Text in the open element.
    pub fn content(&mut self, text: &str) {
        escape(&mut self.out, text);
    }

    pub fn title(&mut self, text: &str) {
        self.tag("title").content(text);
    }

    pub fn finish(mut self) -> String {
        while let Some(name) = self.open.pop() {
            let _ = write!(self.out, "</{name}>");
        }
        self.out
    }
}

impl<'a> Tag<'a> {
    pub fn attribute(self, name: &str, value: &str) -> Self {
        let _ = write!(self.svg.out, " {name}=\"");
        escape(&mut self.svg.out, value);
        self.svg.out.push('"');
        self
    }

    pub fn number(self, name: &str, value: f64) -> Self {
        let _ = write!(self.svg.out, " {name}=\"{}\"", Number(value));
        self
    }

    /// No attribute if the class is empty.
    pub fn class(self, class: &str) -> Self {
        if class.is_empty() { self } else { self.attribute("class", class) }
    }

    pub fn empty(self) {
        self.svg.out.push_str("/>");
    }

    /// Opens the element: what is written next is in it, until [`Svg::close`].
    pub fn open(self) -> &'a mut Svg {
        self.svg.out.push('>');
        self.svg.open.push(self.name);
        self.svg
    }

    pub fn content(self, text: &str) {
        self.svg.out.push('>');
        escape(&mut self.svg.out, text);
        let _ = write!(self.svg.out, "</{}>", self.name);
    }

    /// Completes the element with a title, which browsers show as a tooltip.
    pub fn titled(self, title: &str) {
        let svg = self.open();
        svg.title(title);
        svg.close();
    }
}

/// A coordinate with at most two decimals, without trailing zeros; 0 if it is not finite.
pub struct Number(pub f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = if self.0.is_finite() { self.0 } else { 0.0 };
        let text = format!("{value:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.write_str(if text == "-0" { "0" } else { text })
    }
}

/// Escapes text for content and attributes, and removes characters that XML forbids.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c < ' ' || ('\u{fffe}'..='\u{ffff}').contains(&c) => {}
            c => out.push(c),
        }
    }
}

/// At most `limit` characters, ending with an ellipsis if any are left out.
pub fn shorten(name: &str, limit: usize) -> String {
    if name.chars().count() <= limit {
        return name.to_owned();
    }
    let mut short: String = name.chars().take(limit.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// The placeholder of a chart without data.
pub fn empty_chart(reason: &str) -> String {
    note(&format!("Nothing to draw: {reason}."))
}

/// A sentence in place of a chart.
pub fn note(label: &str) -> String {
    let mut svg = Svg::new(480.0, 64.0, label);
    svg.rect("frame", 0.5, 0.5, 479.0, 63.0).number("rx", 4.0).empty();
    svg.text("muted", 240.0, 36.0, "middle", label.trim_end_matches('.'));
    svg.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_at_most_two_decimals() {
        for (value, text) in [
            (1.0, "1"),
            (0.125, "0.12"),
            (-0.001, "0"),
            (10.0, "10"),
            (f64::NAN, "0"),
            (2.5, "2.5"),
        ] {
            assert_eq!(Number(value).to_string(), text);
        }
    }

    #[test]
    fn long_text_is_shortened_and_complete_in_the_title() {
        let mut svg = Svg::new(1.0, 1.0, "");
        svg.short_text("", (0.0, 0.0), "start", "hostname entropy", 9);
        let text = svg.finish();
        assert!(text.contains("<title>hostname entropy</title>hostname…</text>"), "{text}");
        assert_eq!(shorten("äöü", 3), "äöü");
    }

    proptest! {
        #[test]
        fn any_text_gives_valid_xml(label in any::<String>(), name in ".*", limit in 0_usize..20) {
            let mut svg = Svg::with_role(10.0, 10.0, &label, "img", &[("data-x", &name)]);
            svg.short_text("t", (1.0, 2.0), "end", &name, limit);
            svg.tag("a").attribute("href", &label).open();
            svg.circle("c1", 1.0, 2.0, 3.0).titled(&label);
            let text = svg.finish();
            let document = roxmltree::Document::parse(&text).unwrap();
            let kept: String = name.chars().filter(|c| *c >= ' ' && !('\u{fffe}'..='\u{ffff}').contains(c))
                .collect();
            if !name.chars().any(char::is_control) {
                prop_assert_eq!(document.root_element().attribute("data-x"), Some(kept.as_str()));
            }
        }
    }
}
