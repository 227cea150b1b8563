//! Rules of packs: what goes together in a component, and names that stand for something. Not in CEL, which can't see into
//! a value with several forms.

use std::collections::{BTreeSet, HashSet};

use regex::Regex;
use serde_json::Value as Json;

use crate::{
    Place,
    check::Check,
    problem::suggestion,
    seconds,
    types::{
        ComponentDefinition, ComponentType, PACK_API_VERSION, PackContents, PackSetting,
        ParameterDefinition, ParameterType, Profile,
    },
};

/// The name of the figure in the expression of a component with an aggregate.
pub const AGGREGATE: &str = "aggregate";

/// Checks the packs of a `spec`, or a manifest of a pack.
pub(crate) fn check(check: &mut Check, value: &Json, prefix: &str) {
    let mut problems = Vec::new();
    if value["apiVersion"] == PACK_API_VERSION {
        let contents = ["components", "profiles"].map(|key| (key.to_owned(), value[key].clone()));
        let contents = contents.into_iter().filter(|(_, value)| !value.is_null()).collect();
        contents_problems(&Json::Object(contents), prefix, &mut problems);
    } else {
        job_problems(value, prefix, &mut problems);
    }
    for (at, message) in problems {
        let place = check.places.nearest(&at).unwrap_or(Place::NONE);
        check.wrong(place, &at, message);
    }
}

fn job_problems(spec: &Json, prefix: &str, problems: &mut Vec<(String, String)>) {
    let mut names = HashSet::new();
    for (index, pack) in spec["packs"].as_array().into_iter().flatten().enumerate() {
        let path = format!("{prefix}packs[{index}]");
        let Ok(pack) = serde_json::from_value::<PackSetting>(pack.clone()) else { continue };
        if !names.insert(pack.name().to_owned()) {
            let message = format!("`{}` is there twice; give one another `name`", pack.name());
            problems.push((path.clone(), message));
        }
        let Some(details) = pack.details() else { continue };
        match (&details.reference, &details.inline) {
            (Some(_), Some(_)) => problems.push((
                path,
                "a pack has `ref`, where it is, or `inline`, its components, and not both".into(),
            )),
            (None, None) => problems.push((
                path,
                "where is the pack? `ref` names its folder, file or address, `inline` has its components".into(),
            )),
            (None, Some(contents)) => {
                for (key, given) in [
                    ("digest", details.digest.is_some()),
                    ("auth", details.auth.is_some()),
                    ("plainHttp", details.plain_http),
                    ("tls", details.tls.is_some()),
                ] {
                    if given {
                        problems.push((format!("{path}.{key}"), format!("`{key}` goes with `ref`")));
                    }
                }
                if let Ok(contents) = serde_json::to_value(contents) {
                    contents_problems(&contents, &format!("{path}.inline."), problems);
                }
            }
            (Some(_), None) => {}
        }
    }
}

fn contents_problems(contents: &Json, prefix: &str, problems: &mut Vec<(String, String)>) {
    let Ok(contents) = serde_json::from_value::<PackContents>(contents.clone()) else { return };
    let mut names = HashSet::new();
    for (index, component) in contents.components.iter().enumerate() {
        let path = format!("{prefix}components[{index}]");
        if !names.insert(component.name.as_str()) {
            let message = format!("there are two components `{}`", component.name);
            problems.push((format!("{path}.name"), message));
        }
        for (key, message) in component_problems(component) {
            problems.push((format!("{path}.{key}"), message));
        }
    }
    for (name, profile) in &contents.profiles {
        for (key, message) in profile_problems(profile) {
            problems.push((format!("{prefix}profiles.{name}{key}"), message));
        }
    }
}

/// The problems of a component, each with its key.
fn component_problems(component: &ComponentDefinition) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let mut problem = |key: String, message: String| problems.push((key, message));
    let mut inputs: Vec<&str> = Vec::new();
    for (index, input) in component.inputs.iter().enumerate() {
        let name = input.name.as_str();
        let twice = inputs.contains(&name) || component.parameters.contains_key(name);
        if twice || (name == AGGREGATE && component.aggregate.is_some()) {
            problem(format!("inputs[{index}].name"), format!("`{name}` has another meaning here"));
        }
        inputs.push(name);
    }
    for (name, parameter) in &component.parameters {
        let mut characters = name.chars();
        if !characters.next().is_some_and(|first| first.is_ascii_lowercase())
            || !characters.all(|character| character.is_ascii_alphanumeric())
        {
            let message = "a parameter's name has letters and digits alone, such as `maxNames`";
            problem(format!("parameters.{name}"), message.into());
        }
        if name == AGGREGATE && component.aggregate.is_some() {
            problem(format!("parameters.{name}"), format!("`{name}` has another meaning here"));
        }
        if let Err((key, message)) = parameter.check_definition() {
            problem(format!("parameters.{name}.{key}"), message);
        }
    }
    if component.component_type != ComponentType::Flag {
        for (key, given) in
            [("severity", component.severity.is_some()), ("message", component.message.is_some())]
        {
            if given {
                problem(key.into(), format!("`{key}` goes with a flag"));
            }
        }
    }
    let Some(aggregate) = &component.aggregate else { return problems };
    if component.component_type == ComponentType::Filter {
        problem("aggregate".into(), "a filter judges a row by itself; a flag can have this".into());
    }
    for name in aggregate.by.iter().chain(&aggregate.of) {
        if !inputs.contains(&name.as_str()) {
            let hint = suggestion(name, inputs.iter().copied());
            problem("aggregate".into(), format!("there is no input `{name}`; {hint}"));
        }
    }
    if let Some(window) = &aggregate.window {
        let parameter = window.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let duration = match parameter {
            Some(name) => component
                .parameters
                .get(name)
                .is_some_and(|parameter| parameter.parameter_type == ParameterType::Duration),
            None => seconds(window).is_some(),
        };
        if !duration {
            let message = format!(
                "`{window}` is not a duration, such as 30s, 5m, 1h, 7d or 2w, and no parameter of type duration"
            );
            problem("aggregate.window".into(), message);
        }
    }
    problems
}

