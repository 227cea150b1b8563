//! The door for JSON over TCP: an object a connection, or any number, in lines or one behind the other.

use std::{sync::Arc, time::Duration};

use anomal_listen::TlsFiles;

use crate::{
    check::json_record,
    connection::{Connections, Splitter},
    door::{BoundListener, DoorOptions, OpenDoor},
    journal::Appender,
    objects::{ObjectSplitter, Piece},
    record::NewRecord,
    token::Credentials,
};

/// What senders may do.
#[derive(Clone, Debug)]
pub struct TcpOptions {
    pub max_connections: usize,
    /// How long a connection may be silent.
    pub idle: Duration,
    /// What the first line of a connection has to have: `{"token": "..."}`.
    pub credentials: Option<Credentials>,
}

/// Opens a door for JSON over TCP.
///
/// # Errors
/// The certificates can't be used, with the file.
pub async fn open_tcp(
    listener: BoundListener,
    tls: Option<TlsFiles>,
    options: TcpOptions,
    journal: Appender,
) -> Result<OpenDoor, String> {
    let TcpOptions { max_connections, idle, credentials } = options;
    let door = DoorOptions { listener, tls, protocol: b"", max_connections };
    let connections = Arc::new(Connections::new(journal, idle, credentials));
    OpenDoor::open(door, move |stream, stopped| {
        Arc::clone(&connections).serve(stream, ObjectSplitter::default(), stopped)
    })
    .await
}

impl Splitter for ObjectSplitter {
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

fn record(piece: Piece) -> NewRecord {
    match piece {
        Piece::Object(text) => json_record(text),
        Piece::Bad(text, reason) => NewRecord::refused(&text, reason),
    }
}
