//! A settings file of any form, read and checked.

use serde_json::{Value as Json, json};

use crate::{
    API_VERSION, AnomalyJob, AnomalyJobSpec, KIND, Metadata, OriginalOutputs, Place, Problem,
    SettingsError,
    check::{Check, Places},
    original, schema,
    yaml::{self, Node, Value},
};

/// A larger file is no settings file.
pub const MAX_BYTES: usize = 1 << 20;
/// So that the names of the objects made from a job fit.
const MAX_NAME: usize = 52;

/// The accepted forms, told apart by their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As `kubectl apply` takes it.
    Manifest,
    /// The bare `spec`.
    Spec,
    /// The original's two files.
    Original,
}

/// Where settings come from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file's name in messages.
    pub file: &'a str,
    /// The job's name where the settings have none.
    pub name: &'a str,
}

/// Settings that are whole and valid.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub job: AnomalyJob,
    pub form: Form,
    /// The original's extra files, in its form.
    pub original: Option<OriginalOutputs>,
    file: String,
    places: Places,
}

impl Loaded {
    pub(crate) fn new(
        job: AnomalyJob,
        form: Form,
        original: Option<OriginalOutputs>,
        file: &str,
        places: Places,
    ) -> Self {
        Self { job, form, original, file: file.to_owned(), places }
    }

    /// `file:line:column` of a path below `spec`, or of the nearest part above it that is in the file.
    pub fn locate(&self, path: &str) -> Option<String> {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return Some(format!("{}:{}:{}", self.file, place.line, place.column));
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

/// Loads settings; `read` gives the other file of the original's form by the path written in the first.
///
/// # Errors
/// Everything that is wrong, with file, line, column and path.
pub fn load(
    bytes: &[u8],
    source: Source<'_>,
    read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
) -> Result<Loaded, SettingsError> {
    let failed = |problems| SettingsError::new(source.file, problems);
    let node = yaml::parse(bytes).map_err(|problem| failed(vec![problem]))?;
    let Value::Map(entries) = &node.value else {
        let message = format!("settings are a map of keys, this is {}", node.value.kind());
        return Err(failed(vec![Problem::at(node.place, "", message)]));
    };
    let has = |key: &str| entries.iter().any(|entry| entry.0 == key);
    if has("setup") || has("data") {
        return original::load(&node, source, read);
    }
    if has("apiVersion") || has("kind") || has("spec") { manifest(&node, source) } else { spec(&node, source) }
}

fn spec(node: &Node, source: Source<'_>) -> Result<Loaded, SettingsError> {
    let metadata = Metadata { name: job_name(source.name), ..Metadata::default() };
    let (spec, places) = checked_spec(node, "", source)?;
    Ok(Loaded::new(job(metadata, spec), Form::Spec, None, source.file, places))
}

fn manifest(node: &Node, source: Source<'_>) -> Result<Loaded, SettingsError> {
    let Value::Map(entries) = &node.value else { return spec(node, source) };
    let mut check = Check::default();
    let mut metadata = Metadata { name: job_name(source.name), ..Metadata::default() };
    let mut spec_node = None;
    for (key, place, value) in entries {
        match key.as_str() {
            "apiVersion" => expect(&mut check, value, "apiVersion", API_VERSION),
            "kind" => expect(&mut check, value, "kind", KIND),
            "metadata" => {
                let free = json!({"type": "object", "properties": {"name": {"type": "string"}},
                    "required": ["name"], "additionalProperties": {}});
                metadata = serde_json::from_value(plain(value)).unwrap_or(metadata);
                check.value(&only_name(value), &free, "metadata");
                name_rules(&mut check, value.place, &metadata.name);
            }
            "spec" => spec_node = Some(value),
            // What the API server adds to an object that was applied.
            "status" => {}
            _ => {
                let known = ["apiVersion", "kind", "metadata", "spec"];
                check.unknown(*place, "", key, known.into_iter());
            }
        }
    }
    for key in ["apiVersion", "kind"] {
        if !entries.iter().any(|entry| entry.0 == key) {
            check.wrong(node.place, "", format!("`{key}` is missing"));
        }
    }
    let checked = match spec_node {
        Some(spec) => checked_spec(spec, "spec.", source),
        None => {
            check.wrong(node.place, "", "`spec` is missing");
            Err(SettingsError::new(source.file, Vec::new()))
        }
    };
    match checked {
        Ok((spec, places)) if check.problems.is_empty() => {
            Ok(Loaded::new(job(metadata, spec), Form::Manifest, None, source.file, places))
        }
        Ok(_) => Err(SettingsError::new(source.file, check.problems)),
        Err(error) => {
            Err(SettingsError::new(source.file, [check.problems, error.problems].concat()))
        }
    }
}

fn job(metadata: Metadata, spec: AnomalyJobSpec) -> AnomalyJob {
    AnomalyJob { api_version: API_VERSION.into(), kind: KIND.into(), metadata, spec }
}

fn expect(check: &mut Check, node: &Node, path: &str, wanted: &str) {
    if !matches!(&node.value, Value::String(text) if text == wanted) {
        check.wrong(node.place, path, format!("this must be `{wanted}`"));
    }
}

/// The metadata's name alone: the rest belongs to Kubernetes.
fn only_name(node: &Node) -> Node {
    let Value::Map(entries) = &node.value else { return node.clone() };
    let name = entries.iter().filter(|entry| entry.0 == "name").cloned().collect();
    Node { place: node.place, value: Value::Map(name) }
}

fn name_rules(check: &mut Check, place: Place, name: &str) {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = !name.is_empty()
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if !good {
        let message = "a name has lower-case letters, digits and `-`, and begins and ends with one of the first two";
        check.wrong(place, "metadata.name", message);
    } else if name.len() > MAX_NAME {
        let message = format!("{} characters; a name has at most {MAX_NAME}", name.len());
        check.wrong(place, "metadata.name", message);
    }
}

/// A name that Kubernetes takes, from a file's.
pub(crate) fn job_name(stem: &str) -> String {
    let name: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(MAX_NAME)
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "job".to_owned() } else { name.to_owned() }
}

/// A tree as JSON, unchecked.
fn plain(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(value) => value.clone().into(),
        Value::String(value) => value.as_str().into(),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(key, _, value)| (key.clone(), plain(value))).collect()
        }
    }
}

