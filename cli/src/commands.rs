//! The commands, a file each.

pub mod components;
pub mod detectors;
pub mod elastic;
pub mod evaluate;
pub mod explain;
pub mod init;
pub mod job;
pub mod model;
pub mod report;
pub mod run;
pub mod settings;
pub mod version;

use std::io::{self, Write};

use crate::present::error::Failure;

/// What a command ends with: an exit code, or a failure to tell.
pub type Ended = Result<u8, Failure>;

/// Writes to standard output. That nobody reads on (`anomal schema | head`) is no failure.
pub fn print(text: &str) -> Ended {
    put(text)?;
    Ok(crate::exit::DONE)
}

/// Writes to standard output; whether anybody reads on.
pub fn put(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        written => Ok(written.is_ok()),
    }
}
