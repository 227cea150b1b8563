//! Why a component is refused, and why a call of it failed.

use std::fmt;

use anomal_core::{Code, Error};

/// Why a component cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// It does not compile, or its description breaks a limit.
    #[error("{0}")]
    Invalid(String),
    /// It is of another world, or imports what the host does not provide.
    #[error("{0}")]
    Incompatible(String),
}

impl GuestError {
    /// The stable reason of the error.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "PACK_INVALID",
            Self::Incompatible(_) => "PACK_INCOMPATIBLE",
        }
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No caller waits for the result.
    Cancelled,
    Call(FailureKind, String),
}

impl Failure {
    pub fn answer(message: impl Into<String>) -> Self {
        Self::Call(FailureKind::Answer, message.into())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The guest returned an error.
    Failed,
    Trapped,
    Timeout,
    Memory,
    /// The answer is malformed or too large.
    Answer,
}

impl FailureKind {
    pub fn reason(self) -> &'static str {
        match self {
            Self::Failed => "PACK_FAILED",
            Self::Trapped => "PACK_TRAPPED",
            Self::Timeout => "PACK_TIMEOUT",
            Self::Memory => "PACK_MEMORY",
            Self::Answer => "PACK_ANSWER",
        }
    }

    pub fn error(self, message: String) -> Error {
        Error::new(Code::Internal, self.reason(), message)
    }
}

/// Why the host stopped a guest, carried through wasmtime's errors.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    Cancelled,
    Timeout,
    Memory,
    Tables,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "it was cancelled",
            Self::Timeout => "it took too long",
            Self::Memory => "it needs too much memory",
            Self::Tables => "its tables are too large",
        })
    }
}

impl std::error::Error for Stop {}

/// A malformed answer to a function of the host.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct MalformedCall(pub String);
