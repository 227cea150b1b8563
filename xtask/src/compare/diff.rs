//! What differs between two outcomes of a job, each with the first place.

use std::{
    fmt::{self, Display},
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use anyhow::{Context, Result};

use super::{
    mask::mask,
    run::{Outcome, StepOutcome},
};

/// Characters of a differing line that are shown.
const SHOWN: usize = 160;

#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    kind: Kind,
    /// A file's name, or a step's stream.
    subject: String,
    detail: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    File,
    ExitCode,
    /// A text for people.
    Message,
}

impl Difference {
    pub fn file(name: &str, detail: String) -> Self {
        Self { kind: Kind::File, subject: name.into(), detail }
    }

    pub fn message(stream: &str, detail: String) -> Self {
        Self { kind: Kind::Message, subject: stream.into(), detail }
    }

    pub fn is_message(&self) -> bool {
        self.kind == Kind::Message
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.detail)
    }
}

/// Compares exit codes, standard output and error of each step, and all files.
///
/// # Errors
/// If a file cannot be read.
pub fn outcomes(base: &Outcome, present: &Outcome) -> Result<Vec<Difference>> {
    let mut differences = Vec::new();
    for (number, (base, present)) in base.steps.iter().zip(&present.steps).enumerate() {
        step(number + 1, base, present, &mut differences);
    }
    for (name, path) in &base.files {
        match present.files.get(name) {
            None => differences.push(Difference::file(name, "only the base writes it".into())),
            Some(other) => {
                let detail = files(name, path, other)
                    .with_context(|| format!("cannot compare the two {name}"))?;
                differences.extend(detail.map(|detail| Difference::file(name, detail)));
            }
        }
    }
    let new = present.files.keys().filter(|name| !base.files.contains_key(*name));
    differences.extend(
        new.map(|name| Difference::file(name, "only the present version writes it".into())),
    );
    Ok(differences)
}

fn step(
    number: usize,
    base: &StepOutcome,
    present: &StepOutcome,
    differences: &mut Vec<Difference>,
) {
    if base.code != present.code {
        let describe = |code: Option<i32>| code.map_or("a signal".into(), |code| code.to_string());
        differences.push(Difference {
            kind: Kind::ExitCode,
            subject: format!("step {number}, exit code"),
            detail: format!("{} -> {}", describe(base.code), describe(present.code)),
        });
    }
    // Rows may be written to standard output; what goes to standard error is for people.
    let out = texts(&base.stdout, &present.stdout);
    let subject = format!("step {number}, standard output");
    differences.extend(out.map(|detail| Difference::file(&subject, detail)));
    let error = texts(&base.stderr, &present.stderr);
    let subject = format!("step {number}, standard error");
    differences.extend(error.map(|detail| Difference::message(&subject, detail)));
}

/// The first difference of two files, by the kind of file.
fn files(name: &str, base: &Path, present: &Path) -> Result<Option<String>> {
    if name.ends_with(".pdf") {
        // It holds the time and the report's id, compressed: that it is one is all that can be compared.
        let is_pdf = |path| anyhow::Ok(std::fs::read(path)?.starts_with(b"%PDF-"));
        let (base, present) = (is_pdf(base)?, is_pdf(present)?);
        return Ok((base != present).then(|| format!("is a PDF: {base} -> {present}")));
    }
    if name.ends_with(".html") {
        return Ok(texts(&std::fs::read(base)?, &std::fs::read(present)?));
    }
    bytes(base, present)
}

/// The first line that differs when both texts are masked.
fn texts(base: &[u8], present: &[u8]) -> Option<String> {
    if base == present {
        return None;
    }
    let masked = |bytes| mask(&String::from_utf8_lossy(bytes));
    let (base, present) = (masked(base), masked(present));
    let (mut before, mut after) = (base.lines(), present.lines());
    for number in 1.. {
        match (before.next(), after.next()) {
            (None, None) => return None,
            (one, two) if one == two => {}
            (one, two) => return Some(format!("line {number}: {}", change(one, two))),
        }
    }
    None
}

