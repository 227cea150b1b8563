//! The JSON Schema of settings, generated from the types, with the rules that no type can say.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{AnomalyJob, AnomalyJobSpec, rules};

/// The JSON Schema (draft 2020-12) of a manifest, for editors. The `spec` in it has the shapes that a
/// CRD can carry, and its rules as `x-kubernetes-validations`.
pub fn json_schema() -> Value {
    let mut schema = generate::<AnomalyJob>();
    schema["title"] = json!("Anomal settings");
    schema["properties"]["apiVersion"]["const"] = json!(crate::API_VERSION);
    schema["properties"]["kind"]["const"] = json!(crate::KIND);
    schema["properties"]["spec"] = spec_schema();
    schema
}

/// The schema of `spec` alone.
pub(crate) fn spec_schema() -> Value {
    let mut schema = generate::<AnomalyJobSpec>();
    rules::attach(&mut schema);
    schema
}

fn generate<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    structural(&mut schema);
    schema
}

/// Shapes that a CRD can carry: what is optional is left out, not null, and a choice of names is an
/// `enum`.
fn structural(schema: &mut Value) {
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let mut choices = choices.iter().filter(|choice| choice["type"] != "null");
        if let (Some(Value::Object(only)), None) = (choices.next().cloned(), choices.next())
            && let Some(object) = schema.as_object_mut()
        {
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let names: Vec<Value> = choices
            .iter()
            .flat_map(|choice| match (&choice["const"], &choice["enum"]) {
                (Value::Null, Value::Array(names)) => names.clone(),
                (name, _) => vec![name.clone()],
            })
            .collect();
        let told: Vec<String> = choices
            .iter()
            .filter_map(|choice| Some(format!("{}: {}", choice["const"].as_str()?, choice["description"].as_str()?)))
            .collect();
        if let Some(object) = schema.as_object_mut() {
            object.remove("oneOf");
            object.insert("type".into(), "string".into());
            object.insert("enum".into(), names.into());
            if !told.is_empty() {
                let own = object.get("description").and_then(Value::as_str).unwrap_or_default();
                let text = format!("{own} {}", told.join(" ")).trim().to_owned();
                object.insert("description".into(), text.into());
            }
        }
    }
    if let Some(types) = schema["type"].as_array() {
        let only = types.iter().find(|of| *of != "null").cloned();
        schema["type"] = only.unwrap_or(Value::Null);
    }
    let Some(object) = schema.as_object_mut() else { return };
    object.retain(|key, value| !(value.is_null() && (key == "default" || key == "type")));
    if let Some(names) = object.get_mut("enum").and_then(Value::as_array_mut) {
        names.retain(|name| !name.is_null());
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = object.get_mut(key) {
            structural(below);
        }
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(structural);
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
            for key in ["anyOf", "oneOf", "$ref", "allOf"] {
                assert!(schema.get(key).is_none(), "{path} has {key}: {schema}");
            }
            assert!(schema["type"].is_string() || path.contains("param"), "{path}: {schema}");
        });
    }

    #[test]
    fn tells_every_default() {
        let schema = spec_schema();
        let feature = &schema["properties"]["features"]["items"]["properties"];
        assert_eq!(feature["multiplier"]["default"], 1.0);
        let csv = &schema["properties"]["input"]["properties"]["csv"]["properties"];
        assert_eq!(csv["separator"]["default"], ",");
        assert_eq!(csv["badLines"]["default"], "error");
        let terminal = &schema["properties"]["outputs"]["items"]["properties"]["terminal"];
        assert_eq!(terminal["properties"]["limit"]["default"], 20);
    }
}
