//! The door for records over TCP, without answers.

use std::{sync::Arc, time::Duration};

use anomal_listen::TlsFiles;

use crate::{
    connection::Connections,
    door::{BoundListener, DoorOptions, OpenDoor},
    journal::Appender,
    splitter::Splitter,
    token::Credentials,
};

/// What senders may do.
#[derive(Clone, Debug)]
pub struct TcpOptions {
    pub max_connections: usize,
    /// How long a connection may be silent.
    pub idle: Duration,
    /// What the first record of a connection has to be: `{"token": "..."}`.
    pub credentials: Option<Credentials>,
}

/// Opens a door for what a splitter finds in connections, each of which gets its own.
///
/// # Errors
/// The certificates can't be used, with the file.
pub async fn open_tcp<S: Splitter>(
    listener: BoundListener,
    tls: Option<TlsFiles>,
    options: TcpOptions,
    journal: Appender,
    splitter: impl Fn() -> S + Send + 'static,
) -> Result<OpenDoor, String> {
    let TcpOptions { max_connections, idle, credentials } = options;
    let door = DoorOptions { listener, tls, protocol: b"", max_connections };
    let connections = Arc::new(Connections::new(journal, idle, credentials));
    OpenDoor::open(door, move |stream, stopped| {
        Arc::clone(&connections).serve(stream, splitter(), stopped)
    })
    .await
}
