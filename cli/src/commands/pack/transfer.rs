//! `anomal pack export`, `import`, `mirror` and `prune`: packs where there is no network, or another one.

use std::{collections::BTreeSet, time::Duration};

use anomal_packs::{Cache, Descriptor, Layout, MAX_LAYOUT, Reference, Resolver, oci, to_tar};

use super::{
    super::{CommandResult, print},
    print_notes, registry, write_file,
};
use crate::{
    args::{ExportPacks, ImportPacks, MirrorPacks, PrunePacks},
    packs::PackContext,
    present::error::Failure,
    settings::{self, Settings},
};

/// The packs and lists of a job, with all their signatures.
fn resolve(file: &std::path::Path, context: PackContext) -> Result<(Settings, Resolver), Failure> {
    let context = PackContext { all_signatures: true, ..context };
    settings::with_resolver(file, context)
}

pub fn export(arguments: &ExportPacks) -> CommandResult {
    let context = PackContext::new(&arguments.packs, Some(&arguments.job));
    let (settings, mut resolver) = resolve(&arguments.job, context)?;
    let mut layout = Layout::default();
    let mut lines = Vec::new();
    for pack in settings.references().filter(|pack| !pack.reference.is_path()) {
        layout.add(&pack.fetched.artifact, Some(&pack.reference.to_string()));
        if let Some(file) = &pack.fetched.file {
            layout.blobs.insert(pack.fetched.digest, file.clone());
        }
        lines.push(format!("{} {}\n", pack.reference, pack.fetched.digest));
    }
    write_file(&arguments.output, &to_tar(&layout.to_files())?)?;
    print_notes(resolver.finish());
    lines.push(format!("{}\n", arguments.output.display()));
    print(&lines.concat())
}

pub fn import(arguments: &ImportPacks) -> CommandResult {
    let file = &arguments.file;
    let failed = |message: String| Failure::usage(format!("{}: {message}", file.display()));
    let layout = if file.is_dir() {
        Layout::from_folder(file)
    } else {
        let size = std::fs::metadata(file).map_err(|error| failed(error.to_string()))?.len();
        if size > MAX_LAYOUT {
            return Err(failed(format!("it has {size} bytes; at most {MAX_LAYOUT} are read")));
        }
        let bytes = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
        Layout::from_archive(&bytes)
    };
    let layout = layout.map_err(|error| failed(error.message))?;
    let cache = Cache::open().map_err(Failure::usage)?;
    let unwritable =
        |error: std::io::Error| Failure::usage(format!("{}: {error}", cache.folder().display()));
    let mut lines = Vec::new();
    for (digest, name) in layout.artifacts() {
        let artifact = layout.artifact(Some(digest)).map_err(|error| failed(error.message))?;
        cache.store(&artifact, name.as_deref()).map_err(unwritable)?;
        lines.push(format!("{} {digest}\n", name.unwrap_or_default()));
    }
    // Files that are no images, by their digest.
    for bytes in layout.blobs.values() {
        cache.put(bytes).map_err(unwritable)?;
    }
    print(&lines.concat())
}

pub fn mirror(arguments: &MirrorPacks) -> CommandResult {
    let to = arguments.to.trim_end_matches('/');
    let context = PackContext::new(&arguments.packs, Some(&arguments.job));
    let (settings, mut resolver) = resolve(&arguments.job, context)?;
    let (mut lines, mut prefixes) = (Vec::new(), BTreeSet::new());
    for pack in settings.references() {
        let Reference::Oci(from) = &pack.reference else { continue };
        let target = super::registry_reference(&format!("{to}/{}", from.repository))?;
        let repository = registry::repository(&resolver.fetcher, &target, &arguments.connection)?;
        let artifact = &pack.fetched.artifact;
        oci::wait(|| async {
            repository.push(artifact, from.tag.as_deref()).await?;
            let subject = Descriptor::for_manifest(&artifact.manifest);
            repository.push_signatures(&subject, &artifact.signatures).await
        })?;
        lines.push(format!("{}\n", target.with_digest(artifact.digest())));
        prefixes.insert(from.registry.clone());
    }
    print_notes(resolver.finish());
    if !prefixes.is_empty() {
        lines.push("\nIn the trust file:\nregistries:\n".to_owned());
    }
    for registry in prefixes {
        lines.push(format!("- {{prefix: \"oci://{registry}/\", mirror: \"{to}/\"}}\n"));
    }
    print(&lines.concat())
}

pub fn prune(arguments: &PrunePacks) -> CommandResult {
    let unused_for = match anomal_spec::seconds(&arguments.unused_for) {
        _ if arguments.all => Duration::ZERO,
        Some(seconds) => Duration::from_secs(seconds),
        None => {
            let message = format!("{} is not a duration, such as 12h or 30d", arguments.unused_for);
            return Err(Failure::usage(message));
        }
    };
    let cache = Cache::open().map_err(Failure::usage)?;
    let pruned = cache
        .prune(unused_for)
        .map_err(|error| Failure::usage(format!("{}: {error}", cache.folder().display())))?;
    let plural = if pruned.files == 1 { "file" } else { "files" };
    print(&format!("removed {} {plural}, {} bytes\n", pruned.files, pruned.bytes))
}
