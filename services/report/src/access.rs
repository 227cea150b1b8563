//! Authentication of callers, and their rights to read, publish and delete reports.
//!
//! A server that listens on loopback only is open to its machine. Any other requires a token: a shared one, or a
//! Kubernetes token, whose owner (`TokenReview`) and whose right to see a job (`SubjectAccessReview`) the API server
//! decides. A token is sent in the header of each request, or once to the sign-in page, which answers with a signed
//! cookie.
//!
//! If the API server can't be asked, access is denied. Tokens are never written to a log, a cookie or an answer.

mod address;
mod args;
mod caller;
mod grpc;
mod headers;
mod limits;
mod middleware;
mod origin;
mod page;
mod refusal;
mod session;
mod sign_in;
mod token;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anomal_access::{API_TIMEOUT, Reviews, wrong_token};
use anomal_core::{Code, Result};
use ipnet::IpNet;

pub use crate::pages::SessionUser;
pub use anomal_access::User;
pub use args::{AccessArgs, Auth};
pub use caller::{Caller, Principal};
pub use limits::LimitArgs;
pub use middleware::protect;
pub use refusal::{problem, status};
pub use session::Secret;
pub use token::TOKEN_VARIABLE;

use address::Proxies;
use limits::Limits;
use refusal::Refusal;
use session::Sessions;
use token::StaticToken;

/// A working day: readers sign in once.
const SESSION: Duration = Duration::from_hours(8);
/// The API server is not asked about the token again during a session, so sessions of Kubernetes users are short.
const KUBERNETES_SESSION: Duration = Duration::from_mins(15);

/// How callers are authenticated.
pub enum Mode {
    /// They are not.
    Open,
    /// By this shared token.
    Token(String),
    /// By Kubernetes tokens for this audience.
    Kubernetes { client: kube::Client, audience: String },
}

/// The options of all modes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Session keys are derived from it; none: sessions end with the process.
    pub secret: Option<Secret>,
    /// The longest life of a session; in Kubernetes at most 15 minutes.
    pub session: Duration,
    pub limits: LimitArgs,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether this server itself serves the pages over TLS.
    pub https: bool,
    /// The time in which the API server has to answer.
    pub api_timeout: Duration,
    /// Whether incidents may be judged.
    pub verdicts: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            secret: None,
            session: SESSION,
            limits: LimitArgs::default(),
            trusted_proxies: Vec::new(),
            https: false,
            api_timeout: API_TIMEOUT,
            verdicts: true,
        }
    }
}

/// Authenticates callers. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    authenticator: Authenticator,
    sessions: Sessions,
    limits: Limits,
    proxies: Proxies,
    verdicts: bool,
}

enum Authenticator {
    Open,
    Token(StaticToken),
    Kubernetes(Arc<Reviews>),
}

/// The owner of a valid token.
struct Identity {
    principal: Principal,
    /// Seconds since 1970.
    expires: Option<u64>,
}

impl Identity {
    fn anyone() -> Self {
        Self { principal: Principal::Anyone, expires: None }
    }
}

impl Access {
    /// # Errors
    /// If the token is too short, or the system has no source of random numbers.
    pub fn new(mode: Mode, options: Options) -> Result<Self> {
        let secret = options.secret.map_or_else(Secret::random, Ok)?;
        let (authenticator, sessions) = match mode {
            Mode::Open => {
                (Authenticator::Open, Sessions::new(&secret, &[b"open"], options.session)?)
            }
            Mode::Token(token) => {
                let token = StaticToken::new(&token)?;
                let sessions =
                    Sessions::new(&secret, &[b"token", token.digest()], options.session)?;
                (Authenticator::Token(token), sessions)
            }
            Mode::Kubernetes { client, audience } => {
                let life = options.session.min(KUBERNETES_SESSION);
                let context: [&[u8]; 2] = [b"kubernetes", audience.as_bytes()];
                let sessions = Sessions::new(&secret, &context, life)?;
                let reviews = Reviews::new(client, audience, options.api_timeout);
                (Authenticator::Kubernetes(Arc::new(reviews)), sessions)
            }
        };
        Ok(Self(Arc::new(Inner {
            authenticator,
            sessions,
            limits: Limits::new(options.limits),
            proxies: Proxies { trusted: options.trusted_proxies, https: options.https },
            verdicts: options.verdicts,
        })))
    }

