//! The guard: a process that does nothing but wait for the one that draws, so that the terminal is as before however that
//! one ends.
//!
//! The guard keeps the other's standard input open, which reads nothing from it: keys come from the terminal itself. If the
//! guard is killed, that input ends, and the other one leaves.

use std::{
    ffi::OsString,
    io::Write,
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
};

use rustix::{
    process::{Pid, Signal, kill_process},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{commands::CommandResult, exit, present::error::Failure};

pub const VARIABLE: &str = "ANOMAL_UI_GUARDED";

/// Whether this process is the one that draws.
pub fn is_guarded() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Starts this program again as the process that draws, and waits for it.
pub fn run(args: &[OsString]) -> CommandResult {
    let terminal = std::io::stdin();
    let before = tcgetattr(&terminal).map_err(|error| {
        Failure::new(format!("the state of the terminal is unknown: {error}"), exit::FAILED)
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(wait(args));
    // Whatever is wrong with the terminal now can't be shown on it.
    let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
    let status = status?;
    if let Some(signal) = status.signal() {
        let _ = std::io::stdout().write_all(anomal_tui::terminal::LEAVE.as_bytes());
        let _ = std::io::stdout().flush();
        let message = format!(
            "the terminal interface was ended by signal {signal}; changes are in its drafts"
        );
        return Err(Failure::new(message, exit::FAILED));
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(exit::FAILED))
}

async fn wait(args: &[OsString]) -> Result<ExitStatus, Failure> {
    let program = std::env::current_exe()?;
    let mut command = tokio::process::Command::new(program);
    command.args(args.iter().skip(1)).env(VARIABLE, "1").stdin(Stdio::piped());
    let mut child = command.spawn()?;
    let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    // Waiting for a child closes its input, which ends it.
    let _open = child.stdin.take();
    let mut signals = [
        (signal(SignalKind::interrupt())?, Signal::INT),
        (signal(SignalKind::terminate())?, Signal::TERM),
        (signal(SignalKind::hangup())?, Signal::HUP),
    ];
    loop {
        let [interrupt, terminate, hangup] = &mut signals;
        let forwarded = tokio::select! {
            status = child.wait() => return Ok(status?),
            _ = interrupt.0.recv() => interrupt.1,
            _ = terminate.0.recv() => terminate.1,
            _ = hangup.0.recv() => hangup.1,
        };
        if let Some(id) = id {
            // It may have ended in between.
            let _ = kill_process(id, forwarded);
        }
    }
}
