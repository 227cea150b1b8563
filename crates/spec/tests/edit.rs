//! Changes of settings files: what is changed is changed, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::format_push_string, reason = "short texts")]

use anomal_spec::edit::{Change, EditError, Step, edit, entries, line, to_flow, value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const TEXT: &str = "\
# Which requests stand out?
input:
  csv: {path: dns.csv}   # an export

features:
  # of the client
  - {type: field, name: bytes, multiplier: 0.5}   # half
  - type: metric
    name: entropy   # of the name
    dataNeeded: [\"a b\", c]
  - {type: field, name: port}
classification:
  engine: Gower
  threshold: {method: contamination, value: 0.02}
";

fn path(steps: &str) -> Vec<Step> {
    let step = |step: &str| {
        step.parse().map_or_else(|_| Step::from(step), |index: usize| Step::from(index))
    };
    steps.split('.').map(step).collect()
}

#[track_caller]
fn changed(text: &str, at: &str, change: &Change, from: &str, to: &str) -> String {
    let edited = edit(text, &path(at), change).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from}");
    assert_eq!(edited, text.replace(from, to));
    edited
}

#[test]
fn values_are_set_in_their_place() {
    let set = |value| Change::Set(value);
    changed(TEXT, "features.0.multiplier", &set(json!(2)), "multiplier: 0.5", "multiplier: 2");
    changed(
        TEXT,
        "features.2.multiplier",
        &set(json!(2)),
        "name: port}",
        "name: port, multiplier: 2}",
    );
    changed(TEXT, "features.1.name", &set(json!("x: y")), "entropy   #", "\"x: y\"   #");
    changed(
        TEXT,
        "features.1.multiplier",
        &set(json!(3)),
        "[\"a b\", c]\n",
        "[\"a b\", c]\n    multiplier: 3\n",
    );
    changed(TEXT, "classification.seed", &set(json!(7)), "0.02}\n", "0.02}\n  seed: 7\n");
    changed(TEXT, "report.title", &set(json!("T")), "0.02}\n", "0.02}\nreport: {title: T}\n");
    changed("a:\nb: 1", "a.c", &set(json!(true)), "a:", "a: {c: true}");
    changed("a: |\n  text\n  more\nb: 1", "a", &set(json!("x")), "|\n  text\n  more", "x");
    changed("a: 1\r\nb: 2", "c", &set(json!(3)), "b: 2", "b: 2\r\nc: 3\r\n");
}

#[test]
fn items_are_inserted_removed_and_exchanged() {
    let item = json!({"type": "field", "name": "x"});
    changed(
        TEXT,
        "features",
        &Change::Insert(3, item.clone()),
        "name: port}\n",
        "name: port}\n  - {type: field, name: x}\n",
    );
    changed(
        TEXT,
        "features",
        &Change::Insert(1, item.clone()),
        "  - type: metric",
        "  - {type: field, name: x}\n  - type: metric",
    );
    changed(
        TEXT,
        "flags",
        &Change::Insert(0, item),
        "0.02}\n",
        "0.02}\nflags: [{type: field, name: x}]\n",
    );
    changed(TEXT, "features.2", &Change::Remove, "  - {type: field, name: port}\n", "");
    changed(TEXT, "features.1.type", &Change::Remove, "type: metric\n    name", "name");
    changed(TEXT, "features.0.multiplier", &Change::Remove, ", multiplier: 0.5", "");
    changed("a: [1, 2, 3]", "a.0", &Change::Remove, "1, ", "");
    changed("a: [1, 2, 3]", "a.1", &Change::SwapWithNext, "2, 3", "3, 2");
    changed("a:\n  - 1\n# no\nb: 1\n", "a.0", &Change::Remove, "a:\n  - 1", "a: []");
    let moved = edit(TEXT, &path("features.0"), &Change::SwapWithNext).unwrap();
    assert!(moved.contains("  # of the client\n  - type: metric\n    name: entropy"), "{moved}");
    assert_eq!(edit(&moved, &path("features.0"), &Change::SwapWithNext).unwrap(), TEXT);
}

#[test]
fn what_is_switched_off_stays_as_comments() {
    for index in 0..3 {
        let off = edit(TEXT, &path(&format!("features.{index}")), &Change::SwitchOff).unwrap();
        let listed = entries(&off, &path("features")).unwrap();
        assert_eq!(listed.len(), 3);
        assert!(listed.iter().enumerate().all(|(at, entry)| entry.on == (at != index)), "{off}");
        assert_eq!(listed[1].value["name"], "entropy");
        let on = edit(&off, &path("features"), &Change::SwitchOn(listed[index].line)).unwrap();
        assert_eq!(on, TEXT);
    }
}

#[test]
fn lines_are_those_of_the_text() {
    assert_eq!(line(TEXT, &path("features.1.name")), Ok(9));
    assert_eq!(line(TEXT, &path("classification.parameters.k")), Ok(13));
    assert_eq!(value(TEXT, &path("features.1.dataNeeded.0")), Ok(Some(json!("a b"))));
}

#[test]
fn a_change_with_effects_elsewhere_is_refused() {
    let text = "a: &x {k: 1}\nb: *x\n";
    let refused = edit(text, &path("a.k"), &Change::Set(json!(2)));
    assert!(matches!(refused, Err(EditError::Unsupported(_))), "{refused:?}");
    assert_eq!(edit(text, &path("b"), &Change::Set(json!(2))).unwrap(), "a: &x {k: 1}\nb: 2\n");
    assert!(matches!(edit("a: [", &[], &Change::Remove), Err(EditError::Unreadable(_))));
    assert!(matches!(edit("a: 1", &path("b"), &Change::Remove), Err(EditError::Missing(_))));
    assert!(edit("a: [1, 2]", &path("a.0"), &Change::SwitchOff).is_err());
}

/// The examples, as documents with the comments that people write.
fn examples() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    ["dns", "finance", "logins", "elasticsearch", "external-engine", "lists", "packs"]
        .iter()
        .map(|name| std::fs::read_to_string(folder.join(name).join("job.yaml")).unwrap())
        .collect()
}

