//! Real servers of Elasticsearch and OpenSearch, each in a folder of its own.
//!
//! A scenario is written once and run against both:
//!
//! ```no_run
//! use anomal_tests::{Workspace, elastic};
//!
//! elastic::on_each_server(|server| {
//!     let workspace = Workspace::default();
//!     server.secrets(&workspace);
//!     let index = server.name("results");
//!     let job = format!("outputs: [{{elasticsearch: {{{}, index: {index}}}}}]", server.settings(elastic::WRITER));
//!     workspace.write("job.yaml", job.as_bytes());
//!     workspace.anomal(&["run", "job.yaml", "--secrets", "secrets"]).expect(0, &[]);
//!     assert_eq!(server.admin().count(&index), 100);
//! });
//! ```
//!
//! The servers of [`on_each_server`] are shared by all tests of a binary and end with it. They take about twenty seconds to
//! start, so tests should share few binaries. A test that breaks a server starts its own.

mod client;
mod configuration;
pub mod kibana;
mod process;
pub mod proxy;
mod wire;

use std::{
    fs,
    net::TcpListener,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub use self::client::{Client, Connection};
use self::process::Process;
use crate::tls::Authority;
use crate::{Workspace, http::Answer, repository, skip};

/// A user with all rights.
pub const ADMIN: &str = "admin";
/// A user who may only write results (`examples/elasticsearch/roles`).
pub const WRITER: &str = "writer";
/// A user who may only read records.
pub const READER: &str = "reader";
/// A user with both roles, as a job from index to index needs.
pub const RUNNER: &str = "runner";
/// A user who may write a stream to a data stream or an alias.
pub const STREAMER: &str = "streamer";
/// A user who may also read records, as a stream needs that learns from an index first.
pub const LEARNER: &str = "learner";
/// The password of all users.
pub const PASSWORD: &str = "a-secret-of-the-tests";

/// The servers' address, unless pods must reach them.
const LOOPBACK: &str = "127.0.0.1";
/// The users known to `settings` and `secrets`.
const USERS: [&str; 6] = [ADMIN, WRITER, READER, RUNNER, STREAMER, LEARNER];
const FLAVORS: [Flavor; 2] = [Flavor::Elasticsearch, Flavor::OpenSearch];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// With TLS, and users with roles.
    Elasticsearch,
    /// Plain; a [`proxy::Proxy`] in front of it has TLS and a password.
    OpenSearch,
}

#[derive(Clone, Copy)]
enum Size {
    Small,
    Large,
}

impl Size {
    /// The JVM's options. For a server that lives for a minute the first-tier compiler alone is faster.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Small => &["-Xms512m", "-Xmx768m", "-XX:TieredStopAtLevel=1"],
            Self::Large => &["-Xms4g", "-Xmx4g"],
        }
    }
}

/// A server; it ends when dropped, and when the test's process ends for any reason.
pub struct Server {
    pub flavor: Flavor,
    size: Size,
    folder: PathBuf,
    /// Its HTTP port.
    port: u16,
    authority: Authority,
    process: Option<Process>,
    names: AtomicU32,
}

