//! A pack as it is fetched, signed, cached and sent: the exact bytes of a manifest and of the blobs that it names.

use std::{collections::BTreeMap, path::Path};

use anomal_spec::{PackManifest, load_pack};
use bytes::Bytes;
use serde_json::Value as Json;

use crate::{
    Digest, PackError, Result,
    archive::{self, Files},
    folder,
    image::{self, Descriptor, ImageManifest, LayerKind},
};

/// The largest component in bytes.
pub const MAX_COMPONENT: u64 = 64 << 20;
/// The largest manifest of a pack, as `pack.yaml` may be.
const MAX_CONFIG: u64 = 1 << 20;

/// A pack, or a list, with all its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// The exact bytes of the OCI manifest; their digest names the artifact.
    pub manifest: Bytes,
    /// What the manifest names.
    pub blobs: BTreeMap<Digest, Bytes>,
    pub signatures: Vec<Signature>,
}

/// What an artifact is, by its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Components by expressions.
    Declarative,
    /// One file of indicators.
    List,
    /// A WebAssembly component.
    Wasm,
}

/// A signature of an artifact, as exact bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Of cosign 2: a payload that names the digest, and the signature of the payload, in base64.
    Simple { payload: Bytes, signature: String },
    /// Of cosign 3: a Sigstore bundle, JSON.
    Bundle(Bytes),
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Declarative => "declarative",
            Self::List => "list",
            Self::Wasm => "wasm",
        }
    }
}

impl Artifact {
    /// The digest of the manifest.
    pub fn digest(&self) -> Digest {
        Digest::from_content(&self.manifest)
    }

    /// # Errors
    /// It is not the manifest of an image.
    pub fn image(&self) -> Result<ImageManifest> {
        ImageManifest::parse(&self.manifest)
    }

    /// What it is. An artifact whose manifest can't be read counts as declarative; [`Self::verify`] refuses it.
    pub fn kind(&self) -> Kind {
        let Ok(image) = self.image() else { return Kind::Declarative };
        if image.layer(LayerKind::Component).is_some() {
            Kind::Wasm
        } else if image.artifact_type == image::LIST || image.layer(LayerKind::List).is_some() {
            Kind::List
        } else {
            Kind::Declarative
        }
    }

    /// Checks the artifact whole: each blob that the manifest names is there with its digest and size, none is beside
    /// them, and limits hold.
    ///
    /// # Errors
    /// `PACK_DIGEST`: a blob is missing or has other bytes. `PACK_INVALID`: a limit is broken, or contents are not valid.
    pub fn verify(&self) -> Result<()> {
        let image = self.image()?;
        for descriptor in image.descriptors() {
            check_size(&image, descriptor)?;
            let Some(bytes) = self.blobs.get(&descriptor.digest) else {
                return Err(PackError::digest(format!(
                    "the blob {} is missing",
                    descriptor.digest
                )));
            };
            let found = Digest::from_content(bytes);
            if found != descriptor.digest || bytes.len() as u64 != descriptor.size {
                return Err(PackError::digest(format!(
                    "the blob {} of {} bytes has {} bytes and the digest {found}",
                    descriptor.digest,
                    descriptor.size,
                    bytes.len()
                )));
            }
        }
        let known =
            |digest: &Digest| image.descriptors().any(|descriptor| descriptor.digest == *digest);
        if let Some(other) = self.blobs.keys().find(|digest| !known(digest)) {
            return Err(PackError::invalid(format!("the manifest does not name the blob {other}")));
        }
        let files = self.files()?;
        match self.kind() {
            Kind::List if self.list().is_none() => {
                Err(PackError::invalid("the artifact of a list has one layer, the list"))
            }
            Kind::List | Kind::Wasm => Ok(()),
            Kind::Declarative => self.manifest_among(&files).map(drop),
        }
    }

    /// The manifest of the pack. A bare component has none: its name is then `component`.
    ///
    /// # Errors
    /// There is none, or it is not valid.
    pub fn pack_manifest(&self) -> Result<PackManifest> {
        self.manifest_among(&self.files()?)
    }

    fn manifest_among(&self, files: &Files) -> Result<PackManifest> {
        let image = self.image()?;
        if image.config.media_type == image::PACK_CONFIG
            && let Some(bytes) = self.blobs.get(&image.config.digest)
        {
            return read_manifest(bytes, "the config");
        }
        if let Some(bytes) = files.get(folder::MANIFEST) {
            return read_manifest(bytes, folder::MANIFEST);
        }
        if self.kind() == Kind::Wasm {
            return Ok(bare_component());
        }
        Err(PackError::invalid(format!(
            "it is not a pack: there is no {}; `anomal pack build` makes one of a folder",
            folder::MANIFEST
        )))
    }

