//! The command line of an engine that lets callers in by their token, or everyone.

use std::sync::Arc;

use anomal_core::Result;
use clap::{Args, ValueEnum};

use crate::{PATIENCE, Reviews, client};

/// How callers are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenAuth {
    /// Whoever reaches it may have work done
    Open,
    /// The Kubernetes API server says whether a token is one that was made for this service
    Kubernetes,
}

#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    /// Who may have work done here
    #[arg(long, env = "ANOMAL_AUTH", value_enum, default_value_t = TokenAuth::Open)]
    pub auth: TokenAuth,
    /// What tokens of Kubernetes must be made for
    #[arg(long, env = "ANOMAL_AUDIENCE", default_value = "anomal")]
    pub audience: String,
}

impl TokenArgs {
    /// Who judges tokens; nobody where all are let in. `tls`: whether tokens come encrypted.
    ///
    /// # Errors
    /// If no API server is to be found.
    pub async fn reviews(&self, tls: bool) -> Result<Option<Arc<Reviews>>> {
        match self.auth {
            TokenAuth::Open => Ok(None),
            TokenAuth::Kubernetes => {
                if !tls {
                    tracing::warn!(
                        "tokens travel unencrypted: give this server --tls-cert and --tls-key"
                    );
                }
                let reviews = Reviews::new(client().await?, self.audience.clone(), PATIENCE);
                Ok(Some(Arc::new(reviews)))
            }
        }
    }
}