/// The problems of a profile, each with its key.
fn profile_problems(profile: &Profile) -> Vec<(String, String)> {
    let Ok(placeholder) = Regex::new(r"\{([A-Za-z_][A-Za-z0-9_]*)\}") else { return Vec::new() };
    let mut problems = Vec::new();
    let lists = [
        ("filters", serde_json::to_value(&profile.filters)),
        ("features", serde_json::to_value(&profile.features)),
        ("flags", serde_json::to_value(&profile.flags)),
    ];
    for (key, list) in lists {
        for (index, entry) in
            list.ok().as_ref().and_then(Json::as_array).into_iter().flatten().enumerate()
        {
            // The message of a flag has a placeholder of its own.
            let mut entry = entry.clone();
            if let Some(entry) = entry.as_object_mut() {
                entry.remove("message");
            }
            let text = entry.to_string();
            let names: BTreeSet<&str> = placeholder
                .captures_iter(&text)
                .filter_map(|found| Some(found.get(1)?.as_str()))
                .collect();
            for name in names.into_iter().filter(|name| !profile.needs.contains_key(*name)) {
                let hint = suggestion(name, profile.needs.keys().map(String::as_str));
                problems.push((
                    format!(".{key}[{index}]"),
                    format!("`{{{name}}}` is none of `needs`; {hint}"),
                ));
            }
        }
    }
    problems
}

impl ParameterDefinition {
    /// Whether the parts of a definition go together.
    fn check_definition(&self) -> Result<(), (&'static str, String)> {
        use ParameterType::{Integer, Number, Text, Texts};
        if !matches!(self.parameter_type, Integer | Number) {
            for (key, given) in [("minimum", self.minimum), ("maximum", self.maximum)] {
                if given.is_some() {
                    return Err((key, format!("`{key}` goes with an integer or a number")));
                }
            }
        }
        if !matches!(self.parameter_type, Text | Texts) && !self.choices.is_empty() {
            return Err(("enum", "`enum` goes with text".into()));
        }
        match &self.default {
            Some(default) => self.check(default).map_err(|message| ("default", message)),
            None => Ok(()),
        }
    }

    /// Checks a value.
    ///
    /// # Errors
    /// What it must be.
    pub fn check(&self, value: &Json) -> Result<(), String> {
        let wrong = |wanted: &str| Err(format!("{value} is not {wanted}"));
        match self.parameter_type {
            ParameterType::Integer if !value.is_i64() => wrong("a whole number"),
            ParameterType::Number if !value.is_number() => wrong("a number"),
            ParameterType::Integer | ParameterType::Number => {
                let number = value.as_f64().unwrap_or(f64::NAN);
                match (self.minimum, self.maximum) {
                    (Some(least), _) if number < least => wrong(&format!("{least} or more")),
                    (_, Some(most)) if number > most => wrong(&format!("{most} or less")),
                    _ => Ok(()),
                }
            }
            ParameterType::Boolean if !value.is_boolean() => wrong("true or false"),
            ParameterType::Boolean => Ok(()),
            ParameterType::Text => match value.as_str() {
                Some(text) => self.choice(text),
                None => wrong("text; put it in quotes"),
            },
            ParameterType::Texts => {
                let texts = value.as_array().filter(|items| !items.is_empty());
                let texts = texts.and_then(|items| items.iter().map(Json::as_str).collect());
                let texts: Option<Vec<&str>> = texts;
                match texts {
                    Some(texts) => texts.into_iter().try_for_each(|text| self.choice(text)),
                    None => wrong("a list of texts that has one at least"),
                }
            }
            ParameterType::Duration => match value.as_str().and_then(seconds) {
                Some(_) => Ok(()),
                None => wrong("a duration, such as 30s, 5m, 1h, 7d or 2w"),
            },
        }
    }

    fn choice(&self, text: &str) -> Result<(), String> {
        if self.choices.is_empty() || self.choices.iter().any(|choice| choice == text) {
            return Ok(());
        }
        Err(format!("`{text}` is none of {}", self.choices.join(", ")))
    }
}
