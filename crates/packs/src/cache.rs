//! The packs of this user: an OCI layout in a folder, whose blobs are verified whenever they are read.

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tempfile::NamedTempFile;

use crate::{
    Artifact, Digest, Result,
    archive::MAX_UNPACKED,
    folder,
    image::{Descriptor, IMAGE_MANIFEST},
    layout::{self, INDEX, LayoutIndex, MARKER, VERSION},
    signature_image,
};

/// A cache of blobs by digest.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PruneStatistics {
    pub files: usize,
    pub bytes: u64,
}

impl Cache {
    /// The user's: `anomal/packs` in `XDG_CACHE_HOME` or ~/.cache.
    ///
    /// # Errors
    /// A note for the user: there is no such folder, or it can't be written.
    pub fn open() -> Result<Self, String> {
        let not_empty =
            |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = not_empty("XDG_CACHE_HOME")
            .or_else(|| not_empty("HOME").map(|home| home.join(".cache")));
        let base = base.ok_or("packs are not cached: neither XDG_CACHE_HOME nor HOME is set")?;
        let folder = base.join("anomal/packs");
        Self::at(&folder)
            .map_err(|error| format!("packs are not cached: {}: {error}", folder.display()))
    }

    /// A cache in this folder, which is made.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn at(folder: &Path) -> io::Result<Self> {
        let cache = Self { folder: folder.to_owned() };
        fs::create_dir_all(cache.blobs())?;
        // Shows whether the folder can be written, and makes the layout complete.
        cache.write(&folder.join(MARKER), VERSION.as_bytes())?;
        if !folder.join(INDEX).exists() {
            cache.write(&folder.join(INDEX), &LayoutIndex::default().to_bytes())?;
        }
        Ok(cache)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn blobs(&self) -> PathBuf {
        self.folder.join("blobs/sha256")
    }

    fn file(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// The bytes with a digest. Damaged ones are removed, as if they had never been there.
    pub fn get(&self, digest: &Digest) -> Option<Bytes> {
        let path = self.file(digest);
        let bytes = folder::read_file(&path, MAX_UNPACKED).ok()?;
        if Digest::from_content(&bytes) != *digest {
            // Another process may have replaced it already; then the good one is fetched again.
            let _ = fs::remove_file(&path);
            return None;
        }
        // So that `prune` finds what was not used for long.
        let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes.into())
    }

    /// # Errors
    /// The disk is full, or the folder can't be written.
    pub fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let path = self.file(&Digest::from_content(bytes));
        if fs::metadata(&path).is_ok_and(|file| file.len() == bytes.len() as u64) {
            return Ok(());
        }
        self.write(&path, bytes)
    }

    /// Under a temporary name first: a file that has its name is complete.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    fn index(&self) -> LayoutIndex {
        let bytes = folder::read_file(&self.folder.join(INDEX), MAX_UNPACKED).ok();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Changes the index; other processes wait.
    fn update(&self, change: impl FnOnce(&mut LayoutIndex)) -> io::Result<()> {
        let lock = File::create(self.folder.join("lock"))?;
        lock.lock()?;
        let mut index = self.index();
        change(&mut index);
        self.write(&self.folder.join(INDEX), &index.to_bytes())
    }

    /// An artifact, verified; absent where a part is missing or damaged.
    pub fn load(&self, digest: Digest) -> Option<Artifact> {
        let get = |digest: &Digest| self.get(digest);
        let found = layout::find_artifact(digest, &self.index().manifests, &get).ok().flatten();
        found.filter(|artifact| artifact.verify().is_ok())
    }

    /// Stores an artifact with its signatures.
    ///
    /// # Errors
    /// The disk is full, or the folder can't be written.
    pub fn store(&self, artifact: &Artifact, name: Option<&str>) -> io::Result<()> {
        for bytes in artifact.blobs.values() {
            self.put(bytes)?;
        }
        let subject = Descriptor::new(IMAGE_MANIFEST, &artifact.manifest);
        for signature in &artifact.signatures {
            for bytes in signature_image::write(&subject, signature).blobs.values() {
                self.put(bytes)?;
            }
        }
        let images = layout::images(artifact, name);
        for (_, bytes) in &images {
            self.put(bytes)?;
        }
        self.update(|index| {
            for (descriptor, _) in images {
                index.add(descriptor);
            }
        })
    }

    /// Removes what was not used for this long.
    ///
    /// # Errors
    /// A file can't be removed.
    pub fn prune(&self, unused_for: Duration) -> io::Result<PruneStatistics> {
        let mut pruned = PruneStatistics::default();
        for entry in self.blobs().read_dir()? {
            let entry = entry?;
            let file = entry.metadata()?;
            let age = file.modified()?.elapsed().unwrap_or_default();
            if file.is_file() && age >= unused_for {
                fs::remove_file(entry.path())?;
                pruned =
                    PruneStatistics { files: pruned.files + 1, bytes: pruned.bytes + file.len() };
            }
        }
        let blobs = self.blobs();
        self.update(|index| {
            index.manifests.retain(|descriptor| blobs.join(descriptor.digest.hex()).exists());
        })?;
        Ok(pruned)
    }
}
