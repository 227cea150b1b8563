//! Only whoever has a token that was made for this service has work done by it. It stands before a service's
//! methods, so that none can be forgotten; health and reflection, which tell nothing of anyone, stay open.

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

/// The routes for callers whose tokens these reviews know, or for all if there are none.
pub fn guarded(routes: Routes, reviews: Option<Arc<Reviews>>, metrics: &Arc<Metrics>) -> Routes {
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
    async fn check(&self, sent: Option<HeaderValue>) -> Result<()> {
        let message = "a token is needed: send it as `authorization: Bearer …`".to_owned();
        let token = sent.as_ref().and_then(|sent| bearer(sent.as_bytes()));
        let token = token.ok_or_else(|| Error { message, ..no_token() })?;
        // Boxed: questions to an API server take much room, and are rare.
        let known = Box::pin(self.reviews.user(token)).await;
        known.map(|_| ()).map_err(|mut error| {
            if error.code == Code::Unauthenticated {
                let audience = self.reviews.audience();
                error.message = format!("{}; it takes those made for {audience:?}", error.message);
            }
            error
        })
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, guard: self.clone() }
    }
}

#[derive(Clone)]
struct Guarded<S> {
    inner: S,
    guard: Guard,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
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
        // The one that was found ready.
        let other = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, other);
        let guard = self.guard.clone();
        // Nobody behind has a use for it.
        let sent = request.headers_mut().remove(AUTHORIZATION);
        Box::pin(async move {
            match guard.check(sent).await {
                Ok(()) => inner.call(request).await,
                Err(error) => {
                    let peer = request.extensions().get::<TcpConnectInfo>();
                    let peer = peer.and_then(|peer| peer.remote_addr);
                    tracing::warn!(?peer, reason = error.reason, "a caller was not let in");
                    let status = to_status(&error);
                    guard.metrics.refused(status.code());
                    Ok(status.into_http())
                }
            }
        })
    }
}
