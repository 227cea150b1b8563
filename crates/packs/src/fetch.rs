//! From a reference to verified bytes: from the cache where it has them, else from where they are.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::Path,
    sync::{Mutex, PoisonError},
};

use anomal_storage::{Kind as StoreKind, Location, Secret, Store, Use};
use bytes::Bytes;
use reqwest::{StatusCode, header};

use crate::{
    Artifact, Digest, Kind, OciReference, PackError, Reference, Result,
    archive::{self, MAX_UNPACKED},
    artifact::check_sizes,
    cache::Cache,
    folder,
    layout::{self, Layout},
    oci::{self, Connection, DockerConfig, Length, Repository},
    trust::Policy,
};

/// Fetches packs and lists.
pub struct Fetcher {
    /// Absent where nothing can be cached.
    pub cache: Option<Cache>,
    /// Whether only the cache and this machine's files are used.
    pub offline: bool,
    pub policy: Policy,
    pub docker: DockerConfig,
    /// Whether signatures are fetched that the policy does not ask for.
    pub all_signatures: bool,
    /// For people: what does not stop the work.
    notes: Mutex<Vec<String>>,
}

/// What goes with a reference.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub secret: Option<Secret>,
    pub plain_http: bool,
    /// PEM certificates to trust.
    pub ca: Option<Vec<u8>>,
}

/// What the bytes of a file are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Pack,
    /// A file that is neither a layout nor an archive of a pack is a list.
    List,
}

/// What was fetched.
#[derive(Clone, Debug)]
pub struct FetchedArtifact {
    pub artifact: Artifact,
    /// What pins it: the digest of the manifest in a registry, of the file elsewhere, of the contents of a folder.
    pub digest: Digest,
    /// The file, where the digest is that of one.
    pub file: Option<Bytes>,
}

impl Fetcher {
    /// With the user's cache and Docker configuration.
    ///
    /// # Errors
    /// The Docker configuration is not valid.
    pub fn for_user(policy: Policy, offline: bool) -> Result<Self> {
        let (cache, note) = match Cache::open() {
            Ok(cache) => (Some(cache), None),
            Err(note) => (None, Some(note)),
        };
        // Offline, no registry is asked.
        let docker = if offline { DockerConfig::default() } else { DockerConfig::from_user()? };
        let notes = Mutex::new(note.into_iter().collect());
        Ok(Self { cache, offline, policy, docker, all_signatures: false, notes })
    }

    fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// The notes since the last call.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches what a reference names. `digest`: the bytes that it must be, where that is known.
    ///
    /// # Errors
    /// `PACK_NOT_FOUND`, `PACK_DIGEST`, `PACK_INVALID`, `REGISTRY_UNAVAILABLE`, `REGISTRY_DENIED`.
    pub fn fetch(
        &self,
        reference: &Reference,
        digest: Option<Digest>,
        access: &Access,
        wanted: Wanted,
    ) -> Result<FetchedArtifact> {
        let digest = match (reference.digest(), digest) {
            (Some(one), Some(other)) if one != other => {
                return Err(PackError::digest(format!(
                    "{reference} has another digest than {other}"
                )));
            }
            (one, other) => one.or(other),
        };
        let mirrored = self.policy.mirrored(reference)?;
        let fetched = match &mirrored {
            Reference::Oci(place) => self.fetch_image(reference, place, digest, access),
            Reference::Web(url) => {
                self.fetch_file(reference, digest, wanted, || self.download(url, access))
            }
            Reference::Object(url) => {
                self.fetch_file(reference, digest, wanted, || download_object(url, access))
            }
            Reference::Path(path) => read_path(path, digest, wanted),
        }?;
        if wanted == Wanted::List && fetched.artifact.kind() != Kind::List {
            return Err(PackError::invalid(format!("{reference} is a pack, and no list")));
        }
        if wanted == Wanted::Pack && fetched.artifact.kind() == Kind::List {
            return Err(PackError::invalid(format!(
                "{reference} is a list, and no pack; name it in `lists`"
            )));
        }
        match digest {
            Some(expected) if expected != fetched.digest => Err(PackError::digest(format!(
                "{reference} has the digest {}, and {expected} is expected; if it was meant to change, change `digest`, or run `anomal pack update`",
                fetched.digest
            ))),
            _ => Ok(fetched),
        }
    }

