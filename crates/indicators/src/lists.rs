//! The lists of a job by name.

use std::{collections::BTreeMap, sync::Arc};

use anomal_spec::suggestion;

use crate::list::{List, Match};

/// A list under its name in a job, with the lists that take precedence over it.
pub struct NamedList {
    pub name: String,
    pub list: Arc<List>,
    except: Vec<Arc<List>>,
}

impl NamedList {
    /// The most specific entry that matches a value and is valid at a time, in microseconds since the epoch, unless a list
    /// that takes precedence has one.
    pub fn find(&self, value: &str, time: i64) -> Option<Match<'_>> {
        let found = self.list.find(value, time)?;
        let excepted = self.except.iter().any(|list| list.find(value, time).is_some());
        (!excepted).then_some(found)
    }

    /// Whether the answer for a value depends on the time.
    pub fn has_periods(&self) -> bool {
        self.list.has_periods() || self.except.iter().any(|list| list.has_periods())
    }
}

/// The lists of a job, for components that look values up. Clones share the lists.
#[derive(Clone, Default)]
pub struct Lists {
    lists: BTreeMap<String, Arc<NamedList>>,
    /// When the run started, in microseconds since the epoch.
    started: i64,
}

impl Lists {
    /// `started`: when the run started, in microseconds since the epoch: entries are valid or not at this time where rows
    /// have none. Each list is given with the names of those that take precedence over it.
    ///
    /// # Errors
    /// The position of a list, and what is wrong with the names that it is given.
    pub fn new(
        started: i64,
        lists: Vec<(String, Arc<List>, Vec<String>)>,
    ) -> Result<Self, (usize, String)> {
        let parsed: BTreeMap<String, Arc<List>> =
            lists.iter().map(|(name, list, _)| (name.clone(), Arc::clone(list))).collect();
        let mut named = BTreeMap::new();
        for (index, (name, list, except)) in lists.into_iter().enumerate() {
            let find = |other: &String| {
                let known = parsed.keys().map(String::as_str);
                let found = parsed.get(other).cloned();
                found.ok_or_else(|| {
                    format!("there is no list `{other}`; {}", suggestion(other, known))
                })
            };
            let except = except.iter().map(find).collect::<Result<_, _>>();
            let except = except.map_err(|message| (index, message))?;
            named.insert(name.clone(), Arc::new(NamedList { name, list, except }));
        }
        Ok(Self { lists: named, started })
    }

    /// # Errors
    /// There is no list of this name; with the nearest one.
    pub fn get(&self, name: &str) -> Result<Arc<NamedList>, String> {
        self.lists.get(name).cloned().ok_or_else(|| {
            if self.lists.is_empty() {
                return format!("there is no list `{name}`; the settings have no `lists`");
            }
            let known = self.lists.keys().map(String::as_str);
            format!("there is no list `{name}`; {}", suggestion(name, known))
        })
    }

    /// When the run started, in microseconds since the epoch.
    pub fn started(&self) -> i64 {
        self.started
    }
}
