//! `anomal job` against a namespace.

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

/// `anomal job …` in the namespace.
pub fn command(here: &Namespace, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("anomal"));
    command.arg("job").args(arguments).args(["--namespace", &here.name]);
    command.env("KUBECONFIG", here.cluster.kubeconfig()).stdin(Stdio::null());
    command
}

pub fn job(here: &Namespace, arguments: &[&str]) -> RunOutput {
    command(here, arguments).output().unwrap().into()
}

/// One that goes on beside the test, and is killed with the value.
pub struct Beside {
    child: Option<Child>,
    stderr: NamedTempFile,
}

impl Beside {
    pub fn start(here: &Namespace, arguments: &[&str]) -> Self {
        let stderr = NamedTempFile::new().unwrap();
        let mut command = command(here, arguments);
        command.stdout(Stdio::piped()).stderr(stderr.reopen().unwrap());
        Self { child: Some(command.spawn().unwrap()), stderr }
    }

    /// What it has said so far on standard error.
    pub fn told(&self) -> String {
        fs::read_to_string(self.stderr.path()).unwrap()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> RunOutput {
        let until = Instant::now() + PATIENCE;
        let mut child = self.child.take().unwrap();
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > until {
                child.kill().unwrap();
                panic!("it does not end: {}", self.told());
            }
            thread::sleep(Duration::from_millis(100));
        }
        let ran = RunOutput::from(child.wait_with_output().unwrap());
        RunOutput { stderr: self.told(), ..ran }
    }

    /// As Ctrl-C does.
    #[track_caller]
    pub fn interrupt(self) -> RunOutput {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.end()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
