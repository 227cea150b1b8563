//! A real S3 server on a folder of its own.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use futures::TryStreamExt;
use object_store::{
    ObjectStore, ObjectStoreExt,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::{skip, tool};

const KEY: &str = "anomal";
const SECRET: &str = "a-secret-of-the-tests";
const REGION: &str = "eu-central-1";

/// The server, ended when dropped.
pub struct S3 {
    child: Child,
    folder: TempDir,
    host: String,
    port: u16,
}

impl S3 {
    /// Starts an empty server on a free port; reports the test as skipped and returns `None` if there is no server program.
    pub fn start() -> Option<Self> {
        Self::start_at("127.0.0.1")
    }

    /// Starts it on another address of this machine.
    pub fn start_at(host: &str) -> Option<Self> {
        if let Ok(reason) = std::env::var("ANOMAL_TEST_S3_MISSING") {
            skip(&reason);
            return None;
        }
        let folder = TempDir::with_prefix("anomal-s3-").expect("a temporary folder");
        for part in ["objects", "metadata"] {
            fs::create_dir(folder.path().join(part)).expect("folder made");
        }
        // Another program may take the port before the server does.
        (0..5)
            .find_map(|_| {
                let listener = TcpListener::bind((host, 0)).expect("a free port");
                let port = listener.local_addr().expect("its number").port();
                drop(listener);
                run(&folder, host, port).map(|child| (child, port))
            })
            .map(|(child, port)| Self { child, folder, host: host.to_owned(), port })
            .or_else(|| panic!("the S3 server does not start"))
    }

    /// Creates a bucket.
    pub fn bucket(&self, name: &str) {
        fs::create_dir(self.folder.path().join("objects").join(name)).expect("bucket made");
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// The environment variables that S3 clients read.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", REGION.into()),
            ("AWS_ACCESS_KEY_ID", KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.into()),
        ]
    }

    /// The same under the keys of a secret.
    pub fn secret(&self) -> Vec<(&'static str, String)> {
        let keys = ["endpoint", "allowHttp", "region", "accessKeyId", "secretAccessKey"];
        keys.into_iter().zip(self.environment().map(|(_, value)| value)).collect()
    }

    /// An independent client to inspect a bucket.
    fn client(&self, bucket: &str) -> (AmazonS3, Runtime) {
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
        for (name, value) in self.environment() {
            let option = name.to_lowercase().parse().expect("an option");
            builder = builder.with_config(option, value);
        }
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        (builder.build().expect("a client"), runtime)
    }

    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let (store, runtime) = self.client(bucket);
        let key = Path::from(key);
        let put = store.put(&key, bytes.to_vec().into());
        runtime.block_on(put).expect("the object is stored");
    }

    pub fn get(&self, bucket: &str, key: &str) -> Vec<u8> {
        self.find(bucket, key).unwrap_or_else(|| panic!("no {key}"))
    }

    /// An object that may have been removed since it was listed.
    pub fn find(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let (store, runtime) = self.client(bucket);
        let got = runtime.block_on(async { store.get(&Path::from(key)).await?.bytes().await });
        match got {
            Ok(bytes) => Some(bytes.to_vec()),
            Err(object_store::Error::NotFound { .. }) => None,
            Err(error) => panic!("{key}: {error}"),
        }
    }

    /// All keys of a bucket, in order.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let (store, runtime) = self.client(bucket);
        let listed = store.list(None).map_ok(|object| object.location.to_string());
        let mut keys: Vec<String> =
            runtime.block_on(listed.try_collect()).expect("the bucket's list");
        keys.sort();
        keys
    }

    /// The number of a bucket's unfinished multipart uploads, counted in the server's own folder.
    pub fn uploads(&self, bucket: &str) -> usize {
        let multipart = self.folder.path().join("objects").join(bucket).join(".sgwtmp/multipart");
        let folders = |folder: &std::path::Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
        };
        folders(&multipart).iter().map(|key| folders(key).len()).sum()
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server, as the loss of its machine would; its objects stay.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts again after [`S3::kill`], at the same address and with the same objects.
    pub fn restart(&mut self) {
        self.child = run(&self.folder, &self.host, self.port).expect("the S3 server comes back");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the server and waits until it responds.
fn run(folder: &TempDir, host: &str, port: u16) -> Option<Child> {
    let mut command = Command::new(tool("ANOMAL_TEST_S3"));
    command.args(["--port", &format!("{host}:{port}"), "--region", REGION, "--quiet", "posix"]);
    // Object metadata goes to files, because not every file system has extended attributes.
    command.arg("--sidecar").arg(folder.path().join("metadata")).arg(folder.path().join("objects"));
    command.env("ROOT_ACCESS_KEY", KEY).env("ROOT_SECRET_KEY", SECRET);
    command.current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the S3 server starts");
    let until = Instant::now() + Duration::from_secs(30);
    while Instant::now() < until {
        if child.try_wait().expect("its state").is_some() {
            return None;
        }
        if answers(host, port) {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// Whether an HTTP server responds, also with a refusal.
fn answers(host: &str, port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect((host, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 9];
        stream.read_exact(&mut start)?;
        std::io::Result::Ok(start)
    };
    ask().is_ok_and(|start| &start == b"HTTP/1.1 ")
}
