//! axe-core, an accessibility checker for pages, from npm. A test tool: it is not part of any program.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use super::{cached, debian, output, run};

const VERSION: &str = "4.14.1";
/// Of the package's archive: npm's integrity value, in hexadecimal.
const SHA512: &str = "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73\
                      4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5";

/// The script that tests inject into a page.
pub fn script() -> Result<PathBuf> {
    let folder = cached("axe-core", SHA512.as_bytes(), |folder| {
        if debian::program("npm").is_none() {
            debian::install(&["npm"])?;
        }
        let package = format!("axe-core@{VERSION}");
        // In this folder, outside the settings of any project.
        run(Command::new("npm").args(["pack", "--silent", &package]).current_dir(folder))?;
        let archive = folder.join(format!("axe-core-{VERSION}.tgz"));
        let sum = output(Command::new("sha512sum").arg(&archive)).context("sha512sum")?;
        if sum.split(' ').next() != Some(SHA512) {
            bail!("{package} has another checksum: {sum}");
        }
        let unpack = ["--strip-components=1", "package/axe.min.js", "package/LICENSE"];
        run(Command::new("tar").arg("-xzf").arg(archive).args(unpack).current_dir(folder))
    })?;
    Ok(folder.join("axe.min.js"))
}
