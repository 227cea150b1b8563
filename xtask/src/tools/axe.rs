//! axe-core, which judges a page's accessibility, from npm. It is a test tool and no part of what is built.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use super::{debian, kept, output, run};

const VERSION: &str = "4.14.1";
/// Of the package's archive: what npm tells as its integrity, in hexadecimal.
const SHA512: &str = "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73\
                      4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5";

/// The script that is put into a page.
pub fn script() -> Result<PathBuf> {
    let folder = kept("axe-core", SHA512.as_bytes(), |folder| {
        if debian::program("npm").is_none() {
            debian::install(&["npm"])?;
        }
        let package = format!("axe-core@{VERSION}");
        // In this folder, so that no other project's settings apply.
        run(Command::new("npm").args(["pack", "--silent", &package]).current_dir(folder))?;
        let archive = folder.join(format!("axe-core-{VERSION}.tgz"));
        let told = output(Command::new("sha512sum").arg(&archive)).context("sha512sum")?;
        if told.split(' ').next() != Some(SHA512) {
            bail!("{package} is not what it was: {told}");
        }
        let unpack = ["--strip-components=1", "package/axe.min.js", "package/LICENSE"];
        run(Command::new("tar").arg("-xzf").arg(archive).args(unpack).current_dir(folder))
    })?;
    Ok(folder.join("axe.min.js"))
}
