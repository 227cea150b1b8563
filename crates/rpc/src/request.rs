//! Requests of the services: settings with a version, then a table in chunks.

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

/// Receives the messages of a request: its settings, and its table before it is read.
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
            Some(Part::Settings(received)) => settings = Some(received),
            Some(Part::Table(chunk)) => table.push(&chunk)?,
            None => {}
        }
    }
    let settings = settings.ok_or_else(|| {
        Error::new(
            Code::InvalidRequest,
            "SETTINGS_MISSING",
            "the first message of the request has no settings",
        )
    })?;
    Ok((settings, table))
}

/// Checks the version of the settings.
///
/// # Errors
/// `Incompatible` for another version than that of this engine.
pub fn check_version(version: u32) -> Result<()> {
    if version == SETTINGS_VERSION {
        return Ok(());
    }
    Err(Error::new(
        Code::Incompatible,
        "SETTINGS_VERSION",
        format!(
            "the request has settings of version {version}, and this engine supports {SETTINGS_VERSION}; use the \
             same version of Anomal everywhere"
        ),
    ))
}

/// Parses settings from JSON after checking their version.
///
/// # Errors
/// `Incompatible` for another version, `InvalidRequest` for invalid JSON.
pub fn settings<S: DeserializeOwned>(json: &str, version: u32) -> Result<S> {
    check_version(version)?;
    serde_json::from_str(json).map_err(|error| {
        Error::new(
            Code::InvalidRequest,
            "SETTINGS_INVALID",
            format!("the settings of the request are invalid: {error}"),
        )
    })
}

/// The status for an answer without its last message. The call is retried.
pub fn incomplete_answer() -> Status {
    Status::unavailable("the answer is incomplete")
}
