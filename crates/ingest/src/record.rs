//! A record that was pushed.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;

use crate::KEPT;

/// A record of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number since the journal began.
    pub number: u64,
    /// When it arrived, in microseconds since the epoch.
    pub arrival: i64,
    /// The address that it came from.
    pub sender: String,
    /// What was sent; of a refused record, the first bytes.
    pub text: Bytes,
    /// Why it can't be a record. Empty: it can.
    pub refused: String,
    /// By what it is known if it is sent again.
    pub key: Option<u128>,
}

/// A record that is to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    pub text: Bytes,
    /// Why it can't be a record. Empty: it can.
    pub refused: String,
    /// By what it is known if it is sent again. None: it is not.
    pub key: Option<u128>,
}

impl NewRecord {
    pub fn new(text: Bytes) -> Self {
        Self { text, refused: String::new(), key: None }
    }

    /// One that goes to the dead-letter file, with the reason.
    pub fn refused(text: &Bytes, reason: impl Into<String>) -> Self {
        Self { text: text.slice(..text.len().min(KEPT)), refused: reason.into(), key: None }
    }

    pub fn is_refused(&self) -> bool {
        !self.refused.is_empty()
    }
}

/// Records that are appended together, or not at all.
#[derive(Clone, Debug)]
pub struct Batch {
    /// When they arrived, in microseconds since the epoch.
    pub arrival: i64,
    /// The address that they came from.
    pub sender: Arc<str>,
    pub records: Vec<NewRecord>,
}

impl Batch {
    /// Records that arrive now.
    pub fn now(sender: Arc<str>, records: Vec<NewRecord>) -> Self {
        Self { arrival: micros(SystemTime::now()), sender, records }
    }
}

/// Microseconds since the epoch.
pub(crate) fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
