//! Loads a settings file of any form and validates it.

use std::path::{Component, Path};

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{
    API_VERSION, AnomalyJob, AnomalyJobSpec, KIND, Metadata, OriginalOutputs, Place, Problem,
    SettingsError,
    check::{Check, Places},
    label_rules, list_rules, log_rules, original, pack_rules, role_rules,
    schema::SettingsSchema,
    stream_rules::{self, PRELOAD},
    time_rules,
    yaml::{self, Node, Value},
};

/// The largest settings file.
pub const MAX_BYTES: usize = 1 << 20;
/// The longest name of a job, so that the names of the objects made from it fit.
pub(crate) const MAX_NAME: usize = 52;

/// The accepted forms, distinguished by their keys.
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

/// Valid settings.
#[derive(Clone, Debug)]
pub struct LoadedSettings {
    pub job: AnomalyJob,
    pub form: Form,
    /// The original's extra files, in its form.
    pub original: Option<OriginalOutputs>,
    file: String,
    places: Places,
}

impl LoadedSettings {
    /// `file:line:column` of a path below `spec`, or of the nearest part above it that is in the file.
    pub fn locate(&self, path: &str) -> Option<String> {
        let place = match self.form {
            Form::Manifest => self.places.nearest(&format!("spec.{path}"))?,
            Form::Spec | Form::Original => self.places.nearest(path)?,
        };
        Some(format!("{}:{}:{}", self.file, place.line, place.column))
    }
}

/// Loads settings; `read` gives the other file of the original's form by the path written in the first.
///
/// Never panics, whatever the bytes, and takes milliseconds for a hostile file.
///
/// # Errors
/// All problems, with file, line, column and path.
pub fn load(
    bytes: &[u8],
    source: Source<'_>,
    read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
) -> Result<LoadedSettings, SettingsError> {
    let failed = |problem| SettingsError::new(source.file, vec![problem]);
    let node = yaml::parse(bytes).map_err(failed)?;
    let Value::Map(entries) = &node.value else {
        let message = format!(
            "settings are a map of keys, this is {}; `anomal init INPUT` prints settings to start from",
            node.value.kind()
        );
        return Err(failed(Problem::at(node.place, "", message)));
    };
    let has = |key: &str| entries.iter().any(|entry| entry.0 == key);
    if has("setup") || has("data") {
        return original::load(&node, source, read);
    }
    if has("plugins") {
        let message = "this is a features file; run the main file that names it, or give it by -ff";
        return Err(failed(Problem::at(node.place, "", message)));
    }
    if has("apiVersion") || has("kind") || has("spec") {
        manifest(node, source)
    } else {
        spec(&node, source)
    }
}

fn spec(node: &Node, source: Source<'_>) -> Result<LoadedSettings, SettingsError> {
    let (spec, places) = validate(Check::default(), node, SettingsSchema::spec(), source.file)?;
    Ok(with_name(spec, Form::Spec, None, source, places))
}

fn manifest(mut node: Node, source: Source<'_>) -> Result<LoadedSettings, SettingsError> {
    if let Value::Map(entries) = &mut node.value {
        // What the API server adds to an object that was applied.
        entries.retain(|entry| entry.0 != "status");
    }
    let (job, places) = validate(Check::default(), &node, SettingsSchema::manifest(), source.file)?;
    let file = source.file.to_owned();
    Ok(LoadedSettings { job, form: Form::Manifest, original: None, file, places })
}

/// A job from a spec, with the name of its source.
pub(crate) fn with_name(
    spec: AnomalyJobSpec,
    form: Form,
    original: Option<OriginalOutputs>,
    source: Source<'_>,
    places: Places,
) -> LoadedSettings {
    let metadata = Metadata { name: job_name(source.name), ..Metadata::default() };
    let job = AnomalyJob { api_version: API_VERSION.into(), kind: KIND.into(), metadata, spec };
    LoadedSettings { job, form, original, file: source.file.to_owned(), places }
}

/// A valid Kubernetes name, from that of a file.
fn job_name(stem: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = stem.chars().map(plain).skip_while(|c| *c == '-').take(MAX_NAME).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "job".to_owned() } else { name.to_owned() }
}

/// Validates a tree against the schema, then the rules, then deserializes it. `check` may contain problems
/// already: all are reported together.
pub(crate) fn validate<T: DeserializeOwned>(
    mut check: Check,
    node: &Node,
    shape: &SettingsSchema,
    file: &str,
) -> Result<(T, Places), SettingsError> {
    let value = check.value(node, &shape.schema, "");
    // Rules assume settings of the right shape; for others they would repeat the problems of the shape.
    if check.problems.is_empty() {
        let broken = kube_cel::Validator::new().validate_compiled(&shape.rules, &value, None);
        for error in broken.err().map(kube_cel::ValidationErrors::into_vec).unwrap_or_default() {
            // A rule's own path begins with a dot.
            let path = error.field_path.trim_start_matches('.');
            let place = check.places.nearest(path).unwrap_or(node.place);
            check.wrong(place, path, error.message);
        }
        let (prefix, spec) = value.get("spec").map_or(("", &value), |spec| ("spec.", spec));
        reject_shared_files(&mut check, spec, prefix);
        for (input, at) in
            [(&spec["input"], "input"), (&spec["stream"]["warmUp"]["preload"], PRELOAD)]
        {
            time_rules::check(&mut check, input, &format!("{prefix}{at}"));
            log_rules::check(&mut check, input, &format!("{prefix}{at}"));
        }
        pack_rules::check(&mut check, spec, prefix);
        list_rules::check(&mut check, spec, prefix);
        label_rules::check(&mut check, spec, prefix);
        role_rules::check(&mut check, spec, prefix);
        stream_rules::check(&mut check, spec, prefix);
    }
    if check.problems.is_empty() {
        match serde_json::from_value(value) {
            Ok(settings) => return Ok((settings, check.places)),
            Err(error) => check.problems.push(Problem::whole(error.to_string())),
        }
    }
    Err(SettingsError::new(file, check.problems))
}

/// Rejects two outputs with the same file. Not in CEL, which cannot resolve `./a` to `a`.
fn reject_shared_files(check: &mut Check, spec: &Json, prefix: &str) {
    let outputs = spec["outputs"].as_array().into_iter().flatten().enumerate();
    let outputs = outputs.flat_map(|(index, output)| {
        let drivers = output.as_object().into_iter().flatten();
        drivers.map(move |(driver, file)| (format!("{prefix}outputs[{index}].{driver}.path"), file))
    });
    let dead_letter = spec.get("deadLetter").map(|file| (format!("{prefix}deadLetter.path"), file));
    let mut seen: Vec<Vec<Component<'_>>> = Vec::new();
    for (at, file) in outputs.chain(dead_letter) {
        let Some(path) = file["path"].as_str().filter(|path| *path != "-") else { continue };
        let parts =
            Path::new(path).components().filter(|part| *part != Component::CurDir).collect();
        if seen.contains(&parts) {
            let place = check.places.nearest(&at).unwrap_or(Place::NONE);
            check.wrong(
                place,
                &at,
                format!("`{path}` is written by another output already; name another file"),
            );
        }
        seen.push(parts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_file_name_makes_a_name_that_kubernetes_takes() {
        assert_eq!(job_name("My job_1"), "my-job-1");
        assert_eq!(job_name("--é.x-"), "x");
        assert_eq!(job_name("日本"), "job");
        assert_eq!(job_name(&"a-".repeat(60)).len(), 51);
    }
}
