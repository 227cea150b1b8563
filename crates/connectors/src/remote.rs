//! Opens objects in stores in place of files, and converts the stores' errors.

use std::{io, path::Path};

use anomal_core::{Code, Error, Result};
use anomal_spec::Auth;
use anomal_storage::{Error as StorageError, Kind, Location, Secrets, Store, Upload, Use};

/// The settings for opening the object of an input or output.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The driver's position in the settings, such as `outputs[0].csv`.
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
        // With a secret, only the secret can be wrong from here on.
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

    /// The error for a failed listing or a failed first read.
    pub(crate) fn input(&self, error: &StorageError) -> Error {
        match error.kind {
            Kind::Settings => self.settings("path", error),
            _ => read_error(error),
        }
    }

    fn output(&self, error: &StorageError) -> Error {
        match error.kind {
            Kind::Settings => self.settings("path", error),
            _ => upload_error(error),
        }
    }
}

pub(crate) fn read_error(error: &StorageError) -> Error {
    to_error(error, Code::InvalidInput, "UNREADABLE")
}

pub(crate) fn upload_error(error: &StorageError) -> Error {
    to_error(error, Code::Output, "WRITE_FAILED")
}

/// `else_code`: the code where neither the store nor the credentials are at fault.
fn to_error(error: &StorageError, else_code: Code, else_reason: &str) -> Error {
    let (code, reason) = match error.kind {
        Kind::Cancelled => return Error::cancelled(),
        Kind::Denied => (Code::PermissionDenied, "STORE_REFUSES"),
        Kind::Unavailable => (Code::Unavailable, "STORE_UNAVAILABLE"),
        // A retry reads the new object.
        Kind::Changed => (Code::Unavailable, "OBJECT_CHANGED"),
        Kind::Settings | Kind::Missing | Kind::Other => (else_code, else_reason),
    };
    Error::new(code, reason, error.message.clone())
}

/// The store's error behind an I/O error, if there is one.
pub(crate) fn storage_error(error: &io::Error) -> Option<&StorageError> {
    error.get_ref()?.downcast_ref()
}
