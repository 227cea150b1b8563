//! The dead-letter file of an index: documents that the server rejects, with the reason.

use std::path::PathBuf;

use anomal_core::{Error, Result};
use anomal_spec::Auth;
use anomal_storage::Secrets;
use serde::Serialize;
use serde_json::value::RawValue;

use super::outcome::RejectedDocument;
use crate::{atomic_file::AtomicFile, remote::Access};

/// An NDJSON file, created with the first rejected document.
pub(super) struct RejectedDocumentFile {
    pub path: PathBuf,
    pub auth: Option<Auth>,
    pub secrets: Secrets,
    /// The position in the settings.
    pub place: String,
    pub index: String,
    pub file: Option<AtomicFile>,
    pub count: u64,
    /// The reason of the first document, for messages.
    pub first: Option<String>,
}

#[derive(Serialize)]
struct DeadLetterRecord<'a> {
    index: &'a str,
    #[serde(flatten)]
    rejected: &'a RejectedDocument,
    document: &'a RawValue,
}

/// The line of a document that an index rejects.
///
/// # Errors
/// `Internal`.
pub(super) fn line(index: &str, rejected: &RejectedDocument) -> Result<Vec<u8>> {
    let wrong = |error| Error::internal(format!("a rejected document: {error}"));
    let document = serde_json::from_slice(&rejected.document).map_err(wrong)?;
    let record = DeadLetterRecord { index, rejected, document };
    let mut line = serde_json::to_vec(&record).map_err(wrong)?;
    line.push(b'\n');
    Ok(line)
}

impl RejectedDocumentFile {
    /// # Errors
    /// `Output`.
    pub fn write(&mut self, rejected: &RejectedDocument) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let access =
                    Access { place: &self.place, auth: self.auth.as_ref(), secrets: &self.secrets };
                none.insert(AtomicFile::create(&self.path, &access)?)
            }
        };
        self.count += 1;
        self.first.get_or_insert_with(|| rejected.reason.clone());
        file.write(&line(&self.index, rejected)?)
    }
}
