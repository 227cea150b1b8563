//! Packs: components of one domain.

use crate::component::Component;

/// Components of one domain, such as DNS, under a name that settings list in `packs`.
pub struct Pack {
    name: String,
    components: Vec<Component>,
    always_enabled: bool,
}

impl Pack {
    pub fn new(name: &str, components: impl IntoIterator<Item = Component>) -> Self {
        let components = components.into_iter().collect();
        Self { name: name.to_owned(), components, always_enabled: false }
    }

    /// The same components under another name, so that two versions of a pack can be registered.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The same pack, which settings use without listing it. A listed pack with a component of the same name takes
    /// precedence.
    #[must_use]
    pub fn always_enabled(mut self) -> Self {
        self.always_enabled = true;
        self
    }

    pub fn is_always_enabled(&self) -> bool {
        self.always_enabled
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The component with this name or alias.
    pub fn find(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.names().any(|known| known == name))
    }
}
