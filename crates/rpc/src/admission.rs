//! Every request passes here: counted, traced, and refused where there are too many.

use std::{future::Future, sync::Arc, time::Instant};

use anomal_core::{Code, Error, Result};
use tokio::sync::Semaphore;
use tonic::{Status, metadata::MetadataMap};
use tracing::{Instrument, Span, info_span};

use crate::{metrics::Metrics, status::to_status, trace};

/// What a service lets in, and what a request may have.
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

    /// Bytes that the table of a request may have.
    pub fn max_request_bytes(&self) -> usize {
        self.max_request_bytes
    }

    /// Does a request's work, unless too much is being done already. The answer to `RESOURCE_EXHAUSTED` of
    /// that kind is another try, elsewhere or later.
    pub async fn run<T>(
        &self,
        method: &'static str,
        metadata: &MetadataMap,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T, Status> {
        let span = info_span!("request", method);
        trace::incoming(&span, metadata);
        let started = Instant::now();
        self.metrics.started();
        let mut ended = Ended { admission: self, method, started, code: tonic::Code::Cancelled };
        let result = async {
            let _slot = self.slots.try_acquire().map_err(|_| busy())?;
            work.await
        }
        .instrument(span.clone())
        .await;
        let result = result.map_err(|error| to_status(&error));
        ended.code = result.as_ref().map_or_else(Status::code, |_| tonic::Code::Ok);
        log(&span, &ended, result.as_ref().err());
        result
    }
}

pub(crate) const BUSY: &str = "TOO_MANY_REQUESTS";

fn busy() -> Error {
    Error::new(
        Code::ResourceExhausted,
        BUSY,
        "this engine works on as many requests as it may; try again",
    )
}

fn log(span: &Span, ended: &Ended<'_>, failed: Option<&Status>) {
    let _entered = span.enter();
    let seconds = ended.started.elapsed().as_secs_f64();
    match failed {
        None => tracing::info!(seconds, "done"),
        Some(status) => tracing::warn!(seconds, code = ?status.code(), "{}", status.message()),
    }
}

/// Counts a request however it ends: also one whose client went away.
struct Ended<'a> {
    admission: &'a Admission,
    method: &'static str,
    started: Instant,
    code: tonic::Code,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.admission.metrics.ended(self.method, self.code, self.started.elapsed());
    }
}
