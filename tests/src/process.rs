//! Programs that run while a test does other things.

use std::process::{Child, Command, Stdio};

use crate::RunOutput;

/// A process that is killed with the test.
pub struct Process(Option<Child>);

impl Process {
    /// Starts a command; what it prints is kept until its end.
    pub fn start(mut command: Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(piped.spawn().expect("the program starts")))
    }

    /// SIGTERM; its end.
    pub fn stop(self) -> RunOutput {
        self.signal("TERM");
        self.wait()
    }

    /// SIGKILL; its end.
    pub fn kill(self) -> RunOutput {
        self.signal("KILL");
        self.wait()
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> RunOutput {
        let child = self.0.take().expect("a process");
        child.wait_with_output().expect("its output").into()
    }

    /// Sends it a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.0.as_ref().map_or(0, Child::id);
        let sent = Command::new("kill").args(["-s", name, &id.to_string()]).status();
        assert!(sent.expect("kill").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
