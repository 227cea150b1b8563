//! Keys, and their decoding from what a terminal sends.

/// A key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Char(char),
    /// With the control key; the letter is in lower case.
    Ctrl(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
}

/// What a person does at a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Key(Key),
    /// The left button of the mouse was pressed in this cell, from 0.
    Click {
        x: u16,
        y: u16,
    },
    /// The wheel of the mouse was turned by a step.
    Wheel {
        up: bool,
    },
    /// Text that was pasted at once.
    Paste(String),
}

/// The longest pasted text that is kept, in bytes.
const LONGEST_PASTE: usize = 1 << 20;
const PASTE_START: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
/// The longest sequence that is waited for.
const LONGEST_SEQUENCE: usize = 32;

/// Decodes bytes of a terminal, which may be cut anywhere between two reads.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    pasting: bool,
}

impl Decoder {
    /// Decodes what was read. An escape at the end of a read is the key: terminals send sequences at once.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.bytes.extend_from_slice(bytes);
        let mut inputs = Vec::new();
        let mut at = 0;
        while at < self.bytes.len() {
            let rest = &self.bytes[at..];
            if self.pasting {
                let Some(end) = find(rest, PASTE_END) else {
                    // The end may be cut in two; what is too long is dropped.
                    let keep = LONGEST_PASTE + PASTE_END.len();
                    at += rest.len().saturating_sub(keep);
                    break;
                };
                let text = String::from_utf8_lossy(&rest[..end.min(LONGEST_PASTE)]).into_owned();
                inputs.push(Input::Paste(text));
                self.pasting = false;
                at += end + PASTE_END.len();
                continue;
            }
            if rest.starts_with(PASTE_START) {
                self.pasting = true;
                at += PASTE_START.len();
                continue;
            }
            match decode(rest) {
                Some((input, length)) => {
                    inputs.extend(input);
                    at += length;
                }
                None if rest.len() < LONGEST_SEQUENCE => break,
                None => at += 1,
            }
        }
        self.bytes.drain(..at);
        inputs
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// The first input and its length in bytes, none for a sequence without a meaning here; nothing if more bytes are needed.
fn decode(bytes: &[u8]) -> Option<(Option<Input>, usize)> {
    let first = *bytes.first()?;
    let key = match first {
        0x1b => return escape(bytes),
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x7f | 0x08 => Key::Backspace,
        1..=26 => Key::Ctrl(char::from(b'a' + first - 1)),
        0 | 0x1c..=0x1f => return Some((None, 1)),
        0x20..=0x7e => Key::Char(char::from(first)),
        _ => return utf8(bytes),
    };
    Some((Some(Input::Key(key)), 1))
}

fn utf8(bytes: &[u8]) -> Option<(Option<Input>, usize)> {
    let length = match bytes[0] {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return Some((None, 1)),
    };
    let text = bytes.get(..length)?;
    match std::str::from_utf8(text).ok().and_then(|text| text.chars().next()) {
        Some(character) => Some((Some(Input::Key(Key::Char(character))), length)),
        None => Some((None, 1)),
    }
}

fn escape(bytes: &[u8]) -> Option<(Option<Input>, usize)> {
    let key = |key: Option<Key>| key.map(Input::Key);
    let Some(second) = bytes.get(1) else { return Some((key(Some(Key::Esc)), 1)) };
    match second {
        b'[' => {
            let body = &bytes[2..];
            let end = body.iter().position(|byte| (0x40..=0x7e).contains(byte))?;
            let (parameters, last) = (&body[..end], body[end]);
            let input = match parameters.strip_prefix(b"<") {
                Some(parameters) => mouse(parameters, last),
                None => key(sequence(parameters, last)),
            };
            Some((input, end + 3))
        }
        b'O' => Some((
            key(bytes.get(2).and_then(|last| arrow(*last))),
            if bytes.len() > 2 { 3 } else { return None },
        )),
        // Two keys that came at once; none means anything together with Alt.
        _ => Some((key(Some(Key::Esc)), 1)),
    }
}

/// A press or a turn of the wheel in xterm's SGR form: button, column and line from 1, with `M`. Releases end with `m`.
fn mouse(parameters: &[u8], last: u8) -> Option<Input> {
    let mut numbers = parameters.split(|byte| *byte == b';').map(|digits| {
        let digits = std::str::from_utf8(digits).ok()?;
        digits.parse::<u16>().ok()
    });
    let mut next = || numbers.next().flatten();
    let (button, x, y) = (next()?, next()?, next()?);
    match (last, button) {
        (b'M', 0) => Some(Input::Click { x: x.checked_sub(1)?, y: y.checked_sub(1)? }),
        (b'M', 64) => Some(Input::Wheel { up: true }),
        (b'M', 65) => Some(Input::Wheel { up: false }),
        _ => None,
    }
}

fn arrow(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'M' => Key::Enter,
        b'Z' => Key::BackTab,
        _ => return None,
    })
}

