//! Where a stream keeps what could not be read, or what an output refused: a file, or a folder of an object store.

use std::path::PathBuf;

use anomal_core::Result;
use anomal_spec::{Auth, is_url};
use anomal_storage::Secrets;

use crate::{
    dead_letter_objects::{DeadLetterObjects, ObjectFolder},
    late_file::LateFile,
};

/// `T`: a position of the caller, which is durable once all that was written before it is.
pub(crate) enum DeadLetters<T> {
    File(Box<LateFile>),
    Objects(Box<DeadLetterObjects<T>>),
}

impl<T: Copy> DeadLetters<T> {
    /// `at`: the position before the first write. `remedy`: how to name another place, for messages. `moves`: as in
    /// [`RunInfo`](crate::RunInfo).
    pub fn new(
        path: PathBuf,
        auth: Option<Auth>,
        secrets: &Secrets,
        (remedy, moves): (String, bool),
        at: T,
    ) -> Self {
        match path.to_str().filter(|path| is_url(path)) {
            Some(url) => {
                let (url, secrets) = (url.to_owned(), secrets.clone());
                let folder = ObjectFolder { url, auth, secrets };
                Self::Objects(Box::new(DeadLetterObjects::new(folder, at)))
            }
            None => Self::File(Box::new(LateFile::new(path, remedy, moves))),
        }
    }

    /// The place, for messages.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::File(file) => file.path(),
            Self::Objects(objects) => PathBuf::from(objects.url()),
        }
    }

    /// Appends whole lines.
    ///
    /// # Errors
    /// `Output`.
    pub fn write(&mut self, lines: &[u8]) -> Result<()> {
        match self {
            Self::File(file) => file.write(lines),
            Self::Objects(objects) => {
                objects.write(lines);
                Ok(())
            }
        }
    }

    /// Makes what was written up to `at` durable, without waiting for a server, and returns the last position that is, with
    /// the mark behind it.
    ///
    /// # Errors
    /// `Output`, or those of an object store.
    pub fn flush(&mut self, at: T) -> Result<(T, Vec<u8>)> {
        match self {
            Self::File(file) => Ok((at, file.flush()?)),
            Self::Objects(objects) => objects.flush(at),
        }
    }

    /// Continues at a mark, which is that of the position `at`, and removes what was written behind it; begins without one.
    ///
    /// # Errors
    /// `Output` if what is there is not the stream's.
    pub fn restore(&mut self, mark: Option<&[u8]>, at: T) -> Result<()> {
        match self {
            Self::File(file) => file.restore(mark),
            Self::Objects(objects) => objects.restore(mark, at),
        }
    }
}