    fn offline(reference: &Reference) -> PackError {
        PackError::not_found(format!(
            "{reference} is not in the cache, and --offline allows no network; run once without it, or `anomal pack import`"
        ))
    }

    fn fetch_image(
        &self,
        reference: &Reference,
        place: &OciReference,
        digest: Option<Digest>,
        access: &Access,
    ) -> Result<FetchedArtifact> {
        let signed = self.all_signatures || self.policy.wants_signatures(reference);
        let cached = digest.and_then(|digest| self.cache.as_ref()?.load(digest));
        if let (Some(artifact), Some(digest)) = (cached, digest)
            && (!signed || !artifact.signatures.is_empty() || self.offline)
        {
            return Ok(FetchedArtifact { artifact, digest, file: None });
        }
        if self.offline {
            return Err(Self::offline(reference));
        }
        let target = digest.map_or_else(|| place.target(), |digest| digest.to_string());
        let repository = Repository::new(place, &self.connection(place, access)?, false)?;
        let artifact = oci::wait(|| self.pull(&repository, &target, signed))?;
        self.keep(|cache| cache.store(&artifact, Some(&reference.to_string())));
        Ok(FetchedArtifact { digest: artifact.digest(), artifact, file: None })
    }

    /// How a registry is reached, with the credentials of the secret or of the user.
    ///
    /// # Errors
    /// The credentials can't be read.
    pub fn connection(&self, place: &OciReference, access: &Access) -> Result<Connection> {
        let (registry, repository) = (&place.registry, &place.repository);
        let credentials = match &access.secret {
            Some(secret) => DockerConfig::from_secret(secret, registry, repository)?,
            None => self.docker.credentials(registry, repository)?,
        };
        Ok(Connection { credentials, plain_http: access.plain_http, ca: access.authorities() })
    }

    async fn pull(&self, repository: &Repository, target: &str, signed: bool) -> Result<Artifact> {
        let manifest = repository.manifest(target).await?;
        let mut artifact = Artifact { manifest, blobs: BTreeMap::new(), signatures: Vec::new() };
        let image = artifact.image()?;
        check_sizes(&image)
            .map_err(|error| error.context(format!("{} {target}", repository.place())))?;
        for descriptor in image.descriptors() {
            let cached = self.cache.as_ref().and_then(|cache| cache.get(&descriptor.digest));
            let cached = cached.filter(|bytes| bytes.len() as u64 == descriptor.size);
            let bytes = match cached {
                Some(bytes) => bytes,
                None => repository.blob(descriptor).await?,
            };
            artifact.blobs.insert(descriptor.digest, bytes);
        }
        if signed {
            artifact.signatures = repository.signatures(artifact.digest()).await?;
        }
        artifact
            .verify()
            .map_err(|error| error.context(format!("{} {target}", repository.place())))?;
        Ok(artifact)
    }

    /// A cache that can't be written costs the next run time, and is no error.
    fn keep(&self, store: impl FnOnce(&Cache) -> io::Result<()>) {
        if let Some(cache) = &self.cache
            && let Err(error) = store(cache)
        {
            self.note(format!("packs are not cached: {}: {error}", cache.folder().display()));
        }
    }

