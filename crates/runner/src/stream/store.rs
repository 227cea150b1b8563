//! Where a stream saves its checkpoints: a folder of this machine, or of an object store.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anomal_core::{Error, Result, blocking};
use anomal_spec::{Auth, is_url};
use anomal_storage::{Folder, Kind, Location, Secrets};
use anomal_stream::{Cause, FolderInUse, FolderStore, Store};

use super::CHECKPOINT;

/// The store at a path or URL, for one process at a time.
///
/// # Errors
/// `InvalidSettings` if another process uses the folder (reason [`IN_USE`]), or the URL or the secret is unusable; those of an
/// object store.
pub(super) async fn open(
    to: PathBuf,
    auth: Option<Auth>,
    secrets: Secrets,
) -> Result<Arc<dyn Store>> {
    blocking(move |_| match to.to_str().filter(|to| is_url(to)) {
        Some(url) => Ok(Arc::new(ObjectFolder(folder(url, auth.as_ref(), &secrets)?)) as _),
        None => local(&to),
    })
    .await
}

/// The reason of an error: another process uses a folder or a file.
pub(super) const IN_USE: &str = "IN_USE";

/// The store at a path or URL, for objects that several processes create.
///
/// # Errors
/// As [`open`].
pub(super) async fn open_shared(
    to: PathBuf,
    auth: Option<Auth>,
    secrets: Secrets,
) -> Result<Arc<dyn Store>> {
    if to.to_str().is_some_and(is_url) {
        return open(to, auth, secrets).await;
    }
    blocking(move |_| {
        let store = FolderStore::shared(&to);
        let wrong = |error: Cause| Error::settings(CHECKPOINT, "STATE", error.to_string());
        Ok(Arc::new(store.map_err(wrong)?) as _)
    })
    .await
}

fn local(folder: &Path) -> Result<Arc<dyn Store>> {
    let store = FolderStore::open(folder);
    let store = store.map_err(|error| {
        let reason = if error.is::<FolderInUse>() { IN_USE } else { "STATE" };
        Error::settings(CHECKPOINT, reason, error.to_string())
    })?;
    Ok(Arc::new(store))
}

fn folder(url: &str, auth: Option<&Auth>, secrets: &Secrets) -> Result<Folder> {
    let wrong = |error: anomal_storage::Error| {
        let place = if auth.is_some() { "stream.state.checkpoint.auth" } else { CHECKPOINT };
        match error.kind {
            Kind::Cancelled => Error::cancelled(),
            Kind::Unavailable => Error::new(anomal_core::Code::Unavailable, "STATE", error.message),
            _ => Error::settings(place, "STATE", error.message),
        }
    };
    let location = Location::parse(url).map_err(wrong)?;
    let secret = auth.map(|auth| secrets.read(&auth.secret_ref.name)).transpose().map_err(wrong)?;
    Folder::open(location, secret.as_ref()).map_err(wrong)
}

/// A folder of an object store. The number of a checkpoint is the only lock: an owner that finds its next one taken stops.
struct ObjectFolder(Folder);

impl Store for ObjectFolder {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, Cause> {
        Ok(self.0.create(name, bytes)?)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Cause> {
        Ok(self.0.read(name)?)
    }

    fn list(&self) -> Result<Vec<String>, Cause> {
        Ok(self.0.list()?)
    }

    fn remove(&self, name: &str) -> Result<(), Cause> {
        Ok(self.0.remove(name)?)
    }
}
