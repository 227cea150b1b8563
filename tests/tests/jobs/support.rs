//! `anomal job` against a namespace.

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anomal_tests::{
    Ran,
    cluster::{Namespace, PATIENCE},
    program,
};

/// `anomal job …` in the namespace.
pub fn command(here: &Namespace, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("anomal"));
    command.arg("job").args(arguments).args(["--namespace", &here.name]);
    command.env("KUBECONFIG", here.cluster.kubeconfig()).stdin(Stdio::null());
    command
}

pub fn job(here: &Namespace, arguments: &[&str]) -> Ran {
    command(here, arguments).output().unwrap().into()
}

/// One that goes on beside the test, and is killed with the value.
pub struct Beside(Option<Child>);

impl Beside {
    pub fn start(here: &Namespace, arguments: &[&str]) -> Self {
        let mut command = command(here, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(command.spawn().unwrap()))
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ran {
        let until = Instant::now() + PATIENCE;
        let mut child = self.0.take().unwrap();
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > until {
                child.kill().unwrap();
                panic!("it does not end: {:#?}", Ran::from(child.wait_with_output().unwrap()));
            }
            thread::sleep(Duration::from_millis(100));
        }
        child.wait_with_output().unwrap().into()
    }

    /// As Ctrl-C does.
    #[track_caller]
    pub fn interrupt(self) -> Ran {
        let pid = self.0.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.end()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
