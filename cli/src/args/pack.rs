//! The arguments of `anomal pack`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, builder::FalseyValueParser};

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
    /// Fetch a pack, check it, and write it into the settings of a job and their lock
    Add(AddPack),
    /// Fetch a pack into the cache
    Pull(PullPack),
    /// Push a pack to a registry
    Push(PushPack),
    /// Make the artifact of a folder: an OCI layout in a file, the same bytes each time
    Build(BuildPack),
    /// Write the packs of a job, with their signatures, to a file for a machine without a network
    Export(ExportPacks),
    /// Read a file of `export`, or any OCI layout, into the cache
    Import(ImportPacks),
    /// Push the packs of a job to another registry; their digests and signatures stay
    Mirror(MirrorPacks),
    /// Remove from the cache what was not used for long
    Prune(PrunePacks),
    /// Ask registries for the newest bytes of references, and write them into the lock
    Update(UpdatePacks),
    /// Check the packs of a job, or one pack, by the trust policy
    Verify(VerifyPacks),
    /// Sign a pack in a registry, as `cosign sign --key` does
    Sign(SignPack),
    /// Make a component of a core module of WebAssembly, as compilers write it
    #[cfg(feature = "wasm")]
    Component(MakeComponent),
}

/// How packs are fetched and checked.
#[derive(Clone, Debug, Default, Args)]
pub struct PackArgs {
    /// The folder of the secrets that settings name: files DIR/NAME/KEY (default: environment variables
    /// `ANOMAL_SECRET_NAME_KEY`)
    #[arg(long, env = "ANOMAL_SECRETS", value_name = "DIR")]
    pub secrets: Option<PathBuf>,
    /// Use only packs that are cached or on this machine
    #[arg(long, env = "ANOMAL_OFFLINE", value_parser = FalseyValueParser::new())]
    pub offline: bool,
    /// Require every pack to be in anomal.lock, beside the settings, as it is there
    #[arg(long)]
    pub locked: bool,
    /// The policy of whom packs are trusted from (default: ~/.config/anomal/trust.yaml or /etc/anomal/trust.yaml)
    #[arg(long, env = "ANOMAL_TRUST", value_name = "FILE")]
    pub trust: Option<PathBuf>,
}

/// How a registry is reached.
#[derive(Clone, Debug, Default, Args)]
pub struct Connection {
    /// Reach the registry without TLS
    #[arg(long)]
    pub plain_http: bool,
    /// A PEM file of the authorities to trust, besides those of the system
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct AddPack {
    /// Where it is: a folder, a file, `oci://HOST/REPOSITORY:TAG`, `https://HOST/FILE`,
    /// `s3://`, `gs://` or `az://`
    pub reference: String,
    /// The settings to write it into (default: print the entry)
    #[arg(long, value_name = "JOB")]
    pub to: Option<PathBuf>,
    /// Its name in the job (default: that of its manifest)
    #[arg(long)]
    pub name: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub packs: PackArgs,
}

#[derive(Debug, Args)]
pub struct PullPack {
    /// Where it is
    pub reference: String,
    /// Write it to this file too, as an OCI layout
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub packs: PackArgs,
}

#[derive(Debug, Args)]
pub struct PushPack {
    /// The folder with its pack.yaml, or a file of `build`
    pub source: PathBuf,
    /// <oci://HOST/REPOSITORY:TAG>
    pub reference: String,
    /// Write the empty config, for registries that refuse unknown types
    #[arg(long)]
    pub compat: bool,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Args)]
pub struct BuildPack {
    /// The folder with the pack's pack.yaml
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// The file to write (default: NAME-VERSION.tar)
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the empty config, for registries that refuse unknown types
    #[arg(long)]
    pub compat: bool,
}

#[derive(Debug, Args)]
pub struct ExportPacks {
    /// The settings of the job
    pub job: PathBuf,
    /// The file to write
    #[arg(long, short, value_name = "FILE", default_value = "packs.tar")]
    pub output: PathBuf,
    #[command(flatten)]
    pub packs: PackArgs,
}

#[derive(Debug, Args)]
pub struct ImportPacks {
    /// A file of `export`, or an OCI layout as a folder or tar archive
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct MirrorPacks {
    /// The settings of the job
    pub job: PathBuf,
    /// The place that the repositories are pushed to: <oci://HOST/PREFIX>
    #[arg(long, value_name = "PLACE")]
    pub to: String,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub packs: PackArgs,
}

#[derive(Debug, Args)]
pub struct PrunePacks {
    /// Remove what was not used for this long, such as 12h or 30d
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    pub unused_for: String,
    /// Remove everything
    #[arg(long, conflicts_with = "unused_for")]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct UpdatePacks {
    /// The pack or list (default: all of the job)
    pub name: Option<String>,
    /// The settings of the job
    #[arg(long, value_name = "FILE", default_value = "job.yaml")]
    pub job: PathBuf,
    /// Show what would change, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub packs: PackArgs,
}

#[derive(Debug, Args)]
pub struct VerifyPacks {
    /// The settings of a job, or where a pack is
    #[arg(value_name = "JOB|REFERENCE", default_value = "job.yaml")]
    pub subject: String,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub packs: PackArgs,
}

#[derive(Debug, Args)]
pub struct SignPack {
    /// <oci://HOST/REPOSITORY:TAG>, or with a digest
    pub reference: String,
    /// The private key: PKCS#8 in PEM, not encrypted; ECDSA P-256 or Ed25519
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    #[command(flatten)]
    pub connection: Connection,
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
