//! `anomal validate`, `anomal manifest`, `anomal schema`: settings without data.

use super::{CommandResult, print};
use crate::{args::SettingsFile, exit, present::error::Failure, settings};

pub fn validate(arguments: &SettingsFile) -> CommandResult {
    let loaded = settings::from_file(&arguments.file)?;
    if arguments.output.quiet {
        return Ok(exit::DONE);
    }
    let spec = &loaded.job.spec;
    print(&format!(
        "{} is valid: job {}, {} filters, {} features, {} flags, {}\n",
        arguments.file.display(),
        loaded.job.metadata.name,
        spec.filters.len(),
        spec.features.len(),
        spec.flags.len(),
        spec.classification
            .as_ref()
            .map_or("no classification", |settings| settings.engine.as_str())
    ))
}

pub fn manifest(arguments: &SettingsFile) -> CommandResult {
    let loaded = settings::from_file(&arguments.file)?;
    let yaml = anomal_spec::to_manifest_yaml(&loaded.job)
        .map_err(|error| Failure::new(error.to_string(), exit::FAILED))?;
    print(&yaml)
}

pub fn schema() -> CommandResult {
    print(&format!("{:#}\n", anomal_spec::json_schema()))
}
