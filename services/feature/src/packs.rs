//! The packs: one folder each, with one file for each component or group of components.

mod dns;
mod finance;

use anomal_core::proto::Component;

use crate::component::Definition;

/// Components of one domain, such as DNS.
pub(crate) struct Pack {
    pub name: &'static str,
    pub components: &'static [Definition],
}

/// All packs.
pub(crate) const PACKS: &[Pack] = &[
    Pack { name: "dns", components: dns::COMPONENTS },
    Pack { name: "finance", components: finance::COMPONENTS },
];

/// A component by its name or an alias, with its pack's name.
pub(crate) fn find(name: &str) -> Option<(&'static str, &'static Definition)> {
    PACKS.iter().find_map(|pack| {
        let matches =
            |component: &&Definition| component.name == name || component.aliases.contains(&name);
        pack.components.iter().find(matches).map(|component| (pack.name, component))
    })
}

/// The entries of ListComponents.
pub(crate) fn describe() -> Vec<Component> {
    PACKS
        .iter()
        .flat_map(|pack| pack.components.iter().map(|component| component.describe(pack.name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_everything_is_described() {
        let mut names = HashSet::new();
        for component in describe() {
            assert!(names.insert(component.name.clone()), "{} is there twice", component.name);
            assert!(component.description.ends_with('.'), "{}", component.name);
            assert_ne!(component.r#type, 0, "{}", component.name);
            assert!(!component.inputs.is_empty(), "{}", component.name);
        }
    }
}
