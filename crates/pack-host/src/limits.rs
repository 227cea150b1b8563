//! The bounds within which guests run.

use std::{path::PathBuf, time::Duration};

/// The bounds of a host and of each call.
#[derive(Clone, Debug)]
pub struct HostLimits {
    /// Bytes of memory of an instance. A pack can lower it.
    pub instance_memory: u64,
    /// Bytes of memory of all instances together: further calls wait.
    pub total_memory: u64,
    /// The longest time of a call.
    pub call: Duration,
    /// The longest time of a compilation.
    pub compilation: Duration,
    /// Bytes of a component.
    pub component: u64,
    /// Texts of an answer have at most this many times the bytes of the texts of the call, or 1 MiB. A pack can lower it.
    pub output_ratio: u32,
    /// Where compiled code is cached; nowhere if absent.
    pub cache: Option<PathBuf>,
}

/// From this size on, a component loads and runs slowly enough to warn of it.
pub(crate) const LARGE_COMPONENT: u64 = 32 << 20;
/// Rows, values or rows of groups in a call.
pub(crate) const MAX_ROWS: usize = 1 << 16;
/// Bytes of texts in a call with more than one row or group.
pub(crate) const MAX_TEXT: usize = 8 << 20;
/// Bytes of texts of a group.
pub(crate) const MAX_GROUP_TEXT: usize = 64 << 20;
/// Bytes of texts that each answer can have.
pub(crate) const MIN_OUTPUT: usize = 1 << 20;
/// Bytes of the value of a hit.
pub(crate) const MAX_FOUND: usize = 1024;
/// Bytes that an instance can log.
pub(crate) const MAX_LOG: usize = 4096;
/// Bytes of the stack of a guest.
pub(crate) const STACK: usize = 1 << 20;
/// Elements of all tables of an instance. `CPython` has more than 10,000 functions.
pub(crate) const MAX_TABLE: usize = 100_000;
/// Core instances, memories and tables of an instance. A Python component has one for each of its libraries.
pub(crate) const MAX_PARTS: usize = 256;
/// Bytes of a guest's message that are shown.
pub(crate) const MAX_MESSAGE: usize = 1024;
/// Characters of a value that are shown.
pub(crate) const MAX_VALUE: usize = 200;

impl Default for HostLimits {
    /// A quarter of the memory that the process may use, and the cache of compiled code in the user's cache folder.
    fn default() -> Self {
        Self {
            instance_memory: 256 << 20,
            total_memory: anomal_core::memory::available_bytes() / 4,
            call: Duration::from_secs(10),
            compilation: Duration::from_mins(1),
            component: 64 << 20,
            output_ratio: 16,
            cache: default_cache(),
        }
    }
}

fn default_cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(base.join("anomal").join("compiled"))
}

/// A text with at most this many bytes, cut between characters.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &text[..end])
}
