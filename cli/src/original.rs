//! The original program's command line, rewritten before clap parses it: `anomal --no-ui -di csv …` means
//! `anomal run --no-ui --driver-in csv …`. Without `--no-ui` it opens the terminal interface, and so does a command line without
//! arguments.

use std::ffi::OsString;

/// The original's options and the options of `anomal run`.
const OPTIONS: &[(&str, &[&str])] = &[
    ("-di", &["--driver-in"]),
    ("-do", &["--driver-out"]),
    ("-in", &["--input-file"]),
    ("-out", &["--output-file"]),
    ("-ff", &["--features-file"]),
    ("-c", &["--config-file"]),
    ("-ce", &["--class-engine"]),
    ("-sF", &["--save-features"]),
    ("-sC", &["--save-classification"]),
    ("-sFC", &["--save-features", "--save-classification"]),
    ("--no-ui", &["--no-ui"]),
    ("--base-folder", &["--base-folder"]),
    ("--driver-in", &["--driver-in"]),
    ("--driver-out", &["--driver-out"]),
    ("--input-file", &["--input-file"]),
    ("--output-file", &["--output-file"]),
    ("--features-file", &["--features-file"]),
    ("--config-file", &["--config-file"]),
    ("--class-engine", &["--class-engine"]),
    ("-p", &["--report-port"]),
    ("--report-port", &["--report-port"]),
    ("--collection-time", &["--collection-time"]),
    ("--tcp-in-host", &["--tcp-in-host"]),
    ("--tcp-in-port", &["--tcp-in-port"]),
];

/// Rewrites the arguments of a process. A command line without one of the original's options is returned unchanged.
/// `interactive`: whether the terminal interface can be opened.
///
/// # Errors
/// A message for people if the terminal interface is asked for and can't be opened.
pub fn rewrite(args: Vec<OsString>, interactive: bool) -> Result<Vec<OsString>, String> {
    if args.len() == 1 && interactive {
        return Ok(args.into_iter().chain(["ui".into()]).collect());
    }
    let replacement = |arg: &OsString| {
        let arg = arg.to_str()?;
        OPTIONS.iter().find(|(option, _)| *option == arg).map(|(_, options)| *options)
    };
    let first = args.get(1).and_then(|arg| arg.to_str()).unwrap_or_default();
    if !first.starts_with('-') || !args[1..].iter().any(|arg| replacement(arg).is_some()) {
        return Ok(args);
    }
    let command = if args.iter().any(|arg| arg == "--no-ui") { "run" } else { "ui" };
    if command == "ui" && !interactive {
        let message =
            "the terminal interface needs a terminal; add --no-ui to run with the other options";
        return Err(message.into());
    }
    let mut rewritten = vec![args[0].clone(), command.into()];
    for arg in &args[1..] {
        match replacement(arg) {
            Some(options) => rewritten.extend(options.iter().map(OsString::from)),
            None => rewritten.push(arg.clone()),
        }
    }
    Ok(rewritten)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> Result<String, String> {
        rewritten_on(line, false)
    }

    fn rewritten_on(line: &str, interactive: bool) -> Result<String, String> {
        let args = rewrite(line.split(' ').map(OsString::from).collect(), interactive)?;
        Ok(args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_original_s_example_is_rewritten() {
        let line = "anomal --no-ui --base-folder /examples -di csv -do csv -in a.csv -out b.csv -ff f.yaml -sFC";
        assert_eq!(
            rewritten(line).unwrap(),
            "anomal run --no-ui --base-folder /examples --driver-in csv --driver-out csv --input-file a.csv \
             --output-file b.csv --features-file f.yaml --save-features --save-classification"
        );
    }

    #[test]
    fn other_command_lines_are_unchanged() {
        for line in
            ["anomal", "anomal run job.yaml -q", "anomal --version", "anomal run -c x --no-ui"]
        {
            assert_eq!(rewritten(line).unwrap(), line);
        }
    }

    #[test]
    fn on_a_terminal_the_interface_opens() {
        assert_eq!(rewritten_on("anomal", true).unwrap(), "anomal ui");
        let line = rewritten_on("anomal -di csv -in a.csv -ff f.yaml", true).unwrap();
        assert_eq!(line, "anomal ui --driver-in csv --input-file a.csv --features-file f.yaml");
        assert_eq!(rewritten_on("anomal --help", true).unwrap(), "anomal --help");
    }

    #[test]
    fn options_of_reports_and_of_tcp_are_rewritten() {
        assert!(rewritten("anomal -in a.csv -ff f.yaml").unwrap_err().contains("--no-ui"));
        let line = rewritten("anomal --no-ui -in a.csv -p 80").unwrap();
        assert_eq!(line, "anomal run --no-ui --input-file a.csv --report-port 80");
        let line = rewritten("anomal --no-ui -di tcp --tcp-in-port 1 --collection-time 9").unwrap();
        let expected = "anomal run --no-ui --driver-in tcp --tcp-in-port 1 --collection-time 9";
        assert_eq!(line, expected);
    }
}
