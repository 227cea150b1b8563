//! What every request to the pages passes: limits, origin, who it is.

use std::net::SocketAddr;

use anomal_access::{bearer, clock, no_token};
use anomal_core::{Code, Error, Result};
use axum::{
    Router,
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};

use super::{
    Access, Caller, Who,
    address::Client,
    headers, origin, page,
    refusal::{Refusal, complete, problem, status, wants_page},
    session::{Session, Sessions},
    sign_in,
};

/// The pages for callers only, with the sign-in page beside them. What everyone may have is [`PUBLIC`].
///
/// A handler has its [`Caller`] as an argument, or by [`Caller::current`], and asks it whether it may.
/// To be served by `into_make_service_with_connect_info::<SocketAddr>()`; limits know clients by it.
pub fn protect(access: &Access, pages: Router) -> Router {
    pages
        .layer(from_fn_with_state(access.clone(), identify))
        .merge(sign_in::routes(access))
        .layer(from_fn_with_state(access.clone(), receive))
}

/// What the sign-in page itself needs; nothing of a report.
const PUBLIC: [&str; 2] = ["/assets/", "/favicon.svg"];

/// Put into the request of one who has signed in, for pages that name them and let them sign out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// As logs and pages name them.
    pub name: String,
    /// Where to post an empty form to.
    pub sign_out: &'static str,
}

/// Before it is known who asks.
async fn receive(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| peer.ip());
    let client = access.0.proxies.client(peer, request.headers());
    let mut response = match check(&access, client, &request) {
        Ok(()) => {
            request.extensions_mut().insert(client);
            next.run(request).await
        }
        Err(refusal) => Refused::new(&request, client).answer(&access, &refusal),
    };
    headers::set(response.headers_mut(), client.https);
    response
}

fn check(access: &Access, client: Client, request: &Request) -> Result<(), Refusal> {
    if access.is_open() {
        // Whoever passes is on this machine, and limited by nobody.
        origin::check_local(client.address, request.uri(), request.headers())?;
    } else {
        access.0.limits.request(client.address).map_err(|wait| {
            Refusal::too_often(
                "TOO_MANY_REQUESTS",
                wait,
                "too many requests came from this address",
            )
        })?;
    }
    Ok(origin::check(request.method(), request.uri(), request.headers())?)
}

/// Finds who asks, or asks them to sign in.
async fn identify(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if PUBLIC.iter().any(|public| path.starts_with(public)) {
        return next.run(request).await;
    }
    let Some(client) = request.extensions().get::<Client>().copied() else {
        return problem(&Error::internal("access is wired wrongly"));
    };
    match caller(&access, client, request.headers()).await {
        Ok((caller, signed_in)) => {
            if let Some(signed_in) = signed_in {
                request.extensions_mut().insert(signed_in);
            }
            request.extensions_mut().insert(caller.clone());
            caller.scope(next.run(request)).await
        }
        Err(refusal) => {
            let refused = Refused::new(&request, client);
            let mut response = refused.answer(&access, &refusal);
            // A cookie that is of no use any more need not be sent again.
            if refusal.error.reason == SESSION_OVER
                && let Ok(end) = Sessions::end(client.https)
            {
                response.headers_mut().append(header::SET_COOKIE, end);
            }
            response
        }
    }
}

const SESSION_OVER: &str = "SESSION_OVER";

/// A token that was sent is what counts; without one, the session.
async fn caller(
    access: &Access,
    client: Client,
    headers: &HeaderMap,
) -> Result<(Caller, Option<SignedIn>), Refusal> {
    if access.is_open() {
        return Ok((access.caller(Who::Anyone), None));
    }
    let sent = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if let Some(token) = sent.and_then(bearer) {
        let known = access.by_token(token, client.address).await?;
        return Ok((access.caller(known.who), None));
    }
    match access.0.sessions.read(headers, clock::now(), client.https) {
        Session::Of(who) => {
            let caller = access.caller(who);
            let signed_in = SignedIn { name: caller.to_string(), sign_out: sign_in::SIGN_OUT };
            Ok((caller, Some(signed_in)))
        }
        Session::None => Err(no_token().into()),
        Session::Over => {
            let message = "your session has ended: sign in again";
            Err(Error::new(Code::Unauthenticated, SESSION_OVER, message).into())
        }
    }
}

/// A request that is refused, as far as it matters to the answer and the log.
pub(super) struct Refused {
    method: Method,
    uri: Uri,
    page: bool,
    client: Client,
}

impl Refused {
    fn new(request: &Request, client: Client) -> Self {
        let page = wants_page(request.method(), request.headers());
        Self { method: request.method().clone(), uri: request.uri().clone(), page, client }
    }

    fn answer(&self, access: &Access, refusal: &Refusal) -> Response {
        let Refusal { error, .. } = refusal;
        tracing::warn!(
            client = ?self.client.address, method = %self.method, path = self.uri.path(), reason = error.reason,
            "a request was refused"
        );
        let mut response = if self.page { self.page(access, error) } else { problem(error) };
        complete(&mut response, refusal);
        response
    }

    fn page(&self, access: &Access, error: &Error) -> Response {
        if error.code != Code::Unauthenticated {
            return page::notice(status(error.code), &error.message);
        }
        let here = self.uri.path_and_query().map_or("/", |here| here.as_str());
        let message = if error.reason == super::NO_TOKEN { "" } else { &error.message };
        let next = origin::local_path(here).unwrap_or("/");
        page::sign_in(status(error.code), message, next, &access.hint())
    }
}

/// Who asks, for handlers. Where nothing has found out, nobody does.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| {
            let mut response = problem(&no_token()).into_response();
            complete(&mut response, &no_token().into());
            response
        })
    }
}
