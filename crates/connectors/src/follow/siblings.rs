//! The files that have had the name of a followed path, as rotation leaves them: `app.log.1`, `app.log-20260102`.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    file::{FollowedFile, modified},
    place::FilePlace,
};

const COMPRESSED: [&str; 5] = [".gz", ".zst", ".bz2", ".xz", ".lz4"];

/// Whether rotation has compressed it: it has records that were read before.
pub(super) fn is_compressed(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    COMPRESSED.iter().any(|ending| name.ends_with(ending))
}

/// A file beside a followed path.
struct Sibling {
    path: PathBuf,
    place: FilePlace,
    /// Whether its name begins with that of the path.
    is_rotated: bool,
}

/// The files beside a followed path, without it, in the order in which they were written.
fn beside(path: &Path) -> io::Result<Vec<Sibling>> {
    // A link leads to where the files are.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
        return Ok(Vec::new());
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let name = name.to_string_lossy();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let other = path.file_name().unwrap_or_default().to_string_lossy();
        if other == name || is_compressed(&path) {
            continue;
        }
        let rest = other.strip_prefix(&*name).unwrap_or_default();
        let is_rotated = rest.starts_with(['.', '-', '_']);
        // It may be renamed at this moment.
        let Ok(metadata) = path.metadata() else { continue };
        if metadata.is_file() {
            let (device, inode) = (metadata.dev(), metadata.ino());
            let modified = modified(&metadata);
            let place = FilePlace { device, inode, modified, ..FilePlace::default() };
            found.push(Sibling { path, place, is_rotated });
        }
    }
    // Of equal times, `.2` was written before `.1`.
    found.sort_by(|one, two| {
        one.place.modified.cmp(&two.place.modified).then_with(|| two.path.cmp(&one.path))
    });
    Ok(found)
}

/// The file that has a place's contents, at that place: the same file under any name, or else a copy of it.
///
/// # Errors
/// The folder can't be read.
pub(super) fn find(path: &Path, place: &FilePlace) -> io::Result<Option<FollowedFile>> {
    let others = beside(path)?;
    let same = others.iter().filter(|other| other.place.same_number(place));
    for path in same.map(|other| other.path.as_path()).chain([path]) {
        if let Some(file) = resume(path, place)? {
            return Ok(Some(file));
        }
    }
    for other in others.iter().filter(|other| other.is_rotated && !place.is_blank()) {
        if let Some(file) = resume(&other.path, place)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// The file that was written behind the ones that were read to their end: the oldest rotated one, or `path` itself.
///
/// # Errors
/// The folder can't be read.
pub(super) fn successor(path: &Path, finished: &[FilePlace]) -> io::Result<Option<FollowedFile>> {
    let last = finished.last();
    for other in beside(path)?.into_iter().filter(|other| other.is_rotated) {
        let is_newer = last.is_some_and(|last| other.place.modified >= last.modified);
        if !is_newer || is_finished(&other.path, finished)? {
            continue;
        }
        if let Some(file) = open(&other.path)? {
            return Ok(Some(file));
        }
    }
    if is_finished(path, finished)? {
        return Ok(None);
    }
    open(path)
}

/// Whether a file is one that was read to its end, or a copy of one.
pub(super) fn is_finished(path: &Path, finished: &[FilePlace]) -> io::Result<bool> {
    for place in finished.iter().rev() {
        if place.is_blank() {
            // Only its number identifies it.
            let metadata = path.metadata().ok();
            if metadata.is_some_and(|other| {
                (other.dev(), other.ino(), other.len()) == (place.device, place.inode, 0)
            }) {
                return Ok(true);
            }
        } else if resume(path, place)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// As [`FollowedFile::resume`]; nothing if there is no such file.
fn resume(path: &Path, place: &FilePlace) -> io::Result<Option<FollowedFile>> {
    match FollowedFile::resume(path, place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other,
    }
}

fn open(path: &Path) -> io::Result<Option<FollowedFile>> {
    match FollowedFile::begin(path, false) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
