//! The state of a judge, as checkpoints have it.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use crate::error::Result;

/// A large part of a state that seldom changes, such as a model: it is stored as an object of its own, once, under a name that
/// its contents give. Clones share the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateObject {
    name: String,
    bytes: Arc<[u8]>,
}

impl StateObject {
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { name: format!("{:032x}.object", xxh3_128(&bytes)), bytes }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether a name is one of an object.
    pub(crate) fn is_name(name: &str) -> bool {
        name.ends_with(".object")
    }
}

/// A state that was saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JudgeState {
    pub bytes: Vec<u8>,
    pub objects: Vec<StateObject>,
}

/// Where the objects of a state go that is being saved.
pub trait Objects {
    /// Whether an object with this name is stored: the state has it then.
    fn reuse(&mut self, name: &str) -> bool;

    /// Stores an object of the state.
    ///
    /// # Errors
    /// `Store`.
    fn store(&mut self, object: &StateObject) -> Result<()>;
}

type Save = dyn FnOnce(&mut dyn Objects) -> Result<Vec<u8>> + Send;

/// A state as it was at one moment. What is slow about saving it is done by [`FrozenState::save`], while records are judged.
pub struct FrozenState(Box<Save>);

impl FrozenState {
    pub fn new(save: impl FnOnce(&mut dyn Objects) -> Result<Vec<u8>> + Send + 'static) -> Self {
        Self(Box::new(save))
    }

    /// Its bytes; its objects are stored one after the other, so that they are not in memory together.
    ///
    /// # Errors
    /// `Store`; `Judge` for a defect.
    pub fn save(self, objects: &mut dyn Objects) -> Result<Vec<u8>> {
        (self.0)(objects)
    }
}
