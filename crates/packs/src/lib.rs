//! Packs by anyone: references to them, where they are fetched from, what they have, and whom they are trusted from. The
//! runner alone follows references; an engine gets contents by their digest.

mod archive;
mod artifact;
mod cache;
mod digest;
mod error;
mod fetch;
mod folder;
mod image;
mod key;
mod layout;
mod lock;
pub mod oci;
mod reference;
mod resolve;
mod signature;
mod signature_image;
mod trust;
mod upload;

pub use archive::{Files, to_tar};
pub use artifact::{Artifact, Kind, Signature};
pub use cache::{Cache, PruneStatistics};
pub use digest::Digest;
pub use error::{PackError, Result};
pub use fetch::{Access, FetchedArtifact, Fetcher, Wanted};
pub use folder::{MANIFEST, read_folder};
pub use image::{Descriptor, ImageManifest};
pub use key::{PrivateKey, PublicKey};
pub use layout::{Layout, MAX_LAYOUT};
pub use lock::{LOCK, Lock, LockFile, LockedPack, Section};
pub use reference::{OciReference, Reference};
pub use resolve::{ResolvedJob, ResolvedPack, Resolver, lists_of_pack};
pub use signature::{sign, signer};
pub use trust::Policy;
