//! A cache of remote objects as files on this machine. Reports never change, so copies stay valid.

use std::{
    collections::HashMap,
    fs::{self, File},
    future::Future,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use anomal_core::{Code, Error, Result};
use bytes::Bytes;
use futures::{Stream, StreamExt, pin_mut};
use tempfile::TempDir;
use tokio::sync::Mutex as AsyncMutex;

/// Bytes of all copies; the least recently used are evicted first.
const LIMIT: u64 = 4 << 30;

#[derive(Default)]
pub(super) struct Cache {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    folder: Option<Arc<TempDir>>,
    /// The least recently used first.
    copies: Vec<(String, PathBuf, u64)>,
    next: u64,
    /// A lock for each object being fetched: other callers wait for the same copy.
    fetching: HashMap<String, Arc<AsyncMutex<()>>>,
}

impl Cache {
    /// The copy of an object, fetched on a miss. As an open file it stays readable after eviction.
    ///
    /// # Errors
    /// Those of `fetch`; `Output` if the disk is full.
    pub async fn file<S: Stream<Item = Result<Bytes>>>(
        &self,
        key: &str,
        fetch: impl Future<Output = Result<S>>,
    ) -> Result<File> {
        if let Some(file) = self.get(key) {
            return Ok(file);
        }
        let lock = Arc::clone(self.state().fetching.entry(key.to_owned()).or_default());
        let _guard = lock.lock().await;
        if let Some(file) = self.get(key) {
            return Ok(file);
        }
        let path = self.new_path().map_err(|error| no_space(&error))?;
        let mut file = File::create(&path).map_err(|error| no_space(&error))?;
        let fetched = async {
            let parts = fetch.await?;
            pin_mut!(parts);
            let mut size = 0;
            while let Some(part) = parts.next().await {
                let part = part?;
                file.write_all(&part).map_err(|error| no_space(&error))?;
                size += part.len() as u64;
            }
            Ok(size)
        };
        let fetched = fetched.await;
        self.state().fetching.remove(key);
        match fetched {
            Ok(size) => self.insert(key, path.clone(), size),
            Err(error) => {
                // No other copy has this path.
                let _ = fs::remove_file(&path);
                return Err(error);
            }
        }
        File::open(&path).map_err(|error| no_space(&error))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: &str) -> Option<File> {
        let mut state = self.state();
        let index = state.copies.iter().position(|copy| copy.0 == key)?;
        let copy = state.copies.remove(index);
        let file = File::open(&copy.1).ok();
        if file.is_some() {
            state.copies.push(copy);
        }
        file
    }

    /// An unused path.
    fn new_path(&self) -> io::Result<PathBuf> {
        let mut state = self.state();
        let folder = match &state.folder {
            Some(folder) => Arc::clone(folder),
            None => Arc::new(tempfile::Builder::new().prefix("anomal-reports-").tempdir()?),
        };
        state.next += 1;
        let path = folder.path().join(state.next.to_string());
        state.folder = Some(folder);
        Ok(path)
    }

    fn insert(&self, key: &str, path: PathBuf, size: u64) {
        let mut state = self.state();
        state.copies.push((key.to_owned(), path, size));
        let mut sum: u64 = state.copies.iter().map(|copy| copy.2).sum();
        while sum > LIMIT && state.copies.len() > 1 {
            let (_, path, size) = state.copies.remove(0);
            sum -= size;
            // A copy that can't be removed now is removed with the folder.
            let _ = fs::remove_file(path);
        }
    }
}

fn no_space(error: &io::Error) -> Error {
    let message = format!(
        "cannot copy a report to the temporary folder: {error}; free space there or set TMPDIR"
    );
    Error::new(Code::Output, "CACHE_FULL", message)
}
