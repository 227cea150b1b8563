//! Fitted models and their addresses.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// A fitted model as it is stored and sent: versioned, self-describing, with no code in it. Clones share
/// the bytes, and the id once it is computed.
#[derive(Clone)]
pub struct Model {
    bytes: Bytes,
    id: Arc<OnceLock<ModelId>>,
}

impl Model {
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), id: Arc::default() }
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The model's address. The first call reads all bytes.
    pub fn id(&self) -> ModelId {
        *self.id.get_or_init(|| ModelId(Sha256::digest(&self.bytes).into()))
    }
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Model {}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// The address of a model: the SHA-256 digest of its bytes. Equal models have equal ids on every machine
/// and in every version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId([u8; 32]);

impl ModelId {
    /// None if the bytes are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for ModelId {
    /// In hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_sha_256_of_the_bytes() {
        // FIPS 180-2, appendix B.1.
        let model = Model::new("abc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(model.id().to_string(), expected);
        assert_eq!(ModelId::from_bytes(model.id().as_bytes()), Some(model.id()));
        assert_eq!(ModelId::from_bytes(&[0; 31]), None);
        assert_ne!(model.id(), Model::new("abd").id());
    }
}
