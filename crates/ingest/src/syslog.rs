//! Syslog: the frames of RFC 6587 over TCP, and a message a datagram over UDP.
//!
//! There are no answers. A TCP sender whose messages do not fit is slowed down; a datagram that does not fit is counted and lost.

mod frames;
mod udp;

pub use self::{
    frames::SyslogFrames,
    udp::{BoundSocket, open_syslog_udp},
};

use bytes::Bytes;

/// Without what ends a message in files and in C.
fn trimmed(text: &Bytes) -> Bytes {
    let end = text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0));
    text.slice(..end.map_or(0, |end| end + 1))
}
