//! The packs that an engine offers.

use std::{collections::HashSet, sync::Arc};

use anomal_core::proto;
use anomal_registry::{DuplicateName, Registry};

use crate::{component::Component, pack::Pack};

/// Packs by name, in the order of their registration. Clones share the packs.
#[derive(Clone, Default)]
pub struct ComponentRegistry(Registry<Pack>);

impl ComponentRegistry {
    /// Adds a pack. Another pack may have components with the same names: settings select one by listing its pack, or
    /// by the name `pack/component`.
    ///
    /// # Errors
    /// [`DuplicateName`] if a pack has the name already, which stays, or if two components of the pack share a name
    /// or an alias.
    pub fn register(&mut self, pack: Pack) -> Result<(), DuplicateName> {
        let mut names = HashSet::new();
        for name in pack.components().iter().flat_map(Component::names) {
            if !names.insert(name) {
                return Err(DuplicateName(format!("{}/{name}", pack.name())));
            }
        }
        self.0.register(pack.name().to_owned(), Arc::new(pack))
    }

    /// In order of registration.
    pub fn packs(&self) -> impl Iterator<Item = &Pack> {
        self.0.iter().map(|(_, pack)| pack.as_ref())
    }

    /// The components with a name or alias, which may be preceded by the name of a pack and `/`.
    pub fn find(&self, name: &str) -> Vec<(&Pack, &Component)> {
        let (pack, component) = match name.split_once('/') {
            Some((pack, component)) => (Some(pack), component),
            None => (None, name),
        };
        let packs = self.packs().filter(|known| pack.is_none_or(|pack| known.name() == pack));
        packs.filter_map(|pack| Some((pack, pack.find(component)?))).collect()
    }

    /// The entries of ListComponents.
    pub fn describe(&self) -> Vec<proto::Component> {
        self.packs()
            .flat_map(|pack| {
                pack.components().iter().map(|component| component.describe(pack.name()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        component::{Input, NoParameters},
        computation::Metric,
    };

    fn component(name: &str) -> Component {
        let build = |NoParameters {}| Ok(Metric::text(|text| i64::try_from(text.len()).ok()));
        Component::metric(name, "The length of a text.", [Input::text("text")], build)
    }

    fn found(registry: &ComponentRegistry, name: &str) -> Vec<String> {
        let found = registry.find(name).into_iter();
        found.map(|(pack, component)| format!("{}/{}", pack.name(), component.name())).collect()
    }

    #[test]
    fn components_are_found_by_name_alias_and_pack() {
        let mut registry = ComponentRegistry::default();
        let pack = || Pack::new("a", [component("x").with_alias("y"), component("z")]);
        registry.register(pack()).unwrap();
        registry.register(pack().with_name("b")).unwrap();
        assert_eq!(found(&registry, "y"), ["a/x", "b/x"]);
        assert_eq!(found(&registry, "b/y"), ["b/x"]);
        assert!(found(&registry, "c/y").is_empty() && found(&registry, "X").is_empty());
        let names: Vec<String> = registry
            .describe()
            .into_iter()
            .map(|component| format!("{}/{}", component.pack, component.name))
            .collect();
        assert_eq!(names, ["a/x", "a/z", "b/x", "b/z"]);
    }

    #[test]
    fn names_that_are_there_already_are_refused() {
        let mut registry = ComponentRegistry::default();
        registry.register(Pack::new("a", [component("x")])).unwrap();
        let error = registry.register(Pack::new("a", [])).unwrap_err();
        assert_eq!(error.to_string(), "`a` is registered twice");
        assert_eq!(found(&registry, "x"), ["a/x"]);
        let twice = Pack::new("b", [component("x"), component("z").with_alias("x")]);
        let error = registry.register(twice).unwrap_err();
        assert_eq!(error.to_string(), "`b/x` is registered twice");
        assert_eq!(registry.packs().count(), 1);
    }
}
