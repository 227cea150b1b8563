//! Packs by anyone. The runner alone follows references; an engine gets the contents of a pack with the settings.

mod folder;
mod resolve;

pub use folder::{MANIFEST, read_folder};
pub use resolve::resolve;