/// Runs a scenario against both servers concurrently; a server that is not available is reported as skipped.
pub fn on_each_server(scenario: impl Fn(&Server) + Sync) {
    let run = |flavor| Server::shared_or(flavor).map(&scenario).err();
    let missing = thread::scope(|scope| {
        let start = |flavor: Flavor| {
            let named = thread::Builder::new().name(format!("{flavor:?}"));
            named.spawn_scoped(scope, move || run(flavor)).expect("a thread")
        };
        FLAVORS.map(start).map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    skip_missing(missing);
}

/// Runs a scenario that breaks a server against a fresh server of each flavor, one after the other.
pub fn on_fresh_servers(scenario: impl Fn(Server)) {
    skip_missing(FLAVORS.map(|flavor| Server::start(flavor).map(&scenario).err()));
}

/// Reports both reasons on one line, because it is one test.
fn skip_missing(missing: [Option<String>; 2]) {
    let missing: Vec<String> = missing.into_iter().flatten().collect();
    if !missing.is_empty() {
        skip(&missing.join("; "));
    }
}

impl Server {
    /// The server shared by the tests of this binary; reports the test as skipped and returns `None` if it is not
    /// available.
    pub fn shared(flavor: Flavor) -> Option<&'static Self> {
        Self::shared_or(flavor).map_err(|reason| skip(&reason)).ok()
    }

    fn shared_or(flavor: Flavor) -> Result<&'static Self, String> {
        static SHARED: [OnceLock<Result<Server, String>>; 2] = [OnceLock::new(), OnceLock::new()];
        let shared = SHARED[flavor as usize].get_or_init(|| Self::start(flavor));
        shared.as_ref().map_err(Clone::clone)
    }

    /// Starts an empty server.
    ///
    /// # Errors
    /// The reason why there is no server program.
    pub fn start(flavor: Flavor) -> Result<Self, String> {
        Self::start_as(flavor, Size::Small)
    }

    /// Starts a server with the memory that measurements need.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_large(flavor: Flavor) -> Result<Self, String> {
        Self::start_as(flavor, Size::Large)
    }

    fn start_as(flavor: Flavor, size: Size) -> Result<Self, String> {
        if let Ok(reason) = std::env::var(format!("{}_MISSING", flavor.variable())) {
            return Err(reason);
        }
        // The guard process removes it: it outlives Rust's destructors.
        let folder = TempDir::with_prefix("anomal-elastic-").expect("a temporary folder").keep();
        let authority = Authority::new();
        let mut log = String::new();
        // Another program may take the port before the server does.
        for _ in 0..3 {
            let port = flavor.free_port();
            configuration::write(flavor, &folder, port, &authority);
            let mut server = Self {
                flavor,
                size,
                folder: folder.clone(),
                port,
                authority: authority.clone(),
                process: Some(Process::start(flavor, size, &folder, port)),
                names: AtomicU32::new(0),
            };
            if server.answers() {
                return Ok(server);
            }
            server.kill();
            log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            // Another user may own some of its files.
            let _ = fs::remove_dir_all(folder.join("work"));
        }
        let _ = fs::remove_dir_all(&folder);
        let end: Vec<&str> = log.lines().rev().take(40).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        panic!("{flavor:?} does not start:\n{}", end.join("\n"))
    }

    pub fn url(&self) -> String {
        let scheme = if self.flavor == Flavor::Elasticsearch { "https" } else { "http" };
        format!("{scheme}://{LOOPBACK}:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate authority of the server and of its proxies, as PEM.
    pub fn ca(&self) -> &str {
        self.authority.pem()
    }

    /// A unique index name. It begins with `anomal-results-` or `logs-`, the prefixes that the users' roles cover.
    pub fn name(&self, part: &str) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let prefix = if part.starts_with("logs-") { "" } else { "anomal-results-" };
        format!("{prefix}{part}-{number}")
    }

    /// The address and the user's secret, as keys of a job's input or output.
    pub fn settings(&self, user: &str) -> String {
        match self.flavor {
            Flavor::Elasticsearch => settings(&self.url(), user),
            Flavor::OpenSearch => format!("url: \"{}\"", self.url()),
        }
    }

    /// Writes all users' secrets to the folder `secrets` of the workspace.
    pub fn secrets(&self, workspace: &Workspace) {
        for user in USERS {
            self.secret(workspace, user, user);
        }
    }

    /// Writes one user's secret under another name.
    pub fn secret(&self, workspace: &Workspace, name: &str, user: &str) {
        let secret = [("username", user), ("password", PASSWORD), ("ca.crt", self.ca())];
        for (key, value) in secret {
            workspace.write(&format!("secrets/{name}/{key}"), value.as_bytes());
        }
    }

    /// An independent client to inspect the server.
    pub fn admin(&self) -> Client {
        self.user(ADMIN)
    }

    pub fn user(&self, user: &str) -> Client {
        let client = Client::new(self.port);
        match self.flavor {
            Flavor::Elasticsearch => {
                client.with_authority(&self.authority).with_basic_auth(user, PASSWORD)
            }
            Flavor::OpenSearch => client,
        }
    }

    /// A client that connects through a proxy.
    pub fn client_through(&self, proxy: &proxy::Proxy, user: &str) -> Client {
        Client::new(proxy.port()).with_authority(&self.authority).with_basic_auth(user, PASSWORD)
    }

    /// The folder with all its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Kills it, as the loss of its machine would; its data stays.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.end(true);
        }
    }

    /// Sets whether the server knows the users of jobs; it takes some seconds to notice. Elasticsearch alone.
    pub fn know_users(&self, known: bool) {
        configuration::write_users(&self.folder, known);
    }

    /// Starts again after [`Server::kill`], at the same address and with the same data.
    pub fn restart(&mut self) {
        self.process = Some(Process::start(self.flavor, self.size, &self.folder, self.port));
        assert!(self.answers(), "{:?} does not come back", self.flavor);
    }

    /// Waits until its indices are available; false if it ends or times out before that.
    fn answers(&self) -> bool {
        let until = Instant::now() + Duration::from_mins(3);
        let client = self.admin().with_timeout(Duration::from_secs(15));
        while Instant::now() < until {
            if self.process.as_ref().is_none_or(Process::has_ended) {
                return false;
            }
            let health = "/_cluster/health?wait_for_status=yellow&timeout=10s";
            let answer = client.try_send("GET", health, "");
            let ours = |answer: &Answer| answer.text().contains(&process::cluster(&self.folder));
            match answer {
                Ok(answer) if answer.status == 200 => return ours(&answer),
                _ => thread::sleep(Duration::from_millis(100)),
            }
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self.process.take() {
            Some(process) => process.end(false),
            None => drop(fs::remove_dir_all(&self.folder)),
        }
    }
}

impl Flavor {
    fn variable(self) -> &'static str {
        match self {
            Self::Elasticsearch => "ANOMAL_TEST_ELASTICSEARCH",
            Self::OpenSearch => "ANOMAL_TEST_OPENSEARCH",
        }
    }

    fn free_port(self) -> u16 {
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).ok();
        match self {
            Self::Elasticsearch => {
                free(0).expect("a free port").local_addr().expect("its number").port()
            }
            // Its launcher accepts only this range. Each process begins elsewhere in it.
            Self::OpenSearch => {
                let begin = std::process::id() % 98;
                let mut ports = (9202..9300).cycle().skip(begin as usize).take(98);
                ports.find(|port| free(*port).is_some()).expect("a free port")
            }
        }
    }
}

fn settings(url: &str, user: &str) -> String {
    format!("url: \"{url}\", auth: {{secretRef: {{name: {user}}}}}")
}

/// The names and JSON texts of the example's roles.
fn roles() -> impl Iterator<Item = (String, String)> {
    let folder = repository().join("examples/elasticsearch/roles");
    let files = fs::read_dir(folder).expect("the roles").map(|file| file.expect("a file").path());
    files.map(|file| {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let role = fs::read(&file).expect("a role");
        let role: serde_json::Value = serde_json::from_slice(&role).expect("JSON");
        (name, role.to_string())
    })
}
