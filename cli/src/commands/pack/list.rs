//! `anomal pack list`: the packs that settings can name, or those that a job names.

use std::{collections::BTreeMap, path::Path};

use anomal_core::{FeatureEngine, proto::Component};
use anomal_feature::LocalFeatureEngine;

use super::super::{CommandResult, print};
use crate::{args::ListPacks, packs::job_components, present::error::Failure, settings};

/// Where packs come from that every engine has.
const PRODUCT: &str = "part of the product";

pub fn print_packs(arguments: &ListPacks) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let components = runtime.block_on(LocalFeatureEngine::default().list_components())?;
    let built_in = count_by_pack(&components);
    match &arguments.job {
        Some(job) => print(&runtime.block_on(packs_of_job(job, &built_in))?),
        None => print(
            &built_in.iter().map(|(name, count)| line(name, *count, PRODUCT)).collect::<String>(),
        ),
    }
}

async fn packs_of_job(job: &Path, built_in: &BTreeMap<&str, usize>) -> Result<String, Failure> {
    let named = settings::from_file(job)?;
    let resolved = settings::with_paths(job)?;
    let components = job_components(&resolved).await?;
    let others = count_by_pack(&components);
    let mut text = String::new();
    for pack in &named.job.spec.packs {
        let place = match pack.details() {
            Some(details) => match &details.reference {
                Some(reference) => format!("from {reference}"),
                None => "in the settings".to_owned(),
            },
            None => PRODUCT.to_owned(),
        };
        let count = others.get(pack.name()).or_else(|| built_in.get(pack.name()));
        text.push_str(&line(pack.name(), count.copied().unwrap_or_default(), &place));
    }
    Ok(text)
}

fn count_by_pack(components: &[Component]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for component in components {
        *counts.entry(component.pack.as_str()).or_default() += 1;
    }
    counts
}

fn line(name: &str, count: usize, place: &str) -> String {
    match count {
        1 => format!("{name}: 1 component, {place}\n"),
        _ => format!("{name}: {count} components, {place}\n"),
    }
}
