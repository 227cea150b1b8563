//! What stands in front of a server and has bad days when it is told to. It speaks TLS and asks who is there, whatever
//! the server behind it does.

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
use super::{Client, Flavor, HERE, PASSWORD, Server, USERS, client, settings, wire};
use crate::Workspace;

/// What becomes of a request.
#[derive(Clone, Debug, Default)]
pub enum Fault {
    #[default]
    None,
    /// The server never hears of it; this is what the client hears: a status, headers, a body.
    Answer(u16, Vec<(String, String)>, String),
    /// The connection ends, and the server never hears of it.
    Refuse,
    /// The server does it, and the connection ends before the answer.
    DropResponse,
    /// The server does it, and the connection ends after so many bytes of the answer's body.
    Truncate(usize),
    /// The server does it, and the answer comes this much later.
    Delay(Duration),
    /// The server does it, and the answer's body comes in sixteen pieces, with as much time between them.
    Drip(Duration),
}

impl Fault {
    /// Too much to do.
    pub fn too_many() -> Self {
        let body = json!({"error": {"type": "es_rejected_execution_exception"}, "status": 429});
        Self::Answer(429, Vec::new(), body.to_string())
    }

    /// What a load balancer says for a server that is away.
    pub fn unavailable() -> Self {
        let kind = ("content-type".to_owned(), "text/html".to_owned());
        Self::Answer(503, vec![kind], "<html>503 Service Temporarily Unavailable</html>".into())
    }

    /// Who is there is not known, or not any more.
    pub fn unauthorized() -> Self {
        let body = json!({"error": {"type": "security_exception"}, "status": 401});
        let asks = ("www-authenticate".to_owned(), "Basic realm=\"tests\", ApiKey".to_owned());
        Self::Answer(401, vec![asks], body.to_string())
    }
}

/// A request that came, and how it was answered.
#[derive(Clone, Debug)]
pub struct ProxiedRequest {
    pub method: String,
    pub path: String,
    /// As it came, compressed where it was.
    pub request: usize,
    /// None where the connection was ended instead.
    pub status: Option<u16>,
}

type Rule = dyn Fn(usize, &Message) -> Fault + Send + Sync;

struct State {
    /// What is taken as a token or an API key (`Bearer …`, `ApiKey …`), and the user that it stands for.
    accepted: Vec<(String, String)>,
    rule: Arc<Rule>,
    requests: usize,
    seen: Vec<ProxiedRequest>,
    connections: Vec<TcpStream>,
}

struct Shared {
    to: Client,
    flavor: Flavor,
    tls: Arc<ServerConfig>,
    state: Mutex<State>,
}

/// Ends with the test's process.
pub struct Proxy {
    host: String,
    port: u16,
    ca: String,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Without faults at first.
    pub fn start(to: &Server) -> Self {
        Self::start_at(HERE, to)
    }

    /// On another address of this machine.
    pub fn start_at(host: &str, to: &Server) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let state = State {
            accepted: Vec::new(),
            rule: Arc::new(|_, _| Fault::None),
            requests: 0,
            seen: Vec::new(),
            connections: Vec::new(),
        };
        let shared = Arc::new(Shared {
            to: to.admin(),
            flavor: to.flavor,
            tls: to.authority.server(host),
            state: Mutex::new(state),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // One that breaks off is what clients do, and what it is told to do.
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { host: host.to_owned(), port, ca: to.ca().to_owned(), shared }
    }

    /// From now on, by the request's number (from 0, since this call) and itself.
    pub fn faults(&self, rule: impl Fn(usize, &Message) -> Fault + Send + Sync + 'static) {
        let mut state = self.shared.state();
        state.rule = Arc::new(rule);
        state.requests = 0;
    }

    /// What else is taken, such as `Bearer abc` or `ApiKey abc`, for `user`; taken back by [`Proxy::revoke`].
    pub fn accept(&self, authorization: &str, user: &str) {
        self.shared.state().accepted.push((authorization.to_owned(), user.to_owned()));
    }

    pub fn revoke(&self, authorization: &str) {
        self.shared.state().accepted.retain(|(accepted, _)| accepted != authorization);
    }

    /// Ends all connections that there are.
    pub fn close_connections(&self) {
        for stream in self.shared.state().connections.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<ProxiedRequest> {
        self.shared.state().seen.clone()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("https://{}:{}", self.host, self.port)
    }

    /// The authority of its certificate, as PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// Where it is and who asks, as keys of a job's input or output.
    pub fn settings(&self, user: &str) -> String {
        settings(&self.url(), user)
    }

    /// A secret, in the folder `secrets` of the workspace: `apiKey` or `token` and its value. The authority is in it.
    pub fn secret(&self, workspace: &Workspace, name: &str, key: &str, value: &str) {
        for (key, value) in [(key, value), ("ca.crt", &self.ca)] {
            workspace.write(&format!("secrets/{name}/{key}"), value.as_bytes());
        }
    }
}

impl Shared {
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
            state.requests += 1;
            (state.requests - 1, Arc::clone(&state.rule))
        };
        rule(number, request)
    }

    /// Whether the connection goes on.
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
        let seen = |status| {
            let (method, path) = (method.clone(), path.clone());
            self.state().seen.push(ProxiedRequest { method, path, request: size, status });
        };
        let denied = Fault::unauthorized();
        let fault = match (fault, self.user(&request)) {
            (Fault::None | Fault::Delay(_) | Fault::Drip(_), None) => &denied,
            (fault, _) => fault,
        };
        if let Fault::Answer(status, headers, body) = fault {
            seen(Some(*status));
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
            seen(None);
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
                seen(None);
                return Ok(false);
            }
            Fault::Truncate(bytes) => {
                seen(None);
                to.write_all(&answer.head(answer.body.len()))?;
                to.write_all(&answer.body[..answer.body.len().min(*bytes)])?;
                to.flush()?;
                return Ok(false);
            }
            Fault::Delay(time) => thread::sleep(*time),
            Fault::Drip(time) => {
                seen(Some(answer.status()));
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
        seen(Some(answer.status()));
        if method == "HEAD" {
            // Its length is that of what is not sent.
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            to.write_all(&answer.head(length.unwrap_or_default()))?;
            to.flush()?;
        } else {
            answer.write(to)?;
        }
        Ok(true)
    }

    /// Once, whatever comes: what is done again is done again by the client.
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

    /// Who asks, if that is known.
    fn user(&self, request: &Message) -> Option<String> {
        let told = request.header("authorization")?;
        let known = USERS.iter().find(|user| client::basic(user, PASSWORD) == told);
        let accepted = || {
            let state = self.state();
            let accepted = state.accepted.iter().find(|(accepted, _)| accepted == told);
            accepted.map(|(_, user)| user.clone())
        };
        known.map(|user| (*user).to_owned()).or_else(accepted)
    }
}
