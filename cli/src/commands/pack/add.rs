//! `anomal pack add`: fetches a pack, and writes it into the settings.

use std::fs;

use anomal_packs::{Digest, Reference, ResolvedPack};
use anomal_spec::{PackDetails, PackTls};

use super::{
    super::{CommandResult, print},
    edit, print_notes, write_file,
};
use crate::{
    args::AddPack,
    packs::{self, PackContext},
    present::error::Failure,
    settings,
};

pub fn add(arguments: &AddPack) -> CommandResult {
    let reference: Reference = arguments.reference.parse()?;
    let mut resolver = PackContext::new(&arguments.packs, arguments.to.as_deref()).resolver()?;
    let mut details = PackDetails {
        name: arguments.name.clone().unwrap_or_default(),
        reference: Some(arguments.reference.clone()),
        plain_http: arguments.connection.plain_http,
        tls: arguments.connection.ca.as_ref().map(|ca| PackTls { ca: ca.display().to_string() }),
        ..PackDetails::default()
    };
    if let Reference::Web(url) = &reference {
        // The first time, the server's bytes are the ones that are meant.
        let bytes = resolver.fetcher.download(url, &packs::access(&arguments.connection)?)?;
        details.digest = Some(Digest::from_content(&bytes).to_string());
    }
    let resolved = resolver
        .resolve_pack(&details, "ref")?
        .ok_or_else(|| Failure::usage("a pack needs a reference"))?;
    let manifest = resolved.fetched.artifact.pack_manifest()?;
    if details.name.is_empty() {
        details.name.clone_from(&manifest.name);
    }
    let Some(job) = &arguments.to else {
        print_notes(resolver.fetcher.take_notes());
        return print(&format!(
            "{}packs:\n  - {}\n",
            summary(&details, &resolved)?,
            edit::entry(&details)
        ));
    };
    let bytes = settings::read(job)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", job.display())))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("{} is not UTF-8", job.display())))?;
    let written =
        PackDetails { reference: Some(relative(arguments, &reference)?), ..details.clone() };
    let loaded = settings::from_file(job)?;
    if loaded.job.spec.packs.iter().any(|pack| pack.name() == written.name) {
        return Err(Failure::usage(format!(
            "{} has a pack `{}` already; choose another name by --name, or run `anomal pack update {}`",
            job.display(),
            written.name,
            written.name
        )));
    }
    let changed = edit::with_pack(&text, &loaded.job.spec.packs, &written).ok_or_else(|| {
        Failure::usage(format!(
            "{} can't be edited; add to its `packs:`\n  - {}",
            job.display(),
            edit::entry(&written)
        ))
    })?;
    write_file(job, changed.as_bytes())?;
    // The whole job again: its lock has all packs under the names and references that it has now.
    let context = PackContext::new(&arguments.packs, Some(job));
    let (_, mut resolver) = settings::with_resolver(job, context)?;
    print_notes(resolver.finish());
    print(&summary(&details, &resolved)?)
}

/// The reference as it stands in the settings: a path relative to their folder where it is below that.
fn relative(arguments: &AddPack, reference: &Reference) -> Result<String, Failure> {
    let (Reference::Path(path), Some(job)) = (reference, &arguments.to) else {
        return Ok(arguments.reference.clone());
    };
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    let folder = fs::canonicalize(settings::folder_of(job)).map_err(failed)?;
    let path = fs::canonicalize(path).map_err(failed)?;
    Ok(match path.strip_prefix(&folder) {
        Ok(below) => format!("./{}", below.display()),
        Err(_) => path.display().to_string(),
    })
}

/// What was added, and what it may do.
fn summary(details: &PackDetails, resolved: &ResolvedPack) -> Result<String, Failure> {
    let artifact = &resolved.fetched.artifact;
    let manifest = artifact.pack_manifest()?;
    let rights = match artifact.component() {
        Some(_) => "runs WebAssembly in a sandbox: no files, network, clock or environment",
        None => "runs no code: expressions alone",
    };
    let signer = match &resolved.signer {
        Some(key) => format!("signed by the key {key}"),
        None => "trusted without a signature".to_owned(),
    };
    Ok(format!(
        "{} {}: {}\n  {}, {}\n  {rights}; {signer}\n",
        details.name,
        manifest.version,
        manifest.description,
        artifact.kind().name(),
        resolved.fetched.digest
    ))
}
