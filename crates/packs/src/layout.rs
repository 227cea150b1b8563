//! Packs in the layout of OCI images: a folder or tar archive that other tools read and write too.

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    Artifact, Digest, PackError, Result, Signature,
    archive::{self, Files},
    folder,
    image::{Descriptor, IMAGE_INDEX, IMAGE_MANIFEST, ImageManifest, LayerKind, MAX_MANIFEST},
    signature_image,
};

pub const MARKER: &str = "oci-layout";
pub const INDEX: &str = "index.json";
/// The contents of the marker.
pub const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
/// The annotation with the name of an image.
pub const NAME: &str = "org.opencontainers.image.ref.name";
/// Several packs together, in bytes.
pub const MAX_LAYOUT: u64 = 2 << 30;

/// The file `index.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutIndex {
    pub schema_version: u32,
    #[serde(default)]
    pub media_type: String,
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
}

impl Default for LayoutIndex {
    fn default() -> Self {
        Self { schema_version: 2, media_type: IMAGE_INDEX.to_owned(), manifests: Vec::new() }
    }
}

/// A layout in memory.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    pub index: LayoutIndex,
    pub blobs: BTreeMap<Digest, Bytes>,
}

impl LayoutIndex {
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Adds an image, in place of one with the same digest.
    pub fn add(&mut self, descriptor: Descriptor) {
        self.manifests.retain(|one| one.digest != descriptor.digest);
        self.manifests.push(descriptor);
    }
}

impl Layout {
    /// Whether a folder is a layout.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(MARKER).is_file() && folder.join(INDEX).is_file()
    }

    /// # Errors
    /// A file can't be read, or is not valid.
    pub fn from_folder(path: &Path) -> Result<Self> {
        let mut files = Files::new();
        let mut add = |name: String, most: u64| {
            let file = path.join(&name);
            let bytes = folder::read_file(&file, most)
                .map_err(|error| folder::cannot_read(&file, &error))?;
            files.insert(name, bytes.into());
            Ok(())
        };
        add(INDEX.to_owned(), MAX_MANIFEST)?;
        let blobs = path.join("blobs/sha256");
        let entries = blobs.read_dir().map_err(|error| folder::cannot_read(&blobs, &error))?;
        for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
            add(format!("blobs/sha256/{name}"), archive::MAX_UNPACKED)?;
        }
        Self::from_files(files)
    }

    /// # Errors
    /// There is no index, or it is not valid.
    pub fn from_files(mut files: Files) -> Result<Self> {
        let index = files
            .remove(INDEX)
            .ok_or_else(|| PackError::invalid(format!("the layout has no {INDEX}")))?;
        let index = serde_json::from_slice(&index).map_err(|error| {
            PackError::invalid(format!("{INDEX} of the layout is not valid: {error}"))
        })?;
        let mut layout = Self { index, blobs: BTreeMap::new() };
        for (path, bytes) in files {
            let hex = path.strip_prefix("blobs/sha256/");
            if let Some(digest) = hex.and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok())
            {
                layout.blobs.insert(digest, bytes);
            }
        }
        Ok(layout)
    }

    /// The layout in a tar archive.
    ///
    /// # Errors
    /// The archive or the index is not valid.
    pub fn from_archive(bytes: &[u8]) -> Result<Self> {
        let kind = archive::archive_kind(bytes).unwrap_or(LayerKind::Tar);
        Self::from_files(archive::unpack_within(bytes, kind, MAX_LAYOUT)?)
    }

    /// All files.
    pub fn to_files(&self) -> Files {
        let blobs = self
            .blobs
            .iter()
            .map(|(digest, bytes)| (format!("blobs/sha256/{}", digest.hex()), bytes.clone()));
        let mut files: Files = blobs.collect();
        files.insert(INDEX.to_owned(), self.index.to_bytes().into());
        files.insert(MARKER.to_owned(), Bytes::from_static(VERSION.as_bytes()));
        files
    }

    /// Adds an artifact with its signatures under a name.
    pub fn add(&mut self, artifact: &Artifact, name: Option<&str>) {
        for (descriptor, bytes) in images(artifact, name) {
            self.blobs.insert(descriptor.digest, bytes);
            self.index.add(descriptor);
        }
        self.blobs.extend(artifact.blobs.clone());
        let subject = Descriptor::new(IMAGE_MANIFEST, &artifact.manifest);
        for signature in &artifact.signatures {
            self.blobs.extend(signature_image::write(&subject, signature).blobs);
        }
    }

    /// The images that are not signatures, with their names.
    pub fn artifacts(&self) -> Vec<(Digest, Option<String>)> {
        let is_signature = |descriptor: &Descriptor| {
            let manifest = self.blobs.get(&descriptor.digest);
            let image = manifest.and_then(|bytes| ImageManifest::parse(bytes).ok());
            image.is_some_and(|image| signature_image::layers(&image).next().is_some())
        };
        let images = self.index.manifests.iter().filter(|descriptor| !is_signature(descriptor));
        images
            .map(|descriptor| (descriptor.digest, descriptor.annotations.get(NAME).cloned()))
            .collect()
    }

    /// The artifact with a digest, or the only one.
    ///
    /// # Errors
    /// There is none, there are several, or it is not valid.
    pub fn artifact(&self, digest: Option<Digest>) -> Result<Artifact> {
        let digest = match (digest, self.artifacts().as_slice()) {
            (Some(digest), _) => digest,
            (None, [(only, _)]) => *only,
            (None, artifacts) => {
                return Err(PackError::invalid(format!(
                    "the layout has {} packs; name one of them by `digest`",
                    artifacts.len()
                )));
            }
        };
        let get = |digest: &Digest| self.blobs.get(digest).cloned();
        let artifact = find_artifact(digest, &self.index.manifests, &get)?.ok_or_else(|| {
            PackError::not_found(format!("the layout does not have {digest} whole"))
        })?;
        artifact.verify().map(|()| artifact)
    }
}

