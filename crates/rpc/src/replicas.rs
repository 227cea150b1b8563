//! The replicas of a service: all addresses of its endpoints, resolved again every few seconds. Calls go to the replicas
//! in turn, and a call that a lost or busy replica did not answer is retried with another.

mod endpoint;
mod failure;
mod tls;
mod token;

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anomal_core::{Code, Error, Result};
use anomal_spec::{MessageCompression, RemoteEngine};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures::future::join_all;
use tonic::{Status, codec::CompressionEncoding};

use endpoint::Endpoint;
pub use endpoint::{Dns, EngineChannel, Resolver};
use failure::{incompatible, retryable, with_address, with_token_hint};
pub use token::Bearer;

/// The timeouts and intervals of a client.
#[derive(Clone, Debug)]
pub struct Pace {
    /// How often names are resolved.
    pub resolve: Duration,
    pub connect: Duration,
    /// A lost replica is detected within two of these.
    pub keepalive: Duration,
    /// How long a call is retried after its first failure.
    pub patience: Duration,
    /// How long to wait for the first answer of a replica.
    pub first_answer: Duration,
    /// The upper bound of the first delay before a retry; it doubles with each retry.
    pub pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(3),
            connect: Duration::from_secs(5),
            keepalive: Duration::from_secs(5),
            patience: Duration::from_secs(30),
            first_answer: Duration::from_secs(10),
            pause: Duration::from_millis(50),
        }
    }
}

const MAX_DELAY: Duration = Duration::from_secs(2);

impl Pace {
    /// The delays between retries: random between half of their upper bound and all of it, so that many clients do not
    /// retry at the same time.
    fn backoff(&self) -> ExponentialBackoff {
        // backon adds up to the same again to each delay.
        ExponentialBuilder::default()
            .with_min_delay(self.pause / 2)
            .with_max_delay(MAX_DELAY / 2)
            .without_max_times()
            .with_jitter()
            .build()
    }
}

/// The options of a client.
#[derive(Clone, Debug)]
pub struct Options {
    pub pace: Pace,
    pub resolver: Arc<dyn Resolver>,
}

impl Default for Options {
    fn default() -> Self {
        Self { pace: Pace::default(), resolver: Arc::new(Dns) }
    }
}

/// A replica and the channel to it.
#[derive(Clone, Debug)]
struct Replica {
    address: SocketAddr,
    channel: EngineChannel,
    /// The version of the certificates of its endpoint.
    version: u64,
}

/// The replicas of a service.
#[derive(Debug)]
pub struct Replicas {
    /// The path of the engine in the settings, for messages.
    place: &'static str,
    endpoints: Vec<Endpoint>,
    options: Options,
    compression: Option<CompressionEncoding>,
    current: RwLock<Vec<Replica>>,
    next: AtomicUsize,
}

impl Replicas {
    /// Resolves the endpoints now, and again every few seconds while the value exists. `place` is the path of the engine in
    /// the settings, such as `engines.feature`.
    ///
    /// # Errors
    /// `InvalidSettings` for an endpoint that is not a URL, or a certificate or token that can't be read;
    /// `Unavailable` if no name has an address.
    pub async fn resolve(settings: &RemoteEngine, place: &'static str) -> Result<Arc<Self>> {
        Self::with_options(settings, place, Options::default()).await
    }

