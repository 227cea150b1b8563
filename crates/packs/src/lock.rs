//! `anomal.lock`, beside the settings: which bytes each reference was.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Artifact, Digest, PackError, Result};

/// The name of the file.
pub const LOCK: &str = "anomal.lock";
const VERSION: u32 = 1;
const MAX_BYTES: u64 = 4 << 20;

/// What is locked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    pub version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packs: Vec<LockedPack>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<LockedPack>,
}

/// A reference and what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPack {
    pub name: String,
    /// As the settings have it.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Of the manifest in a registry, of a file elsewhere, of the contents of a folder.
    pub digest: Digest,
    /// The blobs with their sizes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub blobs: BTreeMap<Digest, u64>,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub world: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The fingerprint of the key that the policy asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

/// A lock file.
#[derive(Clone, Debug)]
pub struct LockFile {
    pub path: PathBuf,
    pub lock: Lock,
    /// As it was read; absent where there was no file.
    before: Option<Lock>,
    read_only: bool,
}

fn parse(bytes: &[u8]) -> Result<Lock, String> {
    let lock: Lock = serde_saphyr::from_slice(bytes).map_err(|error| error.to_string())?;
    if lock.version != VERSION {
        return Err(format!(
            "it has the version {}, and this program reads {VERSION}",
            lock.version
        ));
    }
    Ok(lock)
}

impl LockedPack {
    pub fn new(
        name: &str,
        reference: &str,
        digest: Digest,
        artifact: &Artifact,
        signer: Option<String>,
    ) -> Self {
        let manifest = artifact.pack_manifest().ok().filter(|_| artifact.list().is_none());
        let manifest = manifest.as_ref();
        Self {
            name: name.to_owned(),
            reference: reference.to_owned(),
            digest,
            blobs: artifact
                .blobs
                .iter()
                .map(|(digest, bytes)| (*digest, bytes.len() as u64))
                .collect(),
            kind: artifact.kind().name().to_owned(),
            version: manifest.map(|manifest| manifest.version.clone()),
            world: manifest.and_then(|manifest| manifest.world.clone()),
            license: manifest.and_then(|manifest| manifest.license.clone()),
            signer,
        }
    }
}

impl LockFile {
    /// The lock of the settings in a folder.
    ///
    /// # Errors
    /// It can't be read, or is not valid.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK);
        let bytes = match crate::folder::read_file(&path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    path,
                    lock: Lock { version: VERSION, ..Lock::default() },
                    before: None,
                    read_only: false,
                });
            }
            Err(error) => return Err(crate::folder::cannot_read(&path, &error)),
        };
        let lock = parse(&bytes).map_err(|message| {
            PackError::invalid(format!(
                "{}: {message}; remove it to have it written again",
                path.display()
            ))
        })?;
        Ok(Self { path, before: Some(lock.clone()), lock, read_only: false })
    }

    /// A lock that settings bring with them. It is never written.
    ///
    /// # Errors
    /// It is not valid.
    pub fn from_text(text: &str) -> Result<Self> {
        let lock = parse(text.as_bytes()).map_err(PackError::invalid)?;
        Ok(Self { path: "spec.lock".into(), before: Some(lock.clone()), lock, read_only: true })
    }

    /// The entry of a pack or list with this name and reference. An entry of the name with another reference is out of
    /// date.
    pub fn get(&self, section: Section, name: &str, reference: &str) -> Option<&LockedPack> {
        let entries = section.entries(&self.lock);
        entries.iter().find(|entry| entry.name == name && entry.reference == reference)
    }

    /// Sets an entry.
    pub fn set(&mut self, section: Section, entry: LockedPack) {
        let entries = section.entries_mut(&mut self.lock);
        entries.retain(|one| one.name != entry.name);
        entries.push(entry);
        entries.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// Removes the entries whose names are not among these.
    pub fn retain(&mut self, section: Section, names: &[&str]) {
        section.entries_mut(&mut self.lock).retain(|entry| names.contains(&entry.name.as_str()));
    }

    /// Whether it differs from the file.
    pub fn is_changed(&self) -> bool {
        match &self.before {
            Some(before) => *before != self.lock,
            None => !self.lock.packs.is_empty() || !self.lock.lists.is_empty(),
        }
    }

    /// Writes it if it has changed.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save(&mut self) -> io::Result<()> {
        if self.read_only || !self.is_changed() {
            return Ok(());
        }
        let text = serde_saphyr::to_string(&self.lock).map_err(io::Error::other)?;
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".anomal.lock.").tempfile_in(folder)?;
        writeln!(
            file,
            "# Written by anomal: which bytes each reference is. Keep it with the settings."
        )?;
        file.write_all(text.as_bytes())?;
        readable(file.path())?;
        file.persist(&self.path)?;
        self.before = Some(self.lock.clone());
        Ok(())
    }
}

/// A temporary file is private; a lock is for all who can read the settings.
#[cfg(unix)]
fn readable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A part of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Packs,
    Lists,
}

impl Section {
    fn entries(self, lock: &Lock) -> &Vec<LockedPack> {
        match self {
            Self::Packs => &lock.packs,
            Self::Lists => &lock.lists,
        }
    }

    fn entries_mut(self, lock: &mut Lock) -> &mut Vec<LockedPack> {
        match self {
            Self::Packs => &mut lock.packs,
            Self::Lists => &mut lock.lists,
        }
    }
}
