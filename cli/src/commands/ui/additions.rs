//! The components that can be added to settings.

use anomal_core::{
    FeatureEngine,
    proto::{Component, DataType, component},
};
use anomal_feature::LocalFeatureEngine;
use anomal_tui::Addition;
use serde_json::{Value as Json, json};

use super::job::type_name;
use crate::present::error::Failure;

/// The metrics and flags of the packs in the program.
///
/// # Errors
/// If they can't be listed.
pub fn additions() -> Result<Vec<Addition>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let components = runtime.block_on(LocalFeatureEngine::default().list_components())?;
    Ok(components.iter().filter_map(|one| addition(one, &components)).collect())
}

fn addition(one: &Component, all: &[Component]) -> Option<Addition> {
    let kind = match one.r#type() {
        component::Type::Metric => "metric",
        component::Type::FlagDirect => "direct",
        component::Type::FlagAggregation => "aggregation",
        _ => return None,
    };
    let is_flag = kind != "metric";
    let others =
        all.iter().filter(|other| other.name == one.name && other.r#type() == one.r#type());
    let name =
        if others.count() > 1 { format!("{}/{}", one.pack, one.name) } else { one.name.clone() };
    let mut item = json!({"type": kind, "name": name});
    if is_flag {
        item["severity"] = json!("medium");
    }
    let parameters = required(&one.parameters_schema);
    if parameters.as_object().is_some_and(|some| !some.is_empty()) {
        item["params"] = parameters;
    }
    let inputs = one.inputs.iter().filter(|input| !input.optional).map(|input| {
        let types = input.data_types.iter().filter_map(|number| DataType::try_from(*number).ok());
        types.map(|data_type| type_name(data_type).to_owned()).collect()
    });
    Some(Addition {
        is_flag,
        text: format!("{name}: {}", one.description),
        pack: one.pack.clone(),
        item,
        parameters: serde_json::from_str(&one.parameters_schema).unwrap_or_default(),
        inputs: inputs.collect(),
    })
}

/// The parameters that a component can't do without, with values to be completed.
fn required(schema: &str) -> Json {
    let schema: Json = serde_json::from_str(schema).unwrap_or_default();
    let names = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let parameters = names.map(|name| {
        let value = match schema["properties"][name]["type"].as_str() {
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(false),
            Some("array") => json!([]),
            Some("object") => json!({}),
            _ => json!("TO BE COMPLETED"),
        };
        (name.to_owned(), value)
    });
    Json::Object(parameters.collect())
}
