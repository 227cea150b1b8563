//! A pack in a folder.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anomal_spec::{MAX_BYTES, PackManifest, load_pack};

/// The manifest of a pack, in its folder.
pub const MANIFEST: &str = "pack.yaml";

/// Reads the manifest of a pack. `path`: the folder, or the manifest itself.
///
/// # Errors
/// A message with the place and the remedy: there is no manifest, or it is not valid.
pub fn read_folder(path: &Path) -> Result<PackManifest, String> {
    let file = manifest_path(path);
    let bytes = read(&file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if path.is_dir() => {
            format!("the folder {} has no {MANIFEST}; `anomal pack new` makes one", path.display())
        }
        io::ErrorKind::NotFound => format!("there is no folder {}", path.display()),
        _ => format!("cannot read {}: {error}", file.display()),
    })?;
    load_pack(&bytes, &file.display().to_string()).map_err(|error| error.to_string())
}

fn manifest_path(path: &Path) -> PathBuf {
    if path.file_name().is_some_and(|name| name == MANIFEST) {
        path.to_owned()
    } else {
        path.join(MANIFEST)
    }
}

/// At most one byte more than a manifest may have: the loader then reports its size.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
