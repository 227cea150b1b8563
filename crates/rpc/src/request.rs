//! What the services' requests have in common: settings of a version, then a table in chunks.

use anomal_core::{Code, Error, Result};
use anomal_proto::SETTINGS_VERSION;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use tonic::{Status, Streaming};

use crate::{Assembler, from_status};

/// One message of a request.
#[derive(Debug)]
pub enum Part<S> {
    Settings(S),
    Table(Bytes),
}

/// Takes a request's messages: its settings, and its table as yet unread.
///
/// # Errors
/// `InvalidRequest` without settings, `ResourceExhausted` for more bytes than `limit`.
pub async fn assemble<M, S>(
    mut messages: Streaming<M>,
    limit: usize,
    part: impl Fn(M) -> Option<Part<S>>,
) -> Result<(S, Assembler)> {
    let mut settings = None;
    let mut table = Assembler::new(limit);
    while let Some(message) = messages.message().await.map_err(|status| from_status(&status))? {
        match part(message) {
            Some(Part::Settings(told)) => settings = Some(told),
            Some(Part::Table(chunk)) => table.push(&chunk)?,
            None => {}
        }
    }
    let settings = settings.ok_or_else(|| {
        Error::new(
            Code::InvalidRequest,
            "SETTINGS_MISSING",
            "the request's first message has no settings",
        )
    })?;
    Ok((settings, table))
}

/// # Errors
/// `Incompatible` unless the settings are of the version that this engine knows.
pub fn check_version(version: u32) -> Result<()> {
    if version == SETTINGS_VERSION {
        return Ok(());
    }
    Err(Error::new(
        Code::Incompatible,
        "SETTINGS_VERSION",
        format!(
            "the request has settings of version {version} and this engine knows {SETTINGS_VERSION}; use the same \
             version of Anomal everywhere"
        ),
    ))
}

/// Settings of a version, from JSON.
///
/// # Errors
/// `Incompatible` for another version, `InvalidRequest` if they are no settings.
pub fn settings<S: DeserializeOwned>(json: &str, version: u32) -> Result<S> {
    check_version(version)?;
    serde_json::from_str(json).map_err(|error| {
        Error::new(
            Code::InvalidRequest,
            "SETTINGS_INVALID",
            format!("the settings are no JSON of ours: {error}"),
        )
    })
}

/// An answer without its last message; another try may have it.
pub fn cut_off() -> Status {
    Status::unavailable("the answer was cut off")
}
