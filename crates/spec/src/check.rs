//! Validates a tree against a JSON Schema: normalizes spellings, and reports every problem with its path and
//! place.
//!
//! Not a general validator: it supports the shapes that `schema` generates. It adds places, `snake_case` keys,
//! `dataNeeded`, `by` and `entity` as text with commas, and messages for users.

use std::collections::HashMap;

use regex::Regex;
use serde_json::{Map, Value as Json};

use crate::{
    Place, Problem,
    problem::nearest,
    yaml::{Node, Value},
};

/// The place in the file of each path of the settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(HashMap<String, Place>);

impl Places {
    fn set(&mut self, path: &str, place: Place) {
        if place != Place::NONE {
            self.0.insert(path.to_owned(), place);
        }
    }

    pub fn get(&self, path: &str) -> Option<Place> {
        self.0.get(path).copied()
    }

    /// The place of a path, or of the nearest part above it that is in the file.
    pub fn nearest(&self, mut path: &str) -> Option<Place> {
        loop {
            if let Some(place) = self.get(path) {
                return Some(place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

/// Checks a tree against a schema.
#[derive(Default)]
pub(crate) struct Check {
    pub problems: Vec<Problem>,
    pub places: Places,
}

impl Check {
    /// The tree as JSON with camelCase keys. Problems are recorded, and invalid values left out.
    pub fn value(&mut self, node: &Node, schema: &Json, path: &str) -> Json {
        self.places.set(path, node.place);
        if let Some(forms) = schema["oneOf"].as_array() {
            return self.form(node, forms, path);
        }
        let wanted = schema["type"].as_str().unwrap_or("any");
        match (&node.value, wanted) {
            (Value::String(text), "any") if schema["x-kubernetes-int-or-string"] == true => {
                self.string(node, text, schema, path)
            }
            (Value::Number(number), "any")
                if schema["x-kubernetes-int-or-string"] == true
                    && (number.is_i64() || number.is_u64()) =>
            {
                number.clone().into()
            }
            (found, "any") if schema["x-kubernetes-int-or-string"] == true => {
                self.wrong_type(node.place, found, schema, path)
            }
            (Value::Map(_), "object") if schema["x-kubernetes-preserve-unknown-fields"] == true => {
                self.free(node, schema, path)
            }
            (Value::Map(entries), "object") => self.object(node, entries, schema, path),
            (Value::List(items), "array") => self.array(node, items, schema, path),
            (Value::String(text), "array")
                if path.ends_with("dataNeeded")
                    || path.ends_with("].by")
                    || matches!(path, "entity" | "spec.entity") =>
            {
                let names =
                    text.split(',').map(|name| node.with(Value::String(name.trim().into())));
                self.array(node, &names.collect::<Vec<_>>(), schema, path)
            }
            (Value::String(text), "string") => self.string(node, text, schema, path),
            (Value::Bool(value), "boolean") => (*value).into(),
            (Value::Number(number), "integer") if number.is_i64() || number.is_u64() => {
                self.range(node, number.as_f64(), schema, path);
                number.clone().into()
            }
            (Value::Number(number), "number") => {
                self.range(node, number.as_f64(), schema, path);
                number.clone().into()
            }
            (_, "any") => self.scalar(node, path),
            (found, _) => self.wrong_type(node.place, found, schema, path),
        }
    }

    /// A value that has one of several forms, each of another type.
    fn form(&mut self, node: &Node, forms: &[Json], path: &str) -> Json {
        let found = match &node.value {
            Value::Map(_) => "object",
            Value::List(_) => "array",
            Value::String(_) => "string",
            _ => "",
        };
        if let Some(form) = forms.iter().find(|form| form["type"] == found) {
            return self.value(node, form, path);
        }
        let wanted = forms.iter().filter_map(|form| form["type"].as_str()).map(describe_type);
        let wanted = wanted.collect::<Vec<_>>().join(" or ");
        self.wrong(
            node.place,
            path,
            format!("this is {} where {wanted} is expected", node.value.kind()),
        );
        Json::Null
    }

    fn wrong_type(&mut self, place: Place, found: &Value, schema: &Json, path: &str) -> Json {
        let wanted = schema["type"].as_str().unwrap_or_default();
        let found_kind = found.kind();
        let message = match (schema["enum"].as_array(), found) {
            (Some(choices), _) => {
                let choices: Vec<&str> = choices.iter().filter_map(Json::as_str).collect();
                format!("this is {found_kind} where one of {} is expected", choices.join(", "))
            }
            (None, Value::Bool(_) | Value::Number(_)) if wanted == "string" => {
                format!("this is {found_kind} where text is expected; put it in quotes")
            }
            _ => format!("this is {found_kind} where {} is expected", describe_type(wanted)),
        };
        self.wrong(place, path, message);
        Json::Null
    }

    /// A map with extra keys, which are not checked.
    fn free(&mut self, node: &Node, schema: &Json, path: &str) -> Json {
        let Value::Map(entries) = &node.value else { return Json::Null };
        let known = |key: &str| schema["properties"].get(key).is_some();
        let (own, others): (Vec<_>, Vec<_>) =
            entries.iter().cloned().partition(|(key, ..)| known(key));
        let mut object = self.object(node, &own, schema, path);
        if let Some(object) = object.as_object_mut() {
            object.extend(others.into_iter().map(|(key, _, value)| (key, value.value.into())));
        }
        object
    }

    fn object(
        &mut self,
        node: &Node,
        entries: &[(String, Place, Node)],
        schema: &Json,
        path: &str,
    ) -> Json {
        let empty = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&empty);
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let others = &schema["additionalProperties"];
        // The keys of a map by column are column names, so their spelling is kept.
        let verbatim = others.is_object();
        let mut object = Map::new();
        for (key, place, value) in entries {
            let ours = properties.contains_key(key) || verbatim;
            let name = if ours { key.clone() } else { camel(key) };
            let below = join(path, &name);
            if object.contains_key(&name) {
                let message = format!("`{key}` is there already under another spelling");
                self.wrong(*place, &below, message);
                continue;
            }
            let property = match properties.get(&name) {
                None if *others == false => {
                    self.unknown(*place, path, key, properties.keys().map(String::as_str));
                    continue;
                }
                property => property.unwrap_or(others),
            };
            // `features:` without a value equals no `features`.
            if matches!(value.value, Value::Null) && !required.contains(&name.as_str()) {
                continue;
            }
            let checked = self.value(value, property, &below);
            // The place of the key helps users more than that of its value.
            self.places.set(&below, *place);
            object.insert(name, checked);
        }
        for name in required.into_iter().filter(|name| !object.contains_key(*name)) {
            self.wrong(node.place, path, format!("`{name}` is missing"));
        }
        self.count(node, object.len(), &schema["maxProperties"], path);
        object.into()
    }

    fn array(&mut self, node: &Node, items: &[Node], schema: &Json, path: &str) -> Json {
        self.count(node, items.len(), &schema["maxItems"], path);
        if schema["minItems"].as_u64().is_some_and(|least| (items.len() as u64) < least) {
            self.wrong(node.place, path, "this must not be empty");
        }
        let schema = &schema["items"];
        let items = items.iter().enumerate();
        items.map(|(index, item)| self.value(item, schema, &format!("{path}[{index}]"))).collect()
    }

    fn count(&mut self, node: &Node, count: usize, most: &Json, path: &str) {
        if let Some(most) = most.as_u64()
            && count as u64 > most
        {
            self.wrong(node.place, path, format!("{count} entries; at most {most} are allowed"));
        }
    }

    fn string(&mut self, node: &Node, text: &str, schema: &Json, path: &str) -> Json {
        if let Some(only) = schema["const"].as_str()
            && only != text
        {
            self.wrong(node.place, path, format!("this is `{text}`; it must be `{only}`"));
        }
        if let Some(choices) = schema["enum"].as_array() {
            return self.choice(node, text, choices, path);
        }
        let length = text.chars().count() as u64;
        if schema["minLength"].as_u64().is_some_and(|least| length < least) {
            self.wrong(node.place, path, "this must not be empty");
        }
        if let Some(most) = schema["maxLength"].as_u64()
            && length > most
        {
            let message = format!("{length} characters; at most {most} are allowed");
            self.wrong(node.place, path, message);
        }
        if let Some(pattern) = schema["pattern"].as_str()
            && Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
        {
            self.wrong(node.place, path, format!("`{text}` has not the form {pattern}"));
        }
        text.into()
    }

    fn choice(&mut self, node: &Node, text: &str, choices: &[Json], path: &str) -> Json {
        let choices: Vec<&str> = choices.iter().filter_map(Json::as_str).collect();
        let found = choices.iter().find(|choice| **choice == text || **choice == camel(text));
        if let Some(choice) = found {
            return Json::from(*choice);
        }
        let hint = match nearest(text, choices.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", choices.join(", ")),
        };
        self.wrong(node.place, path, format!("`{text}` is unknown; {hint}"));
        Json::Null
    }

    fn range(&mut self, node: &Node, number: Option<f64>, schema: &Json, path: &str) {
        let Some(number) = number else { return };
        if let Some(least) = schema["minimum"].as_f64()
            && number < least
        {
            self.wrong(node.place, path, format!("{number} is below {least}, the least allowed"));
        }
        if let Some(most) = schema["maximum"].as_f64()
            && number > most
        {
            self.wrong(node.place, path, format!("{number} is above {most}, the most allowed"));
        }
    }

    /// A value of a component's parameter: a scalar, or a list of scalars.
    fn scalar(&mut self, node: &Node, path: &str) -> Json {
        let single = |value: &Value| !matches!(value, Value::List(_) | Value::Map(_));
        let good = match &node.value {
            Value::List(items) => items.iter().all(|item| single(&item.value)),
            value => single(value),
        };
        if !good {
            self.wrong(node.place, path, "a parameter is a single value or a list of such");
            return Json::Null;
        }
        node.value.clone().into()
    }

    pub fn wrong(&mut self, place: Place, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::at(place, path, message));
    }

    pub fn unknown<'a>(
        &mut self,
        place: Place,
        path: &str,
        key: &str,
        known: impl Iterator<Item = &'a str>,
    ) {
        let known: Vec<&str> = known.collect();
        let near = |name: &str| nearest(name, known.iter().copied());
        let hint = match near(key).or_else(|| near(&camel(key))) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        self.wrong(place, &join(path, key), format!("unknown key; {hint}"));
    }
}

fn describe_type(name: &str) -> &'static str {
    match name {
        "object" => "a map",
        "array" => "a list",
        "string" => "text",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "" => "text or a whole number",
        _ => "a number",
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// `data_needed` as `dataNeeded`.
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for character in name.chars() {
        if character == '_' && !camel.is_empty() {
            upper = true;
        } else if upper {
            camel.extend(character.to_uppercase());
            upper = false;
        } else {
            camel.push(character);
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_becomes_ours() {
        assert_eq!(camel("data_needed"), "dataNeeded");
        assert_eq!(camel("dataNeeded"), "dataNeeded");
        assert_eq!(camel("_x__y_"), "_xY");
    }

    #[test]
    fn a_place_is_that_of_the_nearest_part_above() {
        let mut places = Places::default();
        places.set("features[1]", Place { line: 3, column: 2 });
        assert_eq!(places.nearest("features[1].params.x"), places.get("features[1]"));
        assert_eq!(places.nearest("features[2].name"), None);
    }
}
