//! A store that is open, and the objects in it.

use std::{sync::Arc, time::Duration};

use object_store::{ObjectStore, path::Path};

use crate::{
    build::{Patience, build},
    download::Download,
    error::{Error, Result},
    listing,
    location::Location,
    runtime::wait,
    secret::Secret,
    upload::Upload,
};

/// For what a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Read,
    Write,
}

/// A part of an upload has so long, at 8 MiB also on a slow line.
const WRITE: Duration = Duration::from_mins(2);
/// An object is read as long as it takes; whether anything comes is looked at piece by piece.
const READ: Duration = Duration::from_hours(240);

/// An object to read.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its URL, for people.
    pub name: String,
    /// Where a listing told it.
    pub size: Option<u64>,
    pub(crate) path: Path,
}

/// The store of a location.
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    location: Location,
}

impl Store {
    /// Asks nothing of the store yet. Without a secret the environment's own credentials are used.
    ///
    /// # Errors
    /// `Settings`.
    pub fn open(location: Location, secret: Option<&Secret>, to: Use) -> Result<Self> {
        let patience = Patience::of_a_run(if to == Use::Read { READ } else { WRITE });
        let objects = build(location.scheme, &location.root, secret, patience)?;
        Ok(Self { objects, location })
    }

    /// The objects that the location stands for, in the order that files of such names have: one; those of a
    /// folder that end in one of `endings`, also compressed; or those whose names match a pattern.
    ///
    /// # Errors
    /// `Missing` if there are none.
    pub fn objects(&self, endings: &[&str]) -> Result<Vec<Object>> {
        let location = self.location.clone();
        if !location.is_folder() && !location.is_pattern() {
            let path = location.object()?;
            return Ok(vec![Object { name: location.to_string(), size: None, path }]);
        }
        let objects = Arc::clone(&self.objects);
        let endings: Vec<String> = endings.iter().map(|ending| (*ending).to_owned()).collect();
        wait(async move { listing::of(objects.as_ref(), &location, &endings).await })
    }

    /// Begins to read an object.
    ///
    /// # Errors
    /// `Missing`, `Refused`, `Unavailable`.
    pub fn read(&self, object: &Object) -> Result<Download> {
        Download::start(Arc::clone(&self.objects), object)
    }

    /// Begins to write the one object that the location names.
    ///
    /// # Errors
    /// `Settings` if it names a folder; `Missing`, `Refused`, `Unavailable`.
    pub fn write(&self) -> Result<Upload> {
        if self.location.is_folder() {
            return Err(Error::settings(format!(
                "{} is a folder; name an object in it",
                self.location
            )));
        }
        Upload::start(Arc::clone(&self.objects), self.location.object()?, self.location.to_string())
    }
}
