//! The fields of a part of the settings, by its schema: what can be set there, what is set, and what is wrong with it.

use std::sync::LazyLock;

use anomal_spec::{
    EXTERNAL,
    edit::{Step, display},
    spec_schema,
};
use serde_json::{Map, Value as Json};

use crate::{
    document::Document,
    model::{Options, Screen},
};

static SCHEMA: LazyLock<Json> = LazyLock::new(spec_schema);
/// Levels of settings within a part that become fields of it.
const DEPTH: usize = 3;

/// A part of the settings that is edited field by field.
#[derive(Clone, Debug)]
pub struct Form {
    pub screen: Screen,
    /// The place of the part, such as `features`, 3.
    pub path: Vec<Step>,
    /// The selected field.
    pub at: usize,
}

/// A setting of the part.
#[derive(Clone, Debug)]
pub struct Field {
    /// From the root of the settings.
    pub path: Vec<Step>,
    /// From the part, such as `params.max`.
    pub name: String,
    pub kind: Kind,
    pub default: Option<Json>,
    pub about: String,
    pub is_required: bool,
    pub value: Option<Json>,
    pub problem: Option<String>,
}

/// What a field takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Text,
    Number {
        is_whole: bool,
        least: Option<f64>,
        most: Option<f64>,
    },
    Truth,
    Choice(Vec<String>),
    List(Box<Kind>),
    /// Any YAML that is JSON too.
    Other,
}

impl Form {
    /// Its fields as the document has them now.
    pub fn fields(&self, document: &Document, options: &Options) -> Vec<Field> {
        let item = document.value(&self.path).unwrap_or_default();
        let Some((schema, path, value)) = self.part(&item) else { return Vec::new() };
        let mut fields = Vec::new();
        let root = with_parameters(schema, self.screen, value, options);
        let place = Place { path, name: String::new(), depth: DEPTH };
        add_fields(&mut fields, &root, &root, &place, Some(value));
        let kind = value.get("type").and_then(Json::as_str).unwrap_or_default();
        fields.retain(|field| field.value.is_some() || is_of_kind(field, kind, schema));
        for field in &mut fields {
            let place = display(&field.path).to_string();
            let issue = document.issues().iter().find(|issue| {
                let path = issue.path.strip_prefix("spec.").unwrap_or(&issue.path);
                let rest = path.strip_prefix(&place);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            });
            field.problem = issue.map(|issue| issue.message.clone());
        }
        fields
    }

    /// The schema of the part, its place and its value. An output is below the name of its driver.
    fn part<'a>(&self, item: &'a Json) -> Option<(&'static Json, Vec<Step>, &'a Json)> {
        let properties = &SCHEMA["properties"];
        match self.screen {
            Screen::Features => Some((&properties["features"]["items"], self.path.clone(), item)),
            Screen::Flags => Some((&properties["flags"]["items"], self.path.clone(), item)),
            Screen::Detector => Some((&properties["classification"], self.path.clone(), item)),
            Screen::Outputs => {
                let (driver, value) = item.as_object()?.iter().next()?;
                let schema = properties["outputs"]["items"]["properties"].get(driver)?;
                let path = self.path.iter().cloned().chain([Step::from(driver.as_str())]);
                Some((schema, path.collect(), value))
            }
            _ => None,
        }
    }
}

/// The schema of a part with the parameters that its component, or its detector, takes.
fn with_parameters(schema: &Json, screen: Screen, value: &Json, options: &Options) -> Json {
    let mut schema = schema.clone();
    let text = |key: &str| value.get(key).and_then(Json::as_str).unwrap_or_default();
    let (key, parameters) = match screen {
        Screen::Detector => {
            let name = value.get("engine").and_then(Json::as_str).unwrap_or("Ensemble");
            let detector = options.detectors.iter().find(|detector| detector.name == name);
            if detector.is_some() {
                let names = options.detectors.iter().map(|detector| detector.name.as_str());
                schema["properties"]["engine"]["enum"] = names.chain([EXTERNAL]).collect();
            }
            ("parameters", detector.map(|detector| &detector.parameters))
        }
        Screen::Features | Screen::Flags => {
            let component = options.components.iter().find(|one| {
                let full = one.item.get("name").and_then(Json::as_str).unwrap_or_default();
                let plain = full.rsplit_once('/').map_or(full, |(_, name)| name);
                let is_named = [full, plain].contains(&text("name"))
                    || text("name") == format!("{}/{plain}", one.pack);
                is_named && one.item.get("type").and_then(Json::as_str) == Some(text("type"))
            });
            ("params", component.map(|component| &component.parameters))
        }
        _ => return schema,
    };
    // References of the component's schema are to its own definitions.
    if let Some(parameters) = parameters.filter(|schema| schema["properties"].is_object())
        && let Some(at) = schema.pointer_mut(&format!("/properties/{key}"))
    {
        at["properties"] = parameters["properties"].clone();
        at["required"] = parameters.get("required").cloned().unwrap_or_default();
        schema["$defs"] = parameters.get("$defs").cloned().unwrap_or_default();
    }
    schema
}

