//! The interface of stores of checkpoints.

use crate::error::Cause;

/// Objects that are created and never overwritten.
pub trait Store: Send {
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
}
