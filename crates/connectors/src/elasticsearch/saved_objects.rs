//! Dashboards, handed to Kibana or OpenSearch Dashboards.

use anomal_core::{Code, Error, Result};
use serde::Deserialize;

use super::client::{Client, Request};

/// The answer to an import.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    success: bool,
    #[serde(default)]
    success_count: u64,
    #[serde(default)]
    errors: Vec<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(rename = "type")]
    kind: String,
    message: Option<String>,
}

/// Imports saved objects, a JSON object a line, in place of those that are there already; how many there are.
///
/// # Errors
/// `Incompatible` if one of them is refused, or if it is no such server; those of [`Client::request`].
pub fn import(client: &Client, objects: &str) -> Result<u64> {
    let path = "/api/saved_objects/_import?overwrite=true";
    let request = Request::post(path).file("anomal.ndjson", objects.as_bytes());
    let answer = client.request(&request)?;
    let refused = |why: String| {
        let message = format!(
            "{} does not import the dashboards ({why}); check that the URL is that of Kibana or OpenSearch \
             Dashboards, and of its space",
            client.name()
        );
        Error::new(Code::Incompatible, "IMPORT_REFUSED", message)
    };
    if !answer.is_success() {
        return Err(refused(answer.told()));
    }
    let imported: Imported = answer.json().map_err(|error| refused(error.message))?;
    if imported.success {
        return Ok(imported.success_count);
    }
    let of = |refused: &Refused| {
        let message = refused.error.message.as_deref().unwrap_or(&refused.error.kind);
        format!("{} {}: {message}", refused.kind, refused.id)
    };
    let reasons: Vec<String> = imported.errors.iter().map(of).collect();
    Err(refused(reasons.join("; ")))
}
