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
//! The servers of [`on_each_server`] are shared by the tests of a binary, and end with it. They take some twenty seconds to start,
//! so a few binaries with many tests are better than many. Who breaks a server starts one of its own.

mod client;
mod configuration;
pub mod kibana;
mod process;
pub mod proxy;
mod tls;
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
use self::{process::Process, tls::Authority};
use crate::{Workspace, http::Answer, repository, skip};

/// A user who may do all.
pub const ADMIN: &str = "admin";
/// A user who may write results, and no more (`examples/elasticsearch/roles`).
pub const WRITER: &str = "writer";
/// A user who may read records, and no more.
pub const READER: &str = "reader";
/// A user with both of these roles, as a job from index to index needs.
pub const RUNNER: &str = "runner";
/// Of all users.
pub const PASSWORD: &str = "a-secret-of-the-tests";

/// Where servers listen, unless pods are to reach them.
const HERE: &str = "127.0.0.1";
/// What a user may be called in `settings` and `secrets`.
const USERS: [&str; 4] = [ADMIN, WRITER, READER, RUNNER];
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
    /// Of its Java. The first compiler alone makes a server faster that lives for a minute.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Small => &["-Xms512m", "-Xmx512m", "-XX:TieredStopAtLevel=1"],
            Self::Large => &["-Xms2g", "-Xmx2g"],
        }
    }
}

/// A server, ended when dropped, and with the test's process however that ends.
pub struct Server {
    pub flavor: Flavor,
    size: Size,
    folder: PathBuf,
    /// Which ports it listens on.
    port: u16,
    authority: Authority,
    process: Option<Process>,
    names: AtomicU32,
}

/// Runs a scenario against both servers at the same time; one that can't be had is told as skipped.
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

/// The same for scenarios that break a server: each has its own, one after the other.
pub fn on_fresh_servers(scenario: impl Fn(Server)) {
    skip_missing(FLAVORS.map(|flavor| Server::start(flavor).map(&scenario).err()));
}

/// On one line, for it is one test.
fn skip_missing(missing: [Option<String>; 2]) {
    let missing: Vec<String> = missing.into_iter().flatten().collect();
    if !missing.is_empty() {
        skip(&missing.join("; "));
    }
}

impl Server {
    /// The one that the tests of this binary share; none where it can't be had, which is told as skipped.
    pub fn shared(flavor: Flavor) -> Option<&'static Self> {
        Self::shared_or(flavor).map_err(|reason| skip(&reason)).ok()
    }

    fn shared_or(flavor: Flavor) -> Result<&'static Self, String> {
        static SHARED: [OnceLock<Result<Server, String>>; 2] = [OnceLock::new(), OnceLock::new()];
        let shared = SHARED[flavor as usize].get_or_init(|| Self::start(flavor));
        shared.as_ref().map_err(Clone::clone)
    }

    /// With nothing in it; else why it can't be had.
    pub fn start(flavor: Flavor) -> Result<Self, String> {
        Self::start_as(flavor, Size::Small)
    }

    /// The same for measurements.
    pub fn start_large(flavor: Flavor) -> Result<Self, String> {
        Self::start_as(flavor, Size::Large)
    }

    fn start_as(flavor: Flavor, size: Size) -> Result<Self, String> {
        if let Ok(reason) = std::env::var(format!("{}_MISSING", flavor.variable())) {
            return Err(reason);
        }
        // Removed by what stands between: it outlives what Rust drops.
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
            // Another user may own some of it.
            let _ = fs::remove_dir_all(folder.join("work"));
        }
        let _ = fs::remove_dir_all(&folder);
        let end: Vec<&str> = log.lines().rev().take(40).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        panic!("{flavor:?} does not start:\n{}", end.join("\n"))
    }

    pub fn url(&self) -> String {
        let scheme = if self.flavor == Flavor::Elasticsearch { "https" } else { "http" };
        format!("{scheme}://{HERE}:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Of the authority that signs the certificates of the server and of proxies in front of it, as PEM.
    pub fn ca(&self) -> &str {
        self.authority.pem()
    }

    /// A name for an index that no other test uses; the roles of the tests' users are for names with `anomal-results-`
    /// and `logs-` in front.
    pub fn name(&self, part: &str) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let prefix = if part.starts_with("logs-") { "" } else { "anomal-results-" };
        format!("{prefix}{part}-{number}")
    }

    /// Where it is and who asks, as keys of a job's input or output.
    pub fn settings(&self, user: &str) -> String {
        match self.flavor {
            Flavor::Elasticsearch => settings(&self.url(), user),
            Flavor::OpenSearch => format!("url: \"{}\"", self.url()),
        }
    }

    /// The users' secrets, in the folder `secrets` of the workspace.
    pub fn secrets(&self, workspace: &Workspace) {
        for user in USERS {
            self.secret(workspace, user, user);
        }
    }

    /// One user's secret by another name.
    pub fn secret(&self, workspace: &Workspace, name: &str, user: &str) {
        let secret = [("username", user), ("password", PASSWORD), ("ca.crt", self.ca())];
        for (key, value) in secret {
            workspace.write(&format!("secrets/{name}/{key}"), value.as_bytes());
        }
    }

    /// A client of its own to look at what is there.
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

    /// The same through a proxy in front of it.
    pub fn through(&self, proxy: &proxy::Proxy, user: &str) -> Client {
        Client::new(proxy.port()).with_authority(&self.authority).with_basic_auth(user, PASSWORD)
    }

    /// Where all it has lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends it as a lost machine would; what it holds stays.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.end(true);
        }
    }

    /// Comes back after [`Server::kill`], at the same address and with what it held.
    pub fn restart(&mut self) {
        self.process = Some(Process::start(self.flavor, self.size, &self.folder, self.port));
        assert!(self.answers(), "{:?} does not come back", self.flavor);
    }

    /// Waits until it has its indices; whether it ever does.
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
            // What starts it takes no others. Each process begins elsewhere.
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

/// The roles of the example, each on one line.
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
