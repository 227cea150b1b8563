//! Failures: a message and an exit code.

use std::io::Write;

use crate::exit;

/// A command that failed.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub code: u8,
}

impl Failure {
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: exit::USAGE }
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
        Self { message: error.to_string(), code: exit::of(error.code) }
    }
}

/// Writing to standard output failed: the reader went away, or the disk is full.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self { message: format!("standard output: {error}"), code: exit::FAILED }
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
