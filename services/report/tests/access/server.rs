//! A server of a few pages behind the access middleware, and its client.

use std::net::SocketAddr;

use anomal_report::access::{Access, Caller, Mode, Options, SessionUser, problem, protect};
use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Path},
    http::{HeaderMap, HeaderName, Method, Request, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower::ServiceExt;

pub const TOKEN: &str = "correct-horse-battery-staple";
pub const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
pub const NEIGHBOUR: &str = "192.0.2.10:4711";

/// The existing reports, as namespace and job.
const REPORTS: [(&str, &str); 4] =
    [("web", "visits"), ("web", "logins"), ("bank", "payments"), ("", "local")];

pub struct TestServer(pub Router);

pub fn token_server(options: Options) -> TestServer {
    start(Mode::Token(TOKEN.to_owned()), options)
}

pub fn start(mode: Mode, options: Options) -> TestServer {
    with_access(&Access::new(mode, options).unwrap())
}

pub fn with_access(access: &Access) -> TestServer {
    let pages = Router::new()
        .route("/", get(list))
        .route("/reports/{namespace}/{job}", get(report))
        .route("/judge/{namespace}/{job}", post(judge))
        .route("/who", get(who))
        .route("/delete", post(|caller: Caller| async move { format!("deleted by {caller}") }))
        .route("/assets/{name}", get(|| async { "body {}" }))
        .fallback(|| async { StatusCode::NOT_FOUND });
    TestServer(protect(access, pages))
}

/// The caller and the user, as a layer below the routes finds them.
async fn who(user: Option<Extension<SessionUser>>) -> String {
    let caller = Caller::current().unwrap();
    let user = user
        .map_or_else(String::new, |Extension(user)| format!("{} by {}", user.name, user.sign_out));
    format!("{caller}|{user}")
}

async fn list(caller: Caller) -> Response {
    match caller.filter_readable(REPORTS.to_vec(), |report| *report).await {
        Ok(reports) => {
            let names: Vec<_> = reports.iter().map(|(_, job)| *job).collect();
            names.join(" ").into_response()
        }
        Err(error) => problem(&error),
    }
}

async fn report(caller: Caller, Path((namespace, job)): Path<(String, String)>) -> Response {
    if !REPORTS.contains(&(&namespace, &job)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match caller.check_read(&namespace, &job).await {
        Ok(()) => format!("{job} for {caller}").into_response(),
        Err(error) => problem(&error),
    }
}

async fn judge(caller: Caller, Path((namespace, job)): Path<(String, String)>) -> Response {
    match caller.check_judge(&namespace, &job).await {
        Ok(()) => {
            let (name, verified) = caller.signature("as typed");
            format!("{name} {verified}").into_response()
        }
        Err(error) => problem(&error),
    }
}

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookie that a browser sends back.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    pub fn reason(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        problem["reason"].as_str().unwrap().to_owned()
    }
}

impl TestServer {
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(NEIGHBOUR, Method::GET, path, headers, "").await
    }

    pub async fn bearer(&self, path: &str, token: &str) -> Answer {
        self.get(path, &[("authorization", &format!("Bearer {token}"))]).await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send(NEIGHBOUR, Method::POST, path, headers, body).await
    }

    pub async fn sign_in(&self, token: &str, next: &str) -> Answer {
        self.post("/login", &[HTML], &form(token, next)).await
    }

    /// Sends a request from an address.
    pub async fn send(
        &self,
        from: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        let request_headers = request.headers_mut().unwrap();
        request_headers.insert(header::HOST, "reports.example".parse().unwrap());
        let kind = "application/x-www-form-urlencoded".parse().unwrap();
        request_headers.insert(header::CONTENT_TYPE, kind);
        for (name, value) in headers {
            request_headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let from: SocketAddr = from.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(from));
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// The sign-in form as a browser encodes it.
pub fn form(token: &str, next: &str) -> String {
    let escaped: String = next
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    format!("token={token}&next={escaped}")
}
