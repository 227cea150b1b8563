//! Debian packages: the browser, PDF tools, and a font, so that pages look the same on every machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{output, run};

/// Programs that tests use, with their packages.
const PROGRAMS: [(&str, &str); 3] =
    [("chromium", "chromium"), ("pdftotext", "poppler-utils"), ("pdftoppm", "poppler-utils")];
const FONT: (&str, &str) = ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "fonts-dejavu-core");

/// The browser. Installs poppler too.
pub fn chromium() -> Result<PathBuf> {
    let programs = PROGRAMS.iter().filter(|(name, _)| program(name).is_none());
    let mut missing: Vec<&str> = programs.map(|(_, package)| *package).collect();
    // Only on Debian: another system has its own fonts.
    if !Path::new(FONT.0).exists() && program("apt-get").is_some() {
        missing.push(FONT.1);
    }
    missing.dedup();
    if !missing.is_empty() {
        install(&missing)?;
    }
    program("chromium").context("no program `chromium` on the path")
}

/// Runs a program with a different system time.
pub fn faketime() -> Result<PathBuf> {
    installed("faketime")
}

pub fn curl() -> Result<PathBuf> {
    installed("curl")
}

/// A program whose package has the same name.
fn installed(name: &str) -> Result<PathBuf> {
    if program(name).is_none() {
        install(&[name])?;
    }
    program(name).with_context(|| format!("no program `{name}` on the path"))
}

pub fn install(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    if program("apt-get").is_none() {
        bail!("install the equivalents of the Debian packages {wanted}");
    }
    let hint = || format!("install {wanted}, or run as root");
    apt_get(&["update"]).with_context(hint)?;
    let install = ["install", "--yes", "--no-install-recommends"];
    apt_get(&[&install, packages].concat()).with_context(hint)
}

/// Unpacks packages and those that they need and that are not installed into a folder, without installing them.
pub fn unpack(packages: &[&str], folder: &Path) -> Result<()> {
    let archives = folder.join("archives");
    fs::create_dir_all(archives.join("partial"))?;
    let download = |packages: &[&str]| {
        let place = format!("Dir::Cache::archives={}", archives.display());
        // The lock is that of an installation.
        let options = ["--option", &place, "--option", "Debug::NoLocking=true", "--download-only"];
        let install = ["install", "--yes", "--no-install-recommends"];
        apt_get(&[&options[..], &install, packages].concat())
    };
    if download(packages).is_err() {
        apt_get(&["update"])?;
        download(packages)?;
    }
    for archive in fs::read_dir(&archives)? {
        let archive = archive?.path();
        if archive.extension().is_some_and(|ending| ending == "deb") {
            run(Command::new("dpkg-deb").arg("--extract").arg(archive).arg(folder))?;
        }
    }
    Ok(fs::remove_dir_all(archives)?)
}

/// The version of a package that `install` would install.
pub fn candidate(package: &str) -> Option<String> {
    apt_get(&["update"]).ok()?;
    let policy = output(Command::new("apt-cache").args(["policy", package]).env("LC_ALL", "C"))?;
    let mut lines = policy.lines().map(str::trim);
    let version = lines.find_map(|line| line.strip_prefix("Candidate: "))?;
    // Without its epoch.
    Some(version.split_once(':').map_or(version, |(_, version)| version).to_owned())
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    // Waits for another installation.
    command.args(["--quiet", "--option", "DPkg::Lock::Timeout=600"]).args(arguments);
    run(command.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The path of a program, searched in `PATH`.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}
