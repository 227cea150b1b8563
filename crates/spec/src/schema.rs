//! The JSON Schema of settings, generated from the types, with rules between fields.

use std::sync::LazyLock;

use kube_cel::CompiledSchema;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

use crate::{API_VERSION, AnomalyJob, AnomalyJobSpec, KIND, load::MAX_NAME, rules};

/// A schema with its compiled rules. Built once: an operator validates thousands of jobs.
pub(crate) struct SettingsSchema {
    pub schema: Value,
    /// The schema's rules, parsed.
    pub rules: CompiledSchema,
}

impl SettingsSchema {
    fn new(schema: Value) -> Self {
        let rules = kube_cel::compile_schema(&schema);
        Self { schema, rules }
    }

    pub fn manifest() -> &'static Self {
        static MANIFEST: LazyLock<SettingsSchema> =
            LazyLock::new(|| SettingsSchema::new(json_schema()));
        &MANIFEST
    }

    /// The schema of another file than settings.
    pub fn for_type<T: JsonSchema>() -> Self {
        Self::new(generate::<T>())
    }

    pub fn spec() -> &'static Self {
        static SPEC: LazyLock<SettingsSchema> =
            LazyLock::new(|| SettingsSchema::new(spec_schema()));
        &SPEC
    }
}

/// The JSON Schema (draft 2020-12) of a manifest, for editors. The `spec` in it has the shapes that a
/// CRD can carry, and its rules as `x-kubernetes-validations`.
pub fn json_schema() -> Value {
    let mut schema = generate::<AnomalyJob>();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        schema.insert("title".into(), "Anomal settings".into());
    }
    for (pointer, only) in [("/properties/apiVersion", API_VERSION), ("/properties/kind", KIND)] {
        if let Some(part) = schema.pointer_mut(pointer).and_then(Value::as_object_mut) {
            part.insert("const".into(), only.into());
        }
    }
    if let Some(spec) = schema.pointer_mut("/properties/spec") {
        rules::attach(spec);
    }
    rules::attach_name(&mut schema);
    schema
}

/// The schema of `spec` alone, with its rules.
pub fn spec_schema() -> Value {
    let mut schema = generate::<AnomalyJobSpec>();
    rules::attach(&mut schema);
    schema
}

/// The schema of a manifest in a CRD: its `spec`, this `status`, and the rule about the name.
pub fn object_schema<Status: JsonSchema>() -> Value {
    let mut schema = serde_json::json!({
        "type": "object",
        "description": generate::<AnomalyJob>()["description"].take(),
        "required": ["spec"],
        "properties": {
            "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": MAX_NAME}}},
            "spec": spec_schema(),
            "status": generate::<Status>(),
        },
    });
    if let Some(spec) = schema.pointer_mut("/properties/spec") {
        rules::attach_labels(spec);
    }
    rules::attach_name(&mut schema);
    schema
}

fn generate<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    make_structural(&mut schema);
    schema
}

/// Rewrites a schema to shapes that a CRD can have: optional values are absent, not null; a choice of names is an
/// `enum`; a description is one line.
fn make_structural(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    remove_null(object);
    merge_variants(object);
    object.retain(|key, value| key != "title" && !(key == "default" && value.is_null()));
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = object.get_mut(key) {
            make_structural(below);
        }
    }
    // Short and long forms of one setting, such as the type of a column. A CRD leaves such a value open.
    if let Some(forms) = object.get_mut("oneOf").and_then(Value::as_array_mut) {
        forms.iter_mut().for_each(make_structural);
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(make_structural);
    }
}

/// Rewrites `T | null` to `T`, in each of its spellings.
fn remove_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(choices)) = object.remove("anyOf") {
        let only = choices.into_iter().find(|choice| choice["type"] != "null");
        for (key, value) in only.as_ref().and_then(Value::as_object).into_iter().flatten() {
            object.entry(key).or_insert(value.clone());
        }
    }
    if let Some(declared) = object.get_mut("type")
        && let Some(only) =
            declared.as_array().and_then(|types| types.iter().find(|name| **name != "null"))
    {
        *declared = only.clone();
    }
    if let Some(names) = object.get_mut("enum").and_then(Value::as_array_mut) {
        names.retain(|name| !name.is_null());
    }
}

