//! An open store and its objects.

use std::{sync::Arc, time::Duration};

use object_store::ObjectStore;

use crate::{
    build::{RequestPolicy, build},
    download::Download,
    error::{Error, Result},
    listing,
    location::Location,
    object::Object,
    runtime::wait,
    secret::Secret,
    upload::Upload,
};

/// The purpose of opening a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Read,
    Write,
}

/// The timeout of a part of an upload: 8 MiB on a slow line.
const WRITE: Duration = Duration::from_mins(2);
/// The timeout of a download is not limited; each chunk has its own timeout.
const READ: Duration = Duration::from_hours(240);

/// The store of a location.
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    location: Location,
}

impl Store {
    /// Opens a store without sending a request. Without a secret, credentials come from the environment.
    ///
    /// # Errors
    /// `Settings`.
    pub fn open(location: Location, secret: Option<&Secret>, to: Use) -> Result<Self> {
        let policy = RequestPolicy::for_run(if to == Use::Read { READ } else { WRITE });
        let objects = build(location.scheme, &location.root, secret, policy)?;
        Ok(Self { objects, location })
    }

    /// The objects of the location, sorted like file names: a single one; those of a folder that end in one of `endings`,
    /// also compressed; or those whose names match a pattern.
    ///
    /// # Errors
    /// `Missing` if there is none.
    pub fn objects(&self, endings: &[&str]) -> Result<Vec<Object>> {
        let location = self.location.clone();
        if !location.is_folder() && !location.is_pattern() {
            let path = location.object()?;
            return Ok(vec![Object { name: location.to_string(), size: None, path }]);
        }
        let objects = Arc::clone(&self.objects);
        let endings: Vec<String> = endings.iter().map(|ending| (*ending).to_owned()).collect();
        wait(async move { listing::list(objects.as_ref(), &location, &endings).await })
    }

    /// Starts reading an object.
    ///
    /// # Errors
    /// `Missing`, `Denied`, `Unavailable`.
    pub fn read(&self, object: &Object) -> Result<Download> {
        Download::start(Arc::clone(&self.objects), object)
    }

    /// Starts writing the object of the location.
    ///
    /// # Errors
    /// `Settings` if it is a folder; `Missing`, `Denied`, `Unavailable`.
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
