//! Look-ups of the values of a column in lists.

use std::{borrow::Cow, sync::Arc};

use anomal_components::{Inputs, Lists, NamedList, ParameterError};
use anomal_core::{Result, list_items};
use polars::prelude::DataType as Dtype;

/// What was found for a value.
pub(crate) struct Finding<'a> {
    pub list: &'a str,
    pub entry: Cow<'a, str>,
}

/// Lists in which values are looked up, in this order.
pub(crate) struct Lookup {
    lists: Vec<Arc<NamedList>>,
    /// The time of rows that have none.
    started: i64,
}

impl Lookup {
    /// # Errors
    /// There is no such list, or it is a MaxMind database.
    pub fn new(names: &[String], lists: &Lists) -> Result<Self, ParameterError> {
        let wrong = |message: String| ParameterError::new("lists", message);
        if names.is_empty() {
            return Err(wrong("it must name a list at least".into()));
        }
        let named = |name: &String| {
            let list = lists.get(name).map_err(wrong)?;
            if list.list.database().is_some() {
                let message = format!(
                    "`{name}` is a MaxMind database, which has no entries; use the metric mmdb_field"
                );
                return Err(wrong(message));
            }
            Ok(list)
        };
        let lists_of_names = names.iter().map(named).collect::<Result<_, _>>()?;
        Ok(Self { lists: lists_of_names, started: lists.started() })
    }

    /// Calls a function with each row whose value, or an item of whose value, is found, in order. Input 0 has the values,
    /// and input 1 the times of the rows, if they are known.
    pub fn for_each(
        &self,
        inputs: &Inputs<'_>,
        mut found: impl FnMut(usize, &Finding<'_>),
    ) -> Result<()> {
        let dictionary = inputs.dictionary(0)?;
        let by_time = self.lists.iter().any(|list| list.has_periods());
        let Some(times) = inputs.get(1).filter(|_| by_time) else {
            let findings = dictionary.map(|value| self.find(value, self.started));
            for (row, code) in dictionary.codes().iter().enumerate() {
                if let Some(Some(finding)) = findings.get(*code as usize) {
                    found(row, finding);
                }
            }
            return Ok(());
        };
        let times = times.to_physical_repr().cast(&Dtype::Int64)?;
        let candidates = dictionary.map(|value| self.is_candidate(value));
        let rows = dictionary.codes().iter().zip(times.i64()?.iter()).enumerate();
        for (row, (code, time)) in rows {
            if candidates.get(*code as usize) == Some(&true)
                && let Some(finding) =
                    self.find(dictionary.value(*code), time.unwrap_or(self.started))
            {
                found(row, &finding);
            }
        }
        Ok(())
    }

    fn find(&self, cell: &str, time: i64) -> Option<Finding<'_>> {
        let of_value = |value: &str| {
            let mut lists = self.lists.iter();
            lists.find_map(|list| {
                let entry = list.find(value, time)?.entry;
                Some(Finding { list: &list.name, entry })
            })
        };
        of_value(cell).or_else(|| items(cell).iter().find_map(|item| of_value(item)))
    }

    /// Whether a value is found at some time.
    fn is_candidate(&self, cell: &str) -> bool {
        let of_value =
            |value: &str| self.lists.iter().any(|list| !list.list.matches(value).is_empty());
        of_value(cell) || items(cell).iter().any(|item| of_value(item))
    }
}

/// The items of a cell that is a list, which has a comma, semicolon or bracket in every form.
pub(crate) fn items(cell: &str) -> Vec<Cow<'_, str>> {
    if cell.contains([',', ';', '[']) { list_items(cell) } else { Vec::new() }
}
