//! Determines the columns from the mappings of the indices.

use std::collections::{BTreeMap, BTreeSet};

use anomal_core::{
    Error, Result,
    proto::{Column, DataType as Type, Diagnostic},
};
use anomal_spec::ElasticsearchInput;
use serde::Deserialize;

use super::url_path;
use crate::{
    elasticsearch::client::{Client, Request},
    source::data_type,
};

/// With more fields, only those that the settings name are read: mappings of everything that a program might send have
/// columns that are empty in nearly all records.
pub(super) const WIDE: usize = 1_000;
/// Bytes of field names in a request's path; servers limit the whole request line to 4 KiB.
const PATH_BYTES: usize = 2_000;
/// Indices that a message lists.
const SHOWN: usize = 3;

/// A readable field.
#[expect(clippy::struct_excessive_bools, reason = "independent properties of a field")]
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub name: String,
    pub data_type: Type,
    /// The type in the mapping, which `types` may override.
    pub mapped: Type,
    /// Whether the settings use it. Other fields are read as text, so that an unused value cannot make a document bad.
    pub typed: bool,
    /// Whether objects and lists are single values.
    pub whole: bool,
    /// Whether the server can return the values without the document.
    pub values: bool,
    /// Whether the value is not in the document, but derived from another field or the index.
    pub derived: bool,
    /// A warning for reading the field: its types differ between indices.
    pub differs: Option<String>,
}

impl Field {
    pub fn column(&self) -> Column {
        Column { name: self.name.clone(), data_type: self.data_type.into() }
    }

    pub fn is_date(&self) -> bool {
        self.mapped == Type::Datetime
    }
}

