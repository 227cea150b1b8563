//! Where reports are kept: objects below `reports/<id>/` in a folder, S3, GCS or Azure. A report is there
//! once its manifest is, which is written last and never again.

mod cache;

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    path::{Path as FilePath, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anomal_core::{Code, Error, Result, blocking, proto::Report};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutPayload, WriteMultipart,
    local::LocalFileSystem, path::Path,
};
use url::Url;

use crate::exports::download::piece;
use cache::Cache;

const MANIFEST: &str = "manifest.json";
/// Manifests asked for at once.
const AT_ONCE: usize = 16;
/// Bytes of a part of an upload.
const PART: usize = 8 << 20;
/// What was left by a publish that broke off is removed after this.
const ORPHAN: Duration = Duration::from_hours(24);

/// Reports in an object store. Several replicas can have one store.
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// `reports` below the place that the user named.
    root: Path,
    /// As the user named it.
    name: String,
    /// Where it is a folder on this machine.
    folder: Option<PathBuf>,
    cache: Cache,
    /// Manifests do not change.
    manifests: Mutex<HashMap<String, Arc<Report>>>,
}

impl Store {
    /// `location`: a folder, which is made where it is missing, or a URL (`s3://bucket/prefix`, `gs://…`,
    /// `az://…`, `file:///…`), with credentials as the environment has them.
    ///
    /// # Errors
    /// `InvalidSettings` for a URL of another kind; `Output` if the folder can't be made.
    pub fn open(location: &str) -> Result<Self> {
        let (objects, root, folder) = match Url::parse(location) {
            Ok(url) if url.scheme() != "file" && url.scheme().len() > 1 => {
                let (objects, root) = remote(&url)?;
                (objects, root, None)
            }
            Ok(url) if url.scheme() == "file" => {
                let path = url.to_file_path().map_err(|()| unknown(location, "no local path"))?;
                local(&path)?
            }
            _ => local(FilePath::new(location))?,
        };
        Ok(Self {
            objects,
            root: root.join("reports"),
            name: location.to_owned(),
            folder,
            cache: Cache::default(),
            manifests: Mutex::default(),
        })
    }

    /// Stores the files, then the manifest. The manifest that is there already, where another try of the
    /// same report was done.
    ///
    /// # Errors
    /// `Output`; nothing is visible then.
    pub async fn put(&self, report: &Report, files: Vec<(&str, File)>) -> Result<Report> {
        self.present()?;
        if let Ok(known) = self.manifest(&report.id).await {
            return Ok(known.as_ref().clone());
        }
        let mut bytes = 0;
        for (name, file) in files {
            bytes += self.upload(&self.place(&report.id, name), file).await?;
        }
        let report = Report { bytes, url: String::new(), ..report.clone() };
        let manifest = serde_json::to_vec(&report).map_err(|error| defect(&error))?;
        let place = self.place(&report.id, MANIFEST);
        let put = self.objects.put_opts(&place, manifest.into(), PutMode::Create.into()).await;
        match put {
            Ok(_) => Ok(report),
            Err(StoreError::AlreadyExists { .. }) => {
                Ok(self.manifest(&report.id).await?.as_ref().clone())
            }
            Err(error) => Err(self.unwritable(&error)),
        }
    }

    async fn upload(&self, place: &Path, file: File) -> Result<u64> {
        let size = file.metadata().map_or(0, |known| known.len());
        let refused = |error| self.unwritable(&error);
        if size <= PART as u64 {
            let bytes = blocking(move |_| piece(&file, PART)).await?;
            let payload = PutPayload::from(bytes);
            self.objects.put(place, payload).await.map_err(refused)?;
            return Ok(size);
        }
        let upload = self.objects.put_multipart(place).await.map_err(refused)?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        let file = Arc::new(file);
        loop {
            let file = Arc::clone(&file);
            let bytes = blocking(move |_| piece(&file, PART)).await?;
            if bytes.is_empty() {
                break;
            }
            writer.wait_for_capacity(4).await.map_err(refused)?;
            writer.put(bytes.into());
        }
        // Completed last: until then there is no object.
        writer.finish().await.map_err(refused)?;
        Ok(size)
    }

