//! The manifest of an OCI image, as far as packs use it, and the media types in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, PackError, Result};

pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub const PACK: &str = "application/vnd.anomal.pack.v1";
pub const PACK_CONFIG: &str = "application/vnd.anomal.pack.config.v1+json";
pub const PACK_CONTENT: &str = "application/vnd.anomal.pack.content.v1.tar+zstd";
/// The type of an artifact with a single file of indicators, and of its layer.
pub const LIST: &str = "application/vnd.anomal.list.v1";
/// A component, in packs and in the layout of the CNCF.
pub const WASM: &str = "application/wasm";
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
const WASM_BEFORE: &str = "application/vnd.wasm.content.layer.v1+wasm";

/// The largest manifest in bytes.
pub const MAX_MANIFEST: u64 = 1 << 20;
/// More layers than any layout has.
const MAX_LAYERS: usize = 16;

/// A manifest of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    pub schema_version: u32,
    #[serde(default)]
    pub media_type: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub artifact_type: String,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What a manifest says of a blob or of another manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub artifact_type: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What a layer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    Component,
    List,
    TarZstd,
    TarGzip,
    Tar,
}

impl ImageManifest {
    /// # Errors
    /// It is too large, not a manifest, or an index of several.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 > MAX_MANIFEST {
            return Err(PackError::invalid("the manifest is larger than 1 MiB"));
        }
        let value: serde_json::Value = serde_json::from_slice(bytes)
            .map_err(|error| PackError::invalid(format!("the manifest is not JSON: {error}")))?;
        if value.get("manifests").is_some() {
            return Err(PackError::invalid(
                "it is an index of several images; name one of them by its digest",
            ));
        }
        let manifest: Self = serde_json::from_value(value).map_err(|error| {
            PackError::invalid(format!("it is not the manifest of an image: {error}"))
        })?;
        if manifest.schema_version != 2 || manifest.layers.len() > MAX_LAYERS {
            return Err(PackError::invalid(format!(
                "a manifest has the schema version 2 and at most {MAX_LAYERS} layers"
            )));
        }
        Ok(manifest)
    }

    /// The config and the layers.
    pub fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    pub fn layer(&self, kind: LayerKind) -> Option<&Descriptor> {
        self.layers.iter().find(|layer| layer.kind() == Some(kind))
    }

    /// The bytes of a manifest that is written here.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Maps with text as keys always serialize.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Descriptor {
    pub fn new(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::from_content(bytes),
            size: bytes.len() as u64,
            artifact_type: String::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// Of the bytes of a manifest.
    pub fn for_manifest(bytes: &[u8]) -> Self {
        Self::new(IMAGE_MANIFEST, bytes)
    }

    /// What the layer holds; absent for types that no layout has.
    pub fn kind(&self) -> Option<LayerKind> {
        let media_type = self.media_type.as_str();
        Some(match media_type {
            WASM | WASM_BEFORE => LayerKind::Component,
            LIST => LayerKind::List,
            _ if media_type.ends_with("tar+zstd") => LayerKind::TarZstd,
            _ if media_type.ends_with("tar+gzip") || media_type.ends_with("tar.gz") => {
                LayerKind::TarGzip
            }
            _ if media_type.ends_with(".tar") => LayerKind::Tar,
            _ => return None,
        })
    }
}