/// The first byte that differs, with its line: files may be larger than memory.
fn bytes(base: &Path, present: &Path) -> Result<Option<String>> {
    let sizes = (base.metadata()?.len(), present.metadata()?.len());
    let open = |path| anyhow::Ok(BufReader::with_capacity(1 << 20, File::open(path)?).bytes());
    let (mut before, mut after) = (open(base)?, open(present)?);
    let (mut offset, mut line) = (0_u64, 1_u64);
    loop {
        let (one, two) = (before.next().transpose()?, after.next().transpose()?);
        if one != two {
            let (one, two) = sizes;
            return Ok(Some(format!("byte {offset}, line {line} ({one} -> {two} bytes)")));
        }
        let Some(byte) = one else { return Ok(None) };
        offset += 1;
        line += u64::from(byte == b'\n');
    }
}

/// Two lines from a little before their first difference.
fn change(one: Option<&str>, two: Option<&str>) -> String {
    let (first, second) = (one.unwrap_or_default(), two.unwrap_or_default());
    let common = first.chars().zip(second.chars()).take_while(|(a, b)| a == b).count();
    let skipped = common.saturating_sub(SHOWN / 4);
    let shown = |line: Option<&str>| match line {
        None => "(no line)".to_owned(),
        Some(line) => {
            let dots = if skipped > 0 { "…" } else { "" };
            format!("{dots}{}", line.chars().skip(skipped).take(SHOWN).collect::<String>())
        }
    };
    format!("\n        base    {}\n        present {}", shown(one), shown(two))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use super::*;
    use crate::compare::process::Measurement;

    fn outcome(code: i32, stderr: &str, files: &[(&str, &Path)]) -> Outcome {
        let step = StepOutcome {
            code: Some(code),
            stdout: Vec::new(),
            stderr: stderr.into(),
            measurement: Measurement::default(),
        };
        let files = files.iter().map(|(name, path)| ((*name).to_owned(), path.to_path_buf()));
        Outcome { steps: vec![step], files: files.collect::<BTreeMap<_, _>>() }
    }

    #[test]
    fn durations_are_no_difference_and_messages_are_a_small_one() {
        let base = outcome(0, "5 rows\nDone in 1.00 s\n", &[]);
        assert!(outcomes(&base, &outcome(0, "5 rows\nDone in 2.50 s\n", &[])).unwrap().is_empty());
        let found = outcomes(&base, &outcome(0, "6 rows\nDone in 1.00 s\n", &[])).unwrap();
        assert!(found.len() == 1 && found[0].is_message(), "{found:?}");
        let text = found[0].to_string();
        assert!(text.starts_with("step 1, standard error: line 1: "), "{text}");
        assert!(text.contains("base    5 rows") && text.contains("present 6 rows"), "{text}");
    }

    #[test]
    fn an_exit_code_is_no_message() {
        let found = outcomes(&outcome(0, "", &[]), &outcome(3, "", &[])).unwrap();
        assert!(found.len() == 1 && !found[0].is_message());
        assert_eq!(found[0].to_string(), "step 1, exit code: 0 -> 3");
    }

    #[test]
    fn files_are_compared_to_the_byte() {
        let folder = std::env::temp_dir().join(format!("xtask-diff-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (one, two) = (folder.join("one"), folder.join("two"));
        fs::write(&one, "a\nbc\n").unwrap();
        fs::write(&two, "a\nbd\n").unwrap();
        let base = outcome(0, "", &[("r.csv", &one), ("old", &one)]);
        let present = outcome(0, "", &[("r.csv", &two), ("new", &one)]);
        let found: Vec<String> =
            outcomes(&base, &present).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "old: only the base writes it",
                "r.csv: byte 3, line 2 (5 -> 5 bytes)",
                "new: only the present version writes it",
            ]
        );
        // A file that goes on where the other ends.
        fs::write(&two, "a\nbc\nd").unwrap();
        assert_eq!(bytes(&one, &two).unwrap().unwrap(), "byte 5, line 3 (5 -> 6 bytes)");
        assert_eq!(bytes(&one, &one).unwrap(), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