    /// # Errors
    /// `NotFound`; `Unavailable` if the store can't be read.
    pub async fn manifest(&self, id: &str) -> Result<Arc<Report>> {
        self.present()?;
        if uuid::Uuid::parse_str(id).is_err() {
            return Err(missing(id));
        }
        if self.known().contains_key(id) {
            // Another replica may have deleted it.
            let there = self.objects.head(&self.place(id, MANIFEST)).await;
            there.map_err(|error| self.unreadable(id, &error))?;
        }
        self.read(id).await
    }

    async fn read(&self, id: &str) -> Result<Arc<Report>> {
        if let Some(known) = self.known().get(id) {
            return Ok(Arc::clone(known));
        }
        let place = self.place(id, MANIFEST);
        let got = self.objects.get(&place).await.map_err(|error| self.unreadable(id, &error))?;
        let bytes = got.bytes().await.map_err(|error| self.unreadable(id, &error))?;
        let report: Report = serde_json::from_slice(&bytes).map_err(|error| {
            Error::new(
                Code::Output,
                "REPORT_DAMAGED",
                format!("the report {id} in {} is damaged: {error}", self.name),
            )
        })?;
        let report = Arc::new(report);
        self.known().insert(id.to_owned(), Arc::clone(&report));
        Ok(report)
    }

