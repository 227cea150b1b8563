//! Requests: retried, bounded, and without credentials on the way to another host.

use std::{thread, time::Duration};

use anomal_core::Code;
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use reqwest::{
    Certificate, Client, RequestBuilder, Response, StatusCode, header, redirect::Policy,
};

use crate::{PackError, Result};

const AGENT: &str = concat!("anomal/", env!("CARGO_PKG_VERSION"));
const CONNECT: Duration = Duration::from_secs(10);
/// A connection without data for this long is broken.
const SILENCE: Duration = Duration::from_mins(1);
const MAX_REDIRECTS: usize = 5;
/// Attempts after the first, and the pauses before them.
pub const RETRIES: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// Waits for network work on any thread.
///
/// # Errors
/// Those of the work; `CANCELLED` if the process was asked to stop.
pub fn wait<T: Send, F: Future<Output = Result<T>>>(work: impl FnOnce() -> F + Send) -> Result<T> {
    let internal = |message: String| PackError::new(Code::Internal, "INTERNAL", message);
    let handle = anomal_storage::handle().map_err(|error| internal(error.message))?;
    let cancelled = || Err(PackError::new(Code::Cancelled, "CANCELLED", "the work was cancelled"));
    let work = move || async move {
        tokio::select! {
            done = work() => done,
            () = anomal_storage::cancelled() => cancelled(),
        }
    };
    // Not on this thread, which may belong to another runtime.
    thread::scope(|scope| {
        let waiting = scope.spawn(|| handle.block_on(work()));
        waiting
            .join()
            .unwrap_or_else(|_| Err(internal("a transfer ended without a result".to_owned())))
    })
}

/// A client that trusts the authorities of the system, and those in `ca` (PEM).
///
/// # Errors
/// `ca` has no certificate.
pub fn http_client(ca: Option<&[u8]>) -> Result<Client> {
    let redirects = Policy::custom(|attempt| {
        let before = attempt.previous().last();
        if attempt.previous().len() > MAX_REDIRECTS {
            attempt.error("more than 5 redirects")
        } else if attempt.url().scheme() != "https"
            && before.is_some_and(|url| url.scheme() == "https")
        {
            attempt.error("a redirect from https to http")
        } else {
            // The client leaves out `Authorization` where the host or the port differs.
            attempt.follow()
        }
    });
    let mut client = Client::builder()
        .user_agent(AGENT)
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .redirect(redirects)
        .referer(false);
    if let Some(pem) = ca {
        let certificates = Certificate::from_pem_bundle(pem).ok().filter(|found| !found.is_empty());
        let certificates = certificates.ok_or_else(|| {
            PackError::reference(
                "the file of tls.ca, or the key ca.crt of the secret, has no PEM certificate",
            )
        })?;
        for certificate in certificates {
            client = client.add_root_certificate(certificate);
        }
    }
    client.build().map_err(|error| {
        PackError::new(Code::Internal, "INTERNAL", format!("an HTTP client: {error}"))
    })
}

/// The pauses between attempts.
pub fn new_pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_max_times(RETRIES)
        .with_jitter()
        .build()
}

/// Whether another attempt may succeed.
pub fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502..=504)
}

/// Sends a request; again after a pause where the server is away or asks for patience.
///
/// # Errors
/// `REGISTRY_UNAVAILABLE`.
pub async fn send(name: &str, request: impl Fn() -> RequestBuilder) -> Result<Response> {
    let mut pauses = new_pauses();
    loop {
        let (why, asked) = match request().send().await {
            Ok(response) if !is_transient(response.status()) => return Ok(response),
            Ok(response) => (format!("it answers {}", response.status()), retry_after(&response)),
            Err(error) if error.is_builder() || error.is_redirect() => {
                return Err(PackError::unavailable(format!("{name}: {}", cause(error))));
            }
            Err(error) => (cause(error), None),
        };
        let Some(pause) = pauses.next() else {
            return Err(PackError::unavailable(format!(
                "{name}: {why}, also after {RETRIES} more attempts; check the address and the network, or use what is \
                 cached by --offline"
            )));
        };
        tokio::time::sleep(pause.max(asked.unwrap_or_default())).await;
    }
}

/// The pause that a server asks for, in seconds or as a time.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let time = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(time.duration_since(jiff::Timestamp::now())).ok()?
        }
    };
    Some(asked.min(LONGEST_ASKED))
}

/// The innermost cause, without the URL, whose query may be a secret.
pub fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The body of a short answer.
///
/// # Errors
/// It is longer than `most`, or the connection breaks.
pub async fn read(mut response: Response, name: &str, most: u64) -> Result<Bytes> {
    let too_large = || PackError::invalid(format!("{name} sends more than {most} bytes"));
    if response.content_length().is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| PackError::unavailable(format!("{name}: {}", cause(error))))?
    {
        if (body.len() + chunk.len()) as u64 > most {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

/// The size of a body that is known before, or the most that is read.
#[derive(Clone, Copy)]
pub enum Length {
    Exactly(u64),
    AtMost(u64),
}

/// Downloads a body that may break off: the rest is asked for as a range. `open` sends the request, with this offset.
///
/// # Errors
/// `REGISTRY_UNAVAILABLE`, those of `open`, and a body that is too long.
pub async fn download(
    name: &str,
    length: Length,
    open: impl AsyncFn(u64) -> Result<Response>,
) -> Result<Bytes> {
    let (Length::Exactly(most) | Length::AtMost(most)) = length;
    let mut body: Vec<u8> = Vec::new();
    let mut pauses = new_pauses();
    loop {
        let before = body.len();
        let mut response = open(before as u64).await?;
        if response.status() != StatusCode::PARTIAL_CONTENT {
            body.clear();
        }
        let broken = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if (body.len() + chunk.len()) as u64 > most => {
                    return Err(PackError::invalid(format!(
                        "{name} has more than {most} bytes, which is refused"
                    )));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) if matches!(length, Length::Exactly(exact) if (body.len() as u64) < exact) =>
                {
                    break format!("it ends after {} of {most} bytes", body.len());
                }
                Ok(None) => return Ok(body.into()),
                Err(error) => break cause(error),
            }
        };
        // A connection that breaks again and again, but brings much each time, is used further.
        if body.len() > before + (1 << 20) {
            pauses = new_pauses();
        }
        let Some(pause) = pauses.next() else {
            return Err(PackError::unavailable(format!(
                "{name}: {broken}, also after {RETRIES} more attempts"
            )));
        };
        tokio::time::sleep(pause).await;
    }
}
