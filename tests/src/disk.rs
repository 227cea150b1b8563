//! Disks that can be full: a file system of one MiB in memory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::skip;

/// A mounted file system, gone when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at a path; reports the test as skipped and returns `None` where this user may not.
    pub fn mount(path: PathBuf) -> Option<Self> {
        fs::create_dir_all(&path).expect("folder made");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        skip("a file system of one MiB can't be mounted; run the tests as root");
        None
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Takes all room that is left, and returns the file that has it.
    ///
    /// # Panics
    /// If the file system takes more than it has room for.
    pub fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        // As much as there is room for.
        assert!(fs::write(&filler, vec![0; 2 << 20]).is_err());
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
