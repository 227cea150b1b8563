use proptest::prelude::*;

use super::*;

fn split(text: &[u8], step: usize, max: usize) -> Vec<Piece> {
    let mut frames = SyslogFrames::new(max);
    let mut found = Vec::new();
    for part in text.chunks(step) {
        frames.push(part);
        found.extend(frames.by_ref());
    }
    found.extend(frames.finish());
    found
}

fn message(text: &str) -> Piece {
    Piece::Whole(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn each_frame_is_counted_or_a_line() {
    let text =
        "<34>1 a\n12 <34>1 a\nb c\n5 <1>ab<34>c\r\n\n2026-01-01 12 <x\n7 apples\n4 <1>\n<2>end";
    for step in 1..text.len() {
        assert_eq!(
            split(text.as_bytes(), step, 100),
            [
                message("<34>1 a"),
                message("<34>1 a\nb c"),
                message("<1>ab"),
                message("<34>c"),
                message("2026-01-01 12 <x"),
                message("7 apples"),
                message("<1>"),
                message("<2>end")
            ],
            "{step}"
        );
    }
}

#[test]
fn long_messages_are_passed_over() {
    let long = "x".repeat(6_000);
    let text = format!("<1>{long}\n<2>a\n6003 <3>{long}<4>b\n");
    for step in [1, 7, 5_000, 100_000] {
        let found = split(text.as_bytes(), step, 5_000);
        let [Piece::Bad(one, _), two, Piece::Bad(three, reason), four] = &found[..] else {
            panic!("{}", found.len())
        };
        assert!(one.starts_with(b"<1>x") && three.starts_with(b"<3>x") && one.len() <= KEPT);
        assert_eq!((two, four, *reason), (&message("<2>a"), &message("<4>b"), TOO_LONG));
    }
}

#[test]
fn what_ends_within_a_counted_message_is_bad() {
    assert_eq!(
        split(b"20 <1>abc", 3, 100),
        [Piece::Bad("<1>abc".into(), "it ends within a message")]
    );
    assert_eq!(split(b"20", 3, 100), [message("20")]);
    assert!(split(b"\n\r\n\0", 1, 100).is_empty());
}

proptest! {
    #[test]
    fn messages_do_not_depend_on_how_bytes_arrive(text in "[0-9 <>a\n]{0,60}", step in 1_usize..9) {
        prop_assert_eq!(split(text.as_bytes(), step, 9), split(text.as_bytes(), usize::MAX, 9));
    }
}
