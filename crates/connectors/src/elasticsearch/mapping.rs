//! The columns that there are, by what the server says of its indices' fields.

use std::collections::{BTreeMap, BTreeSet};

use anomal_core::{
    Error, Result,
    proto::{Column, DataType as Type, Diagnostic},
};
use anomal_spec::ElasticsearchInput;
use serde::Deserialize;

use super::source::path;
use crate::source::data_type;

/// More are too many to be read where nobody asked for them: a mapping of everything that some programme might
/// send has columns that are empty in nearly all records.
pub(super) const WIDE: usize = 1_000;
/// Of a request's path; servers take 4 KiB for all of its first line.
const PATH_BYTES: usize = 2_000;
/// Indices that a message names.
const SHOWN: usize = 3;

/// A field that can be read.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is true of a field or not, in any combination"
)]
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub name: String,
    pub of: Type,
    /// What the mapping says, where `types` wants something else.
    pub mapped: Type,
    /// Whether the settings name it: the others are text, so that what nobody needs makes no document a bad one.
    pub typed: bool,
    /// One value, even if it is an object or a list.
    pub whole: bool,
    /// Whether the server can tell its values without the document.
    pub values: bool,
    /// It is another one's value, or all documents': it stands in no document.
    pub derived: bool,
    /// What has to be told if it is read.
    pub differs: Option<String>,
}

impl Field {
    pub fn column(&self) -> Column {
        Column { name: self.name.clone(), data_type: self.of.into() }
    }

    pub fn is_date(&self) -> bool {
        self.mapped == Type::Datetime
    }
}

/// What `_field_caps` says: the types of a field by its name.
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
    /// Where the field has this type, if it has others elsewhere.
    indices: Option<Vec<String>>,
}

/// Which fields are asked about: those to be read, and the one with the time. Several requests where the names are
/// many.
pub(super) fn ask(input: &ElasticsearchInput) -> Vec<String> {
    let mut names: Vec<&str> = vec!["*"];
    if !input.fields.is_empty() {
        names = input.fields.iter().map(String::as_str).collect();
        names.push(&input.time_field);
    }
    let mut asked: Vec<String> = Vec::new();
    for name in names {
        let name = path::encoded(name);
        match asked.last_mut() {
            Some(last) if last.len() + name.len() < PATH_BYTES => last.extend([",", &name]),
            _ => asked.push(name),
        }
    }
    let index = path::encoded(&input.index);
    asked.into_iter().map(|names| format!("/{index}/_field_caps?fields={names}")).collect()
}

impl Capabilities {
    pub fn extend(&mut self, more: Self) {
        if !more.is_empty() {
            self.indices = more.indices;
        }
        self.fields.extend(more.fields);
    }

    /// Whether no index is meant.
    pub fn is_empty(&self) -> bool {
        match &self.indices {
            Indices::None => true,
            Indices::One(_) => false,
            Indices::Many(names) => names.is_empty(),
        }
    }

    /// Whether the field is there and its values are times wherever it is.
    pub fn is_time(&self, name: &str) -> bool {
        let types = self.fields.get(name);
        types.is_some_and(|types| {
            types.keys().all(|of| kind(of).is_some_and(|k| k.of == Type::Datetime))
        })
    }

    /// In the order of their names.
    pub fn fields(&self, input: &ElasticsearchInput) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for (name, types) in &self.fields {
            let hidden = name.starts_with('_') && !input.fields.contains(name);
            if hidden || types.values().any(|capability| capability.metadata_field) {
                continue;
            }
            let Some(mut field) = field(name, types) else { continue };
            if self.is_part(name) {
                // The same value as another field's: only for those who ask for it.
                if !input.fields.contains(name) {
                    continue;
                }
                field.derived = true;
            }
            fields.push(field);
        }
        // Fields that no mapping has, for documents may still hold them.
        let known: BTreeSet<&str> = self.fields.keys().map(String::as_str).collect();
        let more = input.types.keys().filter(|name| !known.contains(name.as_str()));
        fields.extend(more.map(|name| unmapped(name)));
        for field in &mut fields {
            if let Some(of) = input.types.get(&field.name) {
                (field.of, field.differs) = (data_type(*of), None);
            }
        }
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields
    }

    /// Whether a field is below one that holds values itself, such as `message.keyword`, and is no object anywhere.
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
        of: Type::String,
        mapped: Type::String,
        typed: false,
        whole: false,
        values: false,
        derived: false,
        differs: None,
    }
}

