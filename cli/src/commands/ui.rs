//! `anomal ui`: the terminal interface. What it shows and how keys change it is in `anomal-tui`; here are the terminal, the
//! files, the engines and the runs.

#[cfg(unix)]
mod additions;
#[cfg(unix)]
mod cluster;
#[cfg(unix)]
mod editor;
#[cfg(unix)]
mod guard;
#[cfg(unix)]
mod home;
#[cfg(unix)]
mod job;
#[cfg(unix)]
mod plain;
#[cfg(unix)]
mod reports;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod session;
#[cfg(unix)]
mod state;
#[cfg(unix)]
mod store;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod work;

use std::{ffi::OsString, io::IsTerminal};

use super::CommandResult;
use crate::{args::Ui, present::error::Failure};

/// Opens the interface. `args`: the command line of this process, as it was parsed.
pub fn run(arguments: &Ui, args: &[OsString]) -> CommandResult {
    #[cfg(unix)]
    {
        let accessible = std::env::var("ACCESSIBLE").unwrap_or_default();
        if arguments.plain || !matches!(accessible.as_str(), "" | "0" | "false") {
            return plain::run(arguments);
        }
        if guard::is_guarded() {
            return session::run(arguments);
        }
        if let Some(reason) = refusal() {
            return Err(Failure::usage(format!("{reason}; without one: {}", instead(arguments))));
        }
        guard::run(args)
    }
    #[cfg(not(unix))]
    {
        let _ = args;
        let message = format!("anomal ui needs a Unix system; here: {}", instead(arguments));
        Err(Failure::usage(message))
    }
}

/// Why the interface can't be opened here, if it can't.
pub fn refusal() -> Option<&'static str> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        Some("anomal ui needs a terminal")
    } else if !is_set("TERM") || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        Some(
            "anomal ui needs a terminal that moves its cursor, and TERM says otherwise (--plain needs none)",
        )
    } else if std::env::var_os("CI").is_some_and(|ci| ci == "true") {
        Some("anomal ui needs a person, and CI is true")
    } else {
        None
    }
}

/// The commands that do the same.
fn instead(arguments: &Ui) -> String {
    match arguments.path.as_deref() {
        Some(job) if job.ends_with(".yaml") || job.ends_with(".yml") => format!("anomal run {job}"),
        Some(data) => format!("anomal init {data} > job.yaml, then anomal run job.yaml"),
        None => "anomal init FILE > job.yaml, then anomal run job.yaml".to_owned(),
    }
}