struct Place {
    path: Vec<Step>,
    name: String,
    depth: usize,
}

fn add_fields(
    fields: &mut Vec<Field>,
    schema: &Json,
    root: &Json,
    place: &Place,
    value: Option<&Json>,
) {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    for (key, below) in properties {
        let about = below["description"].as_str();
        let below = resolved(below, root);
        let path: Vec<Step> =
            place.path.iter().cloned().chain([Step::from(key.as_str())]).collect();
        let name =
            if place.name.is_empty() { key.clone() } else { format!("{}.{key}", place.name) };
        // What a part needs is needed where there is that part.
        let is_required = value.is_some() && required.contains(&key.as_str());
        let value = value.and_then(|value| value.get(key));
        if below["properties"].is_object() && place.depth > 0 {
            let place = Place { path, name, depth: place.depth - 1 };
            add_fields(fields, below, root, &place, value);
            continue;
        }
        let about = about.or(below["description"].as_str()).unwrap_or_default();
        fields.push(Field {
            path,
            name,
            kind: Kind::new(below, root),
            default: below.get("default").filter(|default| !default.is_null()).cloned(),
            about: about.to_owned(),
            is_required,
            value: value.cloned(),
            problem: None,
        });
    }
}

/// A schema without the reference, or the choice of null, that it is behind.
fn resolved<'a>(schema: &'a Json, root: &'a Json) -> &'a Json {
    let name = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/"));
    if let Some(target) = name.and_then(|name| root["$defs"].get(name)) {
        return target;
    }
    let some = schema["anyOf"].as_array().or(schema["allOf"].as_array());
    let some = some.and_then(|all| all.iter().find(|one| one["type"] != "null"));
    some.map_or(schema, |one| resolved(one, root))
}

/// Whether a field is of a kind of items. What is of another one begins with its name: `metric: its parameters`.
fn is_of_kind(field: &Field, kind: &str, schema: &Json) -> bool {
    let kinds = schema["properties"]["type"]["enum"].as_array();
    let mut others = kinds.into_iter().flatten().filter_map(Json::as_str).filter(|it| *it != kind);
    if field.name.contains('.') {
        // It is of a component, which has the kind.
        return true;
    }
    let first = field.about.split([':', ' ']).next().unwrap_or_default();
    !others.any(|other| other == first) || field.about.contains(&format!("{kind}: "))
}

impl Kind {
    fn new(schema: &Json, root: &Json) -> Self {
        if let Some(names) = schema["enum"].as_array() {
            let names = names.iter().filter_map(Json::as_str).map(str::to_owned);
            return Self::Choice(names.collect());
        }
        if let Some(variants) = schema["oneOf"].as_array() {
            let names = variants.iter().map(|variant| variant["const"].as_str().map(str::to_owned));
            return names.collect::<Option<Vec<_>>>().map_or(Self::Other, Self::Choice);
        }
        let name = match &schema["type"] {
            Json::Array(types) => types.iter().find(|name| *name != "null"),
            one => Some(one),
        };
        match name.and_then(Json::as_str) {
            Some("string") => Self::Text,
            Some("boolean") => Self::Truth,
            Some(number @ ("integer" | "number")) => Self::Number {
                is_whole: number == "integer",
                least: schema["minimum"].as_f64(),
                most: schema["maximum"].as_f64(),
            },
            Some("array") => {
                Self::List(Box::new(Self::new(resolved(&schema["items"], root), root)))
            }
            _ => Self::Other,
        }
    }

    /// In words.
    pub fn describe(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Truth => "true or false".to_owned(),
            Self::Choice(names) => format!("one of {}", names.join(", ")),
            Self::List(kind) if **kind == Self::Text => "list, by commas".to_owned(),
            Self::List(kind) => format!("list: {}", kind.describe()),
            Self::Other => "YAML".to_owned(),
            Self::Number { is_whole, least, most } => {
                let name = if *is_whole { "whole number" } else { "number" };
                match (least, most) {
                    (Some(least), Some(most)) => format!("{name}, {least} to {most}"),
                    (Some(least), None) => format!("{name}, at least {least}"),
                    (None, Some(most)) => format!("{name}, at most {most}"),
                    (None, None) => name.to_owned(),
                }
            }
        }
    }

    /// The value of a text that was typed.
    ///
    /// # Errors
    /// What the field takes, if it is something else.
    pub fn parse(&self, text: &str) -> Result<Json, String> {
        let wrong = || format!("{text:?} is not what it takes: {}", self.describe());
        match self {
            Self::Text => Ok(text.into()),
            Self::Truth => text.parse::<bool>().map(Json::from).map_err(|_| wrong()),
            Self::Choice(names) if names.iter().any(|name| name == text) => Ok(text.into()),
            Self::Choice(_) => Err(wrong()),
            Self::Number { is_whole, least, most } => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                let number = number.ok_or_else(wrong)?;
                let is_within = least.is_none_or(|least| number >= least)
                    && most.is_none_or(|most| number <= most);
                let whole = text.parse::<i64>().ok().map(Json::from);
                match (whole, is_whole) {
                    _ if !is_within => Err(wrong()),
                    (Some(whole), _) => Ok(whole),
                    (None, false) => Ok(number.into()),
                    (None, true) => Err(wrong()),
                }
            }
            Self::List(kind) => {
                if text.starts_with('[') {
                    return serde_json::from_str::<Vec<Json>>(text)
                        .map(Json::from)
                        .map_err(|_| wrong());
                }
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|item| kind.parse(item)).collect::<Result<Vec<_>, _>>().map(Json::from)
            }
            Self::Other => Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into())),
        }
    }
}