struct Kind {
    of: Type,
    whole: bool,
}

/// How a type of the mapping is read; nothing for what only holds other fields.
fn kind(of: &str) -> Option<Kind> {
    let simple = |of| Some(Kind { of, whole: false });
    match of {
        "object" | "nested" => None,
        "long" | "integer" | "short" | "byte" | "token_count" => simple(Type::Integer),
        // Whole numbers of it may be beyond 64 bits with a sign.
        "double" | "float" | "half_float" | "scaled_float" | "unsigned_long" => simple(Type::Float),
        "boolean" => simple(Type::Boolean),
        "date" | "date_nanos" => simple(Type::Datetime),
        "keyword" | "constant_keyword" | "wildcard" | "text" | "match_only_text"
        | "annotated_text" | "ip" | "version" | "binary" | "search_as_you_type"
        | "pattern_text" | "semantic_text" => simple(Type::String),
        _ => Some(Kind { of: Type::String, whole: true }),
    }
}

fn field(name: &str, types: &BTreeMap<String, Capability>) -> Option<Field> {
    let kinds: Vec<(&String, Kind)> = types.keys().filter_map(|of| Some((of, kind(of)?))).collect();
    let mut several: Vec<Type> = kinds.iter().map(|(_, kind)| kind.of).collect();
    several.sort_unstable();
    several.dedup();
    let of = match several.as_slice() {
        [] => return None,
        [one] => *one,
        [Type::Integer, Type::Float] | [Type::Float, Type::Integer] => Type::Float,
        _ => Type::String,
    };
    let told = several.len() > 1 && of == Type::String || kinds.len() < types.len();
    Some(Field {
        name: name.to_owned(),
        of,
        mapped: of,
        typed: false,
        whole: kinds.iter().all(|(_, kind)| kind.whole),
        values: types.values().all(|capability| capability.aggregatable),
        derived: types.contains_key("constant_keyword"),
        differs: told.then(|| differs(name, types)),
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
        "`{name}` is {}; it is read as text: give it one type in input.elasticsearch.types to have another",
        each.collect::<Vec<_>>().join(", ")
    )
}

/// That what there is was read in another way than the mappings may let one think.
pub(super) fn diagnostic(message: &str) -> Diagnostic {
    Diagnostic {
        path: "input.elasticsearch".to_owned(),
        reason: "MAPPINGS_DIFFER".to_owned(),
        message: message.to_owned(),
        count: 0,
    }
}

/// # Errors
/// `InvalidInput` if a name is not there that `fields` asks for without `*`: nothing is left out silently.
pub(super) fn all_there(input: &ElasticsearchInput, fields: &[Field]) -> Result<()> {
    let missing = input
        .fields
        .iter()
        .find(|asked| !asked.contains('*') && !fields.iter().any(|field| field.name == **asked));
    let Some(missing) = missing else { return Ok(()) };
    // Servers tell of an object's fields only where those are asked for.
    let message = format!(
        "there is no field `{missing}` in {}: if it is an object, `{missing}.*` are its fields; if documents hold it and \
         no mapping has it, name its type in input.elasticsearch.types",
        input.index
    );
    Err(Error::settings("input.elasticsearch.fields", "FIELD_MISSING", message))
}

#[cfg(test)]
mod tests {
    use anomal_spec::ColumnType;
    use serde_json::json;

    use super::*;

    fn capabilities(fields: &serde_json::Value) -> Capabilities {
        serde_json::from_value(json!({"indices": ["a", "b"], "fields": fields})).unwrap()
    }

    fn types(fields: &[Field]) -> Vec<(&str, Type)> {
        fields.iter().map(|field| (field.name.as_str(), field.of)).collect()
    }

    #[test]
    fn types_come_from_the_mapping() {
        let of = |kind: &str| json!({kind: {"type": kind, "aggregatable": true}});
        let capabilities = capabilities(&json!({
            "@timestamp": of("date"), "_id": {"_id": {"metadata_field": true}}, "_ignored": of("_ignored"),
            "n": of("short"), "f": of("scaled_float"), "u": of("unsigned_long"), "ok": of("boolean"), "ip": of("ip"),
            "o": of("object"), "o.x": of("keyword"), "m": of("text"), "m.keyword": of("keyword"), "l": of("flattened"),
            "c": of("constant_keyword"), "t": of("date_nanos"),
        }));
        let mut input = ElasticsearchInput::new("http://h:9200", "a,b");
        let fields = capabilities.fields(&input);
        let expected = [
            ("@timestamp", Type::Datetime),
            ("c", Type::String),
            ("f", Type::Float),
            ("ip", Type::String),
            ("l", Type::String),
            ("m", Type::String),
            ("n", Type::Integer),
            ("o.x", Type::String),
            ("ok", Type::Boolean),
            ("t", Type::Datetime),
            ("u", Type::Float),
        ];
        assert_eq!(types(&fields), expected);
        let named = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
        assert!(named("l").whole && !named("m").whole && named("c").derived && !named("m").derived);
        assert!(
            capabilities.is_time("t") && !capabilities.is_time("n") && !capabilities.is_time("x")
        );

        input.fields = vec!["m.keyword".into(), "n".into()];
        input.types =
            BTreeMap::from([("n".into(), ColumnType::String), ("z".into(), ColumnType::Float)]);
        let fields = capabilities.fields(&input);
        let named = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
        assert!(named("m.keyword").derived);
        assert_eq!(
            (named("n").of, named("n").mapped, named("z").of),
            (Type::String, Type::Integer, Type::Float)
        );
    }

    #[test]
    fn what_differs_between_indices_is_text_and_told() {
        let capabilities = capabilities(&json!({
            "id": {"keyword": {"indices": ["a", "b", "c", "d", "e"]}, "long": {"indices": ["f"]}},
            "n": {"long": {"indices": ["a"]}, "double": {"indices": ["b"]}},
            "s": {"keyword": {"indices": ["a"]}, "text": {"indices": ["b"]}},
            "h": {"keyword": {"indices": ["a"]}, "object": {"indices": ["b"]}},
        }));
        let input = ElasticsearchInput::new("http://h:9200", "a,b");
        let fields = capabilities.fields(&input);
        let named = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
        assert_eq!(named("id").of, Type::String);
        let told = named("id").differs.as_ref().unwrap();
        assert!(told.contains("keyword in a, b, c and 2 more, long in f;"), "{told}");
        assert_eq!((named("n").of, &named("n").differs), (Type::Float, &None));
        assert_eq!((named("s").of, &named("s").differs), (Type::String, &None));
        assert!(named("h").differs.as_ref().unwrap().contains("object in b"));
    }

    #[test]
    fn only_what_is_needed_is_asked_about() {
        let mut input = ElasticsearchInput::new("http://h:9200", "logs-*,<x-{now/d}>");
        assert_eq!(ask(&input), ["/logs-*,%3Cx-%7Bnow%2Fd%7D%3E/_field_caps?fields=*"]);
        input.fields = vec!["a.*".into(), "b".into()];
        assert_eq!(ask(&input)[0].split_once('=').unwrap().1, "a.*,b,%40timestamp");
        input.fields = (0..500).map(|number| format!("field{number:05}")).collect();
        let asked = ask(&input);
        assert!(asked.len() > 2 && asked.iter().all(|path| path.len() < 2_100), "{asked:?}");
        let names: usize = asked.iter().map(|path| path.matches("field0").count()).sum();
        assert_eq!(names, 500);
    }

    #[test]
    fn a_field_that_is_asked_for_must_be_there() {
        let capabilities = capabilities(&json!({"o.x": {"keyword": {}}}));
        let mut input = ElasticsearchInput::new("http://h:9200", "a");
        let fields = capabilities.fields(&input);
        input.fields = vec!["o.x".into(), "p*".into()];
        assert!(all_there(&input, &fields).is_ok());
        input.fields.push("o".into());
        assert!(all_there(&input, &fields).unwrap_err().message.contains("`o.*` are its fields"));
    }
}
