//! What tests need from outside: got at the first run, kept in the cache, told to the tests by environment
//! variables. One that is set already is taken as it is.

mod axe;
pub mod debian;
mod elasticsearch;
mod java;
mod maven;
mod opensearch;
pub mod python;
mod s3;
mod vega;

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::cargo::cache;

/// What the example of an engine in Python needs.
const EXTERNAL_ENGINE: &str = "examples/external-engine/requirements.txt";
/// What reads dashboards, as their own program would.
const DASHBOARDS: &str = "tests/tests/elastic/requirements.txt";

/// The variables that tests read, with their values.
pub type Environment = Vec<(&'static str, OsString)>;

/// Makes sure of everything.
pub fn all() -> Result<Environment> {
    let mut environment = Environment::new();
    let mut tell = |variable, get: fn() -> Result<PathBuf>| {
        let value = env::var_os(variable).map_or_else(|| get().map(OsString::from), Ok);
        environment.push((variable, value.with_context(|| format!("for {variable}"))?));
        anyhow::Ok(())
    };
    tell("ANOMAL_TEST_PYTHON", || python::with("external-engine", Path::new(EXTERNAL_ENGINE)))?;
    tell("ANOMAL_TEST_DASHBOARDS_PYTHON", || python::with("dashboards", Path::new(DASHBOARDS)))?;
    tell("ANOMAL_TEST_CHROMIUM", debian::chromium)?;
    tell("ANOMAL_TEST_FAKETIME", debian::faketime)?;
    tell("ANOMAL_TEST_AXE", axe::script)?;
    tell("ANOMAL_TEST_VEGA", vega::folder)?;
    environment.push(s3::told()?);
    environment.extend(elastic()?);
    Ok(environment)
}

/// The servers of Elasticsearch and OpenSearch alone.
pub fn elastic() -> Result<Environment> {
    let mut environment = elasticsearch::told()?;
    environment.extend(opensearch::told()?);
    Ok(environment)
}

/// The folder `name` of the cache, as `make` fills it: at the first call, and anew when `key` changes. A folder whose
/// making was broken off is made again.
pub fn kept(name: &str, key: &[u8], make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let tools = cache().join("tools");
    fs::create_dir_all(&tools)?;
    // Two checkouts share the cache. The lock ends with the process, however that ends.
    let lock = File::create(tools.join(format!("{name}.lock")))?;
    lock.lock().with_context(|| format!("the lock of {name}"))?;
    let folder = tools.join(name);
    let marker = folder.join("made");
    if fs::read(&marker).is_ok_and(|made| made == key) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    make(&folder)?;
    // Last, and at once: a marker that is there is whole.
    let written = folder.join("made.part");
    fs::write(&written, key)?;
    fs::rename(written, marker)?;
    Ok(folder)
}

pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    if status.success() { Ok(()) } else { bail!("{command:?} ended with {status}") }
}

/// What a command prints, if it succeeds.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_broken_off_is_made_again() {
        let name = format!("test-{}", std::process::id());
        let broken = kept(&name, b"1", |folder| {
            fs::write(folder.join("half"), "")?;
            bail!("killed")
        });
        assert!(broken.is_err());
        let whole = |folder: &Path| {
            assert!(!folder.join("half").exists());
            Ok(fs::write(folder.join("whole"), "")?)
        };
        let folder = kept(&name, b"1", whole).unwrap();
        assert!(folder.join("whole").exists());
        assert_eq!(kept(&name, b"1", |_| bail!("made twice")).unwrap(), folder);
        assert!(kept(&name, b"2", |_| bail!("made anew")).is_err());
        fs::remove_dir_all(&folder).unwrap();
        fs::remove_file(folder.with_extension("lock")).unwrap();
    }
}
