//! One error type for everything that crosses a boundary: a code that decides what happens next, and a
//! message for the person who has to fix it.

use std::fmt;

use serde::{Deserialize, Serialize};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is. Each maps to one gRPC status (crates/rpc) and one exit code (cli).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Code {
    /// The settings are wrong, or do not fit the input's columns.
    InvalidSettings,
    /// The records are wrong.
    InvalidInput,
    /// A request that no engine of this version would send.
    InvalidRequest,
    /// There is no such thing.
    NotFound,
    /// The caller has not authenticated, or with wrong credentials.
    Unauthenticated,
    /// The caller lacks a right.
    PermissionDenied,
    /// More than this engine is allowed to take on; the message holds the estimate.
    ResourceExhausted,
    /// Can't be reached or is shutting down: worth a retry, on another replica.
    Unavailable,
    /// Speaks another version, or is not an engine: a retry is of no use.
    Incompatible,
    DeadlineExceeded,
    Cancelled,
    /// A result could not be written.
    Output,
    /// A defect of Anomal.
    Internal,
}

/// A failure with its code, its message (what, where, what to do) and the settings it is about.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub struct Error {
    pub code: Code,
    pub message: String,
    /// Stable, in `UPPER_SNAKE_CASE`, such as `COLUMN_MISSING`.
    pub reason: String,
    /// The places in the settings that are wrong, where it is about settings.
    pub violations: Vec<Violation>,
}

/// A place in the settings and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Such as `features[3].name`, below `spec`.
    pub path: String,
    pub message: String,
}

impl Error {
    pub fn new(code: Code, reason: &str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), reason: reason.to_owned(), violations: Vec::new() }
    }

    /// Wrong settings at `path` (below `spec`).
    pub fn settings(path: impl Into<String>, reason: &str, message: impl Into<String>) -> Self {
        let violation = Violation { path: path.into(), message: message.into() };
        Self {
            code: Code::InvalidSettings,
            message: format!("{}: {}", violation.path, violation.message),
            reason: reason.to_owned(),
            violations: vec![violation],
        }
    }

    pub fn input(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidInput, reason, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, "NOT_FOUND", message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, "INTERNAL", message)
    }

    pub fn cancelled() -> Self {
        Self::new(Code::Cancelled, "CANCELLED", "the work was cancelled")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The engines check their input before; what Polars still refuses is a defect of Anomal.
impl From<polars::error::PolarsError> for Error {
    fn from(error: polars::error::PolarsError) -> Self {
        Self::internal(format!("table operation: {error}"))
    }
}
