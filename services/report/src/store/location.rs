//! Opens the object store of a location: a folder, or a URL of S3, GCS or Azure.

use std::{
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use anomal_core::{Code, Error, Result};
use object_store::{ObjectStore, local::LocalFileSystem, path::Path};
use url::Url;

/// An open object store.
pub(super) struct Backend {
    pub objects: Arc<dyn ObjectStore>,
    /// The path of the location in the store.
    pub root: Path,
    /// For a folder on this machine.
    pub folder: Option<PathBuf>,
}

/// # Errors
/// `InvalidSettings` for a URL of another kind; `Output` if the folder can't be created.
pub(super) fn open(location: &str) -> Result<Backend> {
    match Url::parse(location) {
        Ok(url) if url.scheme() == "file" => {
            let path = url.to_file_path();
            open_folder(&path.map_err(|()| unknown_location(location, "it has no local path"))?)
        }
        // A scheme of one letter is a drive of Windows.
        Ok(url) if url.scheme().len() > 1 => {
            let (objects, root) = anomal_storage::from_environment(&url)
                .map_err(|error| unknown_location(location, &error.message))?;
            Ok(Backend { objects, root, folder: None })
        }
        _ => open_folder(FilePath::new(location)),
    }
}

fn open_folder(folder: &FilePath) -> Result<Backend> {
    let unusable = |error: &dyn std::fmt::Display| {
        let message = format!("cannot store reports in {}: {error}", folder.display());
        Error::new(Code::Output, "STORE_UNWRITABLE", message)
    };
    std::fs::create_dir_all(folder).map_err(|error| unusable(&error))?;
    let folder = folder.canonicalize().map_err(|error| unusable(&error))?;
    let objects = LocalFileSystem::new_with_prefix(&folder).map_err(|error| unusable(&error))?;
    let objects = Arc::new(objects.with_automatic_cleanup(true));
    Ok(Backend { objects, root: Path::default(), folder: Some(folder) })
}

fn unknown_location(location: &str, reason: &str) -> Error {
    let message = format!(
        "cannot store reports in {location}: {reason}; name a folder or s3://, gs://, az://"
    );
    Error::settings("report.store", "STORE_UNKNOWN", message)
}
