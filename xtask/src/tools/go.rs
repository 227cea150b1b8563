//! Programs that Go builds from its modules.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use super::{cached, debian, output, run};

/// The Go version that they require.
const GO: (u32, u32) = (1, 25);
/// From this version on Go downloads a newer one itself, if its settings allow it.
const SWITCHING: (u32, u32) = (1, 21);

/// The program of a package at a version, in the folder `name` of the cache.
pub fn program(name: &str, package: &str, version: &str) -> Result<PathBuf> {
    let key = format!("{package}@{version}");
    let file = Path::new(package).file_name().unwrap_or_default();
    let folder = cached(name, key.as_bytes(), |folder| {
        let mut install = Command::new("go");
        install.args(["install", "-trimpath", "-ldflags", "-s -w", &key]);
        // Without a C compiler, and outside the settings of any module.
        run(install.env("CGO_ENABLED", "0").env("GOBIN", folder).current_dir(folder))?;
        if folder.join(file).is_file() {
            Ok(())
        } else {
            bail!("go install {key} did not write {}", file.display())
        }
    })?;
    Ok(folder.join(file))
}

/// Why no Go can build `what`, after trying to install Debian's.
pub fn unavailable(what: &str) -> Option<String> {
    let (major, minor) = GO;
    if debian::program("go").is_none() {
        let version = debian::candidate("golang-go");
        let enough = version.as_deref().and_then(number).is_some_and(|version| version >= GO);
        if !enough || debian::install(&["golang-go"]).is_err() {
            return Some(format!("{what} requires Go {major}.{minor}, which is not installed"));
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
    Some(format!("{what} requires Go {major}.{minor}; found {found}"))
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
