//! The store of reports: objects below `reports/<id>/` in a folder, S3, GCS or Azure. A report exists once its
//! manifest exists, which is written last and never changes.

mod cache;
mod location;
mod verdicts;

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anomal_core::{Code, Error, Result, blocking, proto::Report};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutPayload, WriteMultipart,
    path::Path,
};

use crate::files::download::read_chunk;
use cache::Cache;
use location::Backend;
use verdicts::VerdictCache;

const MANIFEST: &str = "manifest.json";
/// Manifests read concurrently.
const CONCURRENT_READS: usize = 16;
/// Bytes of an upload part.
const PART: usize = 8 << 20;
/// Age after which the files of an interrupted publish are removed.
const ORPHAN_AGE: Duration = Duration::from_hours(24);

/// Reports in an object store. Replicas can share one.
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// `reports` below the location in the settings.
    root: Path,
    /// As in the settings.
    location: String,
    /// For a folder on this machine.
    folder: Option<PathBuf>,
    cache: Cache,
    /// Manifests do not change.
    manifests: Mutex<HashMap<String, Arc<Report>>>,
    /// `verdicts` below the location.
    verdicts: Path,
    verdict_cache: VerdictCache,
}

impl Store {
    /// `location`: a folder, which is created if it does not exist, or a URL (`s3://bucket/prefix`, `gs://…`,
    /// `az://…`, `file:///…`), with credentials in the environment.
    ///
    /// # Errors
    /// `InvalidSettings` for a URL of another kind; `Output` if the folder can't be created.
    pub fn open(location: &str) -> Result<Self> {
        let Backend { objects, root, folder } = location::open(location)?;
        Ok(Self {
            objects,
            verdicts: root.clone().join("verdicts"),
            root: root.join("reports"),
            location: location.to_owned(),
            folder,
            cache: Cache::default(),
            manifests: Mutex::default(),
            verdict_cache: VerdictCache::default(),
        })
    }

    /// Stores the files, then the manifest. If an earlier try of the same report was stored, returns that
    /// manifest.
    ///
    /// # Errors
    /// `Output`; the report is not visible then.
    pub async fn put(&self, report: &Report, files: Vec<(&str, File)>) -> Result<Report> {
        self.check_present()?;
        if let Ok(stored) = self.manifest(&report.id).await {
            return Ok(stored.as_ref().clone());
        }
        let mut bytes = 0;
        for (name, file) in files {
            bytes += self.upload(&self.path(&report.id, name), file).await?;
        }
        let report = Report { bytes, url: String::new(), ..report.clone() };
        let manifest = serde_json::to_vec(&report)
            .map_err(|error| Error::internal(format!("a manifest as JSON: {error}")))?;
        let path = self.path(&report.id, MANIFEST);
        let put = self.objects.put_opts(&path, manifest.into(), PutMode::Create.into()).await;
        match put {
            Ok(_) => Ok(report),
            Err(StoreError::AlreadyExists { .. }) => {
                Ok(self.manifest(&report.id).await?.as_ref().clone())
            }
            Err(error) => Err(self.unwritable(&error)),
        }
    }

    async fn upload(&self, path: &Path, file: File) -> Result<u64> {
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let unwritable = |error| self.unwritable(&error);
        if size <= PART as u64 {
            let bytes = blocking(move |_| read_chunk(&file, PART)).await?;
            let payload = PutPayload::from(bytes);
            self.objects.put(path, payload).await.map_err(unwritable)?;
            return Ok(size);
        }
        let upload = self.objects.put_multipart(path).await.map_err(unwritable)?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        let file = Arc::new(file);
        loop {
            let file = Arc::clone(&file);
            let bytes = blocking(move |_| read_chunk(&file, PART)).await?;
            if bytes.is_empty() {
                break;
            }
            writer.wait_for_capacity(4).await.map_err(unwritable)?;
            writer.put(bytes.into());
        }
        // There is no object until the upload is completed.
        writer.finish().await.map_err(unwritable)?;
        Ok(size)
    }

    /// # Errors
    /// `NotFound`; `Unavailable` if the store can't be read.
    pub async fn manifest(&self, id: &str) -> Result<Arc<Report>> {
        self.check_present()?;
        if uuid::Uuid::parse_str(id).is_err() {
            return Err(not_found(id));
        }
        if self.cached().contains_key(id) {
            // Another replica may have deleted it.
            let head = self.objects.head(&self.path(id, MANIFEST)).await;
            head.map_err(|error| self.unreadable(id, &error))?;
        }
        self.read(id).await
    }

