//! Runs `cluster.sh`, for the state folder of one cluster.

use std::{
    ffi::OsStr,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cluster.sh");

#[derive(Clone, Debug)]
pub struct Script {
    /// None: the state folder of this checkout.
    state: Option<PathBuf>,
}

impl Script {
    pub fn for_checkout() -> Self {
        Self { state: None }
    }

    pub fn for_state(state: &Path) -> Self {
        Self { state: Some(state.to_owned()) }
    }

    /// Runs it with the terminal's input and output.
    pub fn run(&self, arguments: &[&str]) -> Result<()> {
        let mut command = self.command(arguments);
        let status = command.status().with_context(|| format!("{command:?}"))?;
        if status.success() { Ok(()) } else { bail!("{} ended with {status}", describe(&command)) }
    }

    /// Runs it and returns its output.
    pub fn read<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String> {
        read(&mut self.command(arguments), "")
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new("bash");
        command.arg(PATH).args(arguments);
        if let Some(state) = &self.state {
            command.env("ANOMAL_TESTBED_STATE", state);
        }
        command
    }
}

/// Runs a command with an input and returns its output, or an error with its standard error.
pub fn read(command: &mut Command, input: &str) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().with_context(|| format!("{} cannot be run", describe(command)))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // It may print before it has read all. A failed write is not reported: the command's own error says why.
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        child.wait_with_output()
    })?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}: {}", describe(command), output.status, stderr.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A command line, without the folder of its program.
fn describe(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words = words.map(|word| match Path::new(word).file_name() {
        Some(name) if word == PATH || Path::new(word).is_absolute() => name.to_string_lossy(),
        _ => word.to_string_lossy(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_returned() {
        assert_eq!(read(&mut Command::new("cat"), "a\n").unwrap(), "a\n");
    }

    #[test]
    fn output_may_be_larger_than_a_pipe() {
        let much = "0123456789".repeat(100_000);
        assert_eq!(read(&mut Command::new("cat"), &much).unwrap(), much);
    }

    #[test]
    fn an_error_has_the_command_and_its_standard_error() {
        let mut command = Command::new("/bin/sh");
        let error = read(command.args(["-c", "echo no room >&2; exit 3"]), "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "sh -c echo no room >&2; exit 3 ended with exit status: 3: no room"
        );
        let error = read(&mut Command::new("anomal-no-such-program"), "").unwrap_err();
        assert_eq!(error.to_string(), "anomal-no-such-program cannot be run");
    }

    #[test]
    fn a_cluster_that_is_down_says_how_to_start_it() {
        let nowhere = Script::for_state(Path::new("/nonexistent/anomal-testbed"));
        let error = nowhere.read(&["status"]).unwrap_err().to_string();
        assert!(error.contains("'cargo xtask testbed up' starts it"), "{error}");
    }

    #[test]
    fn an_unknown_command_is_refused() {
        let error = Script::for_checkout().read(&["destroy"]).unwrap_err().to_string();
        assert!(error.starts_with("bash cluster.sh destroy ended with exit status: 2"), "{error}");
    }
}
