//! The original's features file as sections of the settings. Its Python is shown, never run.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Place,
    check::Check,
    yaml::{Node, Value},
};

/// The published plug-ins of the original, and the packs that do their work here.
const PLUGINS: &[(&str, &str)] = &[
    ("https://github.com/lpinilla/anomal-dns-detection-plugin", "dns"),
    ("https://github.com/lpinilla/pf-test-plugin-1", "finance"),
];
const SECTIONS: [&str; 4] = ["plugins", "filters", "features", "flags"];
/// The most lines that are shown of a refused function.
const MAX_LINES: usize = 20;

type Entry = (String, Place, Node);

/// The file's sections under our names.
pub(super) fn sections(file: &Node, check: &mut Check) -> Vec<Entry> {
    let Value::Map(entries) = &file.value else {
        let message = format!("a features file is a map of keys, this is {}", file.value.kind());
        check.wrong(file.place, "", message);
        return Vec::new();
    };
    let mut sections = Vec::new();
    for (key, place, value) in entries {
        match key.as_str() {
            "plugins" => sections.push(("packs".to_owned(), *place, packs(value, check))),
            "filters" | "features" | "flags" => {
                let mut value = value.clone();
                python(&mut value, key, check);
                if key == "filters" {
                    // The original's filters may have a type, which has no meaning.
                    take(&mut value, "type");
                }
                sections.push((key.clone(), *place, value));
            }
            _ => check.unknown(*place, "", key, SECTIONS.into_iter()),
        }
    }
    sections
}

/// Whether there are features; without any there is nothing to classify.
pub(super) fn has_features(file: &Node) -> bool {
    let Value::Map(entries) = &file.value else { return false };
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        _ => false,
    };
    entries.iter().any(|(key, _, node)| key == "features" && !empty(&node.value))
}

/// An address, a list of them, or a map with the address as its key.
fn packs(node: &Node, check: &mut Check) -> Node {
    let addresses: Vec<(&str, Place)> = match &node.value {
        Value::Null => Vec::new(),
        Value::String(text) => text.split_whitespace().map(|one| (one, node.place)).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(key, place, _)| (key.as_str(), *place)).collect()
        }
        Value::List(items) => items.iter().filter_map(|item| address(item, check)).collect(),
        Value::Bool(_) | Value::Number(_) => address(node, check).into_iter().collect(),
    };
    let mut packs: Vec<Node> = Vec::new();
    for (address, place) in addresses {
        let plain = address.trim_end_matches('/').trim_end_matches(".git");
        match PLUGINS.iter().find(|(known, _)| known.eq_ignore_ascii_case(plain)) {
            Some((_, pack)) => packs.push(Node { place, value: Value::String((*pack).into()) }),
            None => check.wrong(
                place,
                "plugins",
                format!(
                    "the plug-in {address} is unknown, and its Python code is not run; use the built-in packs dns and finance, \
                     or features of type expression, or a pack of others in settings of the new form: packs: [{{name: {name}, \
                     ref: 'oci://HOST/{name}:VERSION'}}]",
                    name = pack_name(plain)
                ),
            ),
        }
    }
    node.with(Value::List(packs))
}

/// A pack's name for a plug-in: the last part of its address.
fn pack_name(address: &str) -> String {
    let last = address.rsplit(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    let plain =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let name: String = last.chars().filter(|character| plain(*character)).take(63).collect();
    let name = name.trim_start_matches(|first: char| !first.is_ascii_lowercase());
    if name.is_empty() { "plugin".to_owned() } else { name.to_owned() }
}

fn address<'a>(node: &'a Node, check: &mut Check) -> Option<(&'a str, Place)> {
    if let Value::String(text) = &node.value {
        return Some((text, node.place));
    }
    let message = format!("this is {} where a plug-in's address is expected", node.value.kind());
    check.wrong(node.place, "plugins", message);
    None
}

/// Removes `function_code`, Python that the original would run, and shows it in a problem.
fn python(section: &mut Node, name: &str, check: &mut Check) {
    for (index, place, code) in take(section, "function_code") {
        check.wrong(
            place,
            &format!("{name}[{index}].function_code"),
            format!(
                "Python code is not run; write it in SQL, as the `expression` of a feature of type \
                 expression or of a direct flag, or as a filter's `remove`. The code:\n{}",
                decoded(&code.value)
            ),
        );
    }
}

/// Takes a key out of each item of a list: the item's index, the key's place, the value.
fn take(list: &mut Node, key: &str) -> Vec<(usize, Place, Node)> {
    let Value::List(items) = &mut list.value else { return Vec::new() };
    let mut taken = Vec::new();
    for (index, item) in items.iter_mut().enumerate() {
        let Value::Map(entries) = &mut item.value else { continue };
        if let Some(at) = entries.iter().position(|entry| entry.0 == key) {
            let (_, place, value) = entries.remove(at);
            taken.push((index, place, value));
        }
    }
    taken
}

/// The source in base64, indented, its first lines.
fn decoded(code: &Value) -> String {
    let Value::String(text) = code else { return "    (not text)".into() };
    let packed: String = text.split_whitespace().collect();
    let Ok(bytes) = STANDARD.decode(packed) else { return "    (not base64)".into() };
    let source = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<String> = source
        .lines()
        .take(MAX_LINES)
        .map(|line| format!("    {}", line.replace('\t', "    ")))
        .collect();
    let more = source.lines().count().saturating_sub(MAX_LINES);
    if more > 0 {
        lines.push(format!("    ... and {more} more lines"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_shown_decoded_and_not_without_end() {
        let text = |text: &str| Value::String(text.into());
        assert_eq!(
            decoded(&text("ZGVm\n IGYoeCk6CglyZXR1cm4geAo=")),
            "    def f(x):\n        return x"
        );
        assert_eq!(decoded(&text("%%")), "    (not base64)");
        assert_eq!(decoded(&Value::Number(1.into())), "    (not text)");
        let long = decoded(&text(&STANDARD.encode("x\n".repeat(30))));
        assert!(long.ends_with("    x\n    ... and 10 more lines"), "{long}");
    }
}
