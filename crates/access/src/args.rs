//! The command-line options of an engine that accepts callers by their token, or everyone.

use std::sync::Arc;

use anomal_core::Result;
use clap::{Args, ValueEnum};

use crate::{API_TIMEOUT, Reviews, client};

/// How callers are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenAuth {
    /// Anyone may use the engine
    Open,
    /// The Kubernetes API server decides whether a token is valid for this service
    Kubernetes,
}

#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    /// Who may use the engine
    #[arg(long, env = "ANOMAL_AUTH", value_enum, default_value_t = TokenAuth::Open)]
    pub auth: TokenAuth,
    /// The audience that Kubernetes tokens must be made for
    #[arg(long, env = "ANOMAL_AUDIENCE", default_value = "anomal")]
    pub audience: String,
}

impl TokenArgs {
    /// The reviews of tokens; none if anyone may use the engine. `tls`: whether tokens arrive encrypted.
    ///
    /// # Errors
    /// If no API server is found.
    pub async fn reviews(&self, tls: bool) -> Result<Option<Arc<Reviews>>> {
        match self.auth {
            TokenAuth::Open => Ok(None),
            TokenAuth::Kubernetes => {
                if !tls {
                    tracing::warn!("tokens are sent unencrypted; set --tls-cert and --tls-key");
                }
                let reviews = Reviews::new(client().await?, self.audience.clone(), API_TIMEOUT);
                Ok(Some(Arc::new(reviews)))
            }
        }
    }
}
