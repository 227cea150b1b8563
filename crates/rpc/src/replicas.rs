//! The replicas of a service: all addresses of its names, found again every few seconds; each call goes to
//! the next of them, and a call that a lost or busy replica did not answer to another.

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
use futures::future::join_all;
use tonic::{Status, codec::CompressionEncoding};

use endpoint::Endpoint;
pub use endpoint::{Dns, Resolver, Wire};
use failure::{incompatible, named, retryable, unknown};
pub use token::Bearer;

/// How long a client waits, and how often it looks.
#[derive(Clone, Debug)]
pub struct Pace {
    /// How often names are looked up.
    pub resolve: Duration,
    pub connect: Duration,
    /// A peer that is gone is noticed within two of these.
    pub keepalive: Duration,
    /// How long a call is tried again without any success.
    pub patience: Duration,
    /// How long a first answer is waited for.
    pub first_answer: Duration,
    /// The first pause before another try; each is twice the one before.
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

const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How a client goes about it.
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
    channel: Wire,
    /// Of its endpoint's certificates.
    version: u64,
}

/// A service's replicas.
#[derive(Debug)]
pub struct Replicas {
    /// Where the settings name them.
    place: &'static str,
    endpoints: Vec<Endpoint>,
    options: Options,
    compression: Option<CompressionEncoding>,
    known: RwLock<Vec<Replica>>,
    next: AtomicUsize,
}

impl Replicas {
    /// Looks the endpoints up, now and again every few seconds for as long as the value lives. `place` is where
    /// the settings name the engine, such as `engines.feature`.
    ///
    /// # Errors
    /// `InvalidSettings` for an endpoint that is no URL, or a certificate or token that can't be read;
    /// `Unavailable` if no name has an address.
    pub async fn resolve(settings: &RemoteEngine, place: &'static str) -> Result<Arc<Self>> {
        Self::with(settings, place, Options::default()).await
    }

    /// As [`Replicas::resolve`], at another pace or with other addresses.
    ///
    /// # Errors
    /// As [`Replicas::resolve`].
    pub async fn with(
        settings: &RemoteEngine,
        place: &'static str,
        options: Options,
    ) -> Result<Arc<Self>> {
        let endpoints = settings.endpoints.iter();
        let endpoints = endpoints.map(|endpoint| Endpoint::new(endpoint, settings, place));
        let endpoints = endpoints.collect::<Result<Vec<Endpoint>>>()?;
        let every = options.pace.resolve;
        let (known, next) = (RwLock::default(), AtomicUsize::new(0));
        let compression = match settings.compression {
            MessageCompression::None => None,
            MessageCompression::Gzip => Some(CompressionEncoding::Gzip),
            MessageCompression::Zstd => Some(CompressionEncoding::Zstd),
        };
        let replicas = Arc::new(Self { place, endpoints, options, compression, known, next });
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

    /// How many there are now.
    pub fn count(&self) -> usize {
        self.known.read().map_or(0, |known| known.len())
    }

    /// What a client of them compresses messages with, both ways.
    pub fn compression(&self) -> Option<CompressionEncoding> {
        self.compression
    }

    /// Their addresses now.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.known
            .read()
            .map(|known| known.iter().map(|one| one.address).collect())
            .unwrap_or_default()
    }

