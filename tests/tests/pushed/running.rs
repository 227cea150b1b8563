//! A process that listens.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

use anomal_tests::{
    RunOutput, Workspace,
    http::{Answer, exchange},
};

/// What its log says before the address.
const LISTENING: &str = "listening on ";

/// A process that is killed with this.
pub struct Running {
    child: Child,
    /// Of its first door.
    pub address: String,
    /// Of all its doors, in their order in the settings.
    pub addresses: Vec<String>,
    errors: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts a job, and waits until its door is open.
    pub fn start(workspace: &Workspace, arguments: &[&str]) -> Self {
        Self::with_doors(workspace, arguments, 1)
    }

    /// Starts a job with so many doors, and waits until they are open.
    pub fn with_doors(workspace: &Workspace, arguments: &[&str], doors: usize) -> Self {
        let mut command = workspace.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let errors = child.stderr.take().unwrap();
        let (found, address) = mpsc::channel();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            for line in BufReader::new(errors).lines() {
                let line = line.unwrap();
                if let Some((_, address)) = line.split_once(LISTENING) {
                    // Nobody waits any more if it is said twice.
                    let _ = found.send(address.split_whitespace().next().unwrap().to_owned());
                }
                text += &line;
                text.push('\n');
            }
            text
        });
        let mut addresses = Vec::new();
        while addresses.len() < doors {
            let Ok(address) = address.recv_timeout(Duration::from_mins(1)) else {
                let _ = child.kill();
                panic!("it does not listen: {}", errors.join().unwrap());
            };
            addresses.push(address);
        }
        Self { child, address: addresses[0].clone(), addresses, errors: Some(errors) }
    }

    pub fn job(workspace: &Workspace) -> Self {
        Self::start(workspace, &["run", "job.yaml", "-v", "--summary", "json"])
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        // A server that hangs fails the test.
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    pub fn post(&self, headers: &[&str], body: &[u8]) -> Answer {
        post(&mut self.connect(), headers, body).unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        exchange(&mut self.connect(), "GET", path, &["host: test"], b"").unwrap()
    }

    /// Asks its first door.
    pub fn ask(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let length = format!("content-length: {}", body.len());
        let headers = [&["host: test", length.as_str()], headers].concat();
        exchange(&mut self.connect(), method, path, &headers, body).unwrap()
    }

    /// Sends bytes over a connection of its own.
    pub fn send(&self, bytes: &[u8]) {
        self.connect().write_all(bytes).unwrap();
    }

    /// SIGTERM; its end.
    pub fn terminate(mut self) -> RunOutput {
        let killed = std::process::Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(killed.unwrap().success());
        self.end()
    }

    /// SIGKILL.
    pub fn kill(mut self) -> RunOutput {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> RunOutput {
        self.end()
    }

    fn end(&mut self) -> RunOutput {
        let mut stdout = Vec::new();
        self.child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        let status = self.child.wait().unwrap();
        let stderr = self.errors.take().unwrap().join().unwrap().into_bytes();
        std::process::Output { status, stdout, stderr }.into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts records.
pub fn post(
    stream: &mut (impl Read + Write),
    headers: &[&str],
    body: &[u8],
) -> std::io::Result<Answer> {
    let length = format!("content-length: {}", body.len());
    let headers = [&["host: test", length.as_str()], headers].concat();
    exchange(stream, "POST", "/v1/records", &headers, body)
}
