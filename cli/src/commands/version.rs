//! `anomal version`, `anomal completions`.

use clap::CommandFactory;

use super::{CommandResult, print};
use crate::args::Arguments;

pub fn version() -> CommandResult {
    print(&format!(
        "anomal {}\nengine interface anomal.v1, settings {}\n",
        env!("CARGO_PKG_VERSION"),
        anomal_spec::API_VERSION
    ))
}

pub fn completions(shell: clap_complete::Shell) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "anomal", &mut script);
    print(&String::from_utf8_lossy(&script))
}
