//! The original's command line, rewritten to ours before clap sees it: `anomal --no-ui -di csv …` means
//! `anomal run --no-ui --driver-in csv …`.

use std::ffi::OsString;

/// Its spellings and ours.
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
];

/// Options that do not exist yet, and what they would need.
const LATER: &[(&str, &str)] = &[
    ("--collection-time", "the TCP input is not there yet; read a file, or pipe into `--input -`"),
    ("--tcp-in-host", "the TCP input is not there yet; read a file, or pipe into `--input -`"),
    ("--tcp-in-port", "the TCP input is not there yet; read a file, or pipe into `--input -`"),
];

/// Gives any other command line back as it is.
///
/// # Errors
/// A message for people where the original would have opened its wizard, or an option that does not
/// exist yet is used.
pub fn rewrite(words: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let ours = |word: &OsString| {
        let word = word.to_str()?;
        OPTIONS.iter().find(|(option, _)| *option == word).map(|(_, ours)| *ours)
    };
    let first = words.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    let later = |word: &OsString| LATER.iter().find(|(option, _)| word == option);
    if !first.starts_with('-') || !words[1..].iter().any(|word| ours(word).is_some()) {
        return Ok(words);
    }
    if let Some((_, message)) = words[1..].iter().find_map(later) {
        return Err((*message).to_owned());
    }
    if !words.iter().any(|word| word == "--no-ui") {
        return Err(
            "the wizard is not there yet; add --no-ui to run what the other options say".into()
        );
    }
    let mut rewritten = vec![words[0].clone(), "run".into()];
    for word in &words[1..] {
        match ours(word) {
            Some(ours) => rewritten.extend(ours.iter().map(OsString::from)),
            None => rewritten.push(word.clone()),
        }
    }
    Ok(rewritten)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn rewritten(line: &str) -> Result<String, String> {
        let words = rewrite(words(line))?;
        Ok(words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn its_example_becomes_ours() {
        let line = "anomal --no-ui --base-folder /examples -di csv -do csv -in a.csv -out b.csv -ff f.yaml -sFC";
        assert_eq!(
            rewritten(line).unwrap(),
            "anomal run --no-ui --base-folder /examples --driver-in csv --driver-out csv --input-file a.csv \
             --output-file b.csv --features-file f.yaml --save-features --save-classification"
        );
    }

    #[test]
    fn our_own_is_left_alone() {
        for line in
            ["anomal", "anomal run job.yaml -q", "anomal --version", "anomal run -c x --no-ui"]
        {
            assert_eq!(rewritten(line).unwrap(), line);
        }
    }

    #[test]
    fn what_is_not_there_yet_says_so() {
        assert!(rewritten("anomal -in a.csv -ff f.yaml").unwrap_err().contains("--no-ui"));
        let line = rewritten("anomal --no-ui -in a.csv -p 80").unwrap();
        assert_eq!(line, "anomal run --no-ui --input-file a.csv --report-port 80");
        assert!(rewritten("anomal --no-ui -di tcp --tcp-in-port 1").unwrap_err().contains("TCP"));
    }
}