/// The response of `_field_caps`: the types of each field.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Capabilities {
    #[serde(default)]
    indices: Indices,
    #[serde(default)]
    fields: BTreeMap<String, BTreeMap<String, Capability>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Indices {
    #[default]
    None,
    One(#[expect(dead_code, reason = "only that there is one")] String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
struct Capability {
    #[serde(default)]
    metadata_field: bool,
    #[serde(default)]
    aggregatable: bool,
    /// The indices in which the field has this type, if it has other types elsewhere.
    indices: Option<Vec<String>>,
}

/// The paths of the requests for the types of the fields to read and of the time field. Several if there are many
/// names.
fn paths(input: &ElasticsearchInput) -> Vec<String> {
    let mut names: Vec<&str> = vec!["*"];
    if !input.fields.is_empty() {
        names = input.fields.iter().map(String::as_str).collect();
        names.push(&input.time_field);
    }
    let mut asked: Vec<String> = Vec::new();
    for name in names {
        let name = url_path::encode(name);
        match asked.last_mut() {
            Some(last) if last.len() + name.len() < PATH_BYTES => last.extend([",", &name]),
            _ => asked.push(name),
        }
    }
    let index = url_path::encode(&input.index);
    asked.into_iter().map(|names| format!("/{index}/_field_caps?fields={names}")).collect()
}

impl Capabilities {
    pub fn extend(&mut self, more: Self) {
        if !more.is_empty() {
            self.indices = more.indices;
        }
        self.fields.extend(more.fields);
    }

    /// Whether no index matches.
    pub fn is_empty(&self) -> bool {
        match &self.indices {
            Indices::None => true,
            Indices::One(_) => false,
            Indices::Many(names) => names.is_empty(),
        }
    }

    /// Whether the field exists and is a time in all indices.
    pub fn is_time(&self, name: &str) -> bool {
        let types = self.fields.get(name);
        types.is_some_and(|types| {
            types.keys().all(|of| kind(of).is_some_and(|k| k.data_type == Type::Datetime))
        })
    }

    /// All fields to read, sorted by name.
    pub fn fields(&self, input: &ElasticsearchInput) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for (name, types) in &self.fields {
            let hidden = name.starts_with('_') && !input.fields.contains(name);
            if hidden || types.values().any(|capability| capability.metadata_field) {
                continue;
            }
            let Some(mut field) = field(name, types) else { continue };
            if self.is_part(name) {
                // The same value as another field's: only read if the settings name it.
                if !input.fields.contains(name) {
                    continue;
                }
                field.derived = true;
            }
            fields.push(field);
        }
        // Unmapped fields, which documents may still have.
        let known: BTreeSet<&str> = self.fields.keys().map(String::as_str).collect();
        let more = input.types.keys().filter(|name| !known.contains(name.as_str()));
        fields.extend(more.map(|name| unmapped(name)));
        for field in &mut fields {
            if let Some(column_type) = input.types.get(&field.name) {
                (field.data_type, field.differs) = (data_type(*column_type), None);
            }
        }
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields
    }

    /// Whether a field is a multi-field such as `message.keyword`: its parent has values itself and is never an object.
    fn is_part(&self, name: &str) -> bool {
        name.char_indices().filter(|(_, c)| *c == '.').any(|(place, _)| {
            let above = self.fields.get(&name[..place]);
            above.is_some_and(|types| {
                types.keys().all(|of| kind(of).is_some_and(|kind| !kind.whole))
            })
        })
    }
}

fn unmapped(name: &str) -> Field {
    Field {
        name: name.to_owned(),
        data_type: Type::String,
        mapped: Type::String,
        typed: false,
        whole: false,
        values: false,
        derived: false,
        differs: None,
    }
}

struct Kind {
    data_type: Type,
    whole: bool,
}

/// How a type of the mapping is read; `None` for objects of other fields.
fn kind(mapped: &str) -> Option<Kind> {
    let simple = |data_type| Some(Kind { data_type, whole: false });
    match mapped {
        "object" | "nested" => None,
        "long" | "integer" | "short" | "byte" | "token_count" => simple(Type::Integer),
        // `unsigned_long` exceeds signed 64 bits.
        "double" | "float" | "half_float" | "scaled_float" | "unsigned_long" => simple(Type::Float),
        "boolean" => simple(Type::Boolean),
        "date" | "date_nanos" => simple(Type::Datetime),
        "keyword" | "constant_keyword" | "wildcard" | "text" | "match_only_text"
        | "annotated_text" | "ip" | "version" | "binary" | "search_as_you_type"
        | "pattern_text" | "semantic_text" => simple(Type::String),
        _ => Some(Kind { data_type: Type::String, whole: true }),
    }
}

fn field(name: &str, types: &BTreeMap<String, Capability>) -> Option<Field> {
    let kinds: Vec<(&String, Kind)> = types.keys().filter_map(|of| Some((of, kind(of)?))).collect();
    let mut several: Vec<Type> = kinds.iter().map(|(_, kind)| kind.data_type).collect();
    several.sort_unstable();
    several.dedup();
    let data_type = match several.as_slice() {
        [] => return None,
        [one] => *one,
        [Type::Integer, Type::Float] | [Type::Float, Type::Integer] => Type::Float,
        _ => Type::String,
    };
    let warn = several.len() > 1 && data_type == Type::String || kinds.len() < types.len();
    Some(Field {
        name: name.to_owned(),
        data_type,
        mapped: data_type,
        typed: false,
        whole: kinds.iter().all(|(_, kind)| kind.whole),
        values: types.values().all(|capability| capability.aggregatable),
        derived: types.contains_key("constant_keyword"),
        differs: warn.then(|| differs(name, types)),
    })
}

fn differs(name: &str, types: &BTreeMap<String, Capability>) -> String {
    let each = types.iter().map(|(of, capability)| {
        let indices = capability.indices.as_deref().unwrap_or_default();
        let shown = indices.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = indices.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{of} in {}{more}", if shown.is_empty() { "others" } else { &shown })
    });
    format!(
        "`{name}` is {}; it is read as text: set its type in input.elasticsearch.types",
        each.collect::<Vec<_>>().join(", ")
    )
}

/// Reports that a field is read as another type than in some mapping.
pub(super) fn diagnostic(message: &str) -> Diagnostic {
    Diagnostic {
        path: "input.elasticsearch".to_owned(),
        reason: "MAPPINGS_DIFFER".to_owned(),
        message: message.to_owned(),
        count: 0,
    }
}

/// # Errors
/// `InvalidSettings` if a name in `fields` without `*` does not exist: nothing is dropped silently.
pub(super) fn check_fields(input: &ElasticsearchInput, fields: &[Field]) -> Result<()> {
    let missing = input
        .fields
        .iter()
        .find(|asked| !asked.contains('*') && !fields.iter().any(|field| field.name == **asked));
    let Some(missing) = missing else { return Ok(()) };
    // Servers return an object's fields only if those are requested.
    let message = format!(
        "there is no field `{missing}` in {}: if it is an object, `{missing}.*` are its fields; if documents have it and \
         no mapping does, set its type in input.elasticsearch.types",
        input.index
    );
    Err(Error::settings("input.elasticsearch.fields", "FIELD_MISSING", message))
}

/// Requests the types of the fields to read.
///
/// # Errors
/// `InvalidInput` if no index matches, or the server refuses.
pub(super) fn capabilities(client: &Client, input: &ElasticsearchInput) -> Result<Capabilities> {
    let mut all = Capabilities::default();
    for path in paths(input) {
        let answer = client.request(&Request::get(path))?;
        if answer.status == 404 || answer.error_type().as_deref() == Some("index_closed_exception")
        {
            return Err(missing(input, &answer.describe()));
        }
        if !answer.is_success() {
            let message =
                format!("cannot read the fields of {}: {}", input.index, answer.describe());
            return Err(Error::input("MAPPING_UNREADABLE", message));
        }
        all.extend(answer.json()?);
    }
    if all.is_empty() {
        return Err(missing(input, "no index matches"));
    }
    Ok(all)
}

fn missing(input: &ElasticsearchInput, reason: &str) -> Error {
    Error::input("INDEX_MISSING", format!("there is no index {} to read: {reason}", input.index))
}

#[cfg(test)]
mod tests;
