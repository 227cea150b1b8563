//! The frames of syslog over TCP (RFC 6587), distinguished one by one: octet counting, or lines.

use bytes::{Bytes, BytesMut};

use super::trimmed;
use crate::{
    KEPT,
    splitter::{Piece, Splitter},
};

/// Digits of a count.
const DIGITS: usize = 8;
const TOO_LONG: &str = "the message is longer than `maxMessage`";

/// Divides a stream of bytes into messages.
///
/// A frame that begins with a number, a blank and `<` is one of octet counting; anything else ends with its line.
pub struct SyslogFrames {
    buffer: BytesMut,
    max: usize,
    /// What is passed over.
    skipping: Skip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    Nothing,
    /// So many bytes.
    Bytes(usize),
    /// The rest of a line.
    Line,
}

/// How a frame begins.
enum Head {
    Counted {
        head: usize,
        length: usize,
    },
    Line,
    /// More bytes are needed.
    Open,
}

impl SyslogFrames {
    /// `max`: bytes of a message.
    pub fn new(max: usize) -> Self {
        Self { buffer: BytesMut::new(), max, skipping: Skip::Nothing }
    }

    /// Passes over what belongs to a message that was too long. Whether that has come to an end.
    fn skip(&mut self) -> bool {
        match self.skipping {
            Skip::Nothing => {}
            Skip::Bytes(bytes) => {
                let now = bytes.min(self.buffer.len());
                let _ = self.buffer.split_to(now);
                self.skipping = if now == bytes { Skip::Nothing } else { Skip::Bytes(bytes - now) };
            }
            Skip::Line => match memchr::memchr(b'\n', &self.buffer) {
                Some(end) => {
                    let _ = self.buffer.split_to(end + 1);
                    self.skipping = Skip::Nothing;
                }
                None => self.buffer.clear(),
            },
        }
        self.skipping == Skip::Nothing
    }

    fn too_long(&mut self, head: usize, length: usize) -> Piece {
        let most = if length == 0 { self.max + 1 } else { length };
        let end = head + most.min(KEPT).min(self.buffer.len() - head);
        let text = Bytes::copy_from_slice(&self.buffer[head..end]);
        self.skipping = if length == 0 { Skip::Line } else { Skip::Bytes(head + length) };
        self.skip();
        Piece::Bad(text, TOO_LONG)
    }
}

impl Splitter for SyslogFrames {
    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// A line needs no line end.
    fn finish(&mut self) -> Option<Piece> {
        self.skip();
        let rest = self.buffer.split().freeze();
        if let Head::Counted { head, .. } = head(&rest) {
            return Some(Piece::Bad(rest.slice(head..), "it ends within a message"));
        }
        let text = trimmed(&rest);
        (!text.is_empty()).then_some(Piece::Whole(text))
    }

    fn waiting(&self) -> usize {
        self.buffer.len()
    }
}

impl Iterator for SyslogFrames {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            if !self.skip() {
                return None;
            }
            let text = match head(&self.buffer) {
                Head::Open => return None,
                Head::Counted { head, length } => {
                    if length > self.max && self.buffer.len() >= head + KEPT.min(length) {
                        return Some(self.too_long(head, length));
                    }
                    if length > self.max || self.buffer.len() < head + length {
                        return None;
                    }
                    self.buffer.split_to(head + length).freeze().slice(head..)
                }
                Head::Line => match memchr::memchr(b'\n', &self.buffer) {
                    Some(end) if end <= self.max => self.buffer.split_to(end + 1).freeze(),
                    None if self.buffer.len() <= self.max => return None,
                    _ => return Some(self.too_long(0, 0)),
                },
            };
            let text = trimmed(&text);
            // Between messages that are ended twice.
            if !text.is_empty() {
                return Some(Piece::Whole(text));
            }
        }
    }
}

fn head(bytes: &[u8]) -> Head {
    let digits = bytes.iter().take(DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > DIGITS || bytes[0] == b'0' {
        return if bytes.is_empty() { Head::Open } else { Head::Line };
    }
    match (bytes.get(digits), bytes.get(digits + 1)) {
        (None, _) | (Some(b' '), None) => Head::Open,
        (Some(b' '), Some(b'<')) => {
            let number = bytes[..digits].iter().map(|digit| usize::from(digit - b'0'));
            let length = number.fold(0, |number, digit| number * 10 + digit);
            Head::Counted { head: digits + 1, length }
        }
        _ => Head::Line,
    }
}

#[cfg(test)]
mod tests;
