//! `anomal components`: the components and detectors that settings can name, or those of a job's packs.

use std::fmt::Write;

use anomal_core::proto::{Component, Detector, component};
use anomal_spec::{ENTITY_COLUMNS, Side, TIME_COLUMNS};

use super::{CommandResult, print};
use crate::{args::Components, engines, packs::job_components, present::error::Failure, settings};

pub fn list(arguments: &Components) -> CommandResult {
    if arguments.roles {
        return print(&known_columns(arguments.json));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut components, mut detectors) = runtime.block_on(async {
        if let Some(job) = &arguments.job {
            return Ok((job_components(&settings::with_paths(job)?).await?, Vec::new()));
        }
        let engines = engines::connect(None, None).await?;
        let components = engines.feature.list_components().await?;
        Ok::<_, Failure>((components, engines.classification.list_detectors().await?))
    })?;
    if let Some(part) = &arguments.filter {
        components
            .retain(|component| component.name.contains(part) || component.pack.contains(part));
        detectors.retain(|detector| detector.name.contains(part));
    }
    if arguments.json {
        let all = serde_json::json!({ "components": components, "detectors": detectors });
        return print(&format!("{all:#}\n"));
    }
    print(&text(&components, &detectors))
}

/// The columns whose role is known by their names, in the order in which they are chosen.
fn known_columns(json: bool) -> String {
    if json {
        let entities = ENTITY_COLUMNS.iter().map(|known| {
            serde_json::json!({"kind": known.kind, "side": known.side, "columns": known.columns})
        });
        let all = serde_json::json!({
            "time": TIME_COLUMNS, "entities": entities.collect::<Vec<_>>(),
        });
        return format!("{all:#}\n");
    }
    let mut text = format!("time\n  {}\n", TIME_COLUMNS.join(", "));
    for known in ENTITY_COLUMNS {
        let side = if known.side == Side::Actor { "acts" } else { "is acted on" };
        let columns = known.columns.join(", ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} ({side})\n  {columns}", known.kind.nouns().0);
    }
    text
}

fn text(components: &[Component], detectors: &[Detector]) -> String {
    let mut text = String::new();
    let titles = [
        (component::Type::Metric, "Metrics"),
        (component::Type::Filter, "Filters"),
        (component::Type::FlagDirect, "Flags, direct"),
        (component::Type::FlagAggregation, "Flags, aggregation"),
    ];
    // Writing to a string cannot fail.
    for (kind, title) in titles {
        let mut listed = components.iter().filter(|one| one.r#type() == kind).peekable();
        if listed.peek().is_some() {
            let _ = writeln!(text, "{title}");
        }
        for component in listed {
            let name = format!("{}/{}", component.pack, component.name);
            let _ = writeln!(text, "  {name}\n      {}", component.description);
            write_parameters(&mut text, &component.parameters_schema);
        }
    }
    if !detectors.is_empty() {
        let _ = writeln!(text, "Detectors");
    }
    for detector in detectors {
        let Detector { name, description, cost, .. } = detector;
        let _ = writeln!(text, "  {name}\n      {description} Cost: {cost}.");
        write_parameters(&mut text, &detector.parameters_schema);
    }
    text
}

/// Writes the properties of a JSON Schema, one line each.
pub fn write_parameters(text: &mut String, schema: &str) {
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else { return };
    for (name, property) in properties {
        let default = match &property["default"] {
            serde_json::Value::Null => String::new(),
            default => format!(" (default {default})"),
        };
        let description = property["description"].as_str().unwrap_or_default().replace('\n', " ");
        let _ = writeln!(text, "      {name}{default}: {description}");
    }
}
