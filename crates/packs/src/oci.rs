//! A client for OCI registries over the HTTP client that the rest of the program uses.

pub mod challenge;
pub mod credentials;
mod http;
mod pull;
mod push;
mod referrers;
mod repository;

pub use credentials::{Credentials, DockerConfig};
pub use http::{Length, download, http_client, send, wait};
pub use repository::{Connection, Repository};