/// A value as it is typed: [`Kind::parse`] gives it back.
pub fn typed(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => {
            let plain = |item: &Json| match item {
                Json::String(text) if text.contains(',') || text.trim() != text => None,
                Json::String(text) if text.is_empty() || text.starts_with('[') => None,
                Json::String(text) => Some(text.clone()),
                Json::Number(number) => Some(number.to_string()),
                _ => None,
            };
            let plain: Option<Vec<String>> = items.iter().map(plain).collect();
            plain.map_or_else(|| value.to_string(), |items| items.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn number(is_whole: bool, least: Option<f64>, most: Option<f64>) -> Kind {
        Kind::Number { is_whole, least, most }
    }

    #[test]
    fn texts_become_values_of_their_kind() {
        let share = number(false, Some(0.0), Some(0.5));
        assert_eq!(share.parse("0.02"), Ok(json!(0.02)));
        assert!(share.parse("0.6").unwrap_err().ends_with("number, 0 to 0.5"));
        assert_eq!(number(true, Some(1.0), None).parse("20"), Ok(json!(20)));
        for wrong in ["", "0", "1.5", "x", "1e99", "inf"] {
            assert!(number(true, Some(1.0), None).parse(wrong).is_err(), "{wrong}");
        }
        let names = Kind::List(Box::new(Kind::Text));
        assert_eq!(names.parse("a, @b ,"), Ok(json!(["a", "@b"])));
        assert_eq!(names.parse("[\"a, b\"]"), Ok(json!(["a, b"])));
        assert!(names.parse("[a").is_err());
        assert_eq!(Kind::Other.parse("{\"a\": 1}"), Ok(json!({"a": 1})));
        assert_eq!(Kind::Truth.parse("true"), Ok(json!(true)));
        assert!(Kind::Choice(vec!["low".into()]).parse("lo").is_err());
    }

    #[test]
    fn every_part_of_the_settings_has_fields() {
        let text = "\
input: {csv: {path: a.csv}}
features: [{type: field, name: a}]
flags: [{type: direct, name: b, expression: 'a > 1', severity: high}]
classification: {engine: Ensemble, threshold: {method: contamination, value: 0.02}}
outputs: [{elasticsearch: {url: 'http://e:9200'}}]
";
        let document = Document::new(text.into());
        assert_eq!(document.issues(), []);
        let names = |screen, path: Vec<Step>| -> Vec<String> {
            let fields = Form { screen, path, at: 0 }.fields(&document, &Options::default());
            for field in &fields {
                assert!(!field.about.is_empty(), "{}", field.name);
                if let Some(value) = &field.value {
                    assert_eq!(field.kind.parse(&typed(value)).as_ref(), Ok(value));
                }
            }
            fields.into_iter().map(|field| field.name).collect()
        };
        let features = names(Screen::Features, vec!["features".into(), 0.into()]);
        assert!(features.contains(&"multiplier".into()) && !features.contains(&"window".into()));
        let flags = names(Screen::Flags, vec!["flags".into(), 0.into()]);
        assert!(flags.contains(&"severity".into()) && !flags.contains(&"window".into()));
        let detector = names(Screen::Detector, vec!["classification".into()]);
        assert!(detector.contains(&"threshold.method".into()), "{detector:?}");
        let outputs = names(Screen::Outputs, vec!["outputs".into(), 0.into()]);
        assert!(outputs.contains(&"bulk.maxBytes".into()), "{outputs:?}");
    }

    proptest! {
        #[test]
        fn what_is_typed_is_what_is_shown(items in prop::collection::vec(any::<String>(), 0..4)) {
            let value = json!(items);
            prop_assert_eq!(Kind::List(Box::new(Kind::Text)).parse(&typed(&value)), Ok(value));
        }
    }
}
