//! Adds a pack to the text of settings, which keeps its comments and its order.

use anomal_spec::{PackDetails, PackSetting, Source};

/// The entry of a pack, on one line.
pub fn entry(details: &PackDetails) -> String {
    // JSON is YAML, and plain names need no quotes.
    let value = serde_json::to_value(details).unwrap_or_default();
    let fields = value.as_object().into_iter().flatten().map(|(key, value)| {
        let plain = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'))
        };
        match value.as_str().filter(|text| plain(text)) {
            Some(text) if key == "name" || key == "ref" => format!("{key}: {text}"),
            _ => format!("{key}: {value}"),
        }
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
}

/// The text with the pack after those that it has; absent where its form is not understood. What comes out is loaded again
/// and compared.
pub fn with_pack(text: &str, packs: &[PackSetting], details: &PackDetails) -> Option<String> {
    let mut expected = packs.to_vec();
    expected.push(PackSetting::Detailed(Box::new(details.clone())));
    let changed = insert(text, &entry(details))?;
    let other = |_: &str| Err(std::io::Error::other("settings with packs are in one file"));
    let source = Source { file: "settings", name: "settings" };
    let loaded = anomal_spec::load(changed.as_bytes(), source, &other).ok()?;
    (loaded.job.spec.packs == expected).then_some(changed)
}

fn insert(text: &str, entry: &str) -> Option<String> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let spec = lines.iter().position(|line| is_key(line, "spec", 0));
    let (first, indent) = match spec {
        Some(spec) => (
            spec + 1,
            lines[spec + 1..].iter().find(|line| has_content(line)).map(|line| indent(line))?,
        ),
        None => (0, 0),
    };
    match lines[first..].iter().position(|line| is_key(line, "packs", indent)) {
        Some(key) => insert_into(&mut lines, first + key, entry)?,
        None => {
            let at = if spec.is_some() { first } else { end_of_text(&lines) };
            let key = " ".repeat(indent);
            lines.splice(at..at, [format!("{key}packs:"), format!("{key}  - {entry}")]);
        }
    }
    Some(lines.join(newline) + newline)
}

/// Inserts the entry into the list whose key is in this line.
fn insert_into(lines: &mut Vec<String>, key: usize, entry: &str) -> Option<()> {
    let (_, value) = lines[key].split_once("packs:")?;
    let value = value.trim();
    if value.starts_with('[') {
        let from = lines[key].find('[')?;
        let (line, column) = closing_bracket(lines, key, from)?;
        let before = &lines[line][..column];
        let is_empty = line == key && before[from + 1..].trim().is_empty();
        let separator = if is_empty || before.trim_end().ends_with(',') { "" } else { ", " };
        lines[line].insert_str(column, &format!("{separator}{entry}"));
        return Some(());
    }
    if !value.is_empty() && !value.starts_with('#') {
        return None;
    }
    let own = indent(&lines[key]);
    let item = lines[key + 1..]
        .iter()
        .find(|line| has_content(line))
        .filter(|line| line.trim_start().starts_with('-'));
    let item = item.map(|line| indent(line)).filter(|item| *item >= own).unwrap_or(own + 2);
    let mut last = key;
    for (index, line) in
        lines.iter().enumerate().skip(key + 1).filter(|(_, line)| has_content(line))
    {
        let inside =
            indent(line) > item || indent(line) == item && line.trim_start().starts_with('-');
        if !inside {
            break;
        }
        last = index;
    }
    lines.insert(last + 1, format!("{}- {entry}", " ".repeat(item)));
    Some(())
}

/// Where a list in brackets ends.
fn closing_bracket(lines: &[String], first: usize, from: usize) -> Option<(usize, usize)> {
    let (mut depth, mut quote) = (0_i32, None);
    for (index, line) in lines.iter().enumerate().skip(first) {
        let start = if index == first { from } else { 0 };
        for (column, character) in line.char_indices().filter(|(column, _)| *column >= start) {
            match (quote, character) {
                (Some(open), close) if open == close => quote = None,
                (None, '"' | '\'') => quote = Some(character),
                (None, '[' | '{') => depth += 1,
                (None, ']' | '}') => {
                    depth -= 1;
                    if depth == 0 {
                        return Some((index, column));
                    }
                }
                (None, '#') if column == 0 || line[..column].ends_with(' ') => break,
                // Within quotes, or of no meaning here.
                _ => {}
            }
        }
    }
    None
}

