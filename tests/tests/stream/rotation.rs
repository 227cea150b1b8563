//! Rotation by logrotate, while the file is written. `ANOMAL_TEST_ROTATIONS=1000` rotates more often.

use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anomal_tests::{Workspace, ledger::balance, skip};

use super::{
    catch_up,
    job::{JOB, ResultCount, lines, results},
    objects::wait,
    summary,
};

/// How logrotate rotates: a new file, a copy, or with compressed older ones.
const WAYS: [&str; 3] = ["create", "copytruncate", "create\n  compress\n  delaycompress"];

/// A program that writes a log, and the number of its records.
struct Writer<'a> {
    path: &'a Path,
    file: Mutex<File>,
    written: AtomicU64,
}

impl<'a> Writer<'a> {
    fn new(path: &'a Path, written: u64) -> Self {
        let file = Mutex::new(Self::open(path));
        Self { path, file, written: AtomicU64::new(written) }
    }

    fn open(path: &Path) -> File {
        OpenOptions::new().create(true).append(true).open(path).unwrap()
    }

    fn write(&self, file: &mut File, count: u64) {
        let first = self.written.load(Ordering::Relaxed);
        file.write_all(lines(first..first + count).as_bytes()).unwrap();
        self.written.store(first + count, Ordering::Relaxed);
    }

    fn run(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            self.write(&mut self.file.lock().unwrap(), 20);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Rotates the file. What is written between a copy and the truncation is lost by logrotate, so nothing is.
    fn rotate(&self, logrotate: &Path, folder: &Path, way: &str) {
        let mut file = self.file.lock().unwrap();
        let configuration = folder.join("logrotate.conf");
        let text = format!("{} {{\n  rotate 8\n  missingok\n  {way}\n}}\n", self.path.display());
        std::fs::write(&configuration, text).unwrap();
        let mut command = Command::new(logrotate);
        command.args(["--force", "--state"]).arg(folder.join("status")).arg(configuration);
        let rotated = command.output().unwrap();
        assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
        if way != "copytruncate" {
            // It is told that it has to open another file, and has more of the one before.
            self.write(&mut file, 3);
            *file = Self::open(self.path);
        }
    }
}

/// The name of the newest checkpoint.
fn newest(workspace: &Workspace) -> Option<String> {
    let files = std::fs::read_dir(workspace.path("state")).ok()?.flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with("ckpt")).max()
}

#[test]
fn each_record_comes_once_through_rotations() {
    let Some(logrotate) = std::env::var_os("ANOMAL_TEST_LOGROTATE") else {
        return skip("ANOMAL_TEST_LOGROTATE is not set");
    };
    let rotations = std::env::var("ANOMAL_TEST_ROTATIONS").ok();
    let rotations: u64 = rotations.map_or(12, |rotations| rotations.parse().unwrap());
    // In long loops, few files.
    let job = JOB.replace("path: app", "path: log/app").replace("rotate: 64Ki", "rotate: 8Mi");
    let workspace = Workspace::with_files(&[
        ("log/app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    let path = workspace.path("log/app.ndjson");
    // It refuses folders that others may write to.
    let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(workspace.path("log"), only_owner).unwrap();
    let start = || {
        let mut command = workspace.command(&["run", "job.yaml", "-q"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let writer = Writer::new(&path, 400);
    let count = RefCell::new(ResultCount::default());
    let rows = || count.borrow_mut().count(&workspace);
    let mut child = start();
    wait("its first results", || rows() == 400);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| writer.run(&stop));
        let mut rotated = 0;
        for rotation in 0..rotations {
            if rotation == rotations / 2 {
                child.kill().unwrap();
                child.wait().unwrap();
                let before = newest(&workspace);
                child = start();
                // Results behind its checkpoint are cut off, and files of them must not be compressed before they are read again.
                wait("its first checkpoint", || newest(&workspace) > before);
                *count.borrow_mut() = ResultCount::default();
            }
            let way = WAYS[usize::try_from(rotation).unwrap() / 3 % 3];
            // What was rotated before is compressed now.
            if way.contains("compress") {
                wait("results of the files before", || rows() >= rotated);
            }
            writer.rotate(Path::new(&logrotate), workspace.folder.path(), way);
            rotated = writer.written.load(Ordering::Relaxed);
            // Of the eight files that are kept, two may wait.
            if rotation % 2 == 1 {
                wait("results of the file before", || rows() >= rotated);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let written = writer.written.load(Ordering::Relaxed);
    wait("all results", || rows() >= written);
    child.kill().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    assert_eq!(summary(&last)["rows"], written);
    let id = |row: &str| serde_json::from_str::<serde_json::Value>(row).unwrap()["id"].as_u64();
    let ids: Vec<u64> = results(&workspace).lines().map(|row| id(row).unwrap()).collect();
    balance(&[("rotations", rotations), ("SIGKILLs", 2)], written, &ids);
    assert!(ids.is_sorted());
}
