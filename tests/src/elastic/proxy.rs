//! A proxy in front of a server that injects faults. It uses TLS and authenticates clients, whatever the server behind it
//! does.

use std::{
    io::{BufReader, Result, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

pub use super::wire::Message;
use super::{Client, Flavor, LOOPBACK, PASSWORD, Server, USERS, client, settings, wire};
use crate::Workspace;

/// How a request is handled.
#[derive(Clone, Debug, Default)]
pub enum Fault {
    #[default]
    None,
    /// Responds with this status, headers and body, without forwarding the request.
    Answer(u16, Vec<(String, String)>, String),
    /// Closes the connection without forwarding the request.
    Refuse,
    /// Forwards the request and closes the connection before the response.
    DropResponse,
    /// Forwards the request and closes the connection after this many bytes of the response's body.
    Truncate(usize),
    /// Forwards the request and delays the response.
    Delay(Duration),
    /// Forwards the request and sends the response's body in sixteen pieces with this pause between them.
    Drip(Duration),
}

impl Fault {
    /// A refusal by an overloaded server.
    pub fn too_many() -> Self {
        let body = json!({"error": {"type": "es_rejected_execution_exception"}, "status": 429});
        Self::Answer(429, Vec::new(), body.to_string())
    }

    /// A load balancer's response for an unavailable server.
    pub fn unavailable() -> Self {
        let kind = ("content-type".to_owned(), "text/html".to_owned());
        Self::Answer(503, vec![kind], "<html>503 Service Temporarily Unavailable</html>".into())
    }

    /// A refusal of unknown or expired credentials.
    pub fn unauthorized() -> Self {
        let body = json!({"error": {"type": "security_exception"}, "status": 401});
        let asks = ("www-authenticate".to_owned(), "Basic realm=\"tests\", ApiKey".to_owned());
        Self::Answer(401, vec![asks], body.to_string())
    }
}

/// A request and the status of its response.
#[derive(Clone, Debug)]
pub struct ProxiedRequest {
    pub method: String,
    pub path: String,
    /// Bytes of the request's body as received, possibly compressed.
    pub request_bytes: usize,
    /// `None` if the connection was closed instead.
    pub status: Option<u16>,
}

type Rule = dyn Fn(usize, &Message) -> Fault + Send + Sync;

struct State {
    /// Accepted tokens and API keys (`Bearer …`, `ApiKey …`) with their users.
    accepted: Vec<(String, String)>,
    rule: Arc<Rule>,
    /// Since the rule was set.
    request_count: usize,
    requests: Vec<ProxiedRequest>,
    connections: Vec<TcpStream>,
}

struct ProxyState {
    to: Client,
    flavor: Flavor,
    tls: Arc<ServerConfig>,
    state: Mutex<State>,
}

/// The proxy; it ends with the test's process.
pub struct Proxy {
    host: String,
    port: u16,
    ca: String,
    shared: Arc<ProxyState>,
}

impl Proxy {
    /// Starts a proxy without faults.
    pub fn start(to: &Server) -> Self {
        Self::start_at(LOOPBACK, to)
    }

    /// Starts it on another address of this machine.
    pub fn start_at(host: &str, to: &Server) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let state = State {
            accepted: Vec::new(),
            rule: Arc::new(|_, _| Fault::None),
            request_count: 0,
            requests: Vec::new(),
            connections: Vec::new(),
        };
        let shared = Arc::new(ProxyState {
            to: to.admin(),
            flavor: to.flavor,
            tls: to.authority.server(host),
            state: Mutex::new(state),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // Clients and faults may close a connection at any time.
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { host: host.to_owned(), port, ca: to.ca().to_owned(), shared }
    }

    /// Sets the faults from now on, by the request's number (from 0, since this call) and the request.
    pub fn set_faults(&self, rule: impl Fn(usize, &Message) -> Fault + Send + Sync + 'static) {
        let mut state = self.shared.state();
        state.rule = Arc::new(rule);
        state.request_count = 0;
    }

    /// Accepts other credentials, such as `Bearer abc` or `ApiKey abc`, for `user` until [`Proxy::revoke`].
    pub fn accept(&self, authorization: &str, user: &str) {
        self.shared.state().accepted.push((authorization.to_owned(), user.to_owned()));
    }

    pub fn revoke(&self, authorization: &str) {
        self.shared.state().accepted.retain(|(accepted, _)| accepted != authorization);
    }

    /// Closes all open connections.
    pub fn close_connections(&self) {
        for stream in self.shared.state().connections.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<ProxiedRequest> {
        self.shared.state().requests.clone()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("https://{}:{}", self.host, self.port)
    }

    /// The certificate authority, as PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// The address and the user's secret, as keys of a job's input or output.
    pub fn settings(&self, user: &str) -> String {
        settings(&self.url(), user)
    }

    /// Writes a secret with `key` (`apiKey` or `token`) and the certificate authority to the workspace.
    pub fn secret(&self, workspace: &Workspace, name: &str, key: &str, value: &str) {
        for (key, value) in [(key, value), ("ca.crt", &self.ca)] {
            workspace.write(&format!("secrets/{name}/{key}"), value.as_bytes());
        }
    }
}

impl ProxyState {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        self.state().connections.push(stream.try_clone()?);
        let socket = stream.try_clone()?;
        let tls = ServerConnection::new(Arc::clone(&self.tls)).map_err(std::io::Error::other)?;
        let mut stream = BufReader::new(StreamOwned::new(tls, stream));
        let mut server = None;
        while let Some(request) = wire::request(&mut stream)? {
            let fault = self.fault(&request);
            let answered = self.answer(request, &fault, &mut server, stream.get_mut());
            if !answered.unwrap_or_default() {
                break;
            }
        }
        socket.shutdown(Shutdown::Both)
    }

    fn fault(&self, request: &Message) -> Fault {
        let (number, rule) = {
            let mut state = self.state();
            state.request_count += 1;
            (state.request_count - 1, Arc::clone(&state.rule))
        };
        rule(number, request)
    }

    /// Handles a request; returns whether the connection stays open.
    fn answer(
        &self,
        mut request: Message,
        fault: &Fault,
        server: &mut Option<client::RawConnection>,
        to: &mut impl Write,
    ) -> Result<bool> {
        let mut words = request.start.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let size = request.body.len();
        let record = |status| {
            let (method, path) = (method.clone(), path.clone());
            self.state().requests.push(ProxiedRequest {
                method,
                path,
                request_bytes: size,
                status,
            });
        };
        let denied = Fault::unauthorized();
        let fault = match (fault, self.user(&request)) {
            (Fault::None | Fault::Delay(_) | Fault::Drip(_), None) => &denied,
            (fault, _) => fault,
        };
        if let Fault::Answer(status, headers, body) = fault {
            record(Some(*status));
            let start = format!("HTTP/1.1 {status} of the tests");
            let headers = if headers.is_empty() {
                vec![("content-type".into(), "application/json".into())]
            } else {
                headers.clone()
            };
            Message { start, headers, body: body.clone().into() }.write(to)?;
            return Ok(true);
        }
        if let (Fault::Refuse, _) | (_, None) = (fault, self.user(&request)) {
            record(None);
            return Ok(false);
        }
        let user = self.user(&request).unwrap_or_default();
        request.headers.retain(|(name, _)| !["authorization", "connection"].contains(&&**name));
        if self.flavor == Flavor::Elasticsearch {
            let authorization = client::basic(&user, PASSWORD);
            request.headers.push(("authorization".into(), authorization));
        }
        let mut answer = self.forward(&request, &method, server)?;
        answer.headers.retain(|(name, _)| name != "connection");
        match fault {
            Fault::DropResponse => {
                record(None);
                return Ok(false);
            }
            Fault::Truncate(bytes) => {
                record(None);
                to.write_all(&answer.head(answer.body.len()))?;
                to.write_all(&answer.body[..answer.body.len().min(*bytes)])?;
                to.flush()?;
                return Ok(false);
            }
            Fault::Delay(time) => thread::sleep(*time),
            Fault::Drip(time) => {
                record(Some(answer.status()));
                to.write_all(&answer.head(answer.body.len()))?;
                for piece in answer.body.chunks(answer.body.len().div_ceil(16).max(1)) {
                    to.write_all(piece)?;
                    to.flush()?;
                    thread::sleep(*time);
                }
                return Ok(true);
            }
            _ => {}
        }
        record(Some(answer.status()));
        if method == "HEAD" {
            // The length is that of the omitted body.
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            to.write_all(&answer.head(length.unwrap_or_default()))?;
            to.flush()?;
        } else {
            answer.write(to)?;
        }
        Ok(true)
    }

    /// Forwards a request once: retries are the client's task.
    fn forward(
        &self,
        request: &Message,
        method: &str,
        server: &mut Option<client::RawConnection>,
    ) -> Result<Message> {
        let mut open = server.take().map_or_else(|| self.to.open(), Ok)?;
        let answer = open.exchange(request, method)?;
        *server = Some(open);
        Ok(answer)
    }

    /// The user of the request's credentials.
    fn user(&self, request: &Message) -> Option<String> {
        let credentials = request.header("authorization")?;
        let user = USERS.iter().find(|user| client::basic(user, PASSWORD) == credentials);
        let accepted = || {
            let state = self.state();
            let accepted = state.accepted.iter().find(|(accepted, _)| accepted == credentials);
            accepted.map(|(_, user)| user.clone())
        };
        user.map(|user| (*user).to_owned()).or_else(accepted)
    }
}