    /// All that are there and have not expired, the newest first. One that can't be read is left out, and
    /// logged.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn manifests(&self) -> Result<Vec<Arc<Report>>> {
        let ids = self.ids().await?;
        let there: HashSet<String> = ids.iter().cloned().collect();
        self.known().retain(|id, _| there.contains(id));
        let found = stream::iter(ids).map(|id| async move { self.read(&id).await });
        let found: Vec<Result<Arc<Report>>> = found.buffered(AT_ONCE).collect().await;
        let now = Timestamp::now();
        let mut reports = Vec::new();
        for report in found {
            match report {
                Ok(report) if !expired(&report, now) => reports.push(report),
                Ok(_) => {}
                // Broken off, or being published.
                Err(error) if error.code == Code::NotFound => {}
                Err(error) => tracing::warn!("{error}"),
            }
        }
        reports.sort_by(|a, b| b.create_time.cmp(&a.create_time).then(b.id.cmp(&a.id)));
        Ok(reports)
    }

    async fn ids(&self) -> Result<Vec<String>> {
        self.present()?;
        let listed = self.objects.list_with_delimiter(Some(&self.root)).await;
        let listed = listed.map_err(|error| self.unreadable("the list", &error))?;
        let name = |path: Path| path.filename().map(str::to_owned);
        let ids = listed.common_prefixes.into_iter().filter_map(name);
        Ok(ids.filter(|id| uuid::Uuid::parse_str(id).is_ok()).collect())
    }

    /// An object of a report, to be read as a file.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn file(&self, id: &str, name: &'static str) -> Result<File> {
        self.present()?;
        if let Some(folder) = &self.folder {
            let path = folder.join("reports").join(id).join(name);
            let id = id.to_owned();
            return blocking(move |_| File::open(&path).map_err(|_| missing(&id))).await;
        }
        let key = format!("{id}/{name}");
        let place = self.place(id, name);
        self.cache
            .file(&key, async {
                let got = self.objects.get(&place).await;
                let got = got.map_err(|error| self.unreadable(id, &error))?;
                Ok(got
                    .into_stream()
                    .map_err(|error| Error::new(Code::Unavailable, "STORE", error.to_string())))
            })
            .await
    }

    /// # Errors
    /// `NotFound`; `Output` if the store refuses it.
    pub async fn delete(&self, id: &str) -> Result<()> {
        self.manifest(id).await?;
        self.remove(id).await
    }

    /// The manifest first: from then on it is not there.
    async fn remove(&self, id: &str) -> Result<()> {
        self.known().remove(id);
        let manifest = self.place(id, MANIFEST);
        match self.objects.delete(&manifest).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(self.unwritable(&error)),
        }
        let rest = self.objects.list(Some(&self.root.clone().join(id)));
        let rest = rest.map_ok(|object| object.location).boxed();
        let removed = self.objects.delete_stream(rest).try_collect::<Vec<Path>>().await;
        match removed {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.unwritable(&error)),
        }
    }

    /// Removes reports that have expired, and what publishes that broke off have left; how many.
    ///
    /// # Errors
    /// `Unavailable`, `Output`.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64> {
        let mut removed = 0;
        for id in self.ids().await? {
            let gone = match self.read(&id).await {
                Ok(report) => expired(&report, now),
                Err(error) if error.code == Code::NotFound => self.is_orphan(&id, now).await?,
                Err(_) => false,
            };
            if gone {
                self.remove(&id).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn is_orphan(&self, id: &str, now: Timestamp) -> Result<bool> {
        let objects = self.objects.list(Some(&self.root.clone().join(id)));
        let objects: Vec<_> =
            objects.try_collect().await.map_err(|error| self.unreadable(id, &error))?;
        let newest = objects.iter().map(|object| object.last_modified.timestamp()).max();
        let limit = i64::try_from(ORPHAN.as_secs()).unwrap_or(i64::MAX);
        Ok(newest.is_none_or(|newest| now.as_second() - newest > limit))
    }

    fn place(&self, id: &str, name: &str) -> Path {
        self.root.clone().join(id).join(name)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Report>>> {
        self.manifests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A folder that is gone is told, not made again: it may be a volume that is not mounted.
    fn present(&self) -> Result<()> {
        match &self.folder {
            Some(folder) if !folder.is_dir() => {
                let message = format!("the store {} is gone; is its volume mounted?", self.name);
                Err(Error::new(Code::Unavailable, "STORE_GONE", message))
            }
            _ => Ok(()),
        }
    }

    fn unreadable(&self, id: &str, error: &StoreError) -> Error {
        if matches!(error, StoreError::NotFound { .. }) {
            return missing(id);
        }
        let message = format!("the store {} can't be read: {error}", self.name);
        Error::new(Code::Unavailable, "STORE_UNREADABLE", message)
    }

    fn unwritable(&self, error: &StoreError) -> Error {
        let message = format!("the store {} can't be written: {error}", self.name);
        Error::new(Code::Output, "STORE_UNWRITABLE", message)
    }
}

pub(crate) fn expired(report: &Report, now: Timestamp) -> bool {
    report.expire_time.parse::<Timestamp>().is_ok_and(|expires| expires <= now)
}

pub(crate) fn missing(id: &str) -> Error {
    Error::not_found(format!("there is no report {id}; it may have expired"))
}

fn defect(error: &serde_json::Error) -> Error {
    Error::internal(format!("a manifest as JSON: {error}"))
}

fn unknown(location: &str, why: &str) -> Error {
    let message =
        format!("{location} is no place for reports: {why}; name a folder or s3://, gs://, az://");
    Error::settings("report.store", "STORE_UNKNOWN", message)
}

type Place = (Arc<dyn ObjectStore>, Path, Option<PathBuf>);

fn local(folder: &FilePath) -> Result<Place> {
    let refused = |error: &dyn std::fmt::Display| {
        let message = format!("{} can't hold reports: {error}", folder.display());
        Error::new(Code::Output, "STORE_UNWRITABLE", message)
    };
    std::fs::create_dir_all(folder).map_err(|error| refused(&error))?;
    let folder = folder.canonicalize().map_err(|error| refused(&error))?;
    let objects = LocalFileSystem::new_with_prefix(&folder).map_err(|error| refused(&error))?;
    let objects = objects.with_automatic_cleanup(true);
    Ok((Arc::new(objects), Path::default(), Some(folder)))
}

fn remote(url: &Url) -> Result<(Arc<dyn ObjectStore>, Path)> {
    anomal_storage::from_environment(url).map_err(|error| unknown(url.as_str(), &error.message))
}
