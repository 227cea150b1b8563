//! `anomal pack build`: the artifact of a folder.

use std::path::PathBuf;

use anomal_packs::{Artifact, Layout, to_tar};

use super::{
    super::{CommandResult, print},
    write_file,
};
use crate::args::BuildPack;

pub fn build(arguments: &BuildPack) -> CommandResult {
    let mut artifact = Artifact::from_folder(&arguments.folder)?;
    let manifest = artifact.pack_manifest()?;
    if arguments.compat {
        artifact = artifact.with_empty_config()?;
    }
    let mut layout = Layout::default();
    layout.add(&artifact, Some(&manifest.version));
    let bytes = to_tar(&layout.to_files())?;
    let output = match &arguments.output {
        Some(output) => output.clone(),
        None => PathBuf::from(format!("{}-{}.tar", manifest.name, manifest.version)),
    };
    write_file(&output, &bytes)?;
    print(&format!("{}\n{}\n", output.display(), artifact.digest()))
}
