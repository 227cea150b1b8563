//! Syslog over UDP (RFC 5426): a message a datagram.

use std::{
    io,
    net::{SocketAddr, UdpSocket as StdSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::join_all;
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
};

use super::trimmed;
use crate::{
    door::OpenDoor,
    journal::Appender,
    record::{Batch, NewRecord},
};

/// The longest datagram.
const DATAGRAM: usize = 64 << 10;
/// Datagrams that wait for the journal.
const WAITING: usize = 16_384;
/// Datagrams that are appended at once.
const TOGETHER: usize = 4096;
/// How often it is said that datagrams are lost.
const PAUSE: Duration = Duration::from_secs(10);

/// An address that datagrams wait at until the door opens.
#[derive(Debug)]
pub struct BoundSocket {
    socket: StdSocket,
    address: SocketAddr,
}

impl BoundSocket {
    /// Takes an address, as `host:port` (port 0: a free one).
    ///
    /// # Errors
    /// It is in use, or not one of this machine.
    pub fn bind(address: &str) -> io::Result<Self> {
        let socket = StdSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

type Datagram = (SocketAddr, Bytes);

/// Opens a door for syslog over UDP.
///
/// # Errors
/// The socket can't be used.
pub fn open_syslog_udp(socket: BoundSocket, journal: Appender) -> Result<OpenDoor, String> {
    let BoundSocket { socket, address } = socket;
    let socket = UdpSocket::from_std(socket).map_err(|error| format!("{address}: {error}"))?;
    Ok(OpenDoor::spawn(address, |stopped| async move {
        let (sender, receiver) = mpsc::channel(WAITING);
        let receiving = receive(socket, sender, stopped);
        tokio::join!(receiving, append(receiver, journal));
    }))
}

/// Receives until the door closes.
async fn receive(
    socket: UdpSocket,
    sender: mpsc::Sender<Datagram>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; DATAGRAM];
    let mut lost = Lost::default();
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        // Errors of a datagram socket are about what was sent before.
        let Ok((length, from)) = received else { continue };
        let text = trimmed(&Bytes::copy_from_slice(&buffer[..length]));
        if !text.is_empty() && sender.try_send((from, text)).is_err() {
            lost.add(1);
        }
    }
}

/// Appends what was received, the datagrams of each sender in their order.
async fn append(mut receiver: mpsc::Receiver<Datagram>, journal: Appender) {
    let mut lost = Lost::default();
    let mut datagrams = Vec::new();
    while receiver.recv_many(&mut datagrams, TOGETHER).await > 0 {
        let mut batches: Vec<(SocketAddr, Vec<NewRecord>)> = Vec::new();
        for (from, text) in datagrams.drain(..) {
            let record = NewRecord::new(text);
            match batches.iter_mut().find(|(known, _)| *known == from) {
                Some((_, records)) => records.push(record),
                None => batches.push((from, vec![record])),
            }
        }
        let journal = &journal;
        let appending = batches.into_iter().map(|(from, records)| async move {
            let (sender, count) = (Arc::from(from.to_string()), records.len());
            let appended = journal.append(Batch::now(sender, records)).await;
            if appended.is_err() { count } else { 0 }
        });
        lost.add(join_all(appending).await.into_iter().sum());
    }
}

/// Datagrams that did not fit.
#[derive(Default)]
struct Lost {
    count: usize,
    warned: Option<(Instant, usize)>,
}

impl Lost {
    fn add(&mut self, count: usize) {
        self.count += count;
        if self.warned.is_none_or(|(warned, _)| warned.elapsed() > PAUSE) {
            self.warn();
        }
    }

    fn warn(&mut self) {
        if self.count > self.warned.map_or(0, |(_, warned)| warned) {
            tracing::warn!(
                "{} datagrams are lost so far, since there was no room for them",
                self.count
            );
            self.warned = Some((Instant::now(), self.count));
        }
    }
}

impl Drop for Lost {
    fn drop(&mut self) {
        self.warn();
    }
}
