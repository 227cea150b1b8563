//! Invariants of every chart; tests of each chart are in the modules below.

mod arbitrary;
mod colours;
mod features;
mod rows;
mod time;

use roxmltree::{Document, Node};

use super::*;

/// Elements by name and class.
fn elements<'a, 'input>(
    document: &'a Document<'input>,
    name: &str,
    class: &str,
) -> Vec<Node<'a, 'input>> {
    let matches = |node: &Node| {
        let classes = node.attribute("class").unwrap_or_default();
        node.has_tag_name(("http://www.w3.org/2000/svg", name))
            && (class.is_empty() || classes.split(' ').any(|c| c == class))
    };
    document.descendants().filter(matches).collect()
}

fn number(node: &Node, name: &str) -> f64 {
    node.attribute(name).unwrap().parse().unwrap()
}

/// All text of a chart, without titles.
fn texts(document: &Document) -> Vec<String> {
    elements(document, "text", "")
        .iter()
        .map(|node| {
            node.children()
                .filter(Node::is_text)
                .filter_map(|child| child.text().map(str::to_owned))
                .collect()
        })
        .collect()
}

/// The requirements of content security policies, screen readers and the PDF.
fn check(svg: &str) {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let root = document.root_element();
    assert!(["img", "group"].contains(&root.attribute("role").unwrap()));
    assert!(root.attribute("aria-label").unwrap().len() > 8);
    assert!(number(&root, "width") <= 640.0 && number(&root, "height") > 0.0);
    for node in document.descendants().filter(Node::is_element) {
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(name != "style" && !name.starts_with("on"), "{name}");
            if ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "d"]
                .contains(&name)
            {
                assert!(!value.contains("NaN") && !value.contains("inf"), "{name}={value}");
                for part in value.split(|c: char| !c.is_ascii_digit() && c != '.') {
                    assert!(
                        part.split_once('.').is_none_or(|(_, d)| d.len() <= 2),
                        "{name}={value}"
                    );
                }
            }
            if name == "class" {
                for class in value.split(' ').filter(|class| !["chart", "cutting"].contains(class))
                {
                    assert!(STYLE.contains(&format!(".{class}{{")), "no rule for {class}");
                }
            }
        }
    }
}
