//! Who may see which reports, and who may publish them.
//!
//! Everyone who can reach it may use a server that listens on loopback only; any other asks for a token: one
//! that all share, or one of Kubernetes, where the API server says whose it is (`TokenReview`) and which jobs
//! they may see (`SubjectAccessReview`). A token comes in the header of each request, or once in the sign-in
//! page, which answers with a signed cookie.
//!
//! What can't be found out lets nobody in. No token is ever written to a log, a cookie or an answer.

mod address;
mod args;
mod caller;
mod gate;
mod grpc;
mod headers;
mod limits;
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

use anomal_access::{NO_TOKEN, PATIENCE, Reviews, wrong_token};
use anomal_core::{Code, Result};
use ipnet::IpNet;

pub use anomal_access::User;
pub use args::{AccessArgs, Auth};
pub use caller::{Caller, Who};
pub use gate::{SignedIn, protect};
pub use limits::LimitArgs;
pub use refusal::{problem, status};
pub use session::Secret;
pub use token::TOKEN_VARIABLE;

use address::Proxies;
use limits::Limits;
use refusal::Refusal;
use session::Sessions;
use token::StaticToken;

/// A working day; who reads reports signs in once.
const SESSION: Duration = Duration::from_hours(8);
/// Nobody is asked again in a session whose token it was, so that of Kubernetes is short.
const SESSION_OF_USER: Duration = Duration::from_mins(15);

/// How callers are told apart.
pub enum Mode {
    /// Not at all.
    Open,
    /// By this token, which all share.
    Token(String),
    /// By tokens of Kubernetes for this audience.
    Kubernetes { client: kube::Client, audience: String },
}

/// What is the same for all modes.
#[derive(Clone, Debug)]
pub struct Options {
    /// What session keys are made of; none: sessions end with the process.
    pub secret: Option<Secret>,
    /// How long a session lasts at most; in Kubernetes at most 15 minutes.
    pub session: Duration,
    pub limits: LimitArgs,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether the pages are served over TLS by this server itself.
    pub https: bool,
    /// How long the API server is waited for.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            secret: None,
            session: SESSION,
            limits: LimitArgs::default(),
            trusted_proxies: Vec::new(),
            https: false,
            patience: PATIENCE,
        }
    }
}

/// Lets callers in, or not. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    check: Check,
    sessions: Sessions,
    limits: Limits,
    proxies: Proxies,
}

enum Check {
    Open,
    Token(StaticToken),
    Kubernetes(Arc<Reviews>),
}

/// Someone whose token was right, and when it ends.
struct Known {
    who: Who,
    ends: Option<u64>,
}

impl Access {
    /// # Errors
    /// If the token is too short, or the system has no random numbers.
    pub fn new(mode: Mode, options: Options) -> Result<Self> {
        let secret = options.secret.map_or_else(Secret::random, Ok)?;
        let (check, sessions) = match mode {
            Mode::Open => (Check::Open, Sessions::new(&secret, &[b"open"], options.session)?),
            Mode::Token(token) => {
                let token = StaticToken::new(&token)?;
                let sessions =
                    Sessions::new(&secret, &[b"token", token.digest()], options.session)?;
                (Check::Token(token), sessions)
            }
            Mode::Kubernetes { client, audience } => {
                let life = options.session.min(SESSION_OF_USER);
                let context: [&[u8]; 2] = [b"kubernetes", audience.as_bytes()];
                let sessions = Sessions::new(&secret, &context, life)?;
                let reviews = Reviews::new(client, audience, options.patience);
                (Check::Kubernetes(Arc::new(reviews)), sessions)
            }
        };
        Ok(Self(Arc::new(Inner {
            check,
            sessions,
            limits: Limits::new(options.limits),
            proxies: Proxies { trusted: options.trusted_proxies, https: options.https },
        })))
    }

    /// Refuses to be open to others than this machine. To be asked before anything is served, with every
    /// address on which reports can be read or published.
    ///
    /// # Errors
    /// With the remedy, if one of them is not on loopback.
    pub fn check_listening(&self, addresses: &[SocketAddr]) -> Result<()> {
        let outside = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        match (&self.0.check, outside) {
            (Check::Open, Some(address)) => Err(token::invalid(format!(
                "{address} can be reached by others, who could read every report: listen on 127.0.0.1, or start \
                 with `--auth token` and a token in {TOKEN_VARIABLE}, or with `--auth kubernetes`"
            ))),
            (Check::Token(_) | Check::Kubernetes(_), Some(address))
                if !self.0.proxies.https && self.0.proxies.trusted.is_empty() =>
            {
                tracing::warn!(%address, "tokens and cookies travel unencrypted unless a proxy adds TLS");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.0.check, Check::Open)
    }

    /// How to come by a token, for the sign-in page.
    fn hint(&self) -> String {
        match &self.0.check {
            Check::Open => String::new(),
            Check::Token(_) => "The token that this server was started with.".to_owned(),
            Check::Kubernetes(reviews) => format!(
                "One that `kubectl create token NAME --namespace NAMESPACE --audience {}` prints.",
                reviews.audience()
            ),
        }
    }

    fn caller(&self, who: Who) -> Caller {
        let reviews = match &self.0.check {
            Check::Kubernetes(reviews) => Some(Arc::clone(reviews)),
            Check::Open | Check::Token(_) => None,
        };
        Caller::new(who, reviews)
    }

    /// Whose token this is. Wrong ones are counted; after too many none is looked at.
    async fn by_token(&self, token: &str, address: Option<IpAddr>) -> Result<Known, Refusal> {
        let limits = &self.0.limits;
        let known = match &self.0.check {
            Check::Open => return Ok(Known { who: Who::Anyone, ends: None }),
            Check::Token(_) | Check::Kubernetes(_) => {
                limits.try_token(address).map_err(|wait| {
                    Refusal::too_often(
                        "WRONG_TOO_OFTEN",
                        wait,
                        "too many wrong tokens came from this address",
                    )
                })?;
                self.ask(token).await
            }
        };
        if let Err(error) = &known
            && error.code == Code::Unauthenticated
        {
            limits.wrong_token(address);
        }
        Ok(known?)
    }

    async fn ask(&self, token: &str) -> Result<Known> {
        match &self.0.check {
            Check::Open => Ok(Known { who: Who::Anyone, ends: None }),
            Check::Token(right) if right.matches(token) => {
                Ok(Known { who: Who::Token, ends: None })
            }
            Check::Token(_) => Err(wrong_token()),
            Check::Kubernetes(reviews) => {
                let (user, ends) = reviews.user(token).await?;
                Ok(Known { who: Who::User(user), ends })
            }
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match &self.0.check {
            Check::Open => "open",
            Check::Token(_) => "token",
            Check::Kubernetes(_) => "kubernetes",
        };
        f.debug_struct("Access").field("mode", &mode).finish_non_exhaustive()
    }
}
