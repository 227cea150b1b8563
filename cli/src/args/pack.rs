//! The arguments of `anomal pack`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum PackCommand {
    /// Make a folder with a pack to start from: a manifest, components, their tests
    New(NewPack),
    /// Run the tests of a pack's components
    Test(PackFolder),
    /// Print what a pack has: its components with their inputs and parameters, and its profiles
    Show(ShowPack),
    /// List the packs that are part of the product, or those of a job
    List(ListPacks),
}

#[derive(Debug, Args)]
pub struct NewPack {
    /// The name of the pack
    pub name: String,
    /// The folder to make (default: the name)
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PackFolder {
    /// The folder with the pack's pack.yaml
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct ShowPack {
    /// A pack that is part of the product, or the folder of another
    pub pack: String,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ListPacks {
    /// The settings of a job: list its packs
    #[arg(long, value_name = "FILE")]
    pub job: Option<PathBuf>,
}
