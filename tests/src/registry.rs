//! A registry in memory, and a gateway with TLS and basic authentication in front of it, or of files.

use std::{
    env,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::{skip, tls::Authority};

const LOOPBACK: &str = "127.0.0.1";
/// More than the head of any request.
const MAX_HEAD: usize = 1 << 16;

/// A registry in memory, ended when dropped.
pub struct Registry {
    child: Child,
    pub port: u16,
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Registry {
    /// Reports the test as skipped where there is no program.
    pub fn start() -> Option<Self> {
        let Some(program) = env::var_os("ANOMAL_TEST_REGISTRY") else {
            skip("ANOMAL_TEST_REGISTRY is not set");
            return None;
        };
        let listener = TcpListener::bind((LOOPBACK, 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        drop(listener);
        let mut command = Command::new(program);
        command.args(["-port", &port.to_string()]).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let registry = Self { child: child.expect("the registry starts"), port };
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((LOOPBACK, port)).is_err() {
            assert!(Instant::now() < until, "the registry does not start");
            thread::sleep(Duration::from_millis(50));
        }
        Some(registry)
    }

    /// The reference of a repository and tag.
    pub fn reference(&self, rest: &str) -> String {
        format!("oci://{LOOPBACK}:{}/{rest}", self.port)
    }
}

/// What a gateway serves.
#[derive(Clone)]
enum Content {
    File(String, Vec<u8>),
    /// The server at this port, for those with this `authorization`.
    Server(u16, String),
}

/// An HTTPS server with an authority of its own. It ends with the test's process.
pub struct Gateway {
    pub host: String,
    pub port: u16,
    /// PEM of the authority.
    pub ca: String,
}

impl Gateway {
    /// Serves one file at a path, such as `/list.txt`.
    pub fn with_file(host: &str, path: &str, bytes: &[u8]) -> Self {
        Self::start(host, Content::File(path.to_owned(), bytes.to_vec()))
    }

    /// Serves what a registry has to one user.
    pub fn with_registry(host: &str, registry: &Registry, user: &str, password: &str) -> Self {
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        Self::start(host, Content::Server(registry.port, format!("Basic {credentials}")))
    }

    fn start(host: &str, content: Content) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let authority = Authority::new();
        let (tls, ca) = (authority.server(host), authority.pem().to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tls, content) = (Arc::clone(&tls), content.clone());
                // Clients may close a connection at any time.
                thread::spawn(move || serve(stream, tls, &content));
            }
        });
        Self { host: host.to_owned(), port, ca }
    }

    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Answers one request, and closes the connection.
fn serve(stream: TcpStream, tls: Arc<ServerConfig>, content: &Content) -> Option<()> {
    let mut client = StreamOwned::new(ServerConnection::new(tls).ok()?, stream);
    let head = read_head(&mut client)?;
    let path = head.split_whitespace().nth(1)?;
    let answer = match content {
        Content::File(name, bytes) if name == path => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", bytes.len());
            [head.as_bytes(), b"Connection: close\r\n\r\n", bytes].concat()
        }
        Content::File(..) => refusal("404 Not Found", ""),
        Content::Server(port, authorization) => {
            let mut headers = head.lines().filter_map(|line| line.split_once(": "));
            let allowed = headers.any(|(name, value)| {
                name.eq_ignore_ascii_case("authorization") && value == authorization
            });
            if allowed {
                forward(*port, &head)?
            } else {
                refusal("401 Unauthorized", "WWW-Authenticate: Basic realm=\"tests\"\r\n")
            }
        }
    };
    client.write_all(&answer).ok()?;
    client.conn.send_close_notify();
    client.flush().ok()
}

fn refusal(status: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n").into()
}

fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// The answer of a server of this machine, as it is.
fn forward(port: u16, head: &str) -> Option<Vec<u8>> {
    let mut server = TcpStream::connect((LOOPBACK, port)).ok()?;
    let own = |line: &&str| !line.to_ascii_lowercase().starts_with("connection:");
    for line in head.trim_end().lines().filter(own) {
        write!(server, "{line}\r\n").ok()?;
    }
    server.write_all(b"Connection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    Some(answer)
}
