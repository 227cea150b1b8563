//! Verdicts in the store: `verdicts/<namespace or _>/<job>/<number>.json`, one object for what was decided at once, and
//! `snapshot-<number>.json.zst` with all up to a number (see [`snapshots`]).
//!
//! The number is the next one, and an object is created or fails: of two writers who have seen the same verdicts, one
//! has to look again, whatever their clocks, on each kind of store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anomal_core::{
    Code, Error, Result,
    proto::{ListVerdictsResponse, Verdict},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use object_store::{Error as StoreError, ObjectMeta, ObjectStoreExt, PutMode, path::Path};

use self::snapshots::Snapshot;
use super::{CONCURRENT_READS, Store};

mod snapshots;

/// Decisions about a job beyond which none is stored.
const MOST: u64 = 20_000;

/// Verdicts that were read, by job.
#[derive(Default)]
pub(super) struct VerdictCache(Mutex<HashMap<Path, CachedJob>>);

#[derive(Clone, Default)]
struct CachedJob {
    /// The newest snapshot that can be read.
    snapshot: Option<Snapshot>,
    /// Those that it does not hold, by number.
    objects: BTreeMap<u64, CachedObject>,
    /// The highest number, also of what is damaged.
    last: u64,
}

impl CachedJob {
    /// By number.
    fn verdicts(&self) -> Vec<Verdict> {
        let held = self.snapshot.iter().flat_map(|snapshot| snapshot.verdicts.iter());
        let others = self.objects.values().flat_map(|object| &object.verdicts);
        held.chain(others).cloned().collect()
    }
}

#[derive(Clone)]
struct CachedObject {
    /// Distinguishes an object from one of the same name that was deleted.
    modified: i64,
    verdicts: Vec<Verdict>,
}

impl VerdictCache {
    fn jobs(&self) -> MutexGuard<'_, HashMap<Path, CachedJob>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    fn verdict_folder(&self, namespace: &str, job: &str) -> Path {
        // Other characters that a path can't have are encoded.
        let part = |name: &str| if name.is_empty() { "_".to_owned() } else { name.to_owned() };
        self.verdicts.clone().join(part(namespace)).join(part(job))
    }

    /// The verdicts of a job, by number.
    ///
    /// # Errors
    /// `Unavailable` if the store can't be read.
    pub async fn verdicts(&self, namespace: &str, job: &str) -> Result<Arc<Vec<Verdict>>> {
        let folder = self.verdict_folder(namespace, job);
        Ok(Arc::new(self.job_verdicts(&folder).await?.verdicts()))
    }

    /// Those below a folder, and in memory from then on.
    async fn job_verdicts(&self, folder: &Path) -> Result<CachedJob> {
        self.check_present()?;
        let objects = self.verdict_objects(folder).await?;
        let known = self.verdict_cache.jobs().get(folder).cloned().unwrap_or_default();
        let snapshots = snapshots::numbered(&objects).map(|(number, _)| number);
        let last = objects.iter().filter_map(number).chain(snapshots).max().unwrap_or(0);
        let snapshot = self.newest_snapshot(&objects, known.snapshot).await?;
        let held = snapshot.as_ref().map_or(0, |snapshot| snapshot.number);
        let known = &known.objects;
        let others = objects.into_iter().filter_map(|object| Some((number(&object)?, object)));
        let others: Vec<(u64, ObjectMeta)> = others.filter(|(number, _)| *number > held).collect();
        let read = stream::iter(others).map(|(number, object)| {
            let modified = object.last_modified.timestamp_micros();
            let known = known.get(&number).filter(|known| known.modified == modified).cloned();
            async move {
                let cached = match known {
                    Some(known) => known,
                    None => CachedObject { modified, verdicts: self.read_verdicts(&object).await? },
                };
                Ok::<_, Error>((number, cached))
            }
        });
        let objects: BTreeMap<u64, CachedObject> =
            read.buffered(CONCURRENT_READS).try_collect().await?;
        let all = CachedJob { snapshot, objects, last };
        self.verdict_cache.jobs().insert(folder.clone(), all.clone());
        Ok(all)
    }

    async fn verdict_objects(&self, folder: &Path) -> Result<Vec<ObjectMeta>> {
        let objects = self.objects.list(Some(folder)).try_collect().await;
        objects.map_err(|error| self.unreadable("the verdicts", &error))
    }

    /// One that is damaged is logged, and has no verdicts.
    async fn read_verdicts(&self, object: &ObjectMeta) -> Result<Vec<Verdict>> {
        let unreadable = |error: &StoreError| self.unreadable("the verdicts", error);
        let got = self.objects.get(&object.location).await.map_err(|error| unreadable(&error))?;
        let bytes = got.bytes().await.map_err(|error| unreadable(&error))?;
        match serde_json::from_slice::<ListVerdictsResponse>(&bytes) {
            Ok(decided) => Ok(decided.verdicts),
            Err(error) => {
                tracing::warn!(object = %object.location, %error, "a verdict is damaged");
                Ok(Vec::new())
            }
        }
    }

    /// Stores what was decided at once, after all verdicts with a lower number; none where another has this number.
    ///
    /// # Errors
    /// `Output` if the store refuses it; `ResourceExhausted` if there are very many.
    pub async fn add_verdicts(
        &self,
        namespace: &str,
        job: &str,
        number: u64,
        mut verdicts: Vec<Verdict>,
    ) -> Result<Option<Vec<Verdict>>> {
        self.check_present()?;
        if number > MOST {
            let message = format!(
                "the job {job} has {MOST} decisions; remove them by `anomal verdicts delete --job {job}`"
            );
            return Err(Error::new(Code::ResourceExhausted, "TOO_MANY_VERDICTS", message));
        }
        let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        for verdict in &mut verdicts {
            verdict.number = number;
            verdict.time.clone_from(&time);
        }
        let decided = ListVerdictsResponse { verdicts };
        let bytes = serde_json::to_vec(&decided)
            .map_err(|error| Error::internal(format!("a verdict as JSON: {error}")))?;
        let path = self.verdict_folder(namespace, job).join(format!("{number:08}.json"));
        match self.objects.put_opts(&path, bytes.into(), PutMode::Create.into()).await {
            Ok(_) => Ok(Some(decided.verdicts)),
            Err(StoreError::AlreadyExists { .. }) => Ok(None),
            Err(error) => Err(self.unwritable(&error)),
        }
    }

    /// The number of the next decision about a job.
    ///
    /// # Errors
    /// As [`Store::verdicts`].
    pub async fn next_decision(&self, namespace: &str, job: &str) -> Result<u64> {
        // Also those that are damaged.
        Ok(self.job_verdicts(&self.verdict_folder(namespace, job)).await?.last + 1)
    }

    /// Deletes all verdicts of a job, and returns how many there were.
    ///
    /// # Errors
    /// `Unavailable`, `Output`.
    pub async fn delete_verdicts(&self, namespace: &str, job: &str) -> Result<u64> {
        let deleted = self.verdicts(namespace, job).await?.len() as u64;
        let folder = self.verdict_folder(namespace, job);
        let objects = self.objects.list(Some(&folder)).map_ok(|object| object.location).boxed();
        let removed = self.objects.delete_stream(objects).try_collect::<Vec<Path>>().await;
        self.verdict_cache.jobs().remove(&folder);
        match removed {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(deleted),
            Err(error) => Err(self.unwritable(&error)),
        }
    }
}