    async fn read(&self, id: &str) -> Result<Arc<Report>> {
        if let Some(report) = self.cached().get(id) {
            return Ok(Arc::clone(report));
        }
        let path = self.path(id, MANIFEST);
        let got = self.objects.get(&path).await.map_err(|error| self.unreadable(id, &error))?;
        let bytes = got.bytes().await.map_err(|error| self.unreadable(id, &error))?;
        let report: Report = serde_json::from_slice(&bytes).map_err(|error| {
            Error::new(
                Code::Output,
                "REPORT_DAMAGED",
                format!("the report {id} in {} is damaged: {error}", self.location),
            )
        })?;
        let report = Arc::new(report);
        self.cached().insert(id.to_owned(), Arc::clone(&report));
        Ok(report)
    }

    /// The reports that have not expired, the newest first. A manifest that can't be read is logged and left
    /// out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn manifests(&self) -> Result<Vec<Arc<Report>>> {
        let ids = self.ids().await?;
        let stored: HashSet<String> = ids.iter().cloned().collect();
        self.cached().retain(|id, _| stored.contains(id));
        let found = stream::iter(ids).map(|id| async move { self.read(&id).await });
        let found: Vec<Result<Arc<Report>>> = found.buffered(CONCURRENT_READS).collect().await;
        let now = Timestamp::now();
        let mut reports = Vec::new();
        for report in found {
            match report {
                Ok(report) if !is_expired(&report, now) => reports.push(report),
                Ok(_) => {}
                // Interrupted, or being published.
                Err(error) if error.code == Code::NotFound => {}
                Err(error) => tracing::warn!("{error}"),
            }
        }
        reports.sort_by(|a, b| b.create_time.cmp(&a.create_time).then(b.id.cmp(&a.id)));
        Ok(reports)
    }

    async fn ids(&self) -> Result<Vec<String>> {
        self.check_present()?;
        let listed = self.objects.list_with_delimiter(Some(&self.root)).await;
        let listed = listed.map_err(|error| self.unreadable("the list", &error))?;
        let name = |path: Path| path.filename().map(str::to_owned);
        let ids = listed.common_prefixes.into_iter().filter_map(name);
        Ok(ids.filter(|id| uuid::Uuid::parse_str(id).is_ok()).collect())
    }

    /// An object of a report as a file to read.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn file(&self, id: &str, name: &'static str) -> Result<File> {
        self.check_present()?;
        if let Some(folder) = &self.folder {
            let path = folder.join("reports").join(id).join(name);
            let id = id.to_owned();
            return blocking(move |_| File::open(&path).map_err(|_| not_found(&id))).await;
        }
        let key = format!("{id}/{name}");
        let path = self.path(id, name);
        self.cache
            .file(&key, async {
                let got = self.objects.get(&path).await;
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

    /// Removes the manifest first: from then on the report does not exist.
    async fn remove(&self, id: &str) -> Result<()> {
        self.cached().remove(id);
        let manifest = self.path(id, MANIFEST);
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

    /// Removes expired reports and the files of interrupted publishes; returns how many.
    ///
    /// # Errors
    /// `Unavailable`, `Output`.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64> {
        let mut removed = 0;
        for id in self.ids().await? {
            let remove = match self.read(&id).await {
                Ok(report) => is_expired(&report, now),
                Err(error) if error.code == Code::NotFound => self.is_orphan(&id, now).await?,
                Err(_) => false,
            };
            if remove {
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
        let limit = i64::try_from(ORPHAN_AGE.as_secs()).unwrap_or(i64::MAX);
        Ok(newest.is_none_or(|newest| now.as_second() - newest > limit))
    }

    fn path(&self, id: &str, name: &str) -> Path {
        self.root.clone().join(id).join(name)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Report>>> {
        self.manifests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A folder that disappeared is reported, not created again: it may be a volume that is not mounted.
    fn check_present(&self) -> Result<()> {
        match &self.folder {
            Some(folder) if !folder.is_dir() => {
                let message =
                    format!("the store {} does not exist; is its volume mounted?", self.location);
                Err(Error::new(Code::Unavailable, "STORE_GONE", message))
            }
            _ => Ok(()),
        }
    }

    fn unreadable(&self, id: &str, error: &StoreError) -> Error {
        if matches!(error, StoreError::NotFound { .. }) {
            return not_found(id);
        }
        let message = format!("cannot read the store {}: {error}", self.location);
        Error::new(Code::Unavailable, "STORE_UNREADABLE", message)
    }

    fn unwritable(&self, error: &StoreError) -> Error {
        let message = format!("cannot write to the store {}: {error}", self.location);
        Error::new(Code::Output, "STORE_UNWRITABLE", message)
    }
}

pub(crate) fn is_expired(report: &Report, now: Timestamp) -> bool {
    report.expire_time.parse::<Timestamp>().is_ok_and(|expires| expires <= now)
}

pub(crate) fn not_found(id: &str) -> Error {
    Error::not_found(format!("there is no report {id}; it may have expired"))
}
