//! The original's form: a main file with drivers and paths, and a features file.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};

use crate::{
    Form, Loaded, Metadata, Place, Problem, SettingsError, Source,
    check::{Check, Places},
    load::{self, job_name},
    schema,
    yaml::{self, Node, Value},
};

/// The published plug-ins of the original, and the packs that do their work here.
const PLUGINS: &[(&str, &str)] = &[
    ("https://github.com/lpinilla/anomal-dns-detection-plugin", "dns"),
    ("https://github.com/lpinilla/pf-test-plugin-1", "finance"),
];

/// The files that the original writes beside the result table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalOutputs {
    /// The beginning of their names.
    pub prefix: String,
}

/// What the original's main file or its command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalCommand {
    pub driver_in: String,
    pub driver_out: String,
    pub input: String,
    /// A prefix, or the result table itself if it ends in `.csv`.
    pub output: String,
    pub engine: String,
}

/// The main file; the features file is got by `read`.
pub(crate) fn load(
    node: &Node,
    source: Source<'_>,
    read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
) -> Result<Loaded, SettingsError> {
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["data", "features", "setup"],
        "properties": {
            "data": {"type": "object", "additionalProperties": false, "properties": {
                "inPath": {"type": "string"}, "outPath": {"type": "string"},
                "host": {"type": "string"}, "port": {"type": "integer"},
                "collectionTime": {"type": "number"}}},
            "features": {"type": "object", "additionalProperties": false, "required": ["path"],
                "properties": {"path": {"type": "string", "minLength": 1}}},
            "setup": {"type": "object", "additionalProperties": false,
                "required": ["inputDriver", "outputDriver"],
                "properties": {"classificationEngine": {"type": "string"},
                    "inputDriver": {"type": "string"}, "outputDriver": {"type": "string"}}}}});
    let mut check = Check::default();
    let value = check.value(node, &schema, "");
    if !check.problems.is_empty() {
        return Err(SettingsError::new(source.file, check.problems));
    }
    let text = |pointer: &str| value.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let command = OriginalCommand {
        driver_in: text("/setup/inputDriver").into(),
        driver_out: text("/setup/outputDriver").into(),
        input: text("/data/inPath").into(),
        output: text("/data/outPath").into(),
        engine: if text("/setup/classificationEngine").is_empty() {
            "Gower".into()
        } else {
            text("/setup/classificationEngine").into()
        },
    };
    let path = text("/features/path");
    let features = read(path).map_err(|error| {
        let place = check.places.get("features.path").copied().unwrap_or_default();
        let message = format!("{path} can't be read: {error}");
        SettingsError::new(source.file, vec![Problem::at(place, "features.path", message)])
    })?;
    load_original(&command, &features, Source { file: path, name: source.name })
}

/// A features file with what the command line (or the main file) says.
///
/// # Errors
/// As [`load`](crate::load), about the features file.
pub fn load_original(
    command: &OriginalCommand,
    features: &[u8],
    source: Source<'_>,
) -> Result<Loaded, SettingsError> {
    let node = yaml::parse(features);
    let node = node.map_err(|problem| SettingsError::new(source.file, vec![problem]))?;
    let mut check = Check::default();
    let (input, outputs, original) = drivers(command, &mut check);
    let mut entries = sections(&node, &mut check);
    let has_features = entries.iter().any(|entry| entry.0 == "features");
    let mut add = |key: &str, value: &Json| entries.push((key.into(), node.place, tree(value, node.place)));
    add("input", &input);
    add("outputs", &outputs);
    if has_features {
        add("classification", &json!({"engine": engine_name(&command.engine)}));
    }
    let settings = Node { place: node.place, value: Value::Map(entries) };
    let schema = schema::spec_schema();
    let value = check.value(&settings, &schema, "");
    let (spec, places): (_, Places) = load::finish(check, &value, &schema, "", source)?;
    let metadata = Metadata { name: job_name(source.name), ..Metadata::default() };
    let job = crate::AnomalyJob {
        api_version: crate::API_VERSION.into(),
        kind: crate::KIND.into(),
        metadata,
        spec,
    };
    Ok(Loaded::new(job, Form::Original, original, source.file, places))
}

