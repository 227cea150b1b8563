//! Objects in place of files: opened by what the settings say of them, and their failures in our own words.

use std::{io, path::Path};

use anomal_core::{Code, Error, Result};
use anomal_spec::Auth;
use anomal_storage::{Error as StorageError, Kind, Location, Secrets, Store, Upload, Use};

/// How the object of an input or output is opened.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// Where the settings name it, such as `outputs[0].csv`.
    pub place: &'a str,
    pub auth: Option<&'a Auth>,
    pub secrets: &'a Secrets,
}

impl Access<'_> {
    pub(crate) fn read(&self, url: &str) -> Result<Store> {
        self.open(url, Use::Read)
    }

    pub(crate) fn write(&self, url: &Path) -> Result<Upload> {
        let store = self.open(&url.to_string_lossy(), Use::Write)?;
        store.write().map_err(|error| self.output(&error))
    }

    fn open(&self, url: &str, to: Use) -> Result<Store> {
        let location = Location::parse(url).map_err(|error| self.settings("path", &error))?;
        let secret = self.auth.map(|auth| self.secrets.read(&auth.secret_ref.name)).transpose();
        // Where there is a secret, it is the only thing that can be wrong from here on.
        let wrong = |error: StorageError| self.settings("auth.secretRef", &error);
        let secret = secret.map_err(wrong)?;
        let opened = Store::open(location, secret.as_ref(), to);
        opened.map_err(|error| match secret {
            Some(_) => wrong(error),
            None => self.settings("path", &error),
        })
    }

    fn settings(&self, key: &str, error: &StorageError) -> Error {
        let reason = if key == "path" { "URL_UNKNOWN" } else { "SECRET_UNUSABLE" };
        Error::settings(format!("{}.{key}", self.place), reason, error.message.clone())
    }

    /// A failure of listing or of beginning to read.
    pub(crate) fn input(&self, error: &StorageError) -> Error {
        match error.kind {
            Kind::Settings => self.settings("path", error),
            _ => unreadable(error),
        }
    }

    fn output(&self, error: &StorageError) -> Error {
        match error.kind {
            Kind::Settings => self.settings("path", error),
            _ => unwritable(error),
        }
    }
}

pub(crate) fn unreadable(error: &StorageError) -> Error {
    of(error, Code::InvalidInput, "UNREADABLE")
}

pub(crate) fn unwritable(error: &StorageError) -> Error {
    of(error, Code::Output, "WRITE_FAILED")
}

/// `else_code`: what it is where neither the store nor the credentials are at fault.
fn of(error: &StorageError, else_code: Code, else_reason: &str) -> Error {
    let (code, reason) = match error.kind {
        Kind::Cancelled => return Error::cancelled(),
        Kind::Refused => (Code::PermissionDenied, "STORE_REFUSES"),
        Kind::Unavailable => (Code::Unavailable, "STORE_UNAVAILABLE"),
        // Another try reads what is there by then.
        Kind::Changed => (Code::Unavailable, "OBJECT_CHANGED"),
        Kind::Settings | Kind::Missing | Kind::Other => (else_code, else_reason),
    };
    Error::new(code, reason, error.message.clone())
}

/// What a store said, where an error of reading or writing comes from one.
pub(crate) fn cause(error: &io::Error) -> Option<&StorageError> {
    error.get_ref()?.downcast_ref()
}
