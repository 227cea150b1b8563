//! `anomal pack pull`, `push` and `sign`: one pack in a registry.

use std::fs;

use anomal_packs::{
    Descriptor, Fetcher, Kind, Layout, OciReference, Policy, PrivateKey, Reference, Wanted,
    oci::{self, Repository},
    to_tar,
};

use super::{
    super::{CommandResult, print},
    print_notes, registry_reference, write_file,
};
use crate::{
    args::{Connection, PullPack, PushPack, SignPack},
    packs::{access, fetcher},
    present::error::Failure,
};

pub fn pull(arguments: &PullPack) -> CommandResult {
    let reference: Reference = arguments.reference.parse()?;
    let mut fetcher = fetcher(&arguments.packs)?;
    fetcher.all_signatures = true;
    let fetched = fetcher.fetch(&reference, None, &access(&arguments.connection)?, Wanted::Pack)?;
    print_notes(fetcher.take_notes());
    if let Some(output) = &arguments.output {
        let mut layout = Layout::default();
        layout.add(&fetched.artifact, Some(&reference.to_string()));
        write_file(output, &to_tar(&layout.to_files())?)?;
    }
    print(&format!("{}\n", fetched.digest))
}

pub fn push(arguments: &PushPack) -> CommandResult {
    let reference = registry_reference(&arguments.reference)?;
    if reference.digest.is_some() {
        return Err(Failure::usage("a pack is pushed to a tag; its digest follows from its bytes"));
    }
    let fetcher = Fetcher::for_user(Policy::default(), false)?;
    let source = Reference::Path(arguments.source.clone());
    let access = access(&arguments.connection)?;
    let mut artifact = fetcher.fetch(&source, None, &access, Wanted::Pack)?.artifact;
    if arguments.compat && artifact.kind() != Kind::List {
        artifact = artifact.with_empty_config()?;
    }
    let repository = repository(&fetcher, &reference, &arguments.connection)?;
    oci::wait(|| async {
        repository.push(&artifact, Some(&reference.target())).await?;
        let subject = Descriptor::for_manifest(&artifact.manifest);
        repository.push_signatures(&subject, &artifact.signatures).await
    })?;
    print(&format!("{}\n", reference.with_digest(artifact.digest())))
}

/// Signs what the registry has under a reference.
pub fn sign(arguments: &SignPack) -> CommandResult {
    let reference = registry_reference(&arguments.reference)?;
    let file = arguments.key.display();
    let key = fs::read_to_string(&arguments.key)
        .map_err(|error| Failure::usage(format!("cannot read the key {file}: {error}")))?;
    let key = PrivateKey::from_pem(&key)
        .map_err(|error| Failure::usage(format!("the key {file}: {error}")))?;
    let fetcher = Fetcher::for_user(Policy::default(), false)?;
    let place = Reference::Oci(reference.clone());
    let artifact =
        fetcher.fetch(&place, None, &access(&arguments.connection)?, Wanted::Pack)?.artifact;
    let signature = anomal_packs::sign(&artifact, &key)?;
    let repository = repository(&fetcher, &reference, &arguments.connection)?;
    let subject = Descriptor::for_manifest(&artifact.manifest);
    oci::wait(|| repository.push_signatures(&subject, std::slice::from_ref(&signature)))?;
    print(&format!(
        "{}\nsigned by the key {}\n",
        reference.with_digest(artifact.digest()),
        key.public().fingerprint()
    ))
}

/// A repository to write to.
pub(super) fn repository(
    fetcher: &Fetcher,
    reference: &OciReference,
    connection: &Connection,
) -> Result<Repository, Failure> {
    let connection = fetcher.connection(reference, &access(connection)?)?;
    Ok(Repository::new(reference, &connection, true)?)
}
