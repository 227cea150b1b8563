//! `anomal pack show`: what a pack has.

use std::{fmt::Write, path::Path};

use anomal_core::{
    FeatureEngine,
    proto::{Component, component::Type},
};
use anomal_feature::{LocalFeatureEngine, describe_type};
use anomal_spec::PackManifest;

use super::{
    super::{CommandResult, components::write_parameters, print},
    LocalPack,
};
use crate::{args::ShowPack, present::error::Failure};

pub fn print_pack(arguments: &ShowPack) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut components = runtime.block_on(LocalFeatureEngine::default().list_components())?;
    components.retain(|component| component.pack == arguments.pack);
    let folder = Path::new(&arguments.pack);
    let mut manifest = None;
    if components.is_empty() || folder.is_dir() {
        let pack = runtime.block_on(LocalPack::open(folder))?;
        (manifest, components) = (Some(pack.manifest), pack.components);
    }
    if arguments.json {
        let all = serde_json::json!({ "manifest": manifest, "components": components });
        return print(&format!("{all:#}\n"));
    }
    print(&text(&arguments.pack, manifest.as_ref(), &components))
}

/// An error about the contents of a pack, at its place in the manifest.
pub(super) fn invalid(folder: &Path, error: &anomal_core::Error) -> Failure {
    let lines = error.violations.iter().map(|violation| {
        let path = violation.path.strip_prefix("packs[0].inline.").unwrap_or(&violation.path);
        format!("{}: {path}: {}", folder.join(anomal_packs::MANIFEST).display(), violation.message)
    });
    let lines: Vec<String> = lines.collect();
    Failure::usage(if lines.is_empty() { error.to_string() } else { lines.join("\n") })
}

fn text(name: &str, manifest: Option<&PackManifest>, components: &[Component]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    match manifest {
        Some(manifest) => {
            let _ =
                writeln!(text, "{} {}: {}", manifest.name, manifest.version, manifest.description);
            let parts = [
                ("licence", manifest.license.clone()),
                ("authors", (!manifest.authors.is_empty()).then(|| manifest.authors.join(", "))),
                ("source", manifest.source.clone()),
            ];
            for (key, value) in parts.into_iter().filter_map(|(key, value)| Some((key, value?))) {
                let _ = writeln!(text, "{key}: {value}");
            }
        }
        None => {
            let _ = writeln!(text, "{name}: part of the product");
        }
    }
    for component in components {
        let inputs = component.inputs.iter().map(|input| {
            let types: Vec<&str> = input.data_types().map(describe_type).collect();
            let optional = if input.optional { ", optional" } else { "" };
            format!("{} ({}{optional})", input.name, types.join(" or "))
        });
        let inputs = inputs.collect::<Vec<_>>().join(", ");
        let kind = kind(component.r#type());
        let _ = writeln!(
            text,
            "\n{}: {kind} of {inputs}\n      {}",
            component.name, component.description
        );
        write_parameters(&mut text, &component.parameters_schema);
    }
    for (profile, contents) in manifest.into_iter().flat_map(|manifest| &manifest.profiles) {
        let _ = writeln!(text, "\nuse: [{name}/{profile}]\n      {}", contents.description);
        for (column, default) in &contents.needs {
            let _ = writeln!(text, "      {column}: the column {default}");
        }
    }
    text
}

fn kind(component_type: Type) -> &'static str {
    match component_type {
        Type::Metric => "metric",
        Type::Filter => "filter",
        Type::FlagDirect => "flag, type direct,",
        Type::FlagAggregation => "flag, type aggregation,",
        Type::Unspecified => "component",
    }
}