    fn fetch_file(
        &self,
        reference: &Reference,
        digest: Option<Digest>,
        wanted: Wanted,
        download: impl FnOnce() -> Result<Bytes>,
    ) -> Result<FetchedArtifact> {
        if let Reference::Web(_) = reference
            && digest.is_none()
        {
            return Err(PackError::reference(format!(
                "{reference} needs `digest`, since a server can send other bytes each time; `anomal pack add` finds it"
            )));
        }
        let cached = digest.and_then(|digest| self.cache.as_ref()?.get(&digest));
        let bytes = match cached {
            Some(bytes) => bytes,
            None if self.offline => return Err(Self::offline(reference)),
            None => download()?,
        };
        let found = Digest::from_content(&bytes);
        if digest.is_none_or(|digest| digest == found) {
            self.keep(|cache| cache.put(&bytes));
            let artifact =
                read_file(bytes.clone(), wanted, None).map_err(|error| error.context(reference))?;
            return Ok(FetchedArtifact { artifact, digest: found, file: Some(bytes) });
        }
        Err(PackError::digest(format!(
            "{reference} has the digest {found}, and {} is expected; if it was meant to change, change `digest`, or run `anomal pack update`",
            digest.map(|digest| digest.to_string()).unwrap_or_default()
        )))
    }

