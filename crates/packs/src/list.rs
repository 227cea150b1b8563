//! Lists of indicators: from references to artifacts.

use std::{io, path::Path};

use anomal_core::PackUpload;
use anomal_spec::{ListSettings, is_url};

use crate::{Artifact, Digest, PackError, Result, archive::MAX_UNPACKED, folder::read_file};

/// Reads a list. Returns its settings with the digest of its artifact, for an engine, and the artifact.
///
/// # Errors
/// There is no such file, it is too large, or has another digest than the settings say.
pub fn read_list(settings: &ListSettings) -> Result<(ListSettings, PackUpload)> {
    let reference = settings.reference.as_str();
    if is_url(reference) {
        return Err(PackError::reference(format!(
            "{reference}: a list is a file, which `ref` names by its path"
        )));
    }
    let file = Path::new(reference);
    let bytes = read_file(file, MAX_UNPACKED).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => PackError::not_found(format!("there is no file {reference}")),
        _ => PackError::not_found(format!("cannot read {reference}: {error}")),
    })?;
    let found = Digest::from_content(&bytes).to_string();
    if let Some(wanted) = settings.digest.as_ref().filter(|wanted| **wanted != found) {
        return Err(PackError::digest(format!(
            "{reference} has the digest {found} and not {wanted}; if the list was meant to change, change `digest`"
        )));
    }
    let artifact = Artifact::from_list_file(bytes)?;
    let mut settings = settings.clone();
    settings.digest = Some(artifact.digest().to_string());
    settings.auth = None;
    Ok((settings, artifact.to_upload()))
}
