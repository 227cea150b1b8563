//! The arguments of `anomal pack`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    /// Make a component of a core module of WebAssembly, as compilers write it
    #[cfg(feature = "wasm")]
    Component(MakeComponent),
}

#[derive(Debug, Args)]
pub struct NewPack {
    /// The name of the pack
    pub name: String,
    /// The folder to make (default: the name)
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// How its components are written
    #[arg(long, value_enum, default_value_t = PackKind::Declarative)]
    pub kind: PackKind,
}

/// How the components of a pack are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PackKind {
    /// As SQL expressions
    Declarative,
    /// In Rust, compiled to WebAssembly
    Rust,
    /// In Python, packed with an interpreter in WebAssembly
    Python,
}

#[cfg(feature = "wasm")]
#[derive(Debug, Args)]
pub struct MakeComponent {
    /// The module, such as target/wasm32-unknown-unknown/release/acme.wasm
    pub module: PathBuf,
    /// The file to write
    #[arg(long, short, value_name = "FILE", default_value = "component.wasm")]
    pub output: PathBuf,
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
