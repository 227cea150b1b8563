//! `anomal pack update` and `verify`: what is locked, what there is now, and whether it is trusted.

use std::{fmt::Write, path::Path};

use anomal_packs::{Artifact, LockedPack, Reference, ResolvedPack, Wanted};
use anomal_spec::{PackManifest, is_url};

use super::{
    super::{CommandResult, print},
    print_notes,
};
use crate::{
    args::{UpdatePacks, VerifyPacks},
    packs::{self, PackContext, Refresh},
    present::error::Failure,
    settings,
};

pub fn update(arguments: &UpdatePacks) -> CommandResult {
    let context = PackContext {
        refresh: arguments.name.clone().map_or(Refresh::All, Refresh::Pack),
        ..PackContext::new(&arguments.packs, Some(&arguments.job))
    };
    let before = PackContext::new(&arguments.packs, Some(&arguments.job)).resolver()?.lock;
    let before = before.map(|lock| [lock.lock.packs, lock.lock.lists].concat()).unwrap_or_default();
    let (settings, mut resolver) = settings::with_resolver(&arguments.job, context)?;
    let mut text = String::new();
    let wanted =
        |pack: &&ResolvedPack| arguments.name.as_ref().is_none_or(|name| *name == pack.name);
    let packs: Vec<&ResolvedPack> = settings.references().filter(wanted).collect();
    if let Some(name) = arguments.name.as_ref().filter(|_| packs.is_empty()) {
        let names = settings.references().map(|pack| pack.name.as_str());
        let hint = anomal_spec::suggestion(name, names);
        return Err(Failure::usage(format!(
            "{} has no pack or list `{name}` with a `ref`; {hint}",
            arguments.job.display()
        )));
    }
    for pack in packs {
        let locked = before.iter().find(|locked| locked.name == pack.name);
        let old = locked.and_then(|locked| resolver.fetcher.cache.as_ref()?.load(locked.digest));
        describe(&mut text, pack, locked, old.as_ref());
    }
    if arguments.dry_run {
        print_notes(resolver.fetcher.take_notes());
        return print(&text);
    }
    let lock = resolver.lock.as_mut().map(anomal_packs::LockFile::save).transpose();
    lock.map_err(|error| {
        Failure::usage(format!("{} can't be written: {error}", anomal_packs::LOCK))
    })?;
    print_notes(resolver.finish());
    print(&text)
}

// Writing to a string cannot fail.
fn describe(
    text: &mut String,
    pack: &ResolvedPack,
    locked: Option<&LockedPack>,
    old: Option<&Artifact>,
) {
    let digest = pack.fetched.digest;
    let _ = match locked {
        Some(locked) if locked.digest == digest => {
            writeln!(text, "{}: unchanged, {digest}", pack.name)
        }
        Some(locked) => writeln!(text, "{}: {} -> {digest}", pack.name, locked.digest),
        None => writeln!(text, "{}: new, {digest}", pack.name),
    };
    let new = pack.fetched.artifact.pack_manifest().ok();
    let old = old.and_then(|artifact| artifact.pack_manifest().ok());
    let (Some(new), Some(old)) = (new, old) else { return };
    if new.version != old.version {
        let _ = writeln!(text, "  version {} -> {}", old.version, new.version);
    }
    for line in differences(&old, &new) {
        let _ = writeln!(text, "  {line}");
    }
}

/// What differs between the components of two versions.
fn differences(old: &PackManifest, new: &PackManifest) -> Vec<String> {
    let mut lines = Vec::new();
    for component in &new.components {
        match old.components.iter().find(|one| one.name == component.name) {
            None => lines.push(format!("+ {}", component.name)),
            Some(before) if before != component => lines.push(format!("~ {}", component.name)),
            Some(_) => {}
        }
    }
    let gone =
        old.components.iter().filter(|one| !new.components.iter().any(|two| two.name == one.name));
    lines.extend(gone.map(|component| format!("- {}", component.name)));
    lines
}

pub fn verify(arguments: &VerifyPacks) -> CommandResult {
    let subject = arguments.subject.as_str();
    let is_job = !is_url(subject)
        && Path::new(subject).extension().is_some_and(|end| end == "yaml" || end == "yml");
    if is_job && !subject.ends_with(anomal_packs::MANIFEST) {
        let context = PackContext::new(&arguments.packs, Some(Path::new(subject)));
        let (settings, mut resolver) = settings::with_resolver(Path::new(subject), context)?;
        // Without the lock: verifying writes nothing.
        resolver.lock = None;
        print_notes(resolver.finish());
        let mut text = String::new();
        for pack in settings.references() {
            text.push_str(&line(
                &pack.name,
                pack.fetched.artifact.kind().name(),
                &pack.fetched.digest.to_string(),
                pack.signer.as_deref(),
            ));
        }
        return print(&text);
    }
    let reference: Reference = subject.parse()?;
    let fetcher = packs::fetcher(&arguments.packs)?;
    let fetched =
        fetcher.fetch(&reference, None, &packs::access(&arguments.connection)?, Wanted::Pack)?;
    print_notes(fetcher.take_notes());
    let pinned = reference.digest().is_some();
    let signer = fetcher.policy.check(&fetched.artifact, Some(&reference), pinned)?;
    print(&line(
        subject,
        fetched.artifact.kind().name(),
        &fetched.digest.to_string(),
        signer.as_deref(),
    ))
}

fn line(name: &str, kind: &str, digest: &str, signer: Option<&str>) -> String {
    let trusted = signer.map_or_else(
        || "trusted without a signature".to_owned(),
        |key| format!("signed by the key {key}"),
    );
    format!("{name}: {kind}, {digest}, {trusted}\n")
}
