//! What goes wrong with packs.

use std::fmt;

use anomal_core::{Code, Error};

pub type Result<T, E = PackError> = std::result::Result<T, E>;

/// A pack that can't be used: the message says what, where and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct PackError {
    pub code: Code,
    /// Stable, such as `PACK_DIGEST`.
    pub reason: &'static str,
    pub message: String,
}

impl PackError {
    pub fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into() }
    }

    fn settings(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidSettings, reason, message)
    }

    /// The contents break a rule or a limit.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::settings("PACK_INVALID", message)
    }

    /// A reference that can't be understood.
    pub fn reference(message: impl Into<String>) -> Self {
        Self::settings("PACK_REFERENCE", message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::settings("PACK_NOT_FOUND", message)
    }

    /// Bytes with another digest than the one that was asked for.
    pub fn digest(message: impl Into<String>) -> Self {
        Self::settings("PACK_DIGEST", message)
    }

    pub fn not_locked(message: impl Into<String>) -> Self {
        Self::settings("PACK_NOT_LOCKED", message)
    }

    pub fn not_trusted(message: impl Into<String>) -> Self {
        Self::settings("PACK_NOT_TRUSTED", message)
    }

    pub fn kind_denied(message: impl Into<String>) -> Self {
        Self::settings("PACK_KIND_DENIED", message)
    }

    /// The registry or store can't be reached, or does not answer as it should.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, "REGISTRY_UNAVAILABLE", message)
    }

    /// The registry or store refuses the credentials, or wants some.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Code::PermissionDenied, "REGISTRY_DENIED", message)
    }

    /// Puts text before the message.
    #[must_use]
    pub fn context(mut self, before: impl fmt::Display) -> Self {
        self.message = format!("{before}: {}", self.message);
        self
    }

    /// The error at a place of the settings, such as `packs[1].ref`.
    pub fn at(self, place: &str) -> Error {
        if self.code == Code::InvalidSettings {
            return Error::settings(place, self.reason, self.message);
        }
        Error::new(self.code, self.reason, format!("{place}: {}", self.message))
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PackError {}
