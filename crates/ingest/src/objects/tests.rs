use proptest::prelude::*;

use super::*;

fn object(text: &str) -> Piece {
    Piece::Whole(Bytes::copy_from_slice(text.as_bytes()))
}

fn bad(text: &str) -> Piece {
    Piece::Bad(Bytes::copy_from_slice(text.as_bytes()), "it is no JSON object")
}

/// Of a text that arrives in parts of so many bytes.
fn split(text: &[u8], step: usize) -> Vec<Piece> {
    let mut splitter = ObjectSplitter::default();
    let mut pieces = Vec::new();
    for part in text.chunks(step) {
        splitter.push(part);
        pieces.extend(splitter.by_ref());
    }
    pieces.extend(splitter.finish());
    pieces
}

#[test]
fn objects_come_in_lines_behind_each_other_or_over_several_lines() {
    let text = "{\"a\":1}\n{\"b\":[{},[]],\"c\":\"}\\\"{\"}{\"d\":\n  -1.5e3 ,\r\n \"e\": null}\n";
    for step in 1..text.len() {
        assert_eq!(
            split(text.as_bytes(), step),
            [
                object("{\"a\":1}"),
                object("{\"b\":[{},[]],\"c\":\"}\\\"{\"}"),
                object("{\"d\":\n  -1.5e3 ,\r\n \"e\": null}")
            ],
            "{step}"
        );
    }
}

#[test]
fn a_broken_line_costs_that_line_alone() {
    let text =
        "{\"a\": 1\n{\"b\": 2}\nnonsense {\"x\": 1}\n{\"c\": \"x\n{\"d\": 4 {\"e\": 5}\n{\"f\":6}";
    for step in 1..text.len() {
        assert_eq!(
            split(text.as_bytes(), step),
            [
                bad("{\"a\": 1"),
                object("{\"b\": 2}"),
                bad("nonsense {\"x\": 1}"),
                bad("{\"c\": \"x"),
                bad("{\"d\": 4 {\"e\": 5}"),
                object("{\"f\":6}")
            ],
            "{step}"
        );
    }
}

#[test]
fn what_ends_within_an_object_is_bad() {
    for text in ["{\"a\": 1", "{\"a", "{", "{\"a\": tru"] {
        let found = split(text.as_bytes(), 3);
        assert_eq!(found, [Piece::Bad(text.as_bytes().into(), "it ends within an object")]);
    }
    assert!(split(b" \n ", 1).is_empty());
    assert_eq!(split(b"no", 1), [bad("no")]);
}

#[test]
fn long_objects_and_lines_end_at_their_line_and_are_not_kept() {
    let mut splitter = ObjectSplitter::default();
    let mut pieces = Vec::new();
    splitter.push(b"{\"a\":\"");
    for _ in 0..20 {
        splitter.push(&vec![b'x'; 1 << 20]);
        pieces.extend(splitter.by_ref());
        assert!(splitter.waiting() <= MAX_RECORD + 1);
    }
    splitter.push(b"\"}\n{\"b\":2}\n");
    pieces.extend(splitter.by_ref());
    let [Piece::Bad(text, reason), second] = &pieces[..] else { panic!("{}", pieces.len()) };
    assert_eq!((text.len(), *reason), (KEPT, "it is longer than 16 MiB"));
    assert_eq!(*second, object("{\"b\":2}"));
    let deep = "{\"a\":".repeat(200) + "\n{}";
    assert_eq!(split(deep.as_bytes(), 64).len(), 2);
}

proptest! {
    #[test]
    fn pieces_do_not_depend_on_how_bytes_arrive(text in "[\\{\\}\\[\\]\",:a1 \n\\\\]{0,60}", step in 1_usize..9) {
        prop_assert_eq!(split(text.as_bytes(), step), split(text.as_bytes(), usize::MAX));
    }

    #[test]
    fn every_object_of_a_parser_is_found(keys in prop::collection::vec("[a-z\"\\\\\n{}é]{0,5}", 0..5)) {
        let texts: Vec<String> = keys
            .iter()
            .map(|key| serde_json::json!({key: [{"x": key}, 1.5e-7, true, null]}).to_string())
            .collect();
        let found = split(texts.concat().as_bytes(), 5);
        prop_assert_eq!(found, texts.iter().map(|text| object(text)).collect::<Vec<_>>());
    }
}
