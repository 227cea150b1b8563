//! One image: its build context, and the archive that buildah builds from it unless nothing changed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{sbom, target::Target};
use crate::{
    cargo::target,
    tools::{output, run},
};

const DOCKERFILE: &str = "images/Dockerfile";

pub struct Builder {
    folder: PathBuf,
    /// The storage of buildah, which exists only while images are built.
    store: PathBuf,
    repository: String,
    tag: String,
    base: String,
    revision: String,
}

impl Drop for Builder {
    fn drop(&mut self) {
        // If that fails, the next builder removes it.
        let _ = fs::remove_dir_all(&self.store);
    }
}

impl Builder {
    pub fn new(folder: &Path, repository: &str, tag: &str, base: String) -> Result<Self> {
        let store = folder.join("store");
        if store.exists() {
            fs::remove_dir_all(&store)?;
        }
        // Empty when building from an archive of the sources.
        let revision = output(Command::new("git").args(["rev-parse", "HEAD"])).unwrap_or_default();
        let (repository, tag) = (repository.to_owned(), tag.to_owned());
        Ok(Self { folder: folder.to_owned(), store, repository, tag, base, revision })
    }

    /// The path of an image's archive, built if it is not up to date.
    pub fn archive(&self, image: Target) -> Result<PathBuf> {
        let name = format!("{}-{}", image.name(), self.tag);
        let (archive, marker) =
            (self.folder.join(&name).with_extension("tar"), self.folder.join(name + ".key"));
        let binary = target().join("release").join(image.binary());
        if !binary.is_file() {
            bail!(
                "the image `{}` needs the program `{}`, which is not compiled; run without --no-build, or name \
                 other images",
                image.name(),
                image.binary()
            );
        }
        let key = self.key(image, &binary)?;
        if archive.exists() && fs::read_to_string(&marker).is_ok_and(|made| made == key) {
            return Ok(archive);
        }
        let sbom = sbom::for_package(image.package())?;
        let context = self.context(image, &binary, &sbom)?;
        self.build(image, &context, &archive).with_context(|| format!("image {}", image.name()))?;
        fs::remove_dir_all(context)?;
        fs::write(self.folder.join(format!("{}.cdx.json", image.binary())), sbom)?;
        fs::write(marker, key)?;
        Ok(archive)
    }

    /// Identifies the contents of an image. The revision is not part of it: the same program stays the same image.
    fn key(&self, image: Target, binary: &Path) -> Result<String> {
        let mut sums = Command::new("sha256sum");
        let sums =
            output(sums.args([DOCKERFILE, "Cargo.lock"]).arg(binary)).context("sha256sum")?;
        let sums = sums.lines().map(|line| line.split(' ').next().unwrap_or_default());
        let sums = sums.collect::<Vec<_>>().join("\n");
        Ok(format!("{}\n{}\n{sums}\n", self.reference(image), self.base))
    }

    fn reference(&self, image: Target) -> String {
        format!("{}/{}:{}", self.repository, image.name(), self.tag)
    }

    fn context(&self, image: Target, binary: &Path, sbom: &str) -> Result<PathBuf> {
        let context = self.folder.join(format!("context-{}", image.name()));
        if context.exists() {
            fs::remove_dir_all(&context)?;
        }
        let programs = context.join("linux").join(architecture());
        fs::create_dir_all(&programs)?;
        fs::create_dir_all(context.join("sbom"))?;
        let copy = programs.join(image.binary());
        run(Command::new("strip").arg("-o").arg(&copy).arg(binary))?;
        fs::write(context.join(format!("sbom/{}.cdx.json", image.binary())), sbom)?;
        Ok(context)
    }

    fn build(&self, image: Target, context: &Path, archive: &Path) -> Result<()> {
        let reference = self.reference(image);
        let argument = |name: &str, value: &str| format!("--build-arg={name}={value}");
        run(self
            .buildah()
            // Reproducible: the same program gives the same bytes.
            .args(["bud", "--quiet", "--isolation=chroot", "--timestamp=0"])
            .args(["--target", image.name(), "--tag", &reference, "--file", DOCKERFILE])
            .arg(argument("BASE", &self.base))
            .arg(argument("VERSION", env!("CARGO_PKG_VERSION")))
            .arg(argument("REVISION", &self.revision))
            .arg(argument("TARGETARCH", architecture()))
            .arg(context))?;
        // Docker's archive format, uncompressed: it is read once, on this machine.
        let part = archive.with_extension("part");
        // buildah would append to an existing archive.
        let _ = fs::remove_file(&part);
        let place = format!("docker-archive:{}:{reference}", part.display());
        run(self.buildah().args(["push", "--quiet", &reference, &place]))?;
        run(self.buildah().args(["rmi", "--force", &reference]))?;
        Ok(fs::rename(part, archive)?)
    }

    fn buildah(&self) -> Command {
        let mut command = Command::new("buildah");
        command.args(["--storage-driver=vfs", "--root"]).arg(self.store.join("root"));
        command.arg("--runroot").arg(self.store.join("run"));
        // Its output goes to standard error: standard output has only the result.
        command.stdout(std::io::stderr());
        command
    }
}

/// The name of this machine's architecture in images.
fn architecture() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
