//! `anomal pack list`: the packs that settings can name, or those that a job names.

use std::collections::BTreeMap;

use anomal_core::FeatureEngine;
use anomal_feature::LocalFeatureEngine;

use super::super::{CommandResult, print};
use crate::{args::ListPacks, settings};

pub fn print_packs(arguments: &ListPacks) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let components = runtime.block_on(LocalFeatureEngine::default().list_components())?;
    let mut built_in: BTreeMap<&str, usize> = BTreeMap::new();
    for component in &components {
        *built_in.entry(&component.pack).or_default() += 1;
    }
    let line = |name: &str, count: usize, place: &str| match count {
        1 => format!("{name}: 1 component, {place}\n"),
        _ => format!("{name}: {count} components, {place}\n"),
    };
    let part = "part of the product";
    let Some(job) = &arguments.job else {
        return print(
            &built_in.iter().map(|(name, count)| line(name, *count, part)).collect::<String>(),
        );
    };
    let named = settings::from_file(job)?;
    let resolved = settings::with_paths(job)?;
    let mut text = String::new();
    for (pack, resolved) in named.job.spec.packs.iter().zip(&resolved.job.spec.packs) {
        let contents = resolved.details().and_then(|details| details.inline.as_ref());
        let place = pack.details().map(|details| match &details.reference {
            Some(reference) => format!("from {reference}"),
            None => "in the settings".to_owned(),
        });
        let count = match contents {
            Some(contents) => contents.components.len(),
            None => built_in.get(pack.name()).copied().unwrap_or_default(),
        };
        text.push_str(&line(pack.name(), count, place.as_deref().unwrap_or(part)));
    }
    print(&text)
}
