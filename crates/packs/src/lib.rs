//! Packs by anyone. The runner alone follows references; an engine gets the contents of a pack with the settings.

mod archive;
mod artifact;
mod digest;
mod error;
mod folder;
mod image;
mod list;
mod resolve;
mod upload;

pub use archive::Files;
pub use artifact::{Artifact, Kind, Signature};
pub use digest::Digest;
pub use error::{PackError, Result};
pub use folder::{MANIFEST, read_folder};
pub use list::read_list;
pub use resolve::resolve;
