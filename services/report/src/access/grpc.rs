//! Callers of gRPC, which has no sessions: each request carries its token.

use std::net::IpAddr;

use anomal_access::{bearer, no_token};
use anomal_core::Result;
use tonic::metadata::MetadataMap;

use super::{Access, Caller, Principal};

impl Access {
    /// The caller of a request, by its `authorization`. `peer` is the other end of the connection; without it wrong
    /// tokens are not counted, since those of one caller would block all.
    ///
    /// # Errors
    /// `Unauthenticated` without a valid token, `ResourceExhausted` after too many wrong ones, `Unavailable` if the
    /// API server can't be asked.
    pub async fn caller_from_metadata(
        &self,
        metadata: &MetadataMap,
        peer: Option<IpAddr>,
    ) -> Result<Caller> {
        if self.is_open() {
            return Ok(self.caller(Principal::Anyone, peer));
        }
        let sent = metadata.get("authorization").and_then(|sent| bearer(sent.as_bytes()));
        let identity = match (sent, peer) {
            (None, _) => Err(no_token()),
            (Some(token), None) => self.verify(token).await,
            (Some(token), peer) => {
                self.authenticate(token, peer).await.map_err(|refusal| refusal.error)
            }
        };
        match identity {
            Ok(identity) => Ok(self.caller(identity.principal, peer)),
            Err(error) => {
                tracing::warn!(?peer, reason = error.reason, "a caller was refused");
                Err(error)
            }
        }
    }
}
