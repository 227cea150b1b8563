//! The original's form: a main file with drivers and paths, or its command line, and a features file.

mod features;

use serde_json::{Value as Json, json};

use crate::{
    AnomalyJobSpec, Form, LoadedSettings, Place, Problem, SettingsError, Source,
    check::Check,
    load::{validate, with_name},
    schema::SettingsSchema,
    yaml::{self, Node},
};

/// The files that the original writes beside the result table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalOutputs {
    /// The beginning of their names.
    pub prefix: String,
}

/// The settings of the original's command line, or of its main file.
#[derive(Clone, Debug, PartialEq)]
pub struct OriginalCommand {
    /// `CSV` or `TCP`, in any case.
    pub driver_in: String,
    /// `CSV` or `TERMINAL`, in any case.
    pub driver_out: String,
    pub input: String,
    /// A prefix, or the result table itself if it ends in `.csv`.
    pub output: String,
    /// A detector's name; that of the original's own in any case.
    pub engine: String,
    /// Of the driver `TCP`.
    pub tcp: OriginalTcp,
}

/// Where the original listens, and for how long. What is absent is 0.0.0.0, 4141 and 60 s.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OriginalTcp {
    pub host: Option<String>,
    pub port: Option<i64>,
    /// Seconds from the first record on.
    pub collection_time: Option<f64>,
}

/// A part of the command, under its names in the main file and on the command line.
#[derive(Clone, Copy)]
struct Part {
    key: &'static str,
    option: &'static str,
}

const INPUT_DRIVER: Part = Part { key: "setup.input_driver", option: "-di" };
const OUTPUT_DRIVER: Part = Part { key: "setup.output_driver", option: "-do" };
const INPUT: Part = Part { key: "data.in_path", option: "-in" };
const PORT: Part = Part { key: "data.port", option: "--tcp-in-port" };
const COLLECTION_TIME: Part = Part { key: "data.collection_time", option: "--collection-time" };
/// The longest time to collect, in seconds.
const LONGEST: f64 = 31_536_000.0;

/// Loads the main file; `read` returns the features file.
pub(crate) fn load(
    node: &Node,
    source: Source<'_>,
    read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
) -> Result<LoadedSettings, SettingsError> {
    let mut check = Check::default();
    let value = check.value(node, &main_schema(), "");
    if !check.problems.is_empty() {
        return Err(SettingsError::new(source.file, check.problems));
    }
    let text = |pointer| value.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
    let command = OriginalCommand {
        driver_in: text("/setup/input_driver").unwrap_or_default(),
        driver_out: text("/setup/output_driver").unwrap_or_default(),
        input: text("/data/in_path").unwrap_or_default(),
        output: text("/data/out_path").unwrap_or_default(),
        engine: text("/setup/classification_engine").unwrap_or_else(|| "Gower".into()),
        tcp: OriginalTcp {
            host: text("/data/host"),
            port: value.pointer("/data/port").and_then(Json::as_i64),
            collection_time: value.pointer("/data/collection_time").and_then(Json::as_f64),
        },
    };
    let place = |path: &str| check.places.nearest(path).unwrap_or(node.place);
    let drivers = drivers(&command).map_err(|wrong| {
        let problem = |(part, message): (Part, _)| Problem::at(place(part.key), part.key, message);
        SettingsError::new(source.file, wrong.into_iter().map(problem).collect())
    })?;
    let path = text("/features/path").unwrap_or_default();
    let bytes = read(&path).map_err(|error| {
        let message = format!("{path} can't be read: {error}");
        let problem = Problem::at(place("features.path"), "features.path", message);
        SettingsError::new(source.file, vec![problem])
    })?;
    with_features(drivers, &command.engine, &bytes, Source { file: &path, name: source.name })
}

fn main_schema() -> Json {
    let text = json!({"type": "string", "minLength": 1, "maxLength": 4096});
    json!({
        "type": "object", "additionalProperties": false, "required": ["data", "features", "setup"],
        "properties": {
            "data": {"type": "object", "additionalProperties": false, "properties": {
                "in_path": text, "out_path": text,
                "host": text, "port": {"type": "integer"}, "collection_time": {"type": "number"}}},
            "features": {"type": "object", "additionalProperties": false, "required": ["path"],
                "properties": {"path": text}},
            "setup": {"type": "object", "additionalProperties": false,
                "required": ["input_driver", "output_driver"],
                "properties": {"classification_engine": text, "input_driver": text, "output_driver": text}},
        },
    })
}

/// A features file with the settings of the command line.
///
/// # Errors
/// About the command line, by its options, or about the features file, as [`load`](crate::load).
pub fn load_original(
    command: &OriginalCommand,
    features: &[u8],
    source: Source<'_>,
) -> Result<LoadedSettings, SettingsError> {
    let drivers = drivers(command).map_err(|wrong| {
        let problem = |(part, message): (Part, String)| Problem {
            place: None,
            path: part.option.into(),
            message,
        };
        SettingsError::new("command line", wrong.into_iter().map(problem).collect())
    })?;
    with_features(drivers, &command.engine, features, source)
}