fn is_key(line: &str, key: &str, at: usize) -> bool {
    let rest = line.trim_start().strip_prefix(key).and_then(|rest| rest.strip_prefix(':'));
    indent(line) == at && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn has_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

fn end_of_text(lines: &[String]) -> usize {
    let end = lines.iter().rposition(|line| has_content(line)).map_or(0, |last| last + 1);
    // A document may end with its marker.
    match lines.get(end.wrapping_sub(1)) {
        Some(line) if line.trim_end() == "..." => end - 1,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(name: &str) -> PackDetails {
        PackDetails {
            name: name.to_owned(),
            reference: Some("oci://ghcr.io/acme/pack:1.2".to_owned()),
            ..PackDetails::default()
        }
    }

    fn added(text: &str) -> String {
        let other = |_: &str| Err(std::io::Error::other("none"));
        let loaded =
            anomal_spec::load(text.as_bytes(), Source { file: "x", name: "x" }, &other).unwrap();
        with_pack(text, &loaded.job.spec.packs, &details("acme")).unwrap()
    }

    const ENTRY: &str = "{name: acme, ref: \"oci://ghcr.io/acme/pack:1.2\"}";
    const REST: &str =
        "input: {csv: {path: in.csv}} # the input\noutputs: [{csv: {path: out.csv}}]\n";

    #[test]
    fn lists_of_all_forms_grow_and_comments_stay() {
        for (before, after) in [
            ("packs: [dns] # one\n", format!("packs: [dns, {ENTRY}] # one\n")),
            ("packs: []\n", format!("packs: [{ENTRY}]\n")),
            (
                "packs: [\n  dns, # first\n  {name: a, ref: 'x]'} # second\n]\n",
                format!(
                    "packs: [\n  dns, # first\n  {{name: a, ref: 'x]'}} # second\n, {ENTRY}]\n"
                ),
            ),
            ("packs:\n- dns\n\n# next\n", format!("packs:\n- dns\n- {ENTRY}\n\n# next\n")),
            (
                "packs: # ours\n  - dns\n  # the house\n  - name: house\n    ref: ./house\n",
                format!(
                    "packs: # ours\n  - dns\n  # the house\n  - name: house\n    ref: ./house\n  - {ENTRY}\n"
                ),
            ),
        ] {
            assert_eq!(added(&format!("{before}{REST}")), format!("{after}{REST}"));
        }
        assert_eq!(added(REST), format!("{REST}packs:\n  - {ENTRY}\n"));
        assert_eq!(
            added(&REST.replace('\n', "\r\n")),
            format!("{REST}packs:\n  - {ENTRY}\n").replace('\n', "\r\n")
        );
    }

    #[test]
    fn a_manifest_has_them_below_its_spec() {
        let head = "apiVersion: anomal.dev/v1alpha1\nkind: AnomalyJob\nmetadata: {name: x}\n";
        let head = head.replace("anomal.dev/v1alpha1", anomal_spec::API_VERSION);
        let rest = "  input: {csv: {path: in.csv}}\n  outputs: [{csv: {path: out.csv}}]\n";
        assert_eq!(
            added(&format!("{head}spec:\n{rest}")),
            format!("{head}spec:\n  packs:\n    - {ENTRY}\n{rest}")
        );
        let list = "  packs:\n    - dns\n";
        assert_eq!(
            added(&format!("{head}spec:\n{list}{rest}")),
            format!("{head}spec:\n{list}    - {ENTRY}\n{rest}")
        );
    }

    #[test]
    fn forms_that_are_not_understood_are_left_alone() {
        assert_eq!(with_pack("{packs: [dns]}\n", &["dns".into()], &details("acme")), None);
    }
}
