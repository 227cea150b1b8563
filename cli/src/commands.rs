//! The commands, one file each.

pub mod compare;
pub mod components;
pub mod detectors;
pub mod elastic;
pub mod evaluate;
pub mod explain;
pub mod incidents;
pub mod init;
pub mod inspect;
pub mod job;
pub mod lists;
pub mod model;
pub mod pack;
pub mod report;
pub mod run;
pub mod settings;
pub mod stream;
pub mod ui;
pub mod verdicts;
pub mod version;

use std::io::{self, Write};

use crate::present::error::Failure;

/// The exit code of a command, or why it failed.
pub type CommandResult = Result<u8, Failure>;

/// Writes to standard output. A closed pipe (`anomal schema | head`) is not a failure.
pub fn print(text: &str) -> CommandResult {
    write(text)?;
    Ok(crate::exit::DONE)
}

/// Writes to standard output. Returns false if the reader has closed the pipe.
pub fn write(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        result => Ok(result.is_ok()),
    }
}
