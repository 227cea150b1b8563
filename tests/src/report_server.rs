//! The server of a store of reports.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use crate::Workspace;

/// A server of the workspace's store; killed when dropped.
pub struct ReportServer {
    child: Child,
    pub address: String,
}

impl ReportServer {
    /// # Panics
    /// If it does not start.
    pub fn start(workspace: &Workspace, more: &[&str]) -> Self {
        let serve = ["report", "serve", "--listen", "127.0.0.1:0", "--report-store", "store"];
        let mut command = workspace.command(&[&serve, more].concat());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find(|line| line.contains("The report is at")).expect("an address");
        let address = line.split(' ').find(|word| word.starts_with("http://")).unwrap().to_owned();
        // Later output must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }
}

impl Drop for ReportServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
