//! One process, with what it takes.

use std::{
    fmt::{self, Display},
    fs::{self, File},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How often memory is read while a process runs.
const INTERVAL: Duration = Duration::from_millis(3);
/// A process that runs longer than this hangs.
const LIMIT: Duration = Duration::from_mins(15);
/// Of a clock tick in /proc/PID/stat; the same on every Linux.
const SECONDS_PER_TICK: f64 = 0.01;

/// What a process took. Parts that this system does not report are 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measurement {
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_kib: u64,
}

impl Measurement {
    /// One after the other: times add up, and the larger peak counts.
    pub fn then(self, next: Self) -> Self {
        Self {
            seconds: self.seconds + next.seconds,
            cpu_seconds: self.cpu_seconds + next.cpu_seconds,
            peak_kib: self.peak_kib.max(next.peak_kib),
        }
    }
}

impl Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = self.peak_kib * 1024 / 1_000_000;
        let Self { seconds, cpu_seconds, .. } = self;
        write!(f, "{seconds:.2} s  {cpu_seconds:.2} CPU  {megabytes} MB")
    }
}

/// Runs a command to its end, with its standard output and error in files.
///
/// # Errors
/// If it cannot be started, or does not end within a quarter of an hour.
pub fn run(
    command: &mut Command,
    stdout: &Path,
    stderr: &Path,
) -> Result<(ExitStatus, Measurement)> {
    command.stdout(File::create(stdout)?).stderr(File::create(stderr)?);
    let cpu = children_cpu();
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let mut peak_kib = 0;
    let status = loop {
        // Before the state: a process that has ended has no memory.
        peak_kib = peak(child.id()).unwrap_or(peak_kib).max(peak_kib);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            bail!("{command:?} did not end within {} minutes", LIMIT.as_secs() / 60);
        }
        thread::sleep(INTERVAL);
    };
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = children_cpu() - cpu;
    Ok((status, Measurement { seconds, cpu_seconds, peak_kib }))
}

/// Nothing to read.
pub fn without_input(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null())
}

/// The largest resident memory so far; none once the process has ended.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let mut lines = status.lines();
    lines.find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB")?.trim().parse().ok())
}

/// CPU seconds of the child processes that have ended, their own children included.
fn children_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name, in parentheses, may hold spaces. `cutime` and `cstime` are fields 16 and 17 of proc(5).
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(13).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() * SECONDS_PER_TICK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured() {
        let folder = std::env::temp_dir().join(format!("xtask-process-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; sleep 0.1; exit 3"]);
        let (out, err) = (folder.join("out"), folder.join("err"));
        let (status, measurement) = run(without_input(&mut command), &out, &err).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(fs::read_to_string(out).unwrap(), "out\n");
        assert_eq!(fs::read_to_string(err).unwrap(), "err\n");
        assert!(measurement.seconds >= 0.1);
        if cfg!(target_os = "linux") {
            assert!(measurement.peak_kib > 100, "{measurement:?}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn steps_add_up() {
        let one = Measurement { seconds: 1.0, cpu_seconds: 0.5, peak_kib: 2_000_000 };
        let two = Measurement { seconds: 0.25, cpu_seconds: 0.25, peak_kib: 1_000 };
        assert_eq!(one.then(two).to_string(), "1.25 s  0.75 CPU  2048 MB");
    }
}
