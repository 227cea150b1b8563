//! What senders push: doors that they send to, and the journal that it is written to before it is acknowledged.
//!
//! A door ([`open_http`], [`open_tcp`]) takes records from connections and appends them to a [`Journal`]. From then on they are a
//! log like any other: [`JournalLog`] reads them again from any place until they are released. Nothing here knows tables,
//! settings or columns.

mod check;
mod connection;
mod door;
mod http;
mod journal;
mod objects;
mod otlp;
mod record;
mod record_key;
mod splitter;
mod syslog;
mod tcp;
mod token;

pub use anomal_listen::TlsFiles;
pub use door::{BoundListener, OpenDoor};
pub use http::{BodyForm, Dedupe, HttpDoors, HttpOptions, open_grpc, open_http, read_body};
pub use journal::{
    AppendError, Appended, Appender, Collected, Journal, JournalError, JournalLog, JournalOptions,
    Window, WindowLog, WindowOptions, read_segment,
};
pub use objects::ObjectSplitter;
pub use record::{Batch, NewRecord, Record};
pub use splitter::{Piece, Splitter};
pub use syslog::{BoundSocket, SyslogFrames, open_syslog_udp};
pub use tcp::{TcpOptions, open_tcp};
pub use token::Credentials;

/// The longest record, in bytes.
pub const MAX_RECORD: usize = 16 << 20;
/// Bytes that are kept of a record which is refused.
pub const KEPT: usize = 4096;
