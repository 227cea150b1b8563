//! A tree held against the schema: spellings brought to ours, everything that is wrong told with its
//! path and place.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use crate::{
    Place, Problem,
    problem::nearest,
    yaml::{Node, Value},
};

/// Where each path of the settings stands in the file.
pub(crate) type Places = HashMap<String, Place>;

/// Checks a tree against a schema.
#[derive(Default)]
pub(crate) struct Check {
    pub problems: Vec<Problem>,
    pub places: Places,
}

impl Check {
    /// The tree as JSON in our spelling; what is wrong is noted and left out.
    pub fn value(&mut self, node: &Node, schema: &Json, path: &str) -> Json {
        self.places.insert(path.to_owned(), node.place);
        let wanted = schema["type"].as_str().unwrap_or("any");
        match (&node.value, wanted) {
            (Value::Map(entries), "object") => self.object(node, entries, schema, path),
            (Value::List(items), "array") => self.array(node, items, schema, path),
            (Value::String(text), "array") if path.ends_with("dataNeeded") => {
                let columns = text.split(',').map(|column| Json::from(column.trim()));
                columns.collect::<Vec<_>>().into()
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
            (found, wanted) => {
                let quotes = if wanted == "string" && !matches!(found, Value::List(_) | Value::Map(_))
                {
                    "; put it in quotes"
                } else {
                    ""
                };
                let (found, wanted) = (found.kind(), kind(wanted));
                self.wrong(node.place, path, format!("this is {found} where {wanted} is wanted{quotes}"));
                Json::Null
            }
        }
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
        let free = &schema["additionalProperties"];
        let names_columns = free.is_object();
        let mut object = Map::new();
        for (key, place, value) in entries {
            let name = if properties.contains_key(key) || names_columns { key.clone() } else { camel(key) };
            let below = join(path, &name);
            if object.contains_key(&name) {
                self.wrong(*place, &below, format!("`{key}` is there already under another spelling"));
                continue;
            }
            let property = match (properties.get(&name), free) {
                (Some(property), _) => property,
                (None, Json::Bool(false)) => {
                    self.unknown(*place, path, key, properties.keys().map(String::as_str));
                    continue;
                }
                (None, free) => free,
            };
            let required = schema["required"].as_array().is_some_and(|all| all.contains(&name.clone().into()));
            // `features:` with nothing behind it is as if it were not there.
            if matches!(value.value, Value::Null) && !required {
                continue;
            }
            let checked = self.value(value, property, &below);
            self.places.insert(below, *place);
            object.insert(name, checked);
        }
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            if !object.contains_key(required) {
                self.wrong(node.place, path, format!("`{required}` is missing"));
            }
        }
        object.into()
    }

    fn array(&mut self, node: &Node, items: &[Node], schema: &Json, path: &str) -> Json {
        if let Some(most) = schema["maxItems"].as_u64()
            && items.len() as u64 > most
        {
            self.wrong(node.place, path, format!("{} entries; at most {most} are allowed", items.len()));
        }
        if let Some(least) = schema["minItems"].as_u64()
            && (items.len() as u64) < least
        {
            self.wrong(node.place, path, format!("at least {least} entries are needed"));
        }
        let schema = &schema["items"];
        let items = items.iter().enumerate();
        items.map(|(index, item)| self.value(item, schema, &format!("{path}[{index}]"))).collect()
    }

    fn string(&mut self, node: &Node, text: &str, schema: &Json, path: &str) -> Json {
        if let Some(choices) = schema["enum"].as_array() {
            let choices: Vec<&str> = choices.iter().filter_map(Json::as_str).collect();
            let found = choices.iter().find(|choice| **choice == text || **choice == camel(text));
            return match found {
                Some(choice) => Json::from(*choice),
                None => {
                    let hint = match nearest(text, choices.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("it is one of {}", choices.join(", ")),
                    };
                    self.wrong(node.place, path, format!("`{text}` is unknown; {hint}"));
                    Json::Null
                }
            };
        }
        let length = text.chars().count() as u64;
        if schema["minLength"].as_u64().is_some_and(|least| length < least) {
            self.wrong(node.place, path, "this must not be empty");
        }
        if let Some(most) = schema["maxLength"].as_u64()
            && length > most
        {
            self.wrong(node.place, path, format!("{length} characters; at most {most} are allowed"));
        }
        text.into()
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
        self.places.insert(path.to_owned(), node.place);
        match &node.value {
            Value::Null => Json::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(value) => value.clone().into(),
            Value::String(value) => value.as_str().into(),
            Value::List(items) if !items.iter().any(|item| matches!(item.value, Value::List(_))) => {
                items.iter().map(|item| self.scalar(item, path)).collect()
            }
            Value::List(_) | Value::Map(_) => {
                self.wrong(node.place, path, "a parameter is a single value or a list of such");
                Json::Null
            }
        }
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
        let hint = match nearest(&camel(key), known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        self.wrong(place, &join(path, key), format!("unknown key; {hint}"));
    }
}

fn kind(of: &str) -> &'static str {
    match of {
        "object" => "a map",
        "array" => "a list",
        "string" => "text",
        "boolean" => "true or false",
        "integer" => "a whole number",
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
