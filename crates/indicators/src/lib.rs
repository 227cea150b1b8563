//! Lists of indicators: domains, addresses, URLs, hashes, email addresses and texts that are known to be bad, or to be
//! harmless, and MaxMind databases. [`List::parse`] reads the formats in which they are published; look-ups are exact.
//!
//! No input or output: callers bring the bytes. Nothing panics, whatever the bytes.

mod builder;
mod database;
mod entries;
mod formats;
mod list;
mod lists;
mod normal;
mod periods;
mod prefixes;
mod statistics;
mod texts;

pub use database::{Database, FieldPath};
pub use list::{List, ListError, Match};
pub use lists::{Lists, NamedList};
pub use normal::address;
pub use periods::Period;
pub use statistics::{Refusal, RefusedEntry, Statistics};