    /// Refuses to be open beyond this machine. Call it before anything is served, with every address on which
    /// reports can be read or published.
    ///
    /// # Errors
    /// With the remedy, if an address is not on loopback.
    pub fn check_listening(&self, addresses: &[SocketAddr]) -> Result<()> {
        let outside = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        match (&self.0.authenticator, outside) {
            (Authenticator::Open, Some(address)) => Err(token::invalid_settings(format!(
                "{address} is not a loopback address, so others could read every report; listen on 127.0.0.1, or \
                 start with `--auth token` and a token in {TOKEN_VARIABLE}, or with `--auth kubernetes`"
            ))),
            (Authenticator::Token(_) | Authenticator::Kubernetes(_), Some(address))
                if !self.0.proxies.https && self.0.proxies.trusted.is_empty() =>
            {
                tracing::warn!(%address, "tokens and cookies are sent unencrypted unless a proxy adds TLS");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.0.authenticator, Authenticator::Open)
    }

    /// How to get a token, for the sign-in page.
    fn hint(&self) -> String {
        match &self.0.authenticator {
            Authenticator::Open => String::new(),
            Authenticator::Token(_) => "The token that this server was started with.".to_owned(),
            Authenticator::Kubernetes(reviews) => format!(
                "A token from `kubectl create token NAME --namespace NAMESPACE --audience {}`.",
                reviews.audience()
            ),
        }
    }

    /// `address`: of the client, where it is known.
    fn caller(&self, principal: Principal, address: Option<IpAddr>) -> Caller {
        let reviews = match &self.0.authenticator {
            Authenticator::Kubernetes(reviews) => Some(Arc::clone(reviews)),
            Authenticator::Open | Authenticator::Token(_) => None,
        };
        Caller::new(principal, reviews).with_access(self, address)
    }

    /// Whether this server stores verdicts.
    fn stores_verdicts(&self) -> bool {
        self.0.verdicts
    }

    /// Counts a verdict of a caller.
    fn count_verdict(&self, principal: &Principal, address: Option<IpAddr>) -> Result<()> {
        let user = match principal {
            Principal::User(user) => Some(user.name.as_str()),
            Principal::Anyone | Principal::Token => None,
        };
        self.0.limits.verdict(user, address).map_err(|wait| {
            let cause = "too many verdicts were given in a minute";
            Refusal::rate_limited("VERDICT_RATE", wait, cause).error
        })
    }

    /// The owner of a token. Wrong tokens are counted; after too many from an address, none from it is checked.
    async fn authenticate(
        &self,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<Identity, Refusal> {
        let limits = &self.0.limits;
        let identity = match &self.0.authenticator {
            Authenticator::Open => return Ok(Identity::anyone()),
            Authenticator::Token(_) | Authenticator::Kubernetes(_) => {
                limits.try_token(address).map_err(|wait| {
                    Refusal::rate_limited(
                        "WRONG_TOO_OFTEN",
                        wait,
                        "too many wrong tokens came from this address",
                    )
                })?;
                self.verify(token).await
            }
        };
        if let Err(error) = &identity
            && error.code == Code::Unauthenticated
        {
            limits.wrong_token(address);
        }
        Ok(identity?)
    }

    /// As [`Access::authenticate`], without counting.
    async fn verify(&self, token: &str) -> Result<Identity> {
        match &self.0.authenticator {
            Authenticator::Open => Ok(Identity::anyone()),
            Authenticator::Token(expected) if expected.matches(token) => {
                Ok(Identity { principal: Principal::Token, expires: None })
            }
            Authenticator::Token(_) => Err(wrong_token()),
            Authenticator::Kubernetes(reviews) => {
                let (user, expires) = reviews.user(token).await?;
                Ok(Identity { principal: Principal::User(user), expires })
            }
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match &self.0.authenticator {
            Authenticator::Open => "open",
            Authenticator::Token(_) => "token",
            Authenticator::Kubernetes(_) => "kubernetes",
        };
        f.debug_struct("Access").field("mode", &mode).finish_non_exhaustive()
    }
}
