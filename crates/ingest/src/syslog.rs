//! Doors for syslog: UDP, a message a datagram, and TCP, in frames of RFC 6587.
//!
//! There are no answers. A TCP sender whose messages do not fit is slowed down; a datagram that does not fit is counted and lost.

mod frames;
mod tcp;
mod udp;

pub use self::{
    frames::{Frame, SyslogFrames},
    tcp::open_syslog_tcp,
    udp::{BoundSocket, open_syslog_udp},
};

use bytes::Bytes;

use crate::record::NewRecord;

/// What senders may do.
#[derive(Clone, Copy, Debug)]
pub struct SyslogOptions {
    /// Bytes of a message.
    pub max_message: usize,
    pub max_connections: usize,
    /// How long a connection may be silent.
    pub idle: std::time::Duration,
}

fn record(frame: Frame) -> NewRecord {
    match frame {
        Frame::Message(text) => NewRecord::new(text),
        Frame::Bad(text, reason) => NewRecord::refused(&text, reason),
    }
}

/// Without what ends a message in files and in C.
fn trimmed(text: &Bytes) -> Bytes {
    let end = text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0));
    text.slice(..end.map_or(0, |end| end + 1))
}
