//! `anomal components`: what settings can name.

use std::fmt::Write;

use anomal_core::proto::{Component, Detector, component};

use super::{Ended, print};
use crate::{args::Components, engines, present::error::Failure};

pub fn list(arguments: &Components) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut components, mut detectors) = runtime.block_on(async {
        let engines = engines::connect(None, None).await?;
        let components = engines.feature.list_components().await?;
        Ok::<_, Failure>((components, engines.classification.list_detectors().await?))
    })?;
    if let Some(part) = &arguments.filter {
        components.retain(|known| known.name.contains(part) || known.pack.contains(part));
        detectors.retain(|known| known.name.contains(part));
    }
    if arguments.json {
        let all = serde_json::json!({ "components": components, "detectors": detectors });
        return print(&format!("{all:#}\n"));
    }
    print(&text(&components, &detectors))
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
    for (of, title) in titles {
        let mut those = components.iter().filter(|known| known.r#type() == of).peekable();
        if those.peek().is_some() {
            let _ = writeln!(text, "{title}");
        }
        for known in those {
            let name = format!("{}/{}", known.pack, known.name);
            let _ = writeln!(text, "  {name}\n      {}", known.description);
            parameters(&mut text, &known.parameters_schema);
        }
    }
    if !detectors.is_empty() {
        let _ = writeln!(text, "Detectors");
    }
    for known in detectors {
        let _ =
            writeln!(text, "  {}\n      {} Cost: {}.", known.name, known.description, known.cost);
        parameters(&mut text, &known.parameters_schema);
    }
    text
}

/// The properties of a JSON Schema of an object, a line each.
fn parameters(text: &mut String, schema: &str) {
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
