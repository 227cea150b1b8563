//! A Java for the servers that tests start. Machines have several, in many kinds of folders.

use std::{
    env, fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{Environment, debian, maven, output};

/// Long-term support versions, which distributions package.
const LONG_LIVED: [u32; 3] = [17, 21, 25];
/// Folders that hold a folder for each installed version.
const FOLDERS: [&str; 4] = ["/usr/lib/jvm", "/usr/java", "/opt/java", "/opt"];
/// The same, below the home folder.
const HOME_FOLDERS: [&str; 3] = [".sdkman/candidates/java", ".jdks", ".asdf/installs/java"];

/// The variables with the folders of a server from Maven and of its Java, or the one with the reason why there is none:
/// `variables` in this order. Variables that are already set are used unchanged.
pub fn server(
    name: &str,
    variables: [&'static str; 3],
    versions: &RangeInclusive<u32>,
    folder: impl FnOnce() -> Result<PathBuf>,
) -> Result<Environment> {
    let [place, on, missing] = variables;
    if let (Some(folder), Some(java)) = (env::var_os(place), env::var_os(on)) {
        return Ok(vec![(place, folder), (on, java)]);
    }
    match maven::unavailable().map_or_else(|| home(versions), Err) {
        Ok(java) => Ok(vec![(place, folder()?.into()), (on, java.into())]),
        Err(reason) => Ok(vec![(missing, format!("no {name}: {reason}").into())]),
    }
}

/// The home of the oldest installed Java of these versions, after trying Debian's packages; else the reason.
fn home(versions: &RangeInclusive<u32>) -> Result<PathBuf, String> {
    if let Some(home) = oldest(versions) {
        return Ok(home);
    }
    if debian::program("apt-get").is_some() {
        for version in LONG_LIVED.iter().filter(|version| versions.contains(version)) {
            let package = format!("openjdk-{version}-jre-headless");
            let there = debian::candidate(&package).is_some_and(|version| version != "(none)");
            if there
                && debian::install(&[&package]).is_ok()
                && let Some(home) = oldest(versions)
            {
                return Ok(home);
            }
        }
    }
    Err(format!("Java {} to {} is not installed", versions.start(), versions.end()))
}

fn oldest(versions: &RangeInclusive<u32>) -> Option<PathBuf> {
    let found = homes().into_iter().filter_map(|home| Some((version(&home)?, home)));
    found.filter(|(version, _)| versions.contains(version)).min().map(|(_, home)| home)
}

/// Folders with a Java: from environment variables, the path, and the usual folders.
fn homes() -> Vec<PathBuf> {
    let named = ["JAVA_HOME", "JDK_HOME", "ES_JAVA_HOME", "OPENSEARCH_JAVA_HOME"];
    let mut homes: Vec<PathBuf> = named.iter().filter_map(env::var_os).map(PathBuf::from).collect();
    if let Some(java) = debian::program("java").and_then(|java| fs::canonicalize(java).ok()) {
        homes.extend(java.ancestors().nth(2).map(Path::to_owned));
    }
    let home = env::var_os("HOME").map(PathBuf::from);
    let in_home = home.iter().flat_map(|home| HOME_FOLDERS.map(|folder| home.join(folder)));
    for folder in FOLDERS.map(PathBuf::from).into_iter().chain(in_home) {
        let folders = fs::read_dir(folder).into_iter().flatten().flatten();
        homes.extend(folders.map(|folder| folder.path()));
    }
    homes.retain(|home| home.join("bin/java").is_file());
    homes.sort();
    homes.dedup();
    homes
}

/// As it prints it, which shows that it runs.
fn version(home: &Path) -> Option<u32> {
    number(&output(Command::new(home.join("bin/java")).arg("--version"))?)
}

/// From a line such as `openjdk 17.0.15 2025-04-15`.
fn number(line: &str) -> Option<u32> {
    let version = line.split_whitespace().nth(1)?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_java_prints_them() {
        for (line, expected) in [
            ("openjdk 17.0.15 2025-04-15\nOpenJDK Runtime Environment", Some(17)),
            ("openjdk 25-ea 2025-09-16", Some(25)),
            ("java 21 2023-09-19 LTS", Some(21)),
            ("nothing", None),
        ] {
            assert_eq!(number(line), expected, "{line}");
        }
    }
}
