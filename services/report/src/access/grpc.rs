//! Callers of gRPC, who have no sessions: each request brings its token.

use std::net::IpAddr;

use anomal_access::{bearer, no_token};
use anomal_core::Result;
use tonic::metadata::MetadataMap;

use super::{Access, Caller, Who};

impl Access {
    /// Who sends this request, by its `authorization`. `peer` is the other end of the connection; where it is
    /// not known, wrong tokens are not counted, for one caller's would shut out all.
    ///
    /// # Errors
    /// Unauthenticated without the right token, `ResourceExhausted` after too many wrong ones, Unavailable if the
    /// API server can't be asked.
    pub async fn caller_of_metadata(
        &self,
        metadata: &MetadataMap,
        peer: Option<IpAddr>,
    ) -> Result<Caller> {
        if self.is_open() {
            return Ok(self.caller(Who::Anyone));
        }
        let sent = metadata.get("authorization").and_then(|sent| bearer(sent.as_bytes()));
        let known = match (sent, peer) {
            (None, _) => Err(no_token()),
            (Some(token), None) => self.ask(token).await,
            (Some(token), peer) => {
                self.by_token(token, peer).await.map_err(|refusal| refusal.error)
            }
        };
        match known {
            Ok(known) => Ok(self.caller(known.who)),
            Err(error) => {
                tracing::warn!(?peer, reason = error.reason, "a caller was not let in");
                Err(error)
            }
        }
    }
}
