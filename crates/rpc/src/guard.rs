//! Authentication of callers by token, before all methods of a service, so that no method is missed. Health and
//! reflection have no data of users, and stay open.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anomal_access::{Reviews, User, bearer, no_token};
use anomal_core::{Code, Error, Result};
use http::{Extensions, HeaderValue, Request, Response, header::AUTHORIZATION};
use tonic::{service::Routes, transport::server::TcpConnectInfo};
use tower::{Layer, Service};

use crate::{metrics::Metrics, status::to_status};

/// Who shares what an engine keeps for its callers: a namespace, or a user of none. Without authentication all callers
/// are one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tenant(String);

impl Tenant {
    /// The tenant of a request.
    pub fn find(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }
}

impl From<&User> for Tenant {
    fn from(user: &User) -> Self {
        Self(match user.namespace() {
            Some(namespace) => format!("namespace {namespace}"),
            None => format!("user {}", user.name),
        })
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() { "all callers" } else { &self.0 })
    }
}

/// Requires a valid token for the routes. Without reviews, the routes are open.
pub fn require_tokens(
    routes: Routes,
    reviews: Option<Arc<Reviews>>,
    metrics: &Arc<Metrics>,
) -> Routes {
    match reviews {
        None => routes,
        Some(reviews) => {
            let guard = Guard { reviews, metrics: Arc::clone(metrics) };
            routes.into_axum_router().layer(guard).into()
        }
    }
}

#[derive(Clone)]
struct Guard {
    reviews: Arc<Reviews>,
    metrics: Arc<Metrics>,
}

impl Guard {
    async fn check(&self, header: Option<HeaderValue>) -> Result<Tenant> {
        let message = "a token is needed: send it as `authorization: Bearer …`".to_owned();
        let token = header.as_ref().and_then(|header| bearer(header.as_bytes()));
        let token = token.ok_or_else(|| Error { message, ..no_token() })?;
        // Boxed: the future of a request to the API server is large, and rarely needed.
        let user = Box::pin(self.reviews.user(token)).await;
        user.map(|(user, _)| Tenant::from(user.as_ref())).map_err(|mut error| {
            if error.code == Code::Unauthenticated {
                let audience = self.reviews.audience();
                error.message = format!("{}; use one for the audience {audience:?}", error.message);
            }
            error
        })
    }
}

impl<S> Layer<S> for Guard {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService { inner, guard: self.clone() }
    }
}

#[derive(Clone)]
struct GuardService<S> {
    inner: S,
    guard: Guard,
}

impl<S, B, R> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = Infallible;
    type Future =
        Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send + 'static>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // `self.inner` is the one that is ready, see the documentation of `tower::Service`.
        let other = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, other);
        let guard = self.guard.clone();
        // The methods do not need it.
        let header = request.headers_mut().remove(AUTHORIZATION);
        Box::pin(async move {
            match guard.check(header).await {
                Ok(tenant) => {
                    request.extensions_mut().insert(tenant);
                    inner.call(request).await
                }
                Err(error) => {
                    let peer = request.extensions().get::<TcpConnectInfo>();
                    let peer = peer.and_then(|peer| peer.remote_addr);
                    tracing::warn!(?peer, reason = error.reason, "refused a caller");
                    let status = to_status(&error);
                    guard.metrics.refused(status.code());
                    Ok(status.into_http())
                }
            }
        })
    }
}
