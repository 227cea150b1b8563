use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a data source or a sink is entered. Secrets themselves never stand in settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Auth {
    /// Where the credentials are.
    pub secret_ref: SecretRef,
}

/// A Secret of the job's own namespace; a local run reads its keys from `--secrets DIR/NAME/KEY` or from the
/// environment variable `ANOMAL_SECRET_NAME_KEY`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