/// The images of an artifact and its signatures, with their bytes.
pub fn images(artifact: &Artifact, name: Option<&str>) -> Vec<(Descriptor, Bytes)> {
    let mut subject = Descriptor::new(IMAGE_MANIFEST, &artifact.manifest);
    let mut images = Vec::new();
    for signature in &artifact.signatures {
        let written = signature_image::write(&subject, signature);
        let mut descriptor = Descriptor::new(IMAGE_MANIFEST, &written.manifest);
        match written.tag {
            Some(tag) => descriptor.annotations.extend([(NAME.to_owned(), tag)]),
            None => signature_image::BUNDLE.clone_into(&mut descriptor.artifact_type),
        }
        images.push((descriptor, written.manifest));
    }
    if let Some(name) = name {
        subject.annotations.insert(NAME.to_owned(), name.to_owned());
    }
    images.insert(0, (subject, artifact.manifest.clone()));
    images
}

/// An artifact among blobs; absent where one is missing. Not verified.
///
/// # Errors
/// The manifest is not valid.
pub fn find_artifact(
    digest: Digest,
    index: &[Descriptor],
    get: &dyn Fn(&Digest) -> Option<Bytes>,
) -> Result<Option<Artifact>> {
    let Some(manifest) = get(&digest) else { return Ok(None) };
    let image = ImageManifest::parse(&manifest)?;
    let blobs: Option<BTreeMap<Digest, Bytes>> = image
        .descriptors()
        .map(|descriptor| Some((descriptor.digest, get(&descriptor.digest)?)))
        .collect();
    let Some(blobs) = blobs else { return Ok(None) };
    Ok(Some(Artifact { manifest, blobs, signatures: find_signatures(digest, index, get) }))
}

fn find_signatures(
    subject: Digest,
    index: &[Descriptor],
    get: &dyn Fn(&Digest) -> Option<Bytes>,
) -> Vec<Signature> {
    let tag = format!("sha256-{}.sig", subject.hex());
    let mut signatures = Vec::new();
    for descriptor in index.iter().filter(|descriptor| descriptor.digest != subject) {
        let Some(image) =
            get(&descriptor.digest).and_then(|bytes| ImageManifest::parse(&bytes).ok())
        else {
            continue;
        };
        let named = descriptor.annotations.get(NAME).is_some_and(|name| *name == tag);
        if named || image.subject.as_ref().is_some_and(|one| one.digest == subject) {
            let layers = signature_image::layers(&image);
            signatures.extend(
                layers.filter_map(|layer| signature_image::read(layer, get(&layer.digest)?)),
            );
        }
    }
    signatures
}