/// All paths of a document.
fn paths(value: &Json, above: &[Step], all: &mut Vec<Vec<Step>>) {
    let children: Vec<(Step, &Json)> = match value {
        Json::Object(map) => {
            map.iter().map(|(key, value)| (Step::Key(key.clone()), value)).collect()
        }
        Json::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (Step::Index(index), item)).collect()
        }
        _ => Vec::new(),
    };
    for (step, child) in children {
        let path: Vec<Step> = above.iter().cloned().chain([step]).collect();
        paths(child, &path, all);
        all.push(path);
    }
}

#[test]
fn every_value_of_the_examples_can_be_set_and_set_back() {
    for text in examples() {
        let mut all = Vec::new();
        paths(&value(&text, &[]).unwrap().unwrap(), &[], &mut all);
        for path in all {
            let before = value(&text, &path).unwrap().unwrap();
            let other = edit(&text, &path, &Change::Set(json!("other value"))).unwrap();
            assert_eq!(value(&other, &path).unwrap(), Some(json!("other value")));
            let back = edit(&other, &path, &Change::Set(before.clone())).unwrap();
            assert_eq!(value(&back, &[]).unwrap(), value(&text, &[]).unwrap());
            // A value on one line leaves all others as they were.
            let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            if !before.is_object() && !before.is_array() {
                let differs =
                    lines(&text).iter().zip(lines(&other)).filter(|(a, b)| *a != b).count();
                assert!(
                    lines(&text).len() == lines(&other).len() && differs <= 1,
                    "{path:?}\n{other}"
                );
            }
        }
    }
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        any::<i32>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(|value| json!(value)),
        Just(Json::Null),
        any::<String>().prop_map(|text| json!(text)),
        "[a-z#:,\\[\\]{}'\"&*!|>%@` -]{0,12}".prop_map(|text| json!(text)),
    ]
}

