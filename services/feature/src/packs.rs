//! The packs that are part of the product.

use anomal_components::ComponentRegistry;

/// The built-in packs: one line each.
pub fn builtin_components() -> ComponentRegistry {
    let packs = [
        anomal_pack_dns::pack(),
        anomal_pack_finance::pack(),
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use anomal_components::Pack;

    use super::*;

    #[test]
    fn names_are_unique_and_everything_is_described() {
        let components = builtin_components();
        let packs: Vec<&str> = components.packs().map(Pack::name).collect();
        assert_eq!(packs, ["dns", "finance", "lists", "text"]);
        let mut names = HashSet::new();
        for component in components.describe() {
            assert!(names.insert(component.name.clone()), "{} is there twice", component.name);
            assert!(component.description.ends_with('.'), "{}", component.name);
            assert!(!component.inputs.is_empty(), "{}", component.name);
        }
    }
}
