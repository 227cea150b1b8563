//! An S3 server that stores objects in a folder, built by Go. Where no recent Go can be installed, its tests are skipped
//! with the reason; elsewhere a failed build is an error.

use std::{env, ffi::OsString, path::PathBuf, process::Command};

use anyhow::{Result, bail};

use super::{cached, debian, output, run};

const PROGRAM: &str = "github.com/versity/versitygw/cmd/versitygw";
const VERSION: &str = "v1.8.0";
/// The Go version that it requires.
const GO: (u32, u32) = (1, 25);
/// From this version on Go downloads a newer one itself, if its settings allow it.
const SWITCHING: (u32, u32) = (1, 21);

/// The variable with the path of the program, or the one with the reason why there is none.
pub fn environment() -> Result<(&'static str, OsString)> {
    const FOUND: &str = "ANOMAL_TEST_S3";
    if let Some(program) = env::var_os(FOUND) {
        return Ok((FOUND, program));
    }
    if let Some(reason) = unavailable() {
        return Ok(("ANOMAL_TEST_S3_MISSING", reason.into()));
    }
    Ok((FOUND, versitygw()?.into()))
}

fn versitygw() -> Result<PathBuf> {
    let key = format!("{PROGRAM}@{VERSION}");
    let folder = cached("versitygw", key.as_bytes(), |folder| {
        let mut install = Command::new("go");
        install.args(["install", "-trimpath", "-ldflags", "-s -w", &key]);
        // Without a C compiler, and outside the settings of any module.
        run(install.env("CGO_ENABLED", "0").env("GOBIN", folder).current_dir(folder))?;
        if folder.join("versitygw").is_file() {
            Ok(())
        } else {
            bail!("go install did not write versitygw")
        }
    })?;
    Ok(folder.join("versitygw"))
}

/// Why no Go can build it, after trying to install Debian's.
fn unavailable() -> Option<String> {
    let (major, minor) = GO;
    if debian::program("go").is_none() {
        let version = debian::candidate("golang-go");
        let enough = version.as_deref().and_then(number).is_some_and(|version| version >= GO);
        if !enough || debian::install(&["golang-go"]).is_err() {
            return Some(format!(
                "the S3 server requires Go {major}.{minor}, which is not installed"
            ));
        }
    }
    let found = output(Command::new("go").args(["env", "GOVERSION"]).current_dir(env::temp_dir()));
    let found = found.unwrap_or_default();
    let switches = || {
        let toolchain = output(Command::new("go").args(["env", "GOTOOLCHAIN"]));
        toolchain.is_some_and(|toolchain| toolchain.contains("auto"))
    };
    let version = number(found.trim_start_matches("go")).unwrap_or_default();
    if version >= GO || version >= SWITCHING && switches() {
        return None;
    }
    Some(format!("the S3 server requires Go {major}.{minor}; found {found}"))
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
