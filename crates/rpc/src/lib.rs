//! The common parts of all servers and clients: limits, TLS, health, reflection, tracing, metrics, retries, tables as
//! chunks, errors as statuses.
//!
//! The services have thin adapters over it without logic.

pub mod admission;
pub mod analysis;
pub mod args;
pub mod chunks;
pub mod deadline;
mod guard;
mod ipc;
mod limits;
pub mod metrics;
pub mod replicas;
pub mod request;
pub mod server;
pub mod status;
mod trace;

pub use admission::Admission;
pub use anomal_listen::{Certificates, Incoming, Peer, Stream, TlsFiles};
pub use args::ServerArgs;
pub use chunks::{Assembler, chunks};
pub use guard::{Tenant, require_tokens};
pub use replicas::Replicas;
pub use server::{serve, serve_until};
pub use status::{from_status, to_status};
pub use tonic::codec::CompressionEncoding;
pub use trace::outgoing;

/// The maximum size of a message in both directions.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;
