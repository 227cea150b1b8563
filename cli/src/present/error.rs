//! Failures: a message and an exit code.

use std::io::Write;

use crate::exit;

/// A command that failed.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub code: u8,
    /// The path of the first wrong setting, if the failure is about settings.
    pub path: Option<String>,
    /// What went wrong, in upper case, for programs, such as `MEMORY_BUDGET`.
    pub reason: Option<String>,
}

impl Failure {
    pub fn new(message: impl Into<String>, code: u8) -> Self {
        Self { message: message.into(), code, path: None, reason: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(message, exit::USAGE)
    }

    /// Prints the message, and returns the exit code. An empty message is not printed.
    pub fn report(self) -> u8 {
        if !self.message.is_empty() {
            print_error(&self.message);
        }
        self.code
    }
}

impl From<anomal_core::Error> for Failure {
    fn from(error: anomal_core::Error) -> Self {
        let path = error.violations.first().map(|violation| violation.path.clone());
        let failure = Self::new(error.to_string(), exit::from_code(error.code));
        Self { path, reason: Some(error.reason), ..failure }
    }
}

/// Writing to standard output failed, for instance because the disk is full.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(format!("standard output: {error}"), exit::FAILED)
    }
}

/// Prints an error to standard error. If that fails, it can't be reported anywhere.
pub fn print_error(message: &str) {
    let _ = writeln!(std::io::stderr(), "error: {message}");
}

/// Prints a note to standard error; standard output is for data.
pub fn note(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}