/// A document in block style, with comments and blank lines, and its values in flow style.
fn document() -> impl Strategy<Value = String> {
    let entry = (scalar(), "( ?# [a-z: -]{0,8})?", any::<bool>());
    let items = prop::collection::vec((scalar(), scalar(), any::<bool>(), "(# [a-z]{0,5})?"), 1..5);
    (prop::collection::vec(entry, 0..4), items).prop_map(|(entries, items)| {
        let mut text = String::from("# head\n");
        for (index, (value, comment, blank)) in entries.iter().enumerate() {
            let comment = if comment.is_empty() {
                String::new()
            } else {
                format!(" {}", comment.trim_start())
            };
            text += &format!(
                "k{index}: {}{comment}\n{}",
                to_flow(value),
                if *blank { "\n" } else { "" }
            );
        }
        text += "list:\n";
        for (a, b, block, comment) in &items {
            let (a, b) = (to_flow(a), to_flow(b));
            let comment = if comment.is_empty() { String::new() } else { format!("  {comment}\n") };
            text += &comment;
            text += &if *block {
                format!("  - a: {a}\n    b: {b}\n")
            } else {
                format!("  - {{a: {a}, b: {b}}}\n")
            };
        }
        text + "end: 1\n"
    })
}

fn change() -> impl Strategy<Value = (&'static str, Change)> {
    let at = prop::sample::select(vec![
        "k0",
        "list.0",
        "list.0.a",
        "list.1.b",
        "list.2",
        "new",
        "new.deep.er",
        "list.0.c",
        "end",
    ]);
    let change = prop_oneof![
        scalar().prop_map(Change::Set),
        (0_usize..4, scalar()).prop_map(|(index, item)| Change::Insert(index, item)),
        Just(Change::Remove),
        Just(Change::SwapWithNext),
        Just(Change::SwitchOff),
    ];
    let on_list =
        (0_usize..4, scalar()).prop_map(|(index, item)| ("list", Change::Insert(index, item)));
    prop_oneof![4 => (at, change), 1 => on_list]
}

proptest! {
    #[test]
    fn flow_style_is_read_back(value in scalar(), key in any::<String>()) {
        let text = format!("a: {}", to_flow(&json!({key.clone(): [value.clone()]})));
        let read = anomal_spec::edit::value(&text, &[Step::from("a")]);
        // A key that is no text that settings can have.
        if let Ok(read) = read {
            prop_assert_eq!(read, Some(json!({key: [value]})));
        } else {
            prop_assert!(key.chars().any(|c| !c.is_ascii_graphic()), "{}", text);
        }
    }

    /// The result is verified inside of `edit`; here, that comments stay, and that what is usual is not refused.
    #[test]
    fn any_sequence_of_changes_keeps_the_comments(
        text in document(),
        changes in prop::collection::vec(change(), 1..8),
    ) {
        let mut now = text.clone();
        for (at, change) in changes {
            let before = now.clone();
            match edit(&now, &path(at), &change) {
                Ok(edited) => now = edited,
                Err(EditError::Missing(_)) => {}
                Err(error @ EditError::Unreadable(_)) => prop_assert!(false, "{}\n{}", error, now),
                Err(EditError::Unsupported(why)) => {
                    let usual = matches!(change, Change::Set(_)) && !at.starts_with("new");
                    prop_assert!(!usual, "{at} {change:?}: {why}\n{now}");
                }
            }
            let heads = |text: &str| text.lines().filter(|line| line.starts_with("# head")).count();
            prop_assert_eq!(heads(&before), heads(&now));
        }
    }

    #[test]
    fn any_text_is_edited_or_refused(text in any::<String>(), (at, change) in change()) {
        let _ = edit(&text, &path(at), &change);
    }
}