/// The settings that the names of drivers stand for.
struct Drivers {
    input: Json,
    outputs: Json,
    original: Option<OriginalOutputs>,
}

fn drivers(command: &OriginalCommand) -> Result<Drivers, Vec<(Part, String)>> {
    let mut wrong = Vec::new();
    match command.driver_in.to_ascii_lowercase().as_str() {
        "csv" if command.input.is_empty() => {
            wrong.push((INPUT, "there is no input; name the file to read".to_owned()));
        }
        "csv" => {}
        "tcp" => wrong.extend(tcp_problems(&command.tcp)),
        _ => {
            let message = format!(
                "the input driver `{}` is unknown; there are CSV and TCP",
                command.driver_in
            );
            wrong.push((INPUT_DRIVER, message));
        }
    }
    let (outputs, original) = match command.driver_out.to_ascii_lowercase().as_str() {
        "csv" => {
            let (table, prefix) = names(&command.output);
            (json!([{"csv": {"path": table}}]), Some(OriginalOutputs { prefix }))
        }
        "terminal" => (json!([{"terminal": {}}]), None),
        driver => {
            let name = &command.driver_out;
            let message = if driver == "elastic" {
                format!(
                    "the output driver `{name}` has no address in this form; write the settings as a job with \
                     `outputs: [{{elasticsearch: {{url}}}}]`, which `anomal manifest` helps with"
                )
            } else {
                format!("the output driver `{name}` is unknown; there are CSV and TERMINAL")
            };
            wrong.push((OUTPUT_DRIVER, message));
            (Json::Null, None)
        }
    };
    let input = if command.driver_in.eq_ignore_ascii_case("tcp") {
        tcp_input(&command.tcp)
    } else {
        // As the original reads types.
        json!({
            "csv": {"path": command.input, "dialect": "rfc4180", "badLines": "skip", "nullWords": [], "strays": "text",
                    "numbers": {"decimal": ".", "thousands": "none", "marks": "none"}}
        })
    };
    if wrong.is_empty() { Ok(Drivers { input, outputs, original }) } else { Err(wrong) }
}

fn tcp_problems(tcp: &OriginalTcp) -> Vec<(Part, String)> {
    let mut wrong = Vec::new();
    if let Some(port) = tcp.port.filter(|port| !(0..=65_535).contains(port)) {
        wrong.push((PORT, format!("{port} is no port; use one between 1 and 65535")));
    }
    let is_time = |time: &f64| *time > 0.0 && *time <= LONGEST;
    if let Some(time) = tcp.collection_time.filter(|time| !is_time(time)) {
        let message = format!("{time} is no time to collect records; give seconds, such as 60");
        wrong.push((COLLECTION_TIME, message));
    }
    wrong
}

fn tcp_input(tcp: &OriginalTcp) -> Json {
    let seconds = tcp.collection_time.unwrap_or(60.0).ceil();
    json!({
        "tcp": {"host": tcp.host.as_deref().unwrap_or("0.0.0.0"), "port": tcp.port.unwrap_or(4141),
                "collectionTime": format!("{seconds}s"), "badLines": "skip", "strays": "text"}
    })
}

/// The result table's path and the prefix of the other files, from the output's.
fn names(output: &str) -> (String, String) {
    match output.strip_suffix(".csv") {
        Some(stem) => (output.to_owned(), format!("{stem}_")),
        None => (format!("{output}results.csv"), output.to_owned()),
    }
}

fn with_features(
    drivers: Drivers,
    engine: &str,
    bytes: &[u8],
    source: Source<'_>,
) -> Result<LoadedSettings, SettingsError> {
    let node = yaml::parse(bytes);
    let node = node.map_err(|problem| SettingsError::new(source.file, vec![problem]))?;
    let mut check = Check::default();
    let mut sections = features::sections(&node, &mut check);
    // Settings of the command line have no place in this file.
    let mut add = |key: &str, value: Json| {
        sections.push((key.to_owned(), Place::NONE, Node::from_json(value, Place::NONE)));
    };
    add("input", drivers.input);
    add("outputs", drivers.outputs);
    if features::has_features(&node) {
        let own = if engine.eq_ignore_ascii_case("gower") { "Gower" } else { engine };
        add("classification", json!({"engine": own}));
    }
    let spec = node.with(yaml::Value::Map(sections));
    let (spec, places): (AnomalyJobSpec, _) =
        validate(check, &spec, SettingsSchema::spec(), source.file)?;
    Ok(with_name(spec, Form::Original, drivers.original, source, places))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn the_prefix_and_the_table_come_from_the_output() {
        let pair = |table: &str, prefix: &str| (table.to_owned(), prefix.to_owned());
        assert_eq!(names("out/r.csv"), pair("out/r.csv", "out/r_"));
        assert_eq!(names("out_"), pair("out_results.csv", "out_"));
        assert_eq!(names(""), pair("results.csv", ""));
    }
}