/// Input and outputs by the names of drivers.
fn drivers(command: &OriginalCommand, check: &mut Check) -> (Json, Json, Option<OriginalOutputs>) {
    let mut refuse = |message: String| check.problems.push(Problem::whole(message));
    match command.driver_in.to_ascii_lowercase().as_str() {
        "csv" => {}
        "tcp" => refuse("the input driver TCP is not there yet; read a file, or standard input with the path `-`".into()),
        other => refuse(format!("the input driver `{other}` is unknown; there is CSV")),
    }
    if command.input.is_empty() {
        refuse("there is no input: `in_path` (or -in) names the file to read".into());
    }
    let input = json!({"csv": {"path": command.input, "badLines": "skip"}});
    match command.driver_out.to_ascii_lowercase().as_str() {
        "csv" => {
            let stem = command.output.strip_suffix(".csv");
            let prefix = stem.map_or_else(|| command.output.clone(), |stem| format!("{stem}_"));
            let table = match stem {
                Some(_) => command.output.clone(),
                None => format!("{prefix}results.csv"),
            };
            (input, json!([{"csv": {"path": table}}]), Some(OriginalOutputs { prefix }))
        }
        "terminal" => (input, json!([{"terminal": {}}]), None),
        driver => {
            let known = if driver == "elastic" { "is not there yet" } else { "is unknown" };
            refuse(format!("the output driver `{driver}` {known}; there are CSV and TERMINAL"));
            (input, json!([]), None)
        }
    }
}

/// The engine's own spelling, where only the case differs.
fn engine_name(name: &str) -> String {
    if name.eq_ignore_ascii_case("gower") { "Gower".into() } else { name.into() }
}

/// The features file's sections as those of a spec.
fn sections(node: &Node, check: &mut Check) -> Vec<(String, Place, Node)> {
    let Value::Map(entries) = &node.value else {
        check.wrong(node.place, "", format!("a features file is a map of keys, this is {}", node.value.kind()));
        return Vec::new();
    };
    let mut sections = Vec::new();
    for (key, place, value) in entries {
        match key.as_str() {
            "plugins" => {
                let packs = packs(value, check);
                sections.push(("packs".to_owned(), *place, tree(&packs, *place)));
            }
            "filters" | "features" | "flags" => {
                python(value, key, check);
                let mut value = value.clone();
                if key == "filters" {
                    without_type(&mut value);
                }
                if !matches!(value.value, Value::Null) {
                    sections.push((key.clone(), *place, value));
                }
            }
            _ => {
                let known = ["plugins", "filters", "features", "flags"];
                check.unknown(*place, "", key, known.into_iter());
            }
        }
    }
    sections
}

/// An address, a list of them, or a map with the address as its key.
fn packs<'a>(node: &'a Node, check: &mut Check) -> Json {
    let addresses: Vec<(&'a str, Place)> = match &node.value {
        Value::String(text) => text.split_whitespace().map(|one| (one, node.place)).collect(),
        Value::List(items) => {
            let address = |item: &'a Node| match &item.value {
                Value::String(text) => Some((text.as_str(), item.place)),
                _ => None,
            };
            items.iter().filter_map(address).collect()
        }
        Value::Map(entries) => entries.iter().map(|(key, place, _)| (key.as_str(), *place)).collect(),
        _ => Vec::new(),
    };
    let mut packs = Vec::new();
    for (address, place) in addresses {
        let plain = address.trim_end_matches('/').trim_end_matches(".git");
        match PLUGINS.iter().find(|(known, _)| *known == plain) {
            Some((_, pack)) => packs.push(Json::from(*pack)),
            None => check.wrong(
                place,
                "plugins",
                format!(
                    "the plug-in {address} is not known; its Python code is not run here. The packs dns and \
                     finance are built in, and an `expression` feature says the rest"
                ),
            ),
        }
    }
    packs.into()
}

/// `function_code` holds Python that the original would run.
fn python(node: &Node, section: &str, check: &mut Check) {
    let Value::List(items) = &node.value else { return };
    for (index, item) in items.iter().enumerate() {
        let Value::Map(entries) = &item.value else { continue };
        for (key, place, value) in entries.iter().filter(|entry| entry.0 == "function_code") {
            let code = match &value.value {
                Value::String(text) => STANDARD.decode(text.trim()).ok(),
                _ => None,
            };
            let code = code.map(|code| String::from_utf8_lossy(&code).into_owned());
            let code = code.unwrap_or_else(|| "(not base64)".into());
            check.wrong(
                *place,
                &format!("{section}[{index}].{key}"),
                format!(
                    "Python code is not run here; say the same as an `expression` (SQL) of type expression. \
                     The code: {code}"
                ),
            );
        }
    }
}

/// The original's filters may carry a `type`, which says nothing.
fn without_type(node: &mut Node) {
    let Value::List(items) = &mut node.value else { return };
    for item in items {
        if let Value::Map(entries) = &mut item.value {
            entries.retain(|entry| entry.0 != "type");
        }
    }
}

/// JSON as a tree that stands at one place.
fn tree(json: &Json, place: Place) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(value) => Value::Number(value.clone()),
        Json::String(value) => Value::String(value.clone()),
        Json::Array(items) => Value::List(items.iter().map(|item| tree(item, place)).collect()),
        Json::Object(entries) => Value::Map(
            entries.iter().map(|(key, value)| (key.clone(), place, tree(value, place))).collect(),
        ),
    };
    Node { place, value }
}
