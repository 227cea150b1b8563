//! Runs programs in a control group with a memory limit, as a container runtime does.
//!
//! Requires root and a writable `/sys/fs/cgroup` with the memory controller, of version 1 or 2. Beyond the limit the
//! kernel kills the program, which a test must distinguish from a clean error.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use crate::{RunOutput, Workspace, skip};

const ROOT: &str = "/sys/fs/cgroup";

/// Moves the shell into the group that `$1` names by its `cgroup.procs`, then becomes the command.
const ENTER: &str = r#"echo $$ >"$1" && shift && exec "$@""#;

/// The version of control groups that has the memory controller.
#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

/// A control group; removed when dropped.
pub struct MemoryGroup {
    folder: PathBuf,
    version: Version,
}

impl MemoryGroup {
    /// Creates a group with this limit, without swap. Reports the test as skipped and returns `None` where that is not
    /// possible.
    pub fn new(limit_bytes: u64) -> Option<Self> {
        let group = Self::create(limit_bytes);
        group.map_err(|error| skip(&format!("no memory control group: {error}"))).ok()
    }

    fn create(limit_bytes: u64) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let root = Path::new(ROOT);
        let (parent, version) = if root.join("cgroup.controllers").exists() {
            // It is enabled already where systemd runs; if this fails, the group has no `memory.max`.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+memory");
            (root.to_owned(), Version::Two)
        } else {
            (root.join("memory"), Version::One)
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("anomal-memory-{}-{number}", std::process::id()));
        // Not `create_dir_all`: without the controller's mount this has to fail.
        fs::create_dir(&folder)?;
        let group = Self { folder, version };
        let (limit, limit_with_swap) = match version {
            Version::One => ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
            Version::Two => ("memory.max", "memory.swap.max"),
        };
        group.write(limit, limit_bytes)?;
        // Version 1 counts memory and swap together. A kernel without swap accounting has no such file.
        let swap = if matches!(version, Version::One) { limit_bytes } else { 0 };
        if group.folder.join(limit_with_swap).exists() {
            group.write(limit_with_swap, swap)?;
        }
        Ok(group)
    }

    /// Only to files of the controller: creating one would hide that it is missing.
    fn write(&self, file: &str, value: u64) -> io::Result<()> {
        let path = self.folder.join(file);
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut file = fs::File::options().write(true).open(&path).map_err(named)?;
        io::Write::write_all(&mut file, value.to_string().as_bytes()).map_err(named)
    }

    /// Runs a command in the group. Of its settings, the program, arguments, folder and environment count.
    pub fn run(&self, command: &Command) -> RunOutput {
        let mut shell = Command::new("sh");
        shell.args(["-c", ENTER, "sh"]).arg(self.folder.join("cgroup.procs"));
        shell.arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.stdin(std::process::Stdio::null()).output().expect("a shell").into()
    }

    /// How many processes of the group the kernel killed for their memory.
    pub fn kills(&self) -> u64 {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let counts = fs::read_to_string(self.folder.join(file)).expect("the group's events");
        let count = counts.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.expect("a count of kills").trim().parse().expect("a number")
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // A process that has ended may stay in its group for a moment.
        for _ in 0..100 {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    thread::sleep(Duration::from_millis(20));
                }
                _ => return,
            }
        }
    }
}

impl Workspace {
    /// Runs `anomal` in this folder with a memory limit, and returns its output and whether the kernel killed it. Reports
    /// the test as skipped and returns `None` where no limit can be set.
    pub fn anomal_limited(
        &self,
        limit_bytes: u64,
        arguments: &[&str],
    ) -> Option<(RunOutput, bool)> {
        let group = MemoryGroup::new(limit_bytes)?;
        let output = group.run(&self.command(arguments));
        Some((output, group.kills() > 0))
    }
}