    /// The bytes behind a URL, whatever they are.
    ///
    /// # Errors
    /// `PACK_NOT_FOUND`, `REGISTRY_UNAVAILABLE`, `REGISTRY_DENIED`.
    pub fn download(&self, url: &str, access: &Access) -> Result<Bytes> {
        let name = anomal_spec::without_query(url);
        let parsed = url::Url::parse(url)
            .map_err(|error| PackError::reference(format!("{name}: {error}")))?;
        let loopback = match parsed.host() {
            Some(url::Host::Domain(host)) => host == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if parsed.scheme() == "http" && !loopback && !access.plain_http {
            return Err(PackError::reference(format!(
                "{name} has no TLS; use https://, or set `plainHttp: true` if the network is trusted"
            )));
        }
        let http = oci::http_client(access.authorities().as_deref())?;
        let credentials = access.basic();
        let open = async |from| {
            let response = oci::send(name, || {
                let mut request = http.get(parsed.clone());
                if let Some((user, password)) = &credentials {
                    request = request.basic_auth(user, Some(password));
                }
                if from > 0 {
                    request = request.header(header::RANGE, format!("bytes={from}-"));
                }
                request
            })
            .await?;
            match response.status() {
                StatusCode::NOT_FOUND | StatusCode::GONE => {
                    Err(PackError::not_found(format!("{name}: the server has no such file")))
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(PackError::denied(
                    format!("{name}: the server refuses it; check the secret of `auth.secretRef`"),
                )),
                status if !status.is_success() => {
                    Err(PackError::unavailable(format!("{name}: the server answers {status}")))
                }
                _ => Ok(response),
            }
        };
        oci::wait(|| oci::download(name, Length::AtMost(MAX_UNPACKED), open))
    }
}

impl Access {
    /// Certificates of the settings and of the secret.
    fn authorities(&self) -> Option<Vec<u8>> {
        let secret = self.secret.as_ref().and_then(|secret| secret.get("ca.crt"));
        let parts: Vec<&[u8]> =
            self.ca.iter().map(Vec::as_slice).chain(secret.map(str::as_bytes)).collect();
        (!parts.is_empty()).then(|| parts.join(&b"\n"[..]))
    }

    fn basic(&self) -> Option<(String, String)> {
        let secret = self.secret.as_ref()?;
        Some((secret.get("username")?.to_owned(), secret.get("password")?.to_owned()))
    }
}

fn download_object(url: &str, access: &Access) -> Result<Bytes> {
    let failed = |error: anomal_storage::Error| match error.kind {
        StoreKind::Settings => PackError::reference(error.message),
        StoreKind::Missing => PackError::not_found(error.message),
        StoreKind::Denied => PackError::denied(error.message),
        _ => PackError::unavailable(error.message),
    };
    let location = Location::parse(url).map_err(failed)?;
    let store = Store::open(location, access.secret.as_ref(), Use::Read).map_err(failed)?;
    let objects = store.objects(&[]).map_err(failed)?;
    let [object] = objects.as_slice() else {
        return Err(PackError::reference(format!(
            "{url} names {} objects; a pack is one",
            objects.len()
        )));
    };
    let mut bytes = Vec::new();
    let mut download = store.read(object).map_err(failed)?.take(MAX_UNPACKED + 1);
    download
        .read_to_end(&mut bytes)
        .map_err(|error| PackError::unavailable(format!("{url}: {error}")))?;
    if bytes.len() as u64 > MAX_UNPACKED {
        return Err(PackError::invalid(format!("{url} has more than {} MiB", MAX_UNPACKED >> 20)));
    }
    Ok(bytes.into())
}

fn read_path(path: &Path, digest: Option<Digest>, wanted: Wanted) -> Result<FetchedArtifact> {
    if !path.exists() {
        let what = if wanted == Wanted::Pack { "folder" } else { "file" };
        return Err(PackError::not_found(format!("there is no {what} {}", path.display())));
    }
    let is_manifest = path.file_name().is_some_and(|name| name == folder::MANIFEST);
    let artifact = if path.is_dir() && Layout::is_in(path) {
        Layout::from_folder(path)?.artifact(digest)?
    } else if wanted == Wanted::Pack && (path.is_dir() || is_manifest) {
        Artifact::from_folder(path)?
    } else {
        let most = if wanted == Wanted::List { MAX_UNPACKED } else { layout::MAX_LAYOUT };
        let bytes =
            folder::read_file(path, most).map_err(|error| folder::cannot_read(path, &error))?;
        if bytes.len() as u64 > most {
            return Err(PackError::invalid(format!(
                "{} has more than {} MiB",
                path.display(),
                most >> 20
            )));
        }
        let found = Digest::from_content(&bytes);
        // The digest of a file, or that of a manifest in the layout that the file is.
        let inner = digest.filter(|digest| *digest != found);
        let artifact = read_file(bytes.into(), wanted, inner)
            .map_err(|error| error.context(path.display()))?;
        let digest = inner.filter(|inner| *inner == artifact.digest()).unwrap_or(found);
        return Ok(FetchedArtifact { artifact, digest, file: None });
    };
    let pinned = if path.is_dir() && Layout::is_in(path) {
        artifact.digest()
    } else {
        artifact.contents_digest()?
    };
    let digest = digest.filter(|digest| *digest == artifact.digest()).unwrap_or(pinned);
    Ok(FetchedArtifact { artifact, digest, file: None })
}

/// `inner`: the digest of the manifest, where the file may be a layout of several.
fn read_file(bytes: Bytes, wanted: Wanted, inner: Option<Digest>) -> Result<Artifact> {
    if bytes.starts_with(b"\0asm") {
        return Artifact::from_component(bytes);
    }
    if let Some(kind) = archive::archive_kind(&bytes) {
        let files = archive::unpack_within(&bytes, kind, layout::MAX_LAYOUT);
        match files {
            Ok(files) if files.contains_key(layout::MARKER) => {
                return Layout::from_files(files)?.artifact(inner);
            }
            Ok(files)
                if wanted == Wanted::List
                    && !files.keys().any(|path| path.ends_with(folder::MANIFEST)) => {}
            Ok(_) => return Artifact::from_archive(&bytes),
            // A list may be compressed without being an archive.
            Err(_) if wanted == Wanted::List => {}
            Err(error) => return Err(error),
        }
    }
    match wanted {
        Wanted::List => Artifact::from_list_file(bytes),
        Wanted::Pack => Err(PackError::invalid(format!(
            "it is neither a folder with {}, nor an archive of one, nor an OCI layout, nor a WebAssembly component",
            folder::MANIFEST
        ))),
    }
}

/// Reads a PEM file of authorities.
///
/// # Errors
/// The file can't be read.
pub fn read_authorities(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        PackError::reference(format!("tls.ca: cannot read {}: {error}", path.display()))
    })
}

impl Access {
    /// Access without credentials, as the command line has it.
    pub fn new(plain_http: bool, ca: Option<&Path>) -> Result<Self> {
        Ok(Self { secret: None, plain_http, ca: ca.map(read_authorities).transpose()? })
    }
}
