//! Imports dashboards into Kibana or OpenSearch Dashboards.

use anomal_core::{Code, Error, Result};
use serde::Deserialize;

use super::client::{Client, Request};

/// The response to an import.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImportResponse {
    success: bool,
    #[serde(default)]
    success_count: u64,
    #[serde(default)]
    errors: Vec<ImportError>,
}

#[derive(Deserialize)]
struct ImportError {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    error: ErrorReason,
}

#[derive(Deserialize)]
struct ErrorReason {
    #[serde(rename = "type")]
    kind: String,
    message: Option<String>,
}

/// Imports saved objects, one JSON object a line, and overwrites existing ones. Returns their number.
///
/// # Errors
/// `Incompatible` if the server refuses one of them, or is not such a server; those of [`Client::request`].
pub fn import(client: &Client, objects: &str) -> Result<u64> {
    let path = "/api/saved_objects/_import?overwrite=true";
    let request = Request::post(path).file("anomal.ndjson", objects.as_bytes());
    let answer = client.request(&request)?;
    let refused = |why: String| {
        let message = format!(
            "{} does not import the dashboards ({why}); check that the URL is that of Kibana or OpenSearch \
             Dashboards, including its space",
            client.name()
        );
        Error::new(Code::Incompatible, "IMPORT_REFUSED", message)
    };
    if !answer.is_success() {
        return Err(refused(answer.describe()));
    }
    let imported: ImportResponse = answer.json().map_err(|error| refused(error.message))?;
    if imported.success {
        return Ok(imported.success_count);
    }
    let describe = |error: &ImportError| {
        let message = error.error.message.as_deref().unwrap_or(&error.error.kind);
        format!("{} {}: {message}", error.kind, error.id)
    };
    let reasons: Vec<String> = imported.errors.iter().map(describe).collect();
    Err(refused(reasons.join("; ")))
}