fn number(object: &ObjectMeta) -> Option<u64> {
    object.location.filename()?.strip_suffix(".json")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(note: &str) -> Verdict {
        Verdict { note: note.to_owned(), keys: vec!["a".to_owned()], ..Verdict::default() }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::open(folder.path().to_str().unwrap()).unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn jobs_of_any_name_have_folders_of_their_own() {
        let (folder, store) = store();
        let names = ["", "..", ".", "a/b", "a%2Fb", "a\\b", "<script>", "\u{202e}", "ü b", "a"];
        for name in names {
            for namespace in ["", "n/s", ".."] {
                let all = vec![verdict(&format!("{namespace} {name}"))];
                store.add_verdicts(namespace, name, 1, all).await.unwrap().unwrap();
            }
        }
        for name in names {
            for namespace in ["", "n/s", ".."] {
                let all = store.verdicts(namespace, name).await.unwrap();
                let notes: Vec<&str> = all.iter().map(|it| it.note.as_str()).collect();
                assert_eq!(notes, [format!("{namespace} {name}")]);
            }
        }
        let mut below = std::fs::read_dir(folder.path()).unwrap();
        assert!(below.all(|entry| entry.unwrap().file_name() == "verdicts"));
    }

    #[tokio::test]
    async fn a_damaged_object_hides_no_other() {
        let (folder, store) = store();
        store.add_verdicts("", "j", 1, vec![verdict("first")]).await.unwrap();
        let job = folder.path().join("verdicts/_/j");
        std::fs::write(job.join("00000002.json"), b"{\"verdicts\": [").unwrap();
        std::fs::write(job.join("notes.txt"), b"x").unwrap();
        assert_eq!(store.verdicts("", "j").await.unwrap().len(), 1);
        assert_eq!(store.next_decision("", "j").await.unwrap(), 3);
        store.add_verdicts("", "j", 3, vec![verdict("third")]).await.unwrap();
        assert_eq!(store.delete_verdicts("", "j").await.unwrap(), 2);
        assert_eq!(store.next_decision("", "j").await.unwrap(), 1);
        let many = store.add_verdicts("", "j", MOST + 1, vec![verdict("x")]).await.unwrap_err();
        assert!(many.message.contains("anomal verdicts delete"), "{many}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]

        #[test]
        fn writers_at_once_lose_nothing(writers in 1_usize..5, each in 1_usize..6) {
            let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
            let (folder, first) = store();
            let place = folder.path().to_str().unwrap().to_owned();
            runtime.block_on(async {
                let write = |writer: usize| {
                    let store = Store::open(&place).unwrap();
                    tokio::spawn(async move {
                        for item in 0..each {
                            loop {
                                let number = store.next_decision("n", "j").await.unwrap();
                                let all = vec![verdict(&format!("{writer} {item}"))];
                                let stored = store.add_verdicts("n", "j", number, all).await;
                                if stored.unwrap().is_some() {
                                    break;
                                }
                            }
                        }
                    })
                };
                let all: Vec<_> = (0..writers).map(write).collect();
                for task in all {
                    task.await.unwrap();
                }
            });
            let all = runtime.block_on(first.verdicts("n", "j")).unwrap();
            let numbers: Vec<u64> = all.iter().map(|it| it.number).collect();
            prop_assert_eq!(numbers, (1..=(writers * each) as u64).collect::<Vec<_>>());
            // A second look, from memory, and one by another process are the same.
            let again = runtime.block_on(first.verdicts("n", "j")).unwrap();
            let other = runtime.block_on(Store::open(&place).unwrap().verdicts("n", "j")).unwrap();
            prop_assert_eq!(&all, &again);
            prop_assert_eq!(&all, &other);
            for writer in 0..writers {
                let own = all.iter().filter(|it| it.note.starts_with(&format!("{writer} ")));
                let notes: Vec<String> = own.map(|it| it.note.clone()).collect();
                let expected: Vec<String> =
                    (0..each).map(|item| format!("{writer} {item}")).collect();
                prop_assert_eq!(notes, expected);
            }
        }
    }
}
