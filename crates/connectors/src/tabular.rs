//! Text records as rows of cells, whatever their format: types are inferred from the first records, and the rest is read
//! on a thread of its own and split in parallel.
//!
//! A format ([`TextFormat`]) splits records into cells; everything else is here and the same for all of them.

mod decoder;
mod format;
mod prefetch;
mod sample;
mod settings;
mod source;
mod tile;

pub(crate) use format::{CellBatch, TextFormat};
pub(crate) use settings::TextSettings;
pub(crate) use source::TextSource;
pub(crate) use tile::{Cutter, split};