    /// As [`Replicas::resolve`], with other timeouts or another resolver.
    ///
    /// # Errors
    /// As [`Replicas::resolve`].
    pub async fn with_options(
        settings: &RemoteEngine,
        place: &'static str,
        options: Options,
    ) -> Result<Arc<Self>> {
        let endpoints = settings.endpoints.iter();
        let endpoints = endpoints.map(|endpoint| Endpoint::new(endpoint, settings, place));
        let endpoints = endpoints.collect::<Result<Vec<Endpoint>>>()?;
        let every = options.pace.resolve;
        let (current, next) = (RwLock::default(), AtomicUsize::new(0));
        let compression = match settings.compression {
            MessageCompression::None => None,
            MessageCompression::Gzip => Some(CompressionEncoding::Gzip),
            MessageCompression::Zstd => Some(CompressionEncoding::Zstd),
        };
        let replicas = Arc::new(Self { place, endpoints, options, compression, current, next });
        replicas.look_up().await?;
        let weak = Arc::downgrade(&replicas);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(replicas) = weak.upgrade() else { return };
                if let Err(error) = replicas.look_up().await {
                    tracing::warn!("{error}");
                }
            }
        });
        Ok(replicas)
    }

    /// The present number of replicas.
    pub fn count(&self) -> usize {
        self.current.read().map_or(0, |current| current.len())
    }

    /// The compression of messages in both directions.
    pub fn compression(&self) -> Option<CompressionEncoding> {
        self.compression
    }

    /// The present addresses.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.current
            .read()
            .map(|current| current.iter().map(|one| one.address).collect())
            .unwrap_or_default()
    }

    /// Resolves all endpoints. If none can be resolved, the replicas stay as they are.
    async fn look_up(&self) -> Result<()> {
        let mut found: Vec<(SocketAddr, &Endpoint)> = Vec::new();
        let mut failed = None;
        for endpoint in &self.endpoints {
            endpoint.refresh();
            match endpoint.addresses(&self.options).await {
                Ok(addresses) => found.extend(addresses.into_iter().map(|one| (one, endpoint))),
                Err(error) => failed = Some(format!("{}: {error}", endpoint.uri)),
            }
        }
        found.sort_by_key(|one| one.0);
        found.dedup_by_key(|one| one.0);
        if found.is_empty() {
            return Err(no_address(&failed.unwrap_or_else(|| "no endpoint has an address".into())));
        }
        if let Some(failed) = failed {
            tracing::warn!("{failed}");
        }
        let before = self.current.read().map(|current| current.clone()).unwrap_or_default();
        let mut replicas = Vec::with_capacity(found.len());
        for (address, endpoint) in found {
            let version = endpoint.version();
            let same = |one: &&Replica| one.address == address && one.version == version;
            replicas.push(match before.iter().find(same).cloned() {
                Some(replica) => replica,
                // Calls on the replica before continue.
                None => {
                    let channel = endpoint.channel(address, &self.options.pace)?;
                    Replica { address, channel, version }
                }
            });
        }
        if let Ok(mut current) = self.current.write() {
            *current = replicas;
        }
        Ok(())
    }

    /// The next replica that has not failed, or the next one if all have.
    fn pick(&self, failed: &[SocketAddr]) -> Result<Replica> {
        let current =
            self.current.read().map_err(|_| Error::internal("the list of replicas is broken"))?;
        let mut candidates: Vec<&Replica> =
            current.iter().filter(|one| !failed.contains(&one.address)).collect();
        if candidates.is_empty() {
            candidates = current.iter().collect();
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed) % candidates.len().max(1);
        candidates
            .get(index)
            .copied()
            .cloned()
            .ok_or_else(|| no_address("no endpoint has an address"))
    }

    /// Calls the next replica. If it is lost or busy, other replicas are tried with growing delays, for half a minute by
    /// default.
    ///
    /// # Errors
    /// The error of the engine, or `Unavailable` with the address and the last cause.
    pub async fn call<T, F>(&self, call: impl Fn(EngineChannel) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Status>>,
    {
        self.call_at(|_, channel| call(channel)).await
    }

    /// As [`Replicas::call`], with the address of the replica for a caller that has to know them apart.
    ///
    /// # Errors
    /// As [`Replicas::call`].
    pub async fn call_at<T, F>(&self, call: impl Fn(SocketAddr, EngineChannel) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let pace = &self.options.pace;
        // The time for retries starts with the first failure: a replica may be lost after long work.
        let mut first_failure: Option<Instant> = None;
        let mut failed = Vec::new();
        // For each call, the failure of a replica is logged once.
        let mut logged = Vec::new();
        let mut delays = pace.backoff();
        loop {
            let replica = self.pick(&failed)?;
            let status = match call(replica.address, replica.channel).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            let error = with_address(replica.address, &status);
            let error = with_token_hint(error, replica.address, self.place);
            let since = first_failure.get_or_insert_with(Instant::now);
            let delay = delays.next().filter(|_| retryable(&error));
            let Some(delay) = delay.filter(|_| since.elapsed() <= pace.patience) else {
                return Err(error);
            };
            failed.push(replica.address);
            if failed.len() >= self.count() {
                failed.clear();
            }
            if !logged.contains(&replica.address) {
                logged.push(replica.address);
                tracing::warn!("{error}; retrying");
            }
            tokio::time::sleep(delay).await;
        }
    }

    /// Checks each replica with one call. One that answers is enough.
    ///
    /// # Errors
    /// `Incompatible` if one of them is no such engine; `Unavailable` if none answers.
    pub async fn check<T, F>(&self, call: impl Fn(EngineChannel) -> F) -> Result<()>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let replicas = self.current.read().map(|current| current.clone()).unwrap_or_default();
        let patience = self.options.pace.first_answer;
        let answers = replicas.into_iter().map(|Replica { address, channel, .. }| {
            let answer = tokio::time::timeout(patience, call(channel));
            async move {
                match answer.await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(status)) => {
                        Err(with_token_hint(check_error(address, &status), address, self.place))
                    }
                    Err(_) => Err(no_answer(address, patience)),
                }
            }
        });
        let mut answered = false;
        let mut silent = None;
        for answer in join_all(answers).await {
            match answer {
                Ok(()) => answered = true,
                // A busy replica is available.
                Err(error) if error.code == Code::ResourceExhausted => answered = true,
                Err(error) if error.code == Code::Unavailable => silent = Some(error),
                Err(error) => return Err(error),
            }
        }
        match silent {
            Some(error) if !answered => Err(error),
            _ => Ok(()),
        }
    }
}

fn check_error(address: SocketAddr, status: &Status) -> Error {
    let error = with_address(address, status);
    match error.code {
        Code::Unavailable
        | Code::ResourceExhausted
        | Code::Incompatible
        | Code::Unauthenticated
        | Code::PermissionDenied => error,
        _ => incompatible(address, status),
    }
}

fn no_answer(address: SocketAddr, patience: Duration) -> Error {
    Error::new(
        Code::Unavailable,
        "NO_ANSWER",
        format!(
            "{address} accepts connections, but did not answer in {patience:?}; check that it is an engine, and \
             whether to use http or https"
        ),
    )
}

fn no_address(cause: &str) -> Error {
    Error::new(Code::Unavailable, "NO_ADDRESS", format!("cannot find an engine: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_limit_and_are_random_in_their_upper_half() {
        let pace = Pace { pause: Duration::from_millis(100), ..Pace::default() };
        let bounds = [100, 200, 400, 800, 1_600, 2_000, 2_000].map(Duration::from_millis);
        for _ in 0..50 {
            for (delay, bound) in pace.backoff().zip(bounds) {
                assert!(bound / 2 <= delay && delay <= bound, "{delay:?} of {bound:?}");
            }
        }
    }
}