    /// Addresses that can't be looked up any more stay as they were.
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
            return Err(nobody(&failed.unwrap_or_else(|| "no endpoint has an address".into())));
        }
        if let Some(failed) = failed {
            tracing::warn!("{failed}");
        }
        let before = self.known.read().map(|known| known.clone()).unwrap_or_default();
        let mut replicas = Vec::with_capacity(found.len());
        for (address, endpoint) in found {
            let version = endpoint.version();
            let same = |one: &&Replica| one.address == address && one.version == version;
            replicas.push(match before.iter().find(same).cloned() {
                Some(known) => known,
                // Calls that run on the one before go on.
                None => {
                    let channel = endpoint.channel(address, &self.options.pace)?;
                    Replica { address, channel, version }
                }
            });
        }
        if let Ok(mut known) = self.known.write() {
            *known = replicas;
        }
        Ok(())
    }

    /// The next replica that has not failed, or the next of all if all have.
    fn pick(&self, failed: &[SocketAddr]) -> Result<Replica> {
        let known =
            self.known.read().map_err(|_| Error::internal("the list of replicas is broken"))?;
        let mut choice: Vec<&Replica> =
            known.iter().filter(|one| !failed.contains(&one.address)).collect();
        if choice.is_empty() {
            choice = known.iter().collect();
        }
        let place = self.next.fetch_add(1, Ordering::Relaxed) % choice.len().max(1);
        choice.get(place).copied().cloned().ok_or_else(|| nobody("no endpoint has an address"))
    }

    /// Calls the next replica, and on the failures that another try can mend another one, with pauses that
    /// grow, for half a minute.
    ///
    /// # Errors
    /// What the engine answered, or `Unavailable` with the address and what was seen last.
    pub async fn call<T, F>(&self, call: impl Fn(Wire) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Status>>,
    {
        self.call_at(|_, channel| call(channel)).await
    }

    /// As [`Replicas::call`], with the address of the replica for a caller that has to know them apart.
    ///
    /// # Errors
    /// As [`Replicas::call`].
    pub async fn call_at<T, F>(&self, call: impl Fn(SocketAddr, Wire) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let pace = &self.options.pace;
        // Patience counts from the first failure: a replica may be lost after long work.
        let mut failing: Option<Instant> = None;
        let mut failed = Vec::new();
        // Each replica's failure is told once of a call.
        let mut told = Vec::new();
        let mut pause = pace.pause;
        loop {
            let replica = self.pick(&failed)?;
            let status = match call(replica.address, replica.channel).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            let error = unknown(named(replica.address, &status), replica.address, self.place);
            let since = failing.get_or_insert_with(Instant::now);
            if !retryable(&error) || since.elapsed() > pace.patience {
                return Err(error);
            }
            failed.push(replica.address);
            if failed.len() >= self.count() {
                failed.clear();
            }
            if !told.contains(&replica.address) {
                told.push(replica.address);
                tracing::warn!("{error}; trying again");
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks each replica once whether it is what it should be; it is enough that one is.
    ///
    /// # Errors
    /// `Incompatible` if one of them is something else; `Unavailable` if none answers.
    pub async fn check<T, F>(&self, call: impl Fn(Wire) -> F) -> Result<()>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let replicas = self.known.read().map(|known| known.clone()).unwrap_or_default();
        let patience = self.options.pace.first_answer;
        let asked = replicas.into_iter().map(|Replica { address, channel, .. }| {
            let answer = tokio::time::timeout(patience, call(channel));
            async move {
                match answer.await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(status)) => Err(unknown(refusal(address, &status), address, self.place)),
                    Err(_) => Err(silence(address, patience)),
                }
            }
        });
        let mut answered = false;
        let mut silent = None;
        for answer in join_all(asked).await {
            match answer {
                Ok(()) => answered = true,
                // Busy is alive.
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

fn refusal(address: SocketAddr, status: &Status) -> Error {
    let error = named(address, status);
    match error.code {
        Code::Unavailable
        | Code::ResourceExhausted
        | Code::Incompatible
        | Code::Unauthenticated
        | Code::PermissionDenied => error,
        _ => incompatible(address, status),
    }
}

fn silence(address: SocketAddr, patience: Duration) -> Error {
    Error::new(
        Code::Unavailable,
        "NO_ANSWER",
        format!(
            "{address} takes connections and answers nothing for {patience:?}; check that it is an engine, and \
             whether it is to be called by http or https"
        ),
    )
}

fn nobody(why: &str) -> Error {
    Error::new(Code::Unavailable, "NO_ADDRESS", format!("no engine is found: {why}"))
}

/// Between half and all of a pause, so that many clients do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    pause.mul_f64(0.5 + f64::from(nanos % 1_000) / 2_000.0)
}
