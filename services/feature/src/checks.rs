//! Settings checked without the columns of an input.

use anomal_core::{FeatureSettings, Result, proto::component::Type};
use anomal_spec::FeatureType;

use crate::{
    binding::check_component,
    columns::Columns,
    packs::{AvailablePacks, JobPacks},
    program::{check_packs, component_type},
    window_flag::check_window,
};

/// Checks packs and lists, and the components that settings name with what is given to them. Expressions need columns.
///
/// # Errors
/// `InvalidSettings` with the path; `NotFound` for the digest of a pack that was not sent.
pub(crate) fn check(settings: &FeatureSettings, packs: &AvailablePacks) -> Result<()> {
    let JobPacks { components, mut digests } = packs.for_job(&settings.packs)?;
    let lists = packs.lists_for_job(settings, &mut digests)?.lists;
    check_packs(&settings.packs, &components)?;
    let columns = Columns::new(&[], &[], &components, &lists, settings);
    for (index, filter) in settings.filters.iter().enumerate() {
        if filter.remove.is_none() {
            let (data, path) = (&filter.data_needed, format!("filters[{index}]"));
            check_component(&filter.name, Type::Filter, data, &filter.params, &path, &columns)?;
        }
    }
    for (index, feature) in settings.features.iter().enumerate() {
        if let (FeatureType::Metric, Some(name)) = (feature.feature_type, &feature.name) {
            let (data, path) = (&feature.data_needed, format!("features[{index}]"));
            check_component(name, Type::Metric, data, &feature.params, &path, &columns)?;
        }
    }
    for (index, flag) in settings.flags.iter().enumerate() {
        let path = format!("flags[{index}]");
        let computation = if flag.expression.is_none() {
            let wanted = component_type(flag);
            let data = &flag.data_needed;
            check_component(&flag.name, wanted, data, &flag.params, &path, &columns)?
        } else {
            None
        };
        if let Some(window) = &flag.window {
            check_window(flag, window, computation.as_ref(), &path)?;
        }
    }
    Ok(())
}
