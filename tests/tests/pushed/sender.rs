//! A program of others that sends.

use std::{
    ffi::OsString,
    fs::File,
    process::{Child, Command, Stdio},
};

use anomal_tests::Workspace;

/// A process that is killed with this.
pub struct Sender(Child);

/// The program that a variable names; reports the test as skipped and returns `None` if it is not set.
pub fn program(variable: &str) -> Option<OsString> {
    let program = std::env::var_os(variable);
    if program.is_none() {
        anomal_tests::skip(&format!("{variable} is not set"));
    }
    program
}

impl Sender {
    /// Starts a program, whose output is in the file `sender.log` of the workspace.
    pub fn start(workspace: &Workspace, program: &OsString, arguments: &[&str]) -> Self {
        let log = File::create(workspace.path("sender.log")).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(workspace.path(".")).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // It has ended, or is not needed any more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
