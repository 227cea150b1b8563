//! Runs `anomal job` against a namespace.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anomal_tests::{
    RunOutput,
    cluster::{Namespace, PATIENCE},
    program,
};
use tempfile::NamedTempFile;

/// The command `anomal job …` in the namespace.
pub fn command(here: &Namespace, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("anomal"));
    command.arg("job").args(arguments).args(["--namespace", &here.name]);
    command.env("KUBECONFIG", here.cluster.kubeconfig()).stdin(Stdio::null());
    command
}

pub fn job(here: &Namespace, arguments: &[&str]) -> RunOutput {
    command(here, arguments).output().unwrap().into()
}

/// A command in the background; killed when dropped.
pub struct BackgroundJob {
    child: Option<Child>,
    stderr: NamedTempFile,
}

impl BackgroundJob {
    pub fn start(here: &Namespace, arguments: &[&str]) -> Self {
        let stderr = NamedTempFile::new().unwrap();
        let mut command = command(here, arguments);
        command.stdout(Stdio::piped()).stderr(stderr.reopen().unwrap());
        Self { child: Some(command.spawn().unwrap()), stderr }
    }

    /// Its standard error so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.stderr.path()).unwrap()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> RunOutput {
        let until = Instant::now() + PATIENCE;
        let mut child = self.child.take().unwrap();
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > until {
                child.kill().unwrap();
                panic!("it does not end: {}", self.stderr());
            }
            thread::sleep(Duration::from_millis(100));
        }
        let ran = RunOutput::from(child.wait_with_output().unwrap());
        RunOutput { stderr: self.stderr(), ..ran }
    }

    /// Interrupts it as Ctrl-C does, and waits for its end.
    #[track_caller]
    pub fn interrupt(self) -> RunOutput {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.wait()
    }
}

impl Drop for BackgroundJob {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
