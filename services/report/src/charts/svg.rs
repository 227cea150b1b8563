//! A tiny writer of SVG text: elements, attributes, escaping. It writes nothing that a strict content
//! security policy forbids (no `style` attribute, no handlers) and never an unbalanced element.

use std::fmt::Write as _;

/// An SVG being written.
pub struct Svg {
    out: String,
    open: Vec<&'static str>,
}

/// An element whose attributes are being written. One of its last four methods ends it.
#[must_use = "an element has to be ended"]
pub struct Tag<'a> {
    svg: &'a mut Svg,
    name: &'static str,
}

impl Svg {
    /// `label` says in a sentence what the chart shows, for those who do not see it.
    pub fn new(width: f64, height: f64, label: &str) -> Self {
        Self::with(width, height, label, "img", &[])
    }

    /// With a role of its own and further attributes on the root.
    pub fn with(
        width: f64,
        height: f64,
        label: &str,
        role: &str,
        attributes: &[(&str, &str)],
    ) -> Self {
        let mut svg = Self { out: String::with_capacity(4096), open: Vec::new() };
        let mut root = svg
            .tag("svg")
            .text("xmlns", "http://www.w3.org/2000/svg")
            .text("class", "chart")
            .text("viewBox", &format!("0 0 {} {}", Number(width), Number(height)))
            .num("width", width)
            .num("height", height)
            .text("role", role)
            .text("aria-label", label)
            .text("font-family", "Inter, system-ui, sans-serif")
            .num("font-size", 13.0);
        for (name, value) in attributes {
            root = root.text(name, value);
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

    /// Ends the element opened last. The root stays until [`Svg::finish`].
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
            .num("x", x)
            .num("y", y)
            .num("width", width.max(0.0))
            .num("height", height.max(0.0))
    }

    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.tag("line")
            .class(class)
            .num("x1", x1)
            .num("y1", y1)
            .num("x2", x2)
            .num("y2", y2)
            .empty();
    }

    pub fn circle(&mut self, class: &str, x: f64, y: f64, radius: f64) -> Tag<'_> {
        self.tag("circle").class(class).num("cx", x).num("cy", y).num("r", radius)
    }

    /// A line of text; `anchor` is `start`, `middle` or `end`.
    pub fn words(&mut self, class: &str, x: f64, y: f64, anchor: &str, words: &str) {
        self.label(class, x, y, anchor).content(words);
    }

    pub fn label(&mut self, class: &str, x: f64, y: f64, anchor: &str) -> Tag<'_> {
        let tag = self.tag("text").class(class).num("x", x).num("y", y);
        if anchor == "start" { tag } else { tag.text("text-anchor", anchor) }
    }

    /// A line of text of at most `limit` characters; what is longer is shortened and whole in its title.
    pub fn name(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        anchor: &str,
        name: &str,
        limit: usize,
    ) {
        let tag = self.label(class, x, y, anchor);
        let short = shorten(name, limit);
        if short == name {
            tag.content(name);
        } else {
            tag.open();
            self.title(name);
            self.characters(&short);
            self.close();
        }
    }

    /// Text inside of the open element.
    pub fn characters(&mut self, words: &str) {
        escape(&mut self.out, words);
    }

    pub fn title(&mut self, words: &str) {
        self.tag("title").content(words);
    }

    pub fn finish(mut self) -> String {
        while let Some(name) = self.open.pop() {
            let _ = write!(self.out, "</{name}>");
        }
        self.out
    }
}

impl<'a> Tag<'a> {
    pub fn text(self, name: &str, value: &str) -> Self {
        let _ = write!(self.svg.out, " {name}=\"");
        escape(&mut self.svg.out, value);
        self.svg.out.push('"');
        self
    }

    pub fn num(self, name: &str, value: f64) -> Self {
        let _ = write!(self.svg.out, " {name}=\"{}\"", Number(value));
        self
    }

    /// None where it is empty.
    pub fn class(self, class: &str) -> Self {
        if class.is_empty() { self } else { self.text("class", class) }
    }

    pub fn empty(self) {
        self.svg.out.push_str("/>");
    }

    /// What is written next is inside of it, until [`Svg::close`].
    pub fn open(self) -> &'a mut Svg {
        self.svg.out.push('>');
        self.svg.open.push(self.name);
        self.svg
    }

    pub fn content(self, words: &str) {
        self.svg.out.push('>');
        escape(&mut self.svg.out, words);
        let _ = write!(self.svg.out, "</{}>", self.name);
    }

    /// Ends it with a title, which browsers show on hovering.
    pub fn titled(self, title: &str) {
        let svg = self.open();
        svg.title(title);
        svg.close();
    }
}

/// A coordinate: at most two decimals, none where they are zeros; 0 for what is no number.
pub struct Number(pub f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = if self.0.is_finite() { self.0 } else { 0.0 };
        let text = format!("{value:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.write_str(if text == "-0" { "0" } else { text })
    }
}

/// The text as XML has it, in content and in attributes; without the characters that XML forbids.
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

/// At most `limit` characters, an ellipsis among them where some are left out.
pub fn shorten(name: &str, limit: usize) -> String {
    if name.chars().count() <= limit {
        return name.to_owned();
    }
    let mut short: String = name.chars().take(limit.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// What stands where there is nothing to draw.
pub fn nothing(why: &str) -> String {
    note(&format!("Nothing to draw: {why}."))
}

/// A sentence in the place of a chart.
pub fn note(label: &str) -> String {
    let mut svg = Svg::new(480.0, 64.0, label);
    svg.rect("frame", 0.5, 0.5, 479.0, 63.0).num("rx", 4.0).empty();
    svg.words("muted", 240.0, 36.0, "middle", label.trim_end_matches('.'));
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
    fn long_names_are_shortened_and_whole_in_the_title() {
        let mut svg = Svg::new(1.0, 1.0, "");
        svg.name("", (0.0, 0.0), "start", "hostname entropy", 9);
        let text = svg.finish();
        assert!(text.contains("<title>hostname entropy</title>hostname…</text>"), "{text}");
        assert_eq!(shorten("äöü", 3), "äöü");
    }

    proptest! {
        #[test]
        fn any_text_is_xml(label in any::<String>(), name in ".*", limit in 0_usize..20) {
            let mut svg = Svg::with(10.0, 10.0, &label, "img", &[("data-x", &name)]);
            svg.name("t", (1.0, 2.0), "end", &name, limit);
            svg.tag("a").text("href", &label).open();
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
