//! Invariants of every page, whatever its data.

use std::collections::HashSet;

/// A start tag with its attributes.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

/// The start tags as a browser parses them; scripts and styles contain none.
fn start_tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let (tag, after) = start_tag(rest);
        rest = after;
        if matches!(tag.name.as_str(), "script" | "style") {
            let end = format!("</{}", tag.name);
            rest = rest.find(&end).map_or("", |end| &rest[end..]);
        }
        tags.push(tag);
    }
    tags
}

fn start_tag(text: &str) -> (Tag, &str) {
    let end = text.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            let rest = rest.strip_prefix('>').unwrap_or("");
            return (Tag { name: name.to_lowercase(), attributes }, rest);
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len());
        let (attribute, after) = rest.split_at(end);
        let mut value = "";
        rest = after;
        if let Some(quoted) = after.strip_prefix("=\"") {
            let end = quoted.find('"').expect("a closing quote");
            value = &quoted[..end];
            rest = &quoted[end + 1..];
        } else {
            assert!(!after.starts_with('='), "a value without quotes after {attribute}");
        }
        attributes.push((attribute.to_lowercase(), value.to_owned()));
    }
}

/// Checks a page: one `h1`, unique ids, resolvable references, no inline styles or handlers, no external URLs, no
/// unescaped hostile text, labels for charts and table headers.
///
/// # Panics
/// If the page, called `name`, violates one of these.
pub fn check_page(name: &str, html: &str) {
    for hostile in ["<script>alert", "</script>\"", "<u>", "\u{202e}", "\u{0}"] {
        assert!(!html.contains(hostile), "{name}: {hostile:?} is in the page");
    }
    let tags = start_tags(html);
    let headings = tags.iter().filter(|tag| tag.name == "h1").count();
    assert_eq!(headings, 1, "{name}: headings of the first level");
    let mut ids = HashSet::new();
    for (attribute, value) in tags.iter().flat_map(|tag| &tag.attributes) {
        assert!(
            attribute != "style" && !attribute.starts_with("on"),
            "{name}: {attribute}={value}"
        );
        if attribute != "xmlns" {
            let outside = value.contains("://")
                || value.starts_with("//")
                || value.starts_with("javascript:");
            assert!(!outside, "{name}: {attribute}={value}");
        }
        if attribute == "id" {
            assert!(ids.insert(value.as_str()), "{name}: two elements have the id {value}");
        }
    }
    for tag in &tags {
        for (attribute, value) in &tag.attributes {
            let refers =
                matches!(attribute.as_str(), "for" | "aria-labelledby" | "aria-describedby");
            let within =
                (tag.name == "a" && attribute == "href").then(|| value.strip_prefix('#')).flatten();
            let target = if refers { Some(value.as_str()) } else { within };
            if let Some(target) = target {
                assert!(
                    ids.contains(target),
                    "{name}: {attribute} refers to {target}, which does not exist"
                );
            }
        }
        if tag.name == "svg" {
            let has = |wanted: &str| tag.attributes.iter().any(|(name, _)| name == wanted);
            assert!(
                has("aria-hidden") || (has("role") && has("aria-label")),
                "{name}: a chart without a label"
            );
        }
        if tag.name == "th" {
            assert!(
                tag.attributes.iter().any(|(name, _)| name == "scope"),
                "{name}: a header without scope"
            );
        }
    }
}

#[test]
#[should_panic(expected = "onclick")]
fn handlers_are_detected() {
    check_page("test", "<h1>x</h1><a title=\"a > b\" onclick=\"x()\">");
}

#[test]
#[should_panic(expected = "headings of the first level")]
fn headings_are_counted() {
    check_page("test", "<h1>x</h1><script>\"<h1>\"</script><h1>y</h1>");
}
