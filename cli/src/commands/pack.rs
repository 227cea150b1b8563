//! `anomal pack`: packs by anyone.

mod add;
mod build;
mod cases;
#[cfg(feature = "wasm")]
mod component;
mod edit;
mod list;
mod new;
mod registry;
mod show;
mod templates;
mod test;
mod transfer;
mod update;

use std::{path::Path, sync::Arc};

use anomal_core::{FeatureEngine, FeatureSettings, proto::Component};
use anomal_feature::LocalFeatureEngine;
use anomal_packs::{Artifact, OciReference, PackError, Reference, lists_of_pack};
use anomal_spec::{PackDetails, PackManifest, PackSetting};

use super::CommandResult;
use crate::{
    args::PackCommand,
    exit,
    present::error::{Failure, note},
};

pub fn run(command: &PackCommand) -> CommandResult {
    match command {
        PackCommand::New(arguments) => new::create(arguments),
        PackCommand::Test(arguments) => test::run(&arguments.folder),
        PackCommand::Show(arguments) => show::print_pack(arguments),
        PackCommand::List(arguments) => list::print_packs(arguments),
        #[cfg(feature = "wasm")]
        PackCommand::Component(arguments) => component::make(arguments),
        PackCommand::Add(arguments) => add::add(arguments),
        PackCommand::Pull(arguments) => registry::pull(arguments),
        PackCommand::Push(arguments) => registry::push(arguments),
        PackCommand::Build(arguments) => build::build(arguments),
        PackCommand::Export(arguments) => transfer::export(arguments),
        PackCommand::Import(arguments) => transfer::import(arguments),
        PackCommand::Mirror(arguments) => transfer::mirror(arguments),
        PackCommand::Prune(arguments) => transfer::prune(arguments),
        PackCommand::Update(arguments) => update::update(arguments),
        PackCommand::Verify(arguments) => update::verify(arguments),
        PackCommand::Sign(arguments) => registry::sign(arguments),
        #[cfg(feature = "wasm")]
        PackCommand::Component(arguments) => component::make(arguments),
    }
}

/// Prints notes of the cache and of the lock to standard error.
fn print_notes(notes: Vec<String>) {
    for text in notes {
        note(&format!("note: {text}"));
    }
}

/// Writes a file that was made whole.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(format!("cannot write {}: {error}", path.display()), exit::FAILED)
    };
    std::fs::write(path, bytes).map_err(failed)
}

/// A reference to a registry, as an argument.
fn registry_reference(text: &str) -> Result<OciReference, Failure> {
    match text.parse()? {
        Reference::Oci(reference) => Ok(reference),
        _ => Err(Failure::usage(format!(
            "{text} is not in a registry; the form is oci://HOST/REPOSITORY:TAG"
        ))),
    }
}

fn read(folder: &Path) -> Result<PackManifest, Failure> {
    anomal_packs::read_folder(folder).map_err(Failure::usage)
}

/// A pack of a folder, with an engine that has it.
struct LocalPack {
    manifest: PackManifest,
    engine: LocalFeatureEngine,
    /// Settings that have this pack alone, under its own name.
    settings: FeatureSettings,
    components: Vec<Component>,
}

impl LocalPack {
    /// # Errors
    /// The pack is not valid, or its component can't be used.
    async fn open(folder: &Path) -> Result<Self, Failure> {
        let manifest = read(folder)?;
        let engine = LocalFeatureEngine::default().checking_guests();
        let mut details = PackDetails {
            name: manifest.name.clone(),
            inline: Some(manifest.contents()),
            ..PackDetails::default()
        };
        let failed = |error: &anomal_core::Error| show::invalid(folder, error);
        let mut contents = Vec::new();
        let mut lists = Vec::new();
        if manifest.component.is_some() || !manifest.lists.is_empty() {
            let invalid =
                |error: PackError| Failure::usage(format!("{}: {error}", folder.display()));
            let artifact = Artifact::from_folder(folder).map_err(invalid)?;
            lists = lists_of_pack(&artifact, &manifest.name, &mut contents).map_err(invalid)?;
            if manifest.component.is_some() {
                details.digest = Some(artifact.pin().to_string());
                contents.push(artifact);
            }
        }
        for artifact in contents {
            let upload = Arc::new(artifact.to_upload());
            engine.put_pack(upload).await.map_err(|error| failed(&error))?;
        }
        let packs = vec![PackSetting::Detailed(Box::new(details))];
        let components = engine.job_components(&packs).map_err(|error| failed(&error))?;
        let settings = FeatureSettings { packs, lists, keyed: true, ..FeatureSettings::default() };
        Ok(Self { manifest, engine, settings, components })
    }
}