/// Rewrites the variants of an enum to one `enum` with one description.
fn merge_variants(object: &mut Map<String, Value>) {
    let is_name = |variant: &Value| variant.get("const").or(variant.get("enum")).is_some();
    let of_names =
        |variants: &Value| variants.as_array().is_some_and(|all| all.iter().all(is_name));
    if !object.get("oneOf").is_some_and(of_names) {
        return;
    }
    let Some(Value::Array(variants)) = object.remove("oneOf") else { return };
    let mut names = Vec::new();
    let mut described: Vec<String> = Vec::new();
    described.extend(object.get("description").and_then(Value::as_str).map(str::to_owned));
    for variant in variants {
        match (&variant["const"], variant["enum"].as_array()) {
            (_, Some(plain)) => names.extend(plain.iter().cloned()),
            (name, None) => {
                names.push(name.clone());
                if let (Some(name), Some(text)) = (name.as_str(), variant["description"].as_str()) {
                    described.push(format!("{name}: {text}"));
                }
            }
        }
    }
    object.insert("type".into(), "string".into());
    object.insert("enum".into(), names.into());
    if !described.is_empty() {
        object.insert("description".into(), described.join(" ").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
        visit(path, schema);
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            every(below, &format!("{path}.{name}"), visit);
        }
        if schema["items"].is_object() {
            every(&schema["items"], &format!("{path}[]"), visit);
        }
    }

    #[test]
    fn has_only_shapes_that_a_crd_can_carry() {
        every(&spec_schema(), "spec", &mut |path, schema| {
            // A name or a map: a CRD leaves it open.
            if matches!(path, "spec.packs[]" | "spec.use[]") {
                assert!(schema["oneOf"].is_array(), "{path}: {schema}");
                return;
            }
            for key in ["anyOf", "oneOf", "$ref", "allOf"] {
                assert!(schema.get(key).is_none(), "{path} has {key}: {schema}");
            }
            let amount = schema["x-kubernetes-int-or-string"] == true;
            let typed = schema["type"].is_string() || amount || path.contains("param");
            assert!(typed, "{path}: {schema}");
        });
    }

    /// A value for everything that has one, with only what is required in it.
    fn least(schema: &Value) -> Value {
        match schema["type"].as_str() {
            Some("object") => {
                let required: Vec<&str> = schema["required"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                let properties = schema["properties"].as_object().into_iter().flatten();
                // A part with defaults of its own is there, so that they are seen.
                let shown = properties.filter(|(name, below)| {
                    required.contains(&name.as_str())
                        || below["properties"].is_object()
                        || below["items"]["properties"].is_object()
                });
                shown.map(|(name, below)| (name.clone(), least(below))).collect()
            }
            Some("array") => Value::from(vec![least(&schema["items"])]),
            Some("string") => schema["enum"].get(0).cloned().unwrap_or_else(|| "x".into()),
            other => panic!("{other:?} is required"),
        }
    }

    /// Every default of the schema is in the value, and the value has nothing else that was not given.
    fn same_defaults(schema: &Value, given: &Value, value: &Value, path: &str, seen: &mut usize) {
        if let Some(items) = value.as_array() {
            for (item, given) in items.iter().zip(given.as_array().into_iter().flatten()) {
                same_defaults(&schema["items"], given, item, path, seen);
            }
        }
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if given.get(name).is_some() {
                same_defaults(below, &given[name], &value[name], &path, seen);
            } else {
                assert_eq!(below.get("default"), value.get(name), "{path}");
                *seen += usize::from(below.get("default").is_some());
            }
        }
    }

    #[test]
    fn has_every_default_that_serde_fills_in() {
        let schema = spec_schema();
        let given = least(&schema);
        let spec: AnomalyJobSpec = serde_json::from_value(given.clone()).unwrap();
        let filled = serde_json::to_value(&spec).unwrap();
        let mut seen = 0;
        same_defaults(&schema, &given, &filled, "spec", &mut seen);
        assert!(seen >= 13, "only {seen} defaults");
    }

    #[test]
    fn bounds_every_text_and_list() {
        every(&spec_schema(), "spec", &mut |path, schema| {
            let bound = match schema["type"].as_str() {
                Some("string") if schema.get("enum").is_none() => "maxLength",
                Some("array") => "maxItems",
                Some("object") if schema.get("properties").is_none() => "maxProperties",
                _ => return,
            };
            assert!(schema[bound].is_u64(), "{path} has no {bound}: {schema}");
        });
    }

    #[test]
    fn describes_every_setting() {
        let mut missing = Vec::new();
        every(&json_schema(), "", &mut |path, schema| {
            let described = schema["description"].as_str().is_some_and(|text| !text.contains('\n'));
            if !described && !path.ends_with("[]") {
                missing.push(path.to_owned());
            }
        });
        assert!(missing.is_empty(), "{missing:#?}");
    }
}
