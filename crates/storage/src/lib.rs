//! Objects in S3, GCS, Azure or behind HTTP, for drivers that block, and the secrets that open them.
//!
//! Drivers read and write objects like files. The asynchronous work runs on a runtime of this crate, so that a driver can
//! be used on any thread. The crate knows no tables, so that the report engine opens its stores by the same code.

mod build;
mod credentials;
mod download;
mod error;
mod folder;
mod listing;
mod location;
mod object;
mod runtime;
mod secret;
mod store;
mod upload;

pub use build::from_environment;
pub use download::Download;
pub use error::{Error, Kind, Result};
pub use folder::Folder;
pub use location::{Location, Scheme};
pub use object::Object;
pub use runtime::{cancel_transfers, cancelled, handle};
pub use secret::{Secret, Secrets};
pub use store::{Store, Use};
pub use upload::Upload;
