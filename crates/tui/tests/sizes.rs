//! Any size, from one cell on: nothing panics, and every row has the width of the window.

mod support;

use anomal_tui::{Input, Message, Size, keymap::BINDINGS};
use proptest::prelude::*;
use support::Session;

fn draw_at(session: &mut Session, width: u16, height: u16) {
    session.send(Message::Resize(Size { width, height }));
    let buffer = session.model.view();
    assert_eq!((buffer.area.width, buffer.area.height), (width, height));
    assert_eq!(buffer.content.len(), usize::from(width) * usize::from(height));
    assert!(buffer.content.iter().all(|cell| !cell.symbol().chars().any(char::is_control)));
}

#[test]
fn every_screen_is_drawn_at_every_small_size() {
    for key in ["0", "1", "1 ", "2", "3", "4", "5", "6", "7", "7\t", "?", ":", "2e", "2a", "y", "r"]
    {
        let mut session = Session::with_all(80, 24);
        session.keys(key);
        for width in 1..42 {
            for height in 1..14 {
                draw_at(&mut session, width, height);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_keys_at_any_size(
        keys in prop::collection::vec((0..BINDINGS.len(), 1_u16..300, 1_u16..100), 1..40),
    ) {
        let mut session = Session::with_all(80, 24);
        for (key, width, height) in keys {
            if let Some(key) = BINDINGS[key].keys.first() {
                session.send(Message::Input(Input::Key(*key)));
            }
            session.send(Message::Input(Input::Click { x: width / 2, y: height / 2 }));
            session.send(Message::Input(Input::Wheel { up: width % 2 == 0 }));
            draw_at(&mut session, width, height);
        }
    }
}
