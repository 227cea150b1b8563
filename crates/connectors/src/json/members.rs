//! Members of objects in lists under names of their own, as `dns.queries.rrname` for a list `dns.queries` of objects with
//! `rrname`: the list of the values of that member, or the value itself where there is one.

use std::sync::Arc;

use anomal_core::Result;
use polars::prelude::{Column, StringChunked};
use serde_json::value::RawValue;

use super::{
    flat::{FlatChunk, Scalar},
    names::Names,
    sample::SampledColumn,
};
use crate::json_text::{self, VALUES};

/// Names of members that are found in the lists of a column at most.
const MAX_MEMBERS: usize = 1000;

/// A member of the objects in the lists of a column.
#[derive(Clone, Debug)]
pub(crate) struct MemberPath {
    pub name: Arc<str>,
    column: Arc<str>,
    /// The names of the member and of the objects around it, with dots between.
    member: Arc<str>,
}

impl MemberPath {
    fn new(column: &str, member: &str) -> Self {
        Self {
            name: format!("{column}.{member}").into(),
            column: column.into(),
            member: member.into(),
        }
    }

    /// The column with the lists.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The member in each row, as JSON; missing where no object has it.
    ///
    /// # Errors
    /// `Internal`.
    pub fn get(&self, lists: &Column) -> Result<Column> {
        let tokens: StringChunked = match json_text::tokens(lists)? {
            Some(tokens) => tokens.iter().map(|list| self.token(list?)).collect(),
            // No lists.
            None => std::iter::repeat_n(None::<String>, lists.len()).collect(),
        };
        json_text::column(&self.name, VALUES, tokens)
    }

    fn token(&self, list: &str) -> Option<String> {
        let mut values = Vec::new();
        collect(list, &self.member, &mut values);
        match values.len() {
            0 | 1 => values.pop(),
            _ => Some(format!("[{}]", values.join(","))),
        }
    }
}

/// The members that `wanted` takes of the objects in the lists of a sample, with their values and the places of their
/// records. `wanted` is first asked for the column with a dot behind, which stands for all of its members. Columns take
/// precedence over members of their name.
pub(super) fn sampled(
    columns: &[SampledColumn<'_>],
    wanted: &dyn Fn(&str) -> bool,
) -> Vec<(MemberPath, Vec<(usize, String)>)> {
    let mut found = Vec::new();
    for column in columns.iter().filter(|column| !column.lists.is_empty()) {
        if !wanted(&format!("{}.", column.name)) {
            continue;
        }
        let mut members = Vec::new();
        column.lists.iter().for_each(|(_, list)| find(list, "", &mut members));
        for member in members {
            let path = MemberPath::new(column.name, &member);
            if !wanted(&path.name) || columns.iter().any(|column| *column.name == *path.name) {
                continue;
            }
            let values = column.lists.iter();
            let values = values.filter_map(|(index, list)| Some((*index, path.token(list)?)));
            let values = values.collect();
            found.push((path, values));
        }
    }
    found
}

/// The items of a list.
fn items(list: &str) -> Vec<&RawValue> {
    if list.starts_with('[') { serde_json::from_str(list).unwrap_or_default() } else { Vec::new() }
}

/// Calls `visit` with each member of the objects in a list: its name, its value and the JSON text of that.
fn visit(list: &str, mut visit: impl FnMut(&str, Scalar, &str)) {
    for item in items(list) {
        let object = item.get();
        let mut flat = FlatChunk::new(Names::default(), false);
        if !object.starts_with('{') || flat.push(object).is_err() {
            continue;
        }
        let (values, texts) = flat.record(0, object);
        for (name, value) in values {
            visit(flat.names.path(*name), *value, &value.token(texts));
        }
    }
}

/// Adds the names of members, those of objects in lists in the objects too.
fn find(list: &str, above: &str, found: &mut Vec<String>) {
    visit(list, |name, value, text| {
        let name = format!("{above}{name}");
        if let Scalar::List(_) = value {
            find(text, &format!("{name}."), found);
        }
        if found.len() < MAX_MEMBERS && !found.contains(&name) {
            found.push(name);
        }
    });
}

/// Adds the values of a member. Those that are lists themselves are added by their items.
fn collect(list: &str, member: &str, values: &mut Vec<String>) {
    visit(list, |name, value, text| match (value, member.strip_prefix(name)) {
        (Scalar::Null, _) | (_, None) => {}
        (Scalar::List(_), Some("")) => {
            let items = items(text).into_iter().map(RawValue::get);
            values.extend(items.filter(|item| *item != "null").map(str::to_owned));
        }
        (_, Some("")) => values.push(text.to_owned()),
        (Scalar::List(_), Some(rest)) => {
            if let Some(rest) = rest.strip_prefix('.') {
                collect(text, rest, values);
            }
        }
        _ => {}
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_values_or_lists_of_them() {
        let value = |list: &str, member: &str| MemberPath::new("a", member).token(list);
        let list = r#"[{"n":"x","t":{"k":1}},{"n":"y\"","t":{"k":null}},7,{"l":[1,[2],null]}]"#;
        assert_eq!(value(list, "n").as_deref(), Some(r#"["x","y\""]"#));
        assert_eq!(value(list, "t.k").as_deref(), Some("1"));
        assert_eq!(value(list, "l").as_deref(), Some("[1,[2]]"));
        assert_eq!(value(list, "gone"), None);
        assert_eq!(value(list, "nn"), None);
        assert_eq!(value("[]", "n"), None);
        assert_eq!(value("\"text\"", "n"), None);
        let nested = r#"[{"a":[{"b":1},{"b":2}]},{"a":[{"b":3}]}]"#;
        assert_eq!(value(nested, "a.b").as_deref(), Some("[1,2,3]"));
        let mut found = Vec::new();
        find(list, "", &mut found);
        find(nested, "", &mut found);
        assert_eq!(found, ["n", "t.k", "l", "a.b", "a"]);
    }
}