    /// The WebAssembly component.
    pub fn component(&self) -> Option<Bytes> {
        self.layer(LayerKind::Component)
    }

    /// The bytes of a list.
    pub fn list(&self) -> Option<Bytes> {
        self.layer(LayerKind::List)
    }

    fn layer(&self, kind: LayerKind) -> Option<Bytes> {
        let image = self.image().ok()?;
        self.blobs.get(&image.layer(kind)?.digest).cloned()
    }

    /// A file by its path. Unpacks the whole archive: use [`Self::files`] for more than one.
    pub fn file(&self, path: &str) -> Option<Bytes> {
        self.files().ok()?.remove(path)
    }

    /// All files except the manifest of the pack and the component.
    ///
    /// # Errors
    /// An archive is damaged or breaks a limit.
    pub fn files(&self) -> Result<Files> {
        use LayerKind::{Tar, TarGzip, TarZstd};
        let image = self.image()?;
        let mut archives = image.layers.iter().filter_map(|layer| {
            let kind = layer.kind().filter(|kind| matches!(kind, Tar | TarGzip | TarZstd))?;
            Some((self.blobs.get(&layer.digest)?, kind))
        });
        match (archives.next(), archives.next()) {
            (None, _) => Ok(Files::new()),
            (Some((bytes, kind)), None) => archive::unpack(bytes, kind),
            (Some(_), Some(_)) => Err(PackError::invalid("a pack has one layer with files")),
        }
    }

    /// A digest of what is in it, which does not depend on how it is compressed: of its manifest, component and files.
    ///
    /// # Errors
    /// An archive is not valid.
    pub fn contents_digest(&self) -> Result<Digest> {
        let mut lines = String::new();
        let image = self.image()?;
        let packed = |layer: &&Descriptor| {
            !matches!(layer.kind(), Some(LayerKind::TarZstd | LayerKind::TarGzip))
        };
        for descriptor in std::iter::once(&image.config).chain(image.layers.iter().filter(packed)) {
            lines.extend([
                descriptor.media_type.as_str(),
                " ",
                &descriptor.digest.to_string(),
                "\n",
            ]);
        }
        for (path, bytes) in self.files()? {
            lines.extend([path.as_str(), " ", &Digest::from_content(&bytes).to_string(), "\n"]);
        }
        Ok(Digest::from_content(lines.as_bytes()))
    }

    /// The same artifact as the registries take it that refuse unknown types of a config: with the empty one, and the
    /// manifest of the pack among the files.
    ///
    /// # Errors
    /// It is not a pack with a manifest.
    pub fn with_empty_config(&self) -> Result<Self> {
        let manifest = self.pack_manifest()?;
        let mut files = self.files()?;
        files.insert(folder::MANIFEST.to_owned(), canonical(&manifest).into());
        Builder::new(image::PACK)
            .config(image::EMPTY, b"{}")
            .component(self.component())
            .files(&files)?
            .annotations(&manifest)
            .finish()
    }

    /// The pack of a folder with a `pack.yaml`: the component, read me, licence, and the folders of data.
    ///
    /// # Errors
    /// There is no manifest, it is not valid, a file can't be read, or a limit is broken.
    pub fn from_folder(path: &Path) -> Result<Self> {
        let folder = folder::read(path)?;
        Self::from_parts(&folder.manifest, folder.component, &folder.files)
    }

    /// The pack of an archive of a folder.
    ///
    /// # Errors
    /// The archive is not valid, or has no pack.
    pub fn from_archive(bytes: &[u8]) -> Result<Self> {
        let kind = archive::archive_kind(bytes).ok_or_else(|| {
            PackError::invalid("it is not a tar archive, plain or packed by zstd or gzip")
        })?;
        let files = archive::unpack(bytes, kind)?;
        let folder = folder::from_files(files)?;
        Self::from_parts(&folder.manifest, folder.component, &folder.files)
    }

    fn from_parts(
        manifest: &PackManifest,
        component: Option<Bytes>,
        files: &Files,
    ) -> Result<Self> {
        Builder::new(image::PACK)
            .config(image::PACK_CONFIG, &canonical(manifest))
            .component(component)
            .files(files)?
            .annotations(manifest)
            .finish()
    }

    /// The artifact of a bare list.
    ///
    /// # Errors
    /// It is too large.
    pub fn from_list_file(bytes: impl Into<Bytes>) -> Result<Self> {
        Builder::new(image::LIST)
            .config(image::EMPTY, b"{}")
            .layer(image::LIST, bytes.into())
            .finish()
    }

