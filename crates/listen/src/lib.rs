//! The connections of servers: TLS with certificates that are replaced under a running server, handshakes that do not block
//! others, and closing without losing what was sent.

mod certificates;
mod connection;
mod incoming;
mod stream;

pub use certificates::{Certificates, TlsFiles};
pub use incoming::Incoming;
pub use stream::{Peer, Stream};