/// The settings proper: held against the schema, then against the rules. Paths in problems begin with
/// `prefix`, those in the places do not.
pub(crate) fn checked_spec(
    node: &Node,
    prefix: &str,
    source: Source<'_>,
) -> Result<(AnomalyJobSpec, Places), SettingsError> {
    let schema = schema::spec_schema();
    let mut check = Check::default();
    let value = check.value(node, &schema, "");
    finish(check, &value, &schema, prefix, source)
}

/// From checked JSON to the type, by way of the rules.
pub(crate) fn finish(
    mut check: Check,
    value: &Json,
    schema: &Json,
    prefix: &str,
    source: Source<'_>,
) -> Result<(AnomalyJobSpec, Places), SettingsError> {
    if check.problems.is_empty() {
        let validator = kube_cel::Validator::new();
        let broken = validator.validate(schema, value, None);
        for error in broken.err().map(kube_cel::ValidationErrors::into_vec).unwrap_or_default() {
            let place = nearest_place(&check.places, &error.field_path);
            check.wrong(place, &error.field_path, error.message);
        }
        separators(&mut check, value);
        one_file_once(&mut check, value);
    }
    let spec = match serde_json::from_value::<AnomalyJobSpec>(value.clone()) {
        Ok(spec) if check.problems.is_empty() => return Ok((spec, check.places)),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    };
    if let (Some(message), true) = (spec, check.problems.is_empty()) {
        check.problems.push(Problem::whole(message));
    }
    for problem in &mut check.problems {
        if !problem.path.is_empty() {
            problem.path.insert_str(0, prefix);
        }
    }
    Err(SettingsError::new(source.file, check.problems))
}

fn nearest_place(places: &Places, path: &str) -> Place {
    let mut path = path;
    loop {
        if let Some(place) = places.get(path) {
            return *place;
        }
        match path.rfind(['.', '[']) {
            Some(end) => path = &path[..end],
            None => return places.get("").copied().unwrap_or_default(),
        }
    }
}

/// A byte: CEL has no way to ask for ASCII.
fn separators(check: &mut Check, value: &Json) {
    let mut paths = vec!["input.csv.separator".to_owned()];
    let outputs = value["outputs"].as_array().map_or(0, Vec::len);
    paths.extend((0..outputs).map(|index| format!("outputs[{index}].csv.separator")));
    for path in paths {
        let pointer = format!("/{}", path.replace('[', "/").replace("].", "/").replace('.', "/"));
        let Some(separator) = value.pointer(&pointer).and_then(Json::as_str) else { continue };
        if !separator.is_ascii() || ["\"", "\n", "\r"].contains(&separator) {
            let place = nearest_place(&check.places, &path);
            check.wrong(place, &path, "a separator is one ASCII character, and no quote or line end");
        }
    }
}

/// Two outputs to one file would overwrite each other.
fn one_file_once(check: &mut Check, value: &Json) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, output) in value["outputs"].as_array().into_iter().flatten().enumerate() {
        for (driver, settings) in output.as_object().into_iter().flatten() {
            let Some(path) = settings["path"].as_str() else { continue };
            if path != "-" && seen.contains(&path) {
                let at = format!("outputs[{index}].{driver}.path");
                let place = nearest_place(&check.places, &at);
                check.wrong(place, &at, format!("another output writes `{path}` already"));
            }
            seen.push(path);
        }
    }
}
