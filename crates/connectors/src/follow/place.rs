//! Where reading is in the files of a path, in the form in which a checkpoint has it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes at the beginning of a file, and before the place that has been reached, that identify its contents.
pub(super) const PRINT: u64 = 1024;
/// Files that were read to their end, which are remembered.
pub(super) const REMEMBERED: usize = 16;

/// A path's files and place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PathPlace {
    pub path: PathBuf,
    /// The number of the next record.
    pub next: u64,
    /// The file that is read.
    pub file: Option<FilePlace>,
    /// Those before it, the last one last.
    pub finished: Vec<FilePlace>,
}

/// A file and how far it has been read. It is known by its number in its file system and by its contents: numbers are
/// used again, and a copy has another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FilePlace {
    pub device: u64,
    pub inode: u64,
    /// Bytes read, up to the beginning of a line.
    pub offset: u64,
    /// Lines read.
    pub lines: u64,
    /// Of the first bytes, whether they were read or not.
    pub head: Print,
    /// Of the last bytes before `offset`.
    pub tail: Print,
    /// Nanoseconds since the epoch, when it was read last.
    pub modified: i64,
    /// Whether `offset` is in a record that is too long and was rejected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipping: bool,
    /// What precedes the next record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<String>,
}

impl FilePlace {
    /// Whether nothing is known of its contents.
    pub fn is_blank(&self) -> bool {
        self.head.length == 0
    }

    pub fn same_number(&self, other: &Self) -> bool {
        self.device == other.device && self.inode == other.inode
    }
}

/// A fingerprint of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Print {
    pub length: u64,
    pub hash: u64,
}

impl Print {
    /// That of no bytes is the default.
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        Self { length: bytes.len() as u64, hash: xxh3_64(bytes) }
    }
}
