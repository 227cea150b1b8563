//! A pack, a fetcher with a cache of its own, and a registry in memory for faults.

use std::{fs, path::Path};

use anomal_packs::{
    Access, Artifact, Cache, Digest, FetchedArtifact, Fetcher, PackError, Policy, Reference, Wanted,
};

use super::server::{Answer, Request};

pub const MANIFEST: &str = "apiVersion: anomal.dev/pack/v1\nname: house\nversion: 1.2.3\ndescription: Rules of the house.\n\
    components:\n- {name: long, type: flag, description: A long name., inputs: [{name: name, type: text}], \
    expression: 'LENGTH({name}) > 20'}\n";

/// A folder with a pack whose content has some size and does not compress.
pub fn folder(bytes: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pack.yaml"), MANIFEST).unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let mut state = 7_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_le_bytes()[7]
    })
    .take(bytes)
    .collect();
    fs::write(folder.path().join("data/noise"), noise).unwrap();
    folder
}

pub fn artifact(bytes: usize) -> Artifact {
    Artifact::from_folder(folder(bytes).path()).unwrap()
}

/// A fetcher without the user's configuration, with a cache in a folder.
pub fn fetcher(cache: Option<&Path>) -> Fetcher {
    let mut fetcher = Fetcher::for_user(Policy::default(), true).unwrap();
    fetcher.cache = cache.map(|cache| Cache::at(cache).unwrap());
    fetcher.offline = false;
    fetcher
}

pub fn fetch(
    fetcher: &Fetcher,
    reference: &str,
    digest: Option<Digest>,
) -> Result<FetchedArtifact, PackError> {
    let reference: Reference = reference.parse().unwrap();
    fetcher.fetch(&reference, digest, &Access::default(), Wanted::Pack)
}

/// What a registry with this artifact under `house:1` answers.
pub fn answer(artifact: &Artifact, request: &Request) -> Answer {
    let path = request.path.split('?').next().unwrap();
    let Some(rest) = path.strip_prefix("/v2/house/") else { return Answer::new(404, "") };
    if rest == "manifests/1" || rest == format!("manifests/{}", artifact.digest()) {
        return Answer::new(200, artifact.manifest.to_vec());
    }
    let digest = rest.strip_prefix("blobs/").and_then(|digest| digest.parse().ok());
    let Some(bytes) = digest.and_then(|digest: Digest| artifact.blobs.get(&digest)) else {
        return Answer::new(404, "");
    };
    let from = request
        .headers
        .get("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match from {
        Some(from) => Answer::new(206, &bytes[from..]),
        None => Answer::new(200, bytes.to_vec()),
    }
}
