//! The room on the disk of a journal.

use std::path::Path;

use rustix::fs::{StatVfs, statvfs};

/// Of its disk, this part is left to others, such as checkpoints and results: a journal is freed once these are written.
const LEFT: u64 = 8;
const MOST_LEFT: u64 = 256 << 20;

/// Says how many bytes a journal in a folder may still take of its disk.
pub(super) type DiskRoom = Box<dyn Fn(&Path) -> u64 + Send>;

/// The bytes that a journal in this folder may still take of its disk.
pub(super) fn room(folder: &Path) -> u64 {
    // Where it is not known, a write that fails says so.
    let Some(disk) = disk(folder) else { return u64::MAX };
    disk.f_bavail.saturating_mul(disk.f_frsize).saturating_sub(left(&disk))
}

/// The bytes that a journal in this folder may take of its disk, if nothing else is there.
pub(super) fn capacity(folder: &Path) -> u64 {
    let Some(disk) = disk(folder) else { return u64::MAX };
    disk.f_blocks.saturating_mul(disk.f_frsize).saturating_sub(left(&disk))
}

fn left(disk: &StatVfs) -> u64 {
    (disk.f_blocks.saturating_mul(disk.f_frsize) / LEFT).min(MOST_LEFT)
}

/// None: it does not say how large it is.
fn disk(folder: &Path) -> Option<StatVfs> {
    statvfs(folder).ok().filter(|disk| disk.f_blocks > 0)
}
