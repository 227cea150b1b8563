//! A pack in a folder.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use anomal_spec::{MAX_BYTES, PackManifest, load_pack};
use bytes::Bytes;

use crate::{
    PackError, Result,
    archive::{Files, MAX_FILES, MAX_UNPACKED},
    artifact::MAX_COMPONENT,
};

/// The manifest of a pack, in its folder.
pub const MANIFEST: &str = "pack.yaml";

/// Folders whose files belong to a pack. Others, such as `tests` and `src`, stay with the author.
const DATA: [&str; 5] = ["data", "lists", "pipelines", "rules", "yara"];
/// Files beside the manifest that belong to a pack, by the start of their name.
const DOCUMENTS: [&str; 4] = ["CHANGELOG", "LICENSE", "NOTICE", "README"];

/// The parts of a pack.
pub struct PackFolder {
    pub manifest: PackManifest,
    pub component: Option<Bytes>,
    pub files: Files,
}

/// Reads the manifest of a pack. `path`: the folder, or the manifest itself.
///
/// # Errors
/// A message with the place and the remedy: there is no manifest, or it is not valid.
pub fn read_folder(path: &Path) -> Result<PackManifest, String> {
    let folder = folder_path(path);
    let file = folder.join(MANIFEST);
    let bytes = read_file(&file, MAX_BYTES as u64).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if path.is_dir() => {
            format!("the folder {} has no {MANIFEST}; `anomal pack new` makes one", path.display())
        }
        io::ErrorKind::NotFound => format!("there is no folder {}", path.display()),
        _ => format!("cannot read {}: {error}", file.display()),
    })?;
    load_pack(&bytes, &file.display().to_string()).map_err(|error| error.to_string())
}

/// Reads a pack with all files that belong to it.
///
/// # Errors
/// There is no manifest, it is not valid, or a file can't be read.
pub fn read(path: &Path) -> Result<PackFolder> {
    let manifest = read_folder(path).map_err(PackError::invalid)?;
    let folder = folder_path(path);
    let component = match &manifest.component {
        Some(name) => {
            let file = folder.join(name);
            let bytes = read_file(&file, MAX_COMPONENT);
            Some(bytes.map_err(|error| cannot_read(&file, &error))?.into())
        }
        None => None,
    };
    let mut walk = Walk { files: Files::new(), left: MAX_UNPACKED };
    let mut entries = sorted_entries(folder)?;
    entries.retain(|name| {
        DATA.contains(&name.as_str()) || DOCUMENTS.iter().any(|start| name.starts_with(start))
    });
    for name in entries {
        walk.add(&folder.join(&name), name)?;
    }
    for list in &manifest.lists {
        let name = list.reference.trim_start_matches("./").to_owned();
        if !walk.files.contains_key(&name) {
            walk.add(&folder.join(&name), name)?;
        }
    }
    Ok(PackFolder { manifest, component, files: walk.files })
}

/// The pack in the files of an archive, which may have a folder around them all.
///
/// # Errors
/// There is no manifest, it is not valid, or its component is missing.
pub fn from_files(mut files: Files) -> Result<PackFolder> {
    if !files.contains_key(MANIFEST)
        && let Some(prefix) =
            files.keys().next().and_then(|path| Some(format!("{}/", path.split_once('/')?.0)))
        && files.keys().all(|path| path.starts_with(&prefix))
    {
        files = files
            .into_iter()
            .filter_map(|(path, bytes)| Some((path.strip_prefix(&prefix)?.to_owned(), bytes)))
            .collect();
    }
    let Some(manifest) = files.remove(MANIFEST) else {
        return Err(PackError::invalid(format!("the archive has no {MANIFEST}")));
    };
    let manifest =
        load_pack(&manifest, MANIFEST).map_err(|error| PackError::invalid(error.to_string()))?;
    let component = match &manifest.component {
        Some(name) => Some(files.remove(name).ok_or_else(|| {
            PackError::invalid(format!("the archive has no {name}, which {MANIFEST} names"))
        })?),
        None => None,
    };
    Ok(PackFolder { manifest, component, files })
}

pub(crate) fn folder_path(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if path.file_name().is_some_and(|name| name == MANIFEST) => {
            if parent.as_os_str().is_empty() { Path::new(".") } else { parent }
        }
        _ => path,
    }
}

/// At most one byte more than allowed: a check of the size then reports it.
pub(crate) fn read_file(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn cannot_read(path: &Path, error: &io::Error) -> PackError {
    PackError::invalid(format!("cannot read {}: {error}", path.display()))
}

fn sorted_entries(folder: &Path) -> Result<Vec<String>> {
    let failed = |error: io::Error| cannot_read(folder, &error);
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().into_string().map_err(|name| {
            let name = folder.join(name);
            PackError::invalid(format!("the name of {} is not UTF-8", name.display()))
        })?;
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The files of folders, within the limits of a pack.
struct Walk {
    files: Files,
    left: u64,
}

impl Walk {
    fn add(&mut self, path: &Path, name: String) -> Result<()> {
        let kind = fs::symlink_metadata(path).map_err(|error| cannot_read(path, &error))?;
        if kind.is_dir() {
            for entry in sorted_entries(path)? {
                self.add(&path.join(&entry), format!("{name}/{entry}"))?;
            }
            return Ok(());
        }
        if !kind.is_file() {
            return Err(PackError::invalid(format!(
                "{} is a link or device; a pack has plain files",
                path.display()
            )));
        }
        let bytes = read_file(path, self.left).map_err(|error| cannot_read(path, &error))?;
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.filter(|_| self.files.len() < MAX_FILES).ok_or_else(|| {
            PackError::invalid(format!(
                "a pack has at most {MAX_FILES} files and {} MiB together",
                MAX_UNPACKED >> 20
            ))
        })?;
        self.files.insert(name, bytes.into());
        Ok(())
    }
}