/// The key of a control sequence: its parameters and its last byte.
fn sequence(parameters: &[u8], last: u8) -> Option<Key> {
    if last != b'~' {
        return arrow(last).filter(|key| *key != Key::Enter);
    }
    let number = parameters.split(|byte| *byte == b';').next()?;
    Some(match number {
        b"1" | b"7" => Key::Home,
        b"3" => Key::Delete,
        b"4" | b"8" => Key::End,
        b"5" => Key::PageUp,
        b"6" => Key::PageDown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Input> {
        Decoder::default().push(bytes)
    }

    fn key(key: Key) -> Input {
        Input::Key(key)
    }

    #[test]
    fn keys_are_decoded() {
        assert_eq!(keys(b"a\r\x1b"), [key(Key::Char('a')), key(Key::Enter), key(Key::Esc)]);
        assert_eq!(keys(b"\x1b[A\x1bOB\x1b[5~"), [key(Key::Up), key(Key::Down), key(Key::PageUp)]);
        assert_eq!(
            keys(b"\x1b[1;5C\x03\x7f"),
            [key(Key::Right), key(Key::Ctrl('c')), key(Key::Backspace)]
        );
        assert_eq!(
            keys(b"\x1bq\x1b\x1b"),
            [key(Key::Esc), key(Key::Char('q')), key(Key::Esc), key(Key::Esc)]
        );
        assert_eq!(keys("é日".as_bytes()), [key(Key::Char('é')), key(Key::Char('日'))]);
        assert_eq!(
            keys(b"\x1b[<0;12;5M\x1b[<0;12;5m\x1b[<64;1;1M\x1b[<65;1;1M\x1b[<35;3;3M"),
            [Input::Click { x: 11, y: 4 }, Input::Wheel { up: true }, Input::Wheel { up: false }]
        );
        assert_eq!(keys(b"\x1b[<0;0;0M\x1b[<0;99999;1M\x1b[<M\x1b[<;;M"), []);
        // Answers and reports mean nothing.
        assert_eq!(keys(b"\x1b[12;5R\x1b[?1;2c\xff"), []);
    }

    #[test]
    fn a_paste_is_one_input_however_it_is_cut() {
        let bytes = b"x\x1b[200~a\nb\x1b[201~y";
        let expected = [key(Key::Char('x')), Input::Paste("a\nb".into()), key(Key::Char('y'))];
        assert_eq!(keys(bytes), expected);
        // Not directly after an escape, which is a key at the end of a read.
        for cut in [0, 1, 8, 9, 10, 12, 14, 16] {
            let mut decoder = Decoder::default();
            let mut inputs = decoder.push(&bytes[..cut]);
            inputs.extend(decoder.push(&bytes[cut..]));
            assert_eq!(inputs, expected, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded(reads in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut decoder = Decoder::default();
            for read in reads {
                decoder.push(&read);
                prop_assert!(decoder.pasting || decoder.bytes.len() < LONGEST_SEQUENCE);
            }
        }
    }
}
