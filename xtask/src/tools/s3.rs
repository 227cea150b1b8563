//! A real S3 server that keeps objects in a folder, built by Go. Where no Go that is new enough can be had, its tests
//! are skipped, and say so; where it can, a build that fails is a failure.

use std::{env, ffi::OsString, path::PathBuf, process::Command};

use anyhow::{Result, bail};

use super::{debian, kept, output, run};

const PROGRAM: &str = "github.com/versity/versitygw/cmd/versitygw";
const VERSION: &str = "v1.8.0";
/// What that version asks for.
const GO: (u32, u32) = (1, 25);
/// Go fetches a newer Go by itself from here on, if its settings let it.
const SWITCHING: (u32, u32) = (1, 21);

/// The variable that holds the program, or the one that says why there is none.
pub fn told() -> Result<(&'static str, OsString)> {
    const FOUND: &str = "ANOMAL_TEST_S3";
    if let Some(program) = env::var_os(FOUND) {
        return Ok((FOUND, program));
    }
    if let Some(reason) = lacking() {
        return Ok(("ANOMAL_TEST_S3_MISSING", reason.into()));
    }
    Ok((FOUND, versitygw()?.into()))
}

fn versitygw() -> Result<PathBuf> {
    let key = format!("{PROGRAM}@{VERSION}");
    let folder = kept("versitygw", key.as_bytes(), |folder| {
        let mut install = Command::new("go");
        install.args(["install", "-trimpath", "-ldflags", "-s -w", &key]);
        // No C compiler is needed, and no module's settings apply.
        run(install.env("CGO_ENABLED", "0").env("GOBIN", folder).current_dir(folder))?;
        if folder.join("versitygw").is_file() { Ok(()) } else { bail!("go made no versitygw") }
    })?;
    Ok(folder.join("versitygw"))
}

/// Why there is no Go to build it with, after Debian's was tried.
fn lacking() -> Option<String> {
    let (major, minor) = GO;
    if debian::program("go").is_none() {
        let version = debian::candidate("golang-go");
        let enough = version.as_deref().and_then(number).is_some_and(|version| version >= GO);
        if !enough || debian::install(&["golang-go"]).is_err() {
            return Some(format!(
                "the S3 server is built by Go {major}.{minor}, which is not here"
            ));
        }
    }
    let told = output(Command::new("go").args(["env", "GOVERSION"]).current_dir(env::temp_dir()));
    let told = told.unwrap_or_default();
    let switches = || {
        let toolchain = output(Command::new("go").args(["env", "GOTOOLCHAIN"]));
        toolchain.is_some_and(|toolchain| toolchain.contains("auto"))
    };
    let version = number(told.trim_start_matches("go")).unwrap_or_default();
    if version >= GO || version >= SWITCHING && switches() {
        return None;
    }
    Some(format!("the S3 server is built by Go {major}.{minor}; here is {told}"))
}

/// The first two numbers of a version.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for (version, expected) in [
            ("1.26.8", Some((1, 26))),
            ("1.19~1", Some((1, 19))),
            ("1.25-rc1", Some((1, 25))),
            ("(none)", None),
        ] {
            assert_eq!(number(version), expected, "{version}");
        }
        assert!(number("1.9") < Some(GO));
    }
}
