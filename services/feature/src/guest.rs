//! Packs of WebAssembly: their components, from their bytes.

use anomal_components::Component;
use anomal_core::Result;
use anomal_packs::{Artifact, Digest};
use anomal_spec::PackDetails;

#[cfg(feature = "wasm")]
pub(crate) use self::host::components;

/// # Errors
/// `InvalidSettings`: this program was built without the host for them.
#[cfg(not(feature = "wasm"))]
pub(crate) fn components(
    _: &Digest,
    _: &Artifact,
    _: &PackDetails,
    path: &str,
    _: bool,
) -> Result<Vec<Component>> {
    let message = "this program can't run packs of WebAssembly: it was built without the feature `wasm`; use an image or a \
        release, or build it with `cargo build --release --features wasm`";
    Err(anomal_core::Error::settings(path, "PACK_INCOMPATIBLE", message))
}

#[cfg(feature = "wasm")]
mod host {
    use std::sync::{Arc, Mutex, OnceLock, PoisonError};

    use anomal_core::Error;
    use anomal_pack_host::{Guest, GuestOptions, Host, HostLimits, OnTrap};
    use anomal_spec::PackLimits;

    use super::{Artifact, Component, Digest, PackDetails, Result};

    /// The most guests that are kept compiled.
    const MAX_GUESTS: usize = 32;
    /// `maxTraps` where a pack does not set it.
    const MAX_TRAPS: u64 = 100;

    /// The components of a pack of WebAssembly. `path`: that of the pack in the settings. `repeat`: for tests of packs.
    ///
    /// # Errors
    /// `InvalidSettings` if it is of another world, breaks a limit or has no valid manifest.
    pub(crate) fn components(
        digest: &Digest,
        artifact: &Artifact,
        details: &PackDetails,
        path: &str,
        repeat: bool,
    ) -> Result<Vec<Component>> {
        let manifest = artifact.pack_manifest().map_err(|error| error.at(path))?;
        let limits = manifest.limits.unwrap_or_default();
        let options = GuestOptions { repeat, ..options(details, &limits, manifest.stateless) };
        Ok(guest(digest, artifact, path)?.components(&options))
    }

    fn options(details: &PackDetails, limits: &PackLimits, stateless: bool) -> GuestOptions {
        GuestOptions {
            memory: limits.memory_bytes(),
            output_ratio: limits.output_ratio,
            stateless,
            on_trap: match details.on_trap {
                anomal_spec::OnTrap::Error => OnTrap::Fail,
                anomal_spec::OnTrap::Missing => {
                    OnTrap::Missing { most: details.max_traps.unwrap_or(MAX_TRAPS) }
                }
            },
            ..GuestOptions::for_pack(&details.name)
        }
    }

    /// The compiled guest of an artifact: the last ones are kept, because each job compiles its settings several times.
    fn guest(digest: &Digest, artifact: &Artifact, path: &str) -> Result<Arc<Guest>> {
        static GUESTS: Mutex<Vec<(Digest, Arc<Guest>)>> = Mutex::new(Vec::new());
        let guests = || GUESTS.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut guests = guests();
            if let Some(position) = guests.iter().position(|(known, _)| known == digest) {
                guests[..=position].rotate_right(1);
                return Ok(Arc::clone(&guests[0].1));
            }
        }
        let component = artifact.component().ok_or_else(|| {
            Error::settings(path, "PACK_INVALID", "the pack has no component of WebAssembly")
        })?;
        let guest = host()?.load(&component).map_err(|error| {
            let message = format!("the component of the pack can't be used: {error}");
            Error::settings(path, error.reason(), message)
        })?;
        if let Some(warning) = guest.warning() {
            tracing::warn!(%digest, "{warning}");
        }
        let mut guests = guests();
        guests.insert(0, (*digest, Arc::clone(&guest)));
        guests.truncate(MAX_GUESTS);
        Ok(guest)
    }

    /// One for the process: its limits are those of all engines in it.
    fn host() -> Result<&'static Host> {
        static HOST: OnceLock<Result<Host>> = OnceLock::new();
        HOST.get_or_init(|| Host::new(HostLimits::default())).as_ref().map_err(Clone::clone)
    }
}
