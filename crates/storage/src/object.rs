//! An object of a store, as listings return it and downloads read it.

use object_store::path::Path;

/// An object to read.
#[derive(Clone, Debug)]
pub struct Object {
    /// The URL, for messages.
    pub name: String,
    /// Bytes, if known from a listing.
    pub size: Option<u64>,
    pub(crate) path: Path,
}