    /// The artifact of a bare component, in the layout of the CNCF.
    ///
    /// # Errors
    /// It is too large, or not WebAssembly.
    pub fn from_component(bytes: impl Into<Bytes>) -> Result<Self> {
        let bytes = bytes.into();
        if !bytes.starts_with(b"\0asm") {
            return Err(PackError::invalid("it is not a WebAssembly component"));
        }
        let digests = [Digest::from_content(&bytes)];
        let config =
            serde_json::json!({"architecture": "wasm", "os": "wasip2", "layerDigests": digests});
        Builder::new("")
            .config(image::WASM_CONFIG, config.to_string().as_bytes())
            .component(Some(bytes))
            .finish()
    }
}

fn read_manifest(bytes: &[u8], name: &str) -> Result<PackManifest> {
    load_pack(bytes, name).map_err(|error| PackError::invalid(error.to_string()))
}

fn bare_component() -> PackManifest {
    PackManifest {
        api_version: anomal_spec::PACK_API_VERSION.to_owned(),
        name: "component".to_owned(),
        version: "0.0.0".to_owned(),
        description: "A WebAssembly component without a manifest.".to_owned(),
        ..PackManifest::default()
    }
}

fn check_size(image: &ImageManifest, descriptor: &Descriptor) -> Result<()> {
    let most = if *descriptor == image.config {
        MAX_CONFIG
    } else {
        match descriptor.kind() {
            Some(LayerKind::Component) => MAX_COMPONENT,
            Some(_) => archive::MAX_UNPACKED,
            None => {
                return Err(PackError::invalid(format!(
                    "the type `{}` of a layer is none that a pack has",
                    descriptor.media_type.chars().take(100).collect::<String>()
                )));
            }
        }
    };
    if descriptor.size > most {
        return Err(PackError::invalid(format!(
            "the blob {} has {} bytes; at most {most} are allowed",
            descriptor.digest, descriptor.size
        )));
    }
    Ok(())
}

/// Checks the sizes that a manifest states, before a blob is fetched.
///
/// # Errors
/// A blob is larger than allowed, or of an unknown type.
pub fn check_sizes(image: &ImageManifest) -> Result<()> {
    image.descriptors().try_for_each(|descriptor| check_size(image, descriptor))
}

/// JSON with sorted keys and without blanks.
fn canonical(manifest: &PackManifest) -> Vec<u8> {
    fn sorted(value: Json) -> Json {
        match value {
            Json::Object(map) => {
                let sorted_map: BTreeMap<String, Json> =
                    map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
                Json::Object(sorted_map.into_iter().collect())
            }
            Json::Array(items) => Json::Array(items.into_iter().map(sorted).collect()),
            other => other,
        }
    }
    serde_json::to_value(manifest)
        .map(|value| sorted(value).to_string().into_bytes())
        .unwrap_or_default()
}

/// Makes an artifact.
struct Builder {
    image: ImageManifest,
    blobs: BTreeMap<Digest, Bytes>,
}

impl Builder {
    fn new(artifact_type: &str) -> Self {
        let image = ImageManifest {
            schema_version: 2,
            media_type: image::IMAGE_MANIFEST.to_owned(),
            artifact_type: artifact_type.to_owned(),
            config: Descriptor::new(image::EMPTY, b"{}"),
            layers: Vec::new(),
            subject: None,
            annotations: BTreeMap::new(),
        };
        Self { image, blobs: BTreeMap::new() }
    }

    fn config(mut self, media_type: &str, bytes: &[u8]) -> Self {
        self.image.config = Descriptor::new(media_type, bytes);
        self.blobs.insert(self.image.config.digest, bytes.to_vec().into());
        self
    }

    fn layer(mut self, media_type: &str, bytes: Bytes) -> Self {
        let layer = Descriptor::new(media_type, &bytes);
        self.blobs.insert(layer.digest, bytes);
        self.image.layers.push(layer);
        self
    }

    fn component(self, component: Option<Bytes>) -> Self {
        match component {
            Some(bytes) => self.layer(image::WASM, bytes),
            None => self,
        }
    }

    fn files(self, files: &Files) -> Result<Self> {
        if files.is_empty() {
            return Ok(self);
        }
        Ok(self.layer(image::PACK_CONTENT, archive::pack(files)?.into()))
    }

    fn annotations(mut self, manifest: &PackManifest) -> Self {
        let values = [
            ("title", Some(&manifest.name)),
            ("version", Some(&manifest.version)),
            ("description", Some(&manifest.description)),
            ("licenses", manifest.license.as_ref()),
            ("source", manifest.source.as_ref()),
        ];
        let values = values.into_iter().filter_map(|(key, value)| {
            Some((format!("org.opencontainers.image.{key}"), value?.clone()))
        });
        self.image.annotations = values.collect();
        self
    }

    fn finish(self) -> Result<Artifact> {
        let manifest = self.image.to_bytes().into();
        let artifact = Artifact { manifest, blobs: self.blobs, signatures: Vec::new() };
        artifact.verify().map(|()| artifact)
    }
}
