//! Admission of requests: each is counted, traced and limited by its deadline, and refused if there are too many.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use anomal_core::{Code, Error, Result};
use futures::stream::BoxStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::Stream;
use tonic::{Status, metadata::MetadataMap};
use tracing::{Instrument, Span};

use crate::{
    deadline::{self, Deadline},
    metrics::Metrics,
    status::to_status,
    trace,
};

/// The limits of a service.
#[derive(Clone, Debug)]
pub struct Admission {
    slots: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    max_request_bytes: usize,
}

impl Admission {
    pub fn new(max_concurrent: usize, max_request_bytes: usize, metrics: Arc<Metrics>) -> Self {
        Self { slots: Arc::new(Semaphore::new(max_concurrent)), metrics, max_request_bytes }
    }

    /// The maximum size of a request's table in bytes.
    pub fn max_request_bytes(&self) -> usize {
        self.max_request_bytes
    }

    /// Does the work of a request, unless the limit of concurrent requests is reached. Clients retry that
    /// `RESOURCE_EXHAUSTED` with another replica, or later.
    pub async fn run<T>(
        &self,
        method: &'static str,
        metadata: &MetadataMap,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T, Status> {
        let (answer, mut request) = self.work(method, metadata, work).await?;
        request.end(None);
        Ok(answer)
    }

    /// As [`Admission::run`] for an answer in parts. The request holds its slot until the last part is sent, or the client
    /// is gone.
    pub async fn stream<I: Iterator>(
        &self,
        method: &'static str,
        metadata: &MetadataMap,
        work: impl Future<Output = Result<I>>,
    ) -> Result<Answers<I>, Status> {
        let (parts, request) = self.work(method, metadata, work).await?;
        Ok(Answers { parts, request: Some(request) })
    }

    /// As [`Admission::stream`] for parts that are computed asynchronously.
    pub async fn flow<T>(
        &self,
        method: &'static str,
        metadata: &MetadataMap,
        work: impl Future<Output = Result<BoxStream<'static, Result<T>>>>,
    ) -> Result<Flow<T>, Status> {
        let (parts, request) = self.work(method, metadata, work).await?;
        Ok(Flow { parts, request: Some(request) })
    }

    async fn work<T>(
        &self,
        method: &'static str,
        metadata: &MetadataMap,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Request), Status> {
        let mut request = Request::new(method, metadata, Arc::clone(&self.metrics));
        let deadline = Deadline::of(metadata);
        let done = async {
            let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| busy())?;
            Ok::<_, Error>((deadline::within(deadline, work).await?, slot))
        };
        match done.instrument(request.span.clone()).await {
            Ok((answer, slot)) => {
                request.slot = Some(slot);
                Ok((answer, request))
            }
            Err(error) => {
                let status = to_status(&error);
                request.end(Some(&status));
                Err(status)
            }
        }
    }
}

pub(crate) const BUSY: &str = "TOO_MANY_REQUESTS";

fn busy() -> Error {
    Error::new(
        Code::ResourceExhausted,
        BUSY,
        "the engine has reached its limit of concurrent requests; try again later",
    )
}

/// An admitted request. It is counted when it is dropped, also if its client has gone away.
struct Request {
    method: &'static str,
    metrics: Arc<Metrics>,
    span: Span,
    started: Instant,
    /// None until the outcome is sent.
    code: Option<tonic::Code>,
    slot: Option<OwnedSemaphorePermit>,
}

impl Request {
    fn new(method: &'static str, metadata: &MetadataMap, metrics: Arc<Metrics>) -> Self {
        metrics.started();
        Self {
            method,
            metrics,
            span: trace::incoming(method, metadata),
            started: Instant::now(),
            code: None,
            slot: None,
        }
    }

    fn time(&self) -> Duration {
        self.started.elapsed()
    }

    fn end(&mut self, failed: Option<&Status>) {
        let _entered = self.span.enter();
        let seconds = self.time().as_secs_f64();
        match failed {
            None => tracing::info!(seconds, "done"),
            Some(status) => {
                anomal_telemetry::failed(&self.span, status.message());
                tracing::warn!(seconds, code = ?status.code(), "{}", status.message());
            }
        }
        self.code = Some(failed.map_or(tonic::Code::Ok, Status::code));
        drop(self.slot.take());
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.code.is_none() {
            let _entered = self.span.enter();
            tracing::info!(seconds = self.time().as_secs_f64(), "cancelled by the client");
        }
        let code = self.code.unwrap_or(tonic::Code::Cancelled);
        self.metrics.ended(self.method, code, self.time());
    }
}

/// The parts of an answer, each computed when the one before was sent.
pub struct Answers<I> {
    parts: I,
    request: Option<Request>,
}

impl<I: Iterator + Unpin> Stream for Answers<I> {
    type Item = Result<I::Item, Status>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = this.parts.next();
        if next.is_none()
            && let Some(mut request) = this.request.take()
        {
            request.end(None);
        }
        Poll::Ready(next.map(Ok))
    }
}

/// The parts of an answer that are computed asynchronously.
pub struct Flow<T> {
    parts: BoxStream<'static, Result<T>>,
    request: Option<Request>,
}

impl<T> Stream for Flow<T> {
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = ready!(this.parts.as_mut().poll_next(context));
        let next = next.map(|part| part.map_err(|error| to_status(&error)));
        let failed = match &next {
            Some(Ok(_)) => return Poll::Ready(next),
            Some(Err(status)) => Some(status),
            None => None,
        };
        if let Some(mut request) = this.request.take() {
            request.end(failed);
        }
        Poll::Ready(next)
    }
}

impl<T> fmt::Debug for Flow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").finish_non_exhaustive()
    }
}

impl<I> fmt::Debug for Answers<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}
