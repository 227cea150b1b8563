//! The packs that a job can use: those that are part of the product, and those that it brings with it.

use std::{sync::Arc, time::Instant};

use anomal_components::{ComponentRegistry, Pack};
use anomal_core::{Error, FeatureSettings, Result, proto};
use anomal_packs::{Digest, Kind};
use anomal_rpc::Tenant;
use anomal_spec::{PackDetails, PackSetting};

use crate::{
    declarative, guest,
    lists::{JobLists, ParsedLists},
    store::PackStore,
};

/// The built-in packs: one line each.
pub fn builtin_components() -> ComponentRegistry {
    let packs = [
        anomal_pack_dns::pack(),
        anomal_pack_finance::pack(),
        anomal_pack_geo::pack(),
        anomal_pack_lists::pack(),
        anomal_pack_text::pack(),
    ];
    let mut components = ComponentRegistry::default();
    for pack in packs {
        let registered = components.register(pack);
        debug_assert!(registered.is_ok(), "{registered:?}");
    }
    components
}

/// The components of the packs that settings define.
///
/// # Errors
/// `InvalidSettings` with the path.
pub fn declared_components(packs: &[PackSetting]) -> Result<Vec<proto::Component>> {
    Ok(AvailablePacks::default().for_job(packs)?.components.describe())
}

/// The packs of an engine, as one tenant sees them.
#[derive(Clone, Default)]
pub(crate) struct AvailablePacks {
    pub components: ComponentRegistry,
    pub store: Arc<PackStore>,
    pub tenant: Tenant,
    /// Whether answers of packs of WebAssembly are computed twice and compared.
    pub check_guests: bool,
    pub lists: Arc<ParsedLists>,
}

/// The packs of a job.
pub(crate) struct JobPacks {
    pub components: ComponentRegistry,
    /// Of the packs that were sent.
    pub digests: Vec<Digest>,
}

impl AvailablePacks {
    /// The components of the engine and of the packs that settings define or name by digest.
    ///
    /// # Errors
    /// `InvalidSettings` with the path: a name that a pack has already, an expression that is refused, a pack that the
    /// engine does not accept. `NotFound` with the reason `PACK_ABSENT` for a digest that the tenant has not sent.
    pub fn for_job(&self, packs: &[PackSetting]) -> Result<JobPacks> {
        let mut job = JobPacks { components: self.components.clone(), digests: Vec::new() };
        for (index, pack) in packs.iter().enumerate() {
            let Some(details) = pack.details() else { continue };
            let path = format!("packs[{index}]");
            let pack = self.pack(details, &path, &mut job.digests)?;
            job.components.register(pack).map_err(|error| {
                let message = format!("{error}; give this pack another `name`");
                Error::settings(format!("{path}.name"), "NAME_TWICE", message)
            })?;
        }
        Ok(job)
    }

    /// The lists that settings name by the digests of their artifacts, which are added to `digests`.
    ///
    /// # Errors
    /// `InvalidSettings` with the path: a list that can't be used. `NotFound` with the reason `PACK_ABSENT` for one that
    /// the tenant has not sent.
    pub fn lists_for_job(
        &self,
        settings: &FeatureSettings,
        digests: &mut Vec<Digest>,
    ) -> Result<JobLists> {
        self.lists.for_job(settings, |digest| {
            let artifact = self.store.get(&self.tenant, &digest, Instant::now())?;
            digests.push(digest);
            Ok(artifact)
        })
    }

    fn pack(&self, details: &PackDetails, path: &str, digests: &mut Vec<Digest>) -> Result<Pack> {
        let mut components = Vec::new();
        if let Some(contents) = &details.inline {
            if !contents.components.is_empty() {
                self.store
                    .policy()
                    .check_kind(Kind::Declarative)
                    .map_err(|error| error.at(path))?;
            }
            components = declarative::components(contents, &format!("{path}.inline"))?;
        }
        if let Some(digest) = &details.digest {
            let digest = digest
                .parse()
                .map_err(|error| Error::settings(format!("{path}.digest"), "PACK_DIGEST", error))?;
            let artifact = self.store.get(&self.tenant, &digest, Instant::now())?;
            if artifact.kind() == Kind::Wasm {
                components.extend(guest::components(
                    &digest,
                    &artifact,
                    details,
                    path,
                    self.check_guests,
                )?);
            }
            digests.push(digest);
        }
        Ok(Pack::new(&details.name, components))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_everything_is_described() {
        let components = builtin_components();
        let packs: Vec<&str> = components.packs().map(Pack::name).collect();
        assert_eq!(packs, ["dns", "finance", "geo", "lists", "text"]);
        let mut names = HashSet::new();
        for component in components.describe() {
            assert!(names.insert(component.name.clone()), "{} is there twice", component.name);
            assert!(component.description.ends_with('.'), "{}", component.name);
            assert!(!component.inputs.is_empty(), "{}", component.name);
        }
    }
}
