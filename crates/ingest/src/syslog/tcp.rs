//! Syslog over TCP, with or without TLS (RFC 5425).

use std::sync::Arc;

use anomal_listen::TlsFiles;

use super::{SyslogFrames, SyslogOptions, record};
use crate::{
    connection::{Connections, Splitter},
    door::{BoundListener, DoorOptions, OpenDoor},
    journal::Appender,
    record::NewRecord,
};

/// Opens a door for syslog over TCP.
///
/// # Errors
/// The certificates can't be used, with the file.
pub async fn open_syslog_tcp(
    listener: BoundListener,
    tls: Option<TlsFiles>,
    options: SyslogOptions,
    journal: Appender,
) -> Result<OpenDoor, String> {
    let SyslogOptions { max_message, max_connections, idle } = options;
    let door = DoorOptions { listener, tls, protocol: b"", max_connections };
    let connections = Arc::new(Connections::new(journal, idle, None));
    OpenDoor::open(door, move |stream, stopped| {
        Arc::clone(&connections).serve(stream, SyslogFrames::new(max_message), stopped)
    })
    .await
}

impl Splitter for SyslogFrames {
    fn push(&mut self, bytes: &[u8]) {
        Self::push(self, bytes);
    }

    fn next(&mut self) -> Option<NewRecord> {
        Iterator::next(self).map(record)
    }

    fn finish(&mut self) -> Option<NewRecord> {
        Self::finish(self).map(record)
    }

    fn waiting(&self) -> usize {
        Self::waiting(self)
    }
}
