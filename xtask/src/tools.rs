//! Tools that tests need: installed at the first run, cached, and passed to the tests in environment variables.
//! A variable that is already set is used unchanged.

mod axe;
pub mod debian;
mod elasticsearch;
mod go;
mod java;
mod kafka;
mod maven;
mod opensearch;
pub mod python;
mod registries;
mod s3;
mod senders;
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

/// Requirements of the example of an engine in Python.
const EXTERNAL_ENGINE: &str = "examples/external-engine/requirements.txt";
/// Requirements of the test that imports dashboards.
const DASHBOARDS: &str = "tests/tests/elastic/requirements.txt";

/// Requirements of the clients of Kafka that are not ours.
const KAFKA_CLIENTS: &str = "tests/tests/kafka/requirements.txt";
/// Requirements of the test of packs in Python.
const PACKS: &str = "tests/tests/guests/requirements.txt";

/// The variables that tests read, with their values.
pub type Environment = Vec<(&'static str, OsString)>;

/// All tools, installed where they are missing.
pub fn all() -> Result<Environment> {
    let mut environment = Environment::new();
    let mut add = |variable, get: fn() -> Result<PathBuf>| {
        let value = env::var_os(variable).map_or_else(|| get().map(OsString::from), Ok);
        environment.push((variable, value.with_context(|| format!("for {variable}"))?));
        anyhow::Ok(())
    };
    add("ANOMAL_TEST_PYTHON", || python::with("external-engine", Path::new(EXTERNAL_ENGINE)))?;
    add("ANOMAL_TEST_DASHBOARDS_PYTHON", || python::with("dashboards", Path::new(DASHBOARDS)))?;
    add("ANOMAL_TEST_KAFKA_PYTHON", || python::with("kafka", Path::new(KAFKA_CLIENTS)))?;
    add("ANOMAL_TEST_COMPONENTIZE_PY", || {
        Ok(python::with("packs", Path::new(PACKS))?.with_file_name("componentize-py"))
    })?;
    add("ANOMAL_TEST_CHROMIUM", debian::chromium)?;
    add("ANOMAL_TEST_FAKETIME", debian::faketime)?;
    add("ANOMAL_TEST_CURL", debian::curl)?;
    add("ANOMAL_TEST_AXE", axe::script)?;
    add("ANOMAL_TEST_VEGA", vega::folder)?;
    environment.push(s3::environment()?);
    environment.extend(registries::environment()?);
    environment.extend(elastic()?);
    environment.extend(kafka::environment()?);
    environment.extend(senders::environment()?);
    Ok(environment)
}

/// The servers of Elasticsearch and OpenSearch alone.
pub fn elastic() -> Result<Environment> {
    let mut environment = elasticsearch::environment()?;
    environment.extend(opensearch::environment()?);
    Ok(environment)
}

/// What long loops of streams need: servers, and the program that rotates files.
pub fn streams() -> Result<Environment> {
    let mut environment = kafka()?;
    environment.push(s3::environment()?);
    environment.extend(elastic()?);
    environment.extend(senders::unpacked()?);
    Ok(environment)
}

/// The broker of Kafka and its clients alone.
fn kafka() -> Result<Environment> {
    let variable = "ANOMAL_TEST_KAFKA_PYTHON";
    let install = || python::with("kafka", Path::new(KAFKA_CLIENTS)).map(OsString::from);
    let mut environment = kafka::environment()?;
    environment.push((variable, env::var_os(variable).map_or_else(install, Ok)?));
    Ok(environment)
}

/// The folder `name` of the cache, filled by `make` at the first call and again when `key` changes. A folder that
/// `make` did not finish is made again.
pub fn cached(name: &str, key: &[u8], make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
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
    // Last, and atomically: a marker that exists is complete.
    let written = folder.join("made.part");
    fs::write(&written, key)?;
    fs::rename(written, marker)?;
    Ok(folder)
}

pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    if status.success() { Ok(()) } else { bail!("{command:?} ended with {status}") }
}

/// The standard output of a command, if it succeeds.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_folder_is_made_again() {
        let name = format!("test-{}", std::process::id());
        let unfinished = cached(&name, b"1", |folder| {
            fs::write(folder.join("half"), "")?;
            bail!("killed")
        });
        assert!(unfinished.is_err());
        let whole = |folder: &Path| {
            assert!(!folder.join("half").exists());
            Ok(fs::write(folder.join("whole"), "")?)
        };
        let folder = cached(&name, b"1", whole).unwrap();
        assert!(folder.join("whole").exists());
        assert_eq!(cached(&name, b"1", |_| bail!("made twice")).unwrap(), folder);
        assert!(cached(&name, b"2", |_| bail!("made again")).is_err());
        fs::remove_dir_all(&folder).unwrap();
        fs::remove_file(folder.with_extension("lock")).unwrap();
    }
}
