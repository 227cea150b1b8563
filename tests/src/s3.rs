//! A real S3 server on a folder of its own.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{skip, tool};

const KEY: &str = "anomal";
const SECRET: &str = "a-secret-of-the-tests";
const REGION: &str = "eu-central-1";

/// The server, ended when dropped.
pub struct S3 {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl S3 {
    /// On a free port, with nothing in it; none where the server can't be had, which is told as skipped.
    pub fn start() -> Option<Self> {
        if let Ok(reason) = std::env::var("ANOMAL_TEST_S3_MISSING") {
            skip(&reason);
            return None;
        }
        let folder = TempDir::with_prefix("anomal-s3-").expect("a temporary folder");
        for part in ["objects", "about"] {
            fs::create_dir(folder.path().join(part)).expect("folder made");
        }
        // Another program may take the port before the server does.
        (0..5)
            .find_map(|_| {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                let port = listener.local_addr().expect("its number").port();
                drop(listener);
                run(&folder, port).map(|child| (child, port))
            })
            .map(|(child, port)| Self { child, folder, port })
            .or_else(|| panic!("the S3 server does not start"))
    }

    /// Makes a bucket.
    pub fn bucket(&self, name: &str) {
        fs::create_dir(self.folder.path().join("objects").join(name)).expect("bucket made");
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What programs that use S3 read.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", REGION.into()),
            ("AWS_ACCESS_KEY_ID", KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.into()),
        ]
    }

    /// Ends it as a lost machine would; what it holds stays.
    pub fn kill(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Comes back after [`S3::kill`], at the same address and with what it held.
    pub fn start_again(&mut self) {
        self.child = run(&self.folder, self.port).expect("the S3 server comes back");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The server, once it answers.
fn run(folder: &TempDir, port: u16) -> Option<Child> {
    let mut command = Command::new(tool("ANOMAL_TEST_S3"));
    command.args(["--port", &format!("127.0.0.1:{port}"), "--region", REGION, "--quiet", "posix"]);
    // What is known about objects goes to files: not every file system has attributes for it.
    command.arg("--sidecar").arg(folder.path().join("about")).arg(folder.path().join("objects"));
    command.env("ROOT_ACCESS_KEY", KEY).env("ROOT_SECRET_KEY", SECRET);
    command.current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the S3 server starts");
    let until = Instant::now() + Duration::from_secs(30);
    while Instant::now() < until {
        if child.try_wait().expect("its state").is_some() {
            return None;
        }
        if answers(port) {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// Whether something speaks HTTP there; a stranger is told that it is one.
fn answers(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 9];
        stream.read_exact(&mut start)?;
        std::io::Result::Ok(start)
    };
    ask().is_ok_and(|start| &start == b"HTTP/1.1 ")
}
