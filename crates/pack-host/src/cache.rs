//! The cache of compiled code. A user who can write to it can run code in this process, so it is the user's alone.

use std::{fs, io, path::Path};

use wasmtime::{Cache, CacheConfig};

/// The cache in this folder, or none if the folder can't be made the user's alone.
pub(crate) fn open(folder: &Path) -> Option<Cache> {
    match try_open(folder) {
        Ok(cache) => Some(cache),
        Err(error) => {
            tracing::debug!(folder = %folder.display(), %error, "compiled packs are not cached");
            None
        }
    }
}

fn try_open(folder: &Path) -> io::Result<Cache> {
    create_private(folder)?;
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config).map_err(io::Error::other)
}

#[cfg(unix)]
fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let found = fs::symlink_metadata(folder)?;
    let own = fs::metadata("/proc/self").map_or(found.uid(), |process| process.uid());
    if !found.is_dir() || found.mode() & 0o077 != 0 || found.uid() != own {
        return Err(io::Error::other("others can write to or read it, or it is no folder"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn create_private(_: &Path) -> io::Result<()> {
    Err(io::Error::other("its permissions can't be checked on this system"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_folder_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("anomal/compiled");
        create_private(&cache).unwrap();
        create_private(&cache).unwrap();
        assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&cache, fs::Permissions::from_mode(0o755)).unwrap();
        create_private(&cache).unwrap_err();
        let link = folder.path().join("link");
        symlink(folder.path(), &link).unwrap();
        create_private(&link).unwrap_err();
    }
}
