//! The interface of stores of checkpoints.

use std::sync::Arc;

use crate::error::Cause;

/// Objects that are created and never overwritten.
pub trait Store: Send + Sync {
    /// Creates an object, whole or not at all. False: there is one of this name already.
    ///
    /// # Errors
    /// Unknown outcome: the object may be there.
    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, Cause>;

    /// The bytes of an object; none if it does not exist.
    ///
    /// # Errors
    /// The store can't be read at the moment.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Cause>;

    /// The names of all objects, in any order.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn list(&self) -> Result<Vec<String>, Cause>;

    /// Removes an object, if it exists.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn remove(&self, name: &str) -> Result<(), Cause>;

    /// Creates an empty object for a process that continues after this one has ended. It need not survive the machine.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    fn mark(&self, name: &str) -> Result<(), Cause> {
        self.create(name, &[]).map(drop)
    }
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, Cause> {
        (**self).create(name, bytes)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Cause> {
        (**self).read(name)
    }

    fn list(&self) -> Result<Vec<String>, Cause> {
        (**self).list()
    }

    fn remove(&self, name: &str) -> Result<(), Cause> {
        (**self).remove(name)
    }

    fn mark(&self, name: &str) -> Result<(), Cause> {
        (**self).mark(name)
    }
}
