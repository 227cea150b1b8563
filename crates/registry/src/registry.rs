//! Items by name, in the order in which they were registered.

use std::sync::Arc;

use anomal_spec::suggestion;

/// Items of one kind by name. Clones share the items.
#[derive(Debug)]
pub struct Registry<T: ?Sized> {
    items: Vec<(String, Arc<T>)>,
}

/// A name that is registered already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is registered twice")]
pub struct DuplicateName(pub String);

impl<T: ?Sized> Default for Registry<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<T: ?Sized> Clone for Registry<T> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone() }
    }
}

impl<T: ?Sized> Registry<T> {
    /// Adds an item behind the others.
    ///
    /// # Errors
    /// [`DuplicateName`]; the item that has the name stays.
    pub fn register(&mut self, name: impl Into<String>, item: Arc<T>) -> Result<(), DuplicateName> {
        let name = name.into();
        if self.find(&name).is_some() {
            return Err(DuplicateName(name));
        }
        self.items.push((name, item));
        Ok(())
    }

    /// The item with exactly this name.
    pub fn find(&self, name: &str) -> Option<&Arc<T>> {
        self.iter().find(|(known, _)| *known == name).map(|(_, item)| item)
    }

    /// Names and items in order of registration.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<T>)> {
        self.items.iter().map(|(name, item)| (name.as_str(), item))
    }

    /// The hint for a name that is not registered: the nearest name, or all of them.
    pub fn suggestion(&self, name: &str) -> String {
        suggestion(name, self.iter().map(|(known, _)| known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Registry<u32> {
        let mut registry = Registry::default();
        registry.register("one", Arc::new(1)).unwrap();
        registry.register("two", Arc::new(2)).unwrap();
        registry
    }

    #[test]
    fn items_are_found_by_name_and_listed_in_order() {
        let registry = numbers();
        assert_eq!(registry.find("two").map(|item| **item), Some(2));
        assert_eq!(registry.find("Two"), None);
        let names: Vec<&str> = registry.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["one", "two"]);
        assert_eq!(registry.suggestion("tow"), "did you mean `two`?");
        assert_eq!(registry.suggestion("nothing"), "there are one, two");
    }

    #[test]
    fn a_duplicate_name_is_refused_and_the_first_item_stays() {
        let mut registry = numbers();
        let error = registry.register("one", Arc::new(3)).unwrap_err();
        assert_eq!(error.to_string(), "`one` is registered twice");
        assert_eq!(registry.find("one").map(|item| **item), Some(1));
    }

    #[test]
    fn a_clone_is_independent() {
        let registry = numbers();
        let mut clone = registry.clone();
        clone.register("three", Arc::new(3)).unwrap();
        assert!(clone.find("three").is_some() && registry.find("three").is_none());
    }
}
