//! Documents that a server does not take, kept with the reason.

use std::path::PathBuf;

use anomal_core::{Error, Result};
use anomal_spec::Auth;
use anomal_storage::Secrets;
use serde::Serialize;
use serde_json::value::RawValue;

use super::deliver::Refused;
use crate::{Access, atomic_file::AtomicFile};

/// An NDJSON file; made when there is the first.
pub(super) struct Letters {
    pub path: PathBuf,
    pub auth: Option<Auth>,
    pub secrets: Secrets,
    /// Where the settings name it.
    pub place: String,
    pub index: String,
    pub file: Option<AtomicFile>,
    pub count: u64,
    /// Of the first, for people.
    pub first: Option<String>,
}

#[derive(Serialize)]
struct Letter<'a> {
    index: &'a str,
    #[serde(flatten)]
    refused: &'a Refused,
    document: &'a RawValue,
}

impl Letters {
    /// # Errors
    /// `Output`.
    pub fn keep(&mut self, refused: &Refused) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let access =
                    Access { place: &self.place, auth: self.auth.as_ref(), secrets: &self.secrets };
                none.insert(AtomicFile::create(&self.path, &access)?)
            }
        };
        let wrong = |error| Error::internal(format!("a refused document: {error}"));
        let document = serde_json::from_slice(&refused.document).map_err(wrong)?;
        let letter = Letter { index: &self.index, refused, document };
        let mut line = serde_json::to_vec(&letter).map_err(wrong)?;
        line.push(b'\n');
        self.count += 1;
        self.first.get_or_insert_with(|| refused.reason.clone());
        file.write(&line)
    }
}
