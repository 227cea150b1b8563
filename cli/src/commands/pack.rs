//! `anomal pack`: packs by anyone.

mod cases;
mod list;
mod new;
mod show;
mod test;

use std::path::Path;

use anomal_core::FeatureSettings;
use anomal_spec::{PackDetails, PackManifest, PackSetting};

use super::CommandResult;
use crate::{args::PackCommand, present::error::Failure};

pub fn run(command: &PackCommand) -> CommandResult {
    match command {
        PackCommand::New(arguments) => new::create(arguments),
        PackCommand::Test(arguments) => test::run(&arguments.folder),
        PackCommand::Show(arguments) => show::print_pack(arguments),
        PackCommand::List(arguments) => list::print_packs(arguments),
    }
}

fn read(folder: &Path) -> Result<PackManifest, Failure> {
    anomal_packs::read_folder(folder).map_err(Failure::usage)
}

/// Settings that have this pack alone, under its own name.
fn settings(manifest: &PackManifest) -> FeatureSettings {
    let details = PackDetails {
        name: manifest.name.clone(),
        reference: None,
        digest: None,
        inline: Some(manifest.contents()),
    };
    let packs = vec![PackSetting::Detailed(Box::new(details))];
    FeatureSettings { packs, keyed: true, ..FeatureSettings::default() }
}
