//! Test support: runs the built programs in temporary folders and starts the servers that they connect to. Nothing
//! outlives a test.

pub mod browser;
pub mod cluster;
pub mod disk;
pub mod elastic;
pub mod http;
pub mod kafka;
pub mod ledger;
pub mod memory;
pub mod process;
pub mod proxy;
#[cfg(target_os = "linux")]
pub mod pty;
pub mod registry;
pub mod report_server;
pub mod s3;
pub mod tls;
pub mod traces;

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use anomal_core::Table;
pub use anomal_testbed::skip;
use flate2::read::MultiGzDecoder;
use polars::prelude::DataFrame;
pub use tempfile::TempDir;

/// The path of a program built with the tests.
pub fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("the test's own path");
    let folder = here.parent().and_then(Path::parent).expect("target folder");
    let program = folder.join(name);
    assert!(program.exists(), "{} is not built; run `cargo xtask test`", program.display());
    program
}

/// The path of an external tool, such as the browser, that `cargo xtask test` has installed.
pub fn tool(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable);
    path.unwrap_or_else(|| panic!("{variable} is not set; `cargo xtask test` sets it")).into()
}

/// The root of the checkout.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("workspace folder").to_owned()
}

/// The text of a file of `examples` with parts replaced, each of which has to be there.
#[track_caller]
pub fn example(path: &str, parts: &[(&str, &str)]) -> String {
    let file = repository().join("examples").join(path);
    let mut text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
    for (from, to) in parts {
        assert!(text.contains(from), "no {from:?} in {path}");
        text = text.replace(from, to);
    }
    text
}

/// The records of a CSV file that the program wrote.
pub fn csv_records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            other => cell.push(other),
        }
    }
    records
}

/// Asserts that two tables have the same rows, columns, types and values.
#[track_caller]
pub fn assert_same_tables(a: &Table, b: &Table) {
    assert_eq!(a.rows(), b.rows());
    let frames: [&DataFrame; 2] = [a.columns(), b.columns()];
    assert_eq!(frames[0].schema(), frames[1].schema());
    assert!(frames[0].equals_missing(frames[1]), "{:?}\n{:?}", frames[0], frames[1]);
}

/// A temporary folder in which `anomal` is run.
pub struct Workspace {
    pub folder: TempDir,
}

/// A program's exit code and output.
#[derive(Debug)]
pub struct RunOutput {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl RunOutput {
    /// Asserts the exit code, that standard error contains each part, and that nothing panicked.
    #[track_caller]
    pub fn expect(&self, code: i32, parts: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {self:#?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }
}

impl From<Output> for RunOutput {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder") }
    }
}

impl Workspace {
    /// A folder with these files.
    pub fn with_files(files: &[(&str, &[u8])]) -> Self {
        let workspace = Self::default();
        for (name, content) in files {
            workspace.write(name, content);
        }
        workspace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder made");
        fs::write(path, content).expect("file written");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names of the files and folders in it, sorted.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The texts of the gzip files below a folder, in the order of their paths, as far as they are complete.
    pub fn gunzip(&self, folder: &str) -> Vec<String> {
        self.decompress(folder, "gz", |file| Box::new(MultiGzDecoder::new(file)))
    }

    /// As [`gunzip`](Self::gunzip), of Zstandard files.
    pub fn unzstd(&self, folder: &str) -> Vec<String> {
        self.decompress(folder, "zst", |file| {
            Box::new(zstd::Decoder::new(file).expect("a decoder"))
        })
    }

    fn decompress(
        &self,
        folder: &str,
        ending: &str,
        open: fn(File) -> Box<dyn Read>,
    ) -> Vec<String> {
        let mut paths: Vec<PathBuf> = Vec::new();
        let mut folders = vec![self.path(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|known| known == ending) {
                    paths.push(path);
                }
            }
        }
        paths.sort();
        let text = |path: PathBuf| {
            let mut text = Vec::new();
            // The last member or frame may not be complete yet.
            let _ = open(File::open(path).ok()?).read_to_end(&mut text);
            String::from_utf8(text).ok()
        };
        paths.into_iter().filter_map(text).collect()
    }

    /// A command that runs `anomal` in this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("anomal"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("NO_COLOR", "1").env_remove("RUST_BACKTRACE");
        command
    }

    pub fn anomal(&self, arguments: &[&str]) -> RunOutput {
        self.command(arguments).output().expect("anomal runs").into()
    }

    /// Runs `anomal` with `input` on standard input.
    pub fn anomal_with_input(&self, arguments: &[&str], input: &[u8]) -> RunOutput {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("anomal runs");
        let mut stdin = child.stdin.take().expect("standard input");
        std::thread::scope(|scope| {
            // The program may stop reading early.
            scope.spawn(move || drop(stdin.write_all(input)));
            child.wait_with_output().expect("anomal ends").into()
        })
    }
}

/// An engine's server, killed when dropped.
pub struct Engine {
    child: Child,
    pub address: String,
    /// The address of its web pages, if it has any.
    pub pages: Option<String>,
}

/// Waits for a server's port file and returns its gRPC port; `check` is called while waiting.
pub fn grpc_port(file: &Path, check: impl FnMut()) -> u64 {
    ports(file, check)["grpc"].as_u64().expect("a port")
}

fn ports(file: &Path, mut check: impl FnMut()) -> serde_json::Value {
    let until = Instant::now() + Duration::from_secs(20);
    while !file.exists() {
        check();
        assert!(Instant::now() < until, "no port file {}", file.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    let ports = fs::read(file).expect("the port file");
    serde_json::from_slice(&ports).expect("JSON")
}

impl Engine {
    /// `anomal-feature-engine` or `anomal-classification-engine` on a free port of loopback.
    pub fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    pub fn start_with(name: &str, more: &[&str]) -> Self {
        Self::start_with_environment(name, more, &[])
    }

    /// With additional environment variables.
    pub fn start_with_environment(
        name: &str,
        more: &[&str],
        environment: &[(&str, String)],
    ) -> Self {
        Self::start_at("127.0.0.1", name, more, environment)
    }

    /// On a free port of an address of this machine.
    pub fn start_at(host: &str, name: &str, more: &[&str], environment: &[(&str, String)]) -> Self {
        let listen = format!("{host}:0");
        let folder = TempDir::new().expect("a temporary folder");
        let ports = folder.path().join("ports.json");
        let mut command = Command::new(program(name));
        command.args(["--listen", &listen, "--metrics-listen", "127.0.0.1:0"]);
        command.arg("--port-file").arg(&ports).args(more);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the engine starts");
        let ports = self::ports(&ports, || {
            assert!(child.try_wait().expect("its state").is_none(), "{name} ended at once");
        });
        let address = |port: &serde_json::Value| format!("http://{host}:{port}");
        let pages = ports.get("web").map(address);
        Self { child, address: address(&ports["grpc"]), pages }
    }

    /// Kills the process, as the loss of its machine would.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}
