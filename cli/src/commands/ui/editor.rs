//! The person's own editor, which has the terminal while it is open.

use std::{io::Write, process::Command};

/// Opens `$VISUAL`, `$EDITOR` or `vi` on a text, at a line from 1. `run` runs the program, and returns whether it succeeded.
/// Returns what is left in the file.
///
/// # Errors
/// A message for people.
pub fn edit(
    text: &str,
    line: usize,
    run: impl FnOnce(&mut Command) -> std::io::Result<bool>,
) -> Result<String, String> {
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
    let editor = named.into_iter().find(|editor| !editor.trim().is_empty());
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    let failed = |error: std::io::Error| format!("{editor}: {error}; $EDITOR names another one");
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    // The variable may have arguments, as for other programs.
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{editor} \"$@\""), "sh", &format!("+{line}")]).arg(file.path());
    if !run(&mut command).map_err(failed)? {
        return Err(format!("{editor} has failed; the settings are as before"));
    }
    let edited = std::fs::read(file.path()).map_err(failed)?;
    String::from_utf8(edited).map_err(|_| format!("{editor} has left text that is not UTF-8"))
}
