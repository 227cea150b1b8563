//! Objects in S3, GCS, Azure or behind HTTP, for drivers that block; and the secrets that open them.
//!
//! Drivers read and write as if an object were a file. What that takes of asynchronous work is done here, on
//! a runtime of this crate's own, so that a driver can be used on any thread. There are no tables in here:
//! whoever keeps objects of another kind, as the report engine does, opens its store by the same code.

mod build;
mod credentials;
mod download;
mod error;
mod listing;
mod location;
mod runtime;
mod secret;
mod store;
mod upload;

pub use build::from_environment;
pub use download::Download;
pub use error::{Error, Kind, Result};
pub use location::{Location, Scheme};
pub use runtime::{break_off, broken_off, handle};
pub use secret::{Secret, Secrets};
pub use store::{Object, Store, Use};
pub use upload::Upload;
