//! Checkpoints in a folder of this machine.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use crate::{error::Cause, store::Store};

const LOCK: &str = "lock";
const TEMPORARY: &str = ".tmp";

/// A folder that one process at a time uses, or all of those that know its objects by their names.
pub struct FolderStore {
    folder: PathBuf,
    /// What an object is written to before it has its name.
    temporary: String,
    /// Locked until the process ends.
    _lock: Option<File>,
}

/// Another process uses a folder.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path}: another process runs this job; stop that one first, or give this job another state folder",
    path = .0.display()
)]
pub struct FolderInUse(PathBuf);

/// Why a folder can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}", path = path.display())]
struct FolderError {
    path: PathBuf,
    why: String,
}

impl FolderStore {
    /// Creates the folder if it does not exist, and locks it.
    ///
    /// # Errors
    /// [`FolderInUse`], or it can't be created.
    pub fn open(folder: &Path) -> Result<Self, Cause> {
        let failed = |why: String| FolderError { path: folder.to_owned(), why };
        let opened = fs::create_dir_all(folder).and_then(|()| {
            let lock = folder.join(LOCK);
            OpenOptions::new().create(true).truncate(false).write(true).open(lock)
        });
        let lock = opened.map_err(|error| failed(error.to_string()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(FolderInUse(folder.to_owned()).into()),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error.to_string()).into()),
        }
        let (folder, temporary) = (folder.to_owned(), TEMPORARY.to_owned());
        let store = Self { folder, temporary, _lock: Some(lock) };
        for name in store.list()? {
            if name.ends_with(TEMPORARY) {
                fs::remove_file(store.folder.join(&name))
                    .map_err(|error| store.failed(&name, &error))?;
            }
        }
        Ok(store)
    }

    /// Creates the folder if it does not exist, for objects that several processes create.
    ///
    /// # Errors
    /// It can't be created.
    pub fn shared(folder: &Path) -> Result<Self, Cause> {
        let store = Self {
            folder: folder.to_owned(),
            temporary: format!(".{}{TEMPORARY}", std::process::id()),
            _lock: None,
        };
        fs::create_dir_all(folder).map_err(|error| store.failed("", &error))?;
        Ok(store)
    }

    fn failed(&self, name: &str, error: &io::Error) -> Cause {
        FolderError { path: self.folder.join(name), why: error.to_string() }.into()
    }

    fn create_file(&self, name: &str, bytes: &[u8]) -> io::Result<bool> {
        let path = self.folder.join(name);
        if path.exists() {
            return Ok(false);
        }
        let temporary = self.folder.join(format!("{name}{}", self.temporary));
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // Unlike a rename, a link never replaces a file.
        let linked = fs::hard_link(&temporary, &path);
        let created = match linked {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            // No links here; the lock keeps others out.
            Err(_) => {
                fs::rename(&temporary, &path)?;
                File::open(&self.folder)?.sync_all()?;
                return Ok(true);
            }
        };
        fs::remove_file(&temporary)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(created)
    }
}

impl Store for FolderStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, Cause> {
        self.create_file(name, bytes).map_err(|error| self.failed(name, &error))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Cause> {
        match fs::read(self.folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(name, &error)),
        }
    }

    fn list(&self) -> Result<Vec<String>, Cause> {
        let entries = fs::read_dir(&self.folder).map_err(|error| self.failed("", &error))?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names: io::Result<Vec<String>> = names.collect();
        names.map_err(|error| self.failed("", &error))
    }

    fn remove(&self, name: &str) -> Result<(), Cause> {
        match fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed(name, &error)),
            _ => Ok(()),
        }
    }

    fn mark(&self, name: &str) -> Result<(), Cause> {
        let created = File::create(self.folder.join(name));
        created.map(drop).map_err(|error| self.failed(name, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_created_once_by_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let store = FolderStore::open(&path).unwrap();
        let error = FolderStore::open(&path).err().unwrap().to_string();
        assert!(error.contains("another process runs this job"), "{error}");
        let error = FolderStore::open(&path).err().unwrap();
        assert!(error.is::<FolderInUse>());
        assert!(FolderStore::shared(&path).unwrap().read("x").unwrap().is_none());
        assert!(store.create("x", b"1").unwrap());
        assert!(!store.create("x", b"2").unwrap());
        assert_eq!(store.read("x").unwrap().unwrap(), b"1");
        assert_eq!(store.read("y").unwrap(), None);
        fs::write(path.join("y.tmp"), "half").unwrap();
        drop(store);
        let store = FolderStore::open(&path).unwrap();
        let mut names = store.list().unwrap();
        names.sort();
        assert_eq!(names, ["lock", "x"]);
        store.mark("m").unwrap();
        store.mark("m").unwrap();
        assert_eq!(store.read("m").unwrap().unwrap(), b"");
        store.remove("x").unwrap();
        store.remove("x").unwrap();
        assert_eq!(store.read("x").unwrap(), None);
    }
}
