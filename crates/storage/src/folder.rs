//! A folder of small objects that are created once and never overwritten.

use std::{future::Future, sync::Arc, time::Duration};

use futures::TryStreamExt;
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, path::Path,
};
use tokio::time::timeout;

use crate::{
    build::{RequestPolicy, build},
    error::{Error, Result},
    location::Location,
    runtime::wait,
    secret::Secret,
};

/// How long a request may take, with its retries.
const LONGEST: Duration = Duration::from_secs(30);
const REQUEST: Duration = Duration::from_secs(15);
/// The object by which it is found out whether the store keeps to conditions.
const PROBE: &str = "created-once";

/// A folder in an object store, for one kind of object.
pub struct Folder {
    objects: Arc<dyn ObjectStore>,
    location: Location,
    prefix: Path,
}

impl Folder {
    /// Opens a folder. Without a secret, credentials come from the environment.
    ///
    /// # Errors
    /// `Settings` if it is no folder in S3, GCS or Azure, or the store would overwrite objects; `Missing`, `Denied`,
    /// `Unavailable`.
    pub fn open(location: Location, secret: Option<&Secret>) -> Result<Self> {
        if !location.is_folder() {
            return Err(Error::settings(format!(
                "{location} is not a folder in an object store; name one as s3://bucket/folder/, with a slash at its end"
            )));
        }
        let policy = RequestPolicy::for_objects(REQUEST, LONGEST);
        let objects = build(location.scheme, &location.root, secret, policy)?;
        let prefix = Path::parse(location.key.trim_end_matches('/')).map_err(|error| {
            Error::settings(format!("{location} is not a valid folder: {error}"))
        })?;
        let folder = Self { objects, location, prefix };
        if folder.create(PROBE, b"")? && folder.create(PROBE, b"")? {
            return Err(Error::settings(format!(
                "{}: this store overwrites objects that were to be created (If-None-Match), so that two owners would not \
                 notice each other; use another store or a newer version of it",
                folder.location
            )));
        }
        Ok(folder)
    }

    /// Creates an object, whole or not at all. False: there is one of this name already.
    ///
    /// # Errors
    /// `Missing`, `Denied`, `Unavailable`; the object may be there all the same.
    pub fn create(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        let (path, bytes) = (self.path(name), bytes.to_vec());
        let created = self.run(move |objects| async move {
            let options = PutOptions::from(PutMode::Create);
            objects
                .put_opts(&path, bytes.into(), options)
                .await
                .map(|_| true)
                .or_else(absent(|error| matches!(error, StoreError::AlreadyExists { .. }), false))
        });
        created.map_err(|error| self.unwritable(name, error))
    }

    /// The bytes of an object; none if it does not exist.
    ///
    /// # Errors
    /// `Missing` (the bucket), `Denied`, `Unavailable`.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        let read = self.run(move |objects| async move {
            match objects.get(&path).await {
                Ok(found) => Ok(Some(found.bytes().await?.to_vec())),
                Err(error) => absent(is_missing, None)(error),
            }
        });
        read.map_err(|error| self.unreadable(name, error))
    }

    /// The names of all objects, without folders in it.
    ///
    /// # Errors
    /// `Missing` (the bucket), `Denied`, `Unavailable`.
    pub fn list(&self) -> Result<Vec<String>> {
        let prefix = self.prefix.clone();
        let listed = self.run(move |objects| async move {
            let prefix = Some(&prefix).filter(|prefix| !prefix.as_ref().is_empty()).cloned();
            let within = prefix.as_ref().map_or(0, |prefix| prefix.parts().count());
            let found: Vec<_> = objects.list(prefix.as_ref()).try_collect().await?;
            let names =
                found.into_iter().filter(|meta| meta.location.parts().count() == within + 1);
            Ok(names.filter_map(|meta| meta.location.filename().map(str::to_owned)).collect())
        });
        listed.map_err(|error| self.unreadable("", error))
    }

    /// Removes an object, if it exists.
    ///
    /// # Errors
    /// `Missing` (the bucket), `Denied`, `Unavailable`.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        let removed = self.run(move |objects| async move {
            objects.delete(&path).await.or_else(absent(is_missing, ()))
        });
        removed.map_err(|error| self.unwritable(name, error))
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    /// Waits for work on the store.
    fn run<T: Send + 'static, F>(
        &self,
        work: impl FnOnce(Arc<dyn ObjectStore>) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.objects));
        // The clock is that of the runtime that waits.
        match wait(async move { Ok(timeout(LONGEST, work).await) }) {
            Ok(Ok(Ok(done))) => Ok(done),
            Ok(Ok(Err(error))) => Err(Failure::Store(error)),
            Ok(Err(_)) => Err(Failure::Late),
            Err(error) => Err(Failure::Own(error)),
        }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.location)
    }

    fn unreadable(&self, name: &str, failure: Failure) -> Error {
        match failure {
            Failure::Store(error) => Error::unreadable(&self.name(name), &error),
            Failure::Late => Error::timeout(&self.name(name)),
            Failure::Own(error) => error,
        }
    }

    fn unwritable(&self, name: &str, failure: Failure) -> Error {
        match failure {
            Failure::Store(error) => Error::unwritable(&self.name(name), &error),
            other => self.unreadable(name, other),
        }
    }
}

/// Why there is no outcome.
enum Failure {
    Store(StoreError),
    Late,
    Own(Error),
}

fn is_missing(error: &StoreError) -> bool {
    // A bucket that does not exist is another matter than an object.
    matches!(error, StoreError::NotFound { .. }) && !error.to_string().contains("NoSuchBucket")
}

/// An error that is an outcome.
fn absent<T>(
    known: impl Fn(&StoreError) -> bool,
    outcome: T,
) -> impl FnOnce(StoreError) -> Result<T, StoreError> {
    move |error| if known(&error) { Ok(outcome) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn folder(objects: &Arc<InMemory>, prefix: &str) -> Folder {
        let location = Location::parse(&format!("s3://b/{prefix}/")).unwrap();
        let prefix = Path::parse(prefix).unwrap();
        Folder { objects: Arc::<InMemory>::clone(objects), location, prefix }
    }

    #[test]
    fn an_object_is_created_once() {
        let objects = Arc::new(InMemory::new());
        let (a, b) = (folder(&objects, "a"), folder(&objects, "a/b"));
        assert!(a.create("x", b"1").unwrap() && !a.create("x", b"2").unwrap());
        assert!(b.create("x", b"3").unwrap());
        assert_eq!(a.read("x").unwrap().unwrap(), b"1");
        assert_eq!(a.read("y").unwrap(), None);
        assert_eq!(a.list().unwrap(), ["x"]);
        a.remove("x").unwrap();
        a.remove("x").unwrap();
        assert_eq!((a.list().unwrap(), b.list().unwrap()), (vec![], vec!["x".to_owned()]));
    }

    #[test]
    fn a_folder_ends_in_a_slash() {
        for url in ["s3://b/x", "https://h/x/"] {
            let error = Folder::open(Location::parse(url).unwrap(), None).err().unwrap();
            assert!(error.message.contains("s3://bucket/folder/"), "{error}");
        }
    }
}
