//! Authentication of callers by token, before all methods of a service, so that no method is missed. Health and
//! reflection have no data of users, and stay open.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anomal_access::{Reviews, bearer, no_token};
use anomal_core::{Code, Error, Result};
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use tonic::{service::Routes, transport::server::TcpConnectInfo};
use tower::{Layer, Service};

use crate::{metrics::Metrics, status::to_status};

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
    async fn check(&self, header: Option<HeaderValue>) -> Result<()> {
        let message = "a token is needed: send it as `authorization: Bearer …`".to_owned();
        let token = header.as_ref().and_then(|header| bearer(header.as_bytes()));
        let token = token.ok_or_else(|| Error { message, ..no_token() })?;
        // Boxed: the future of a request to the API server is large, and rarely needed.
        let user = Box::pin(self.reviews.user(token)).await;
        user.map(|_| ()).map_err(|mut error| {
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
                Ok(()) => inner.call(request).await,
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
