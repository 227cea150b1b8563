//! Failures: a message and an exit code.

use std::io::Write;

use crate::exit;

/// A command that failed.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub code: u8,
    /// The first place in the settings that is wrong, where it is about settings.
    pub path: Option<String>,
}

impl Failure {
    pub fn new(message: impl Into<String>, code: u8) -> Self {
        Self { message: message.into(), code, path: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(message, exit::USAGE)
    }

    /// Prints it and gives its exit code.
    pub fn report(self) -> u8 {
        if !self.message.is_empty() {
            line(&self.message);
        }
        self.code
    }
}

impl From<anomal_core::Error> for Failure {
    fn from(error: anomal_core::Error) -> Self {
        let path = error.violations.first().map(|violation| violation.path.clone());
        Self { path, ..Self::new(error.to_string(), exit::of(error.code)) }
    }
}

/// Writing to standard output failed: the reader went away, or the disk is full.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(format!("standard output: {error}"), exit::FAILED)
    }
}

/// A line on standard error. Nobody is left to tell if that fails.
pub fn line(message: &str) {
    let _ = writeln!(std::io::stderr(), "error: {message}");
}

/// What is no error, on standard error all the same: standard output is for data.
pub fn note(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}
