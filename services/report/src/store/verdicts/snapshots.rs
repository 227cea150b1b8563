//! Snapshots of a job's verdicts, so that thousands of decisions are read as one object.
//!
//! A snapshot has all verdicts up to the number in its name. It is created or fails, as any other object, and is complete
//! once it is there. Only a snapshot that is a week old replaces what it holds: until then each writer has seen it, and none
//! takes a number up to its own.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anomal_core::{
    Error, Result, blocking,
    proto::{ListVerdictsResponse, Verdict},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use object_store::{Error as StoreError, ObjectMeta, ObjectStoreExt, PutMode, path::Path};

use super::{CachedJob, number};
use crate::store::Store;

/// Decisions that no snapshot holds beyond which one is made.
const DECISIONS: usize = 1_000;
/// The age at which a snapshot replaces what it holds.
const SETTLED: Duration = Duration::from_hours(7 * 24);
const LEVEL: i32 = 3;

/// All verdicts up to a number.
#[derive(Clone)]
pub(super) struct Snapshot {
    /// The last decision that it holds.
    pub number: u64,
    /// Distinguishes it from one of the same name that was deleted.
    modified: i64,
    pub verdicts: Arc<Vec<Verdict>>,
}

impl Store {
    /// The newest snapshot that can be read; one that is damaged is logged, and the one before counts.
    pub(super) async fn newest_snapshot(
        &self,
        objects: &[ObjectMeta],
        known: Option<Snapshot>,
    ) -> Result<Option<Snapshot>> {
        let mut snapshots: Vec<(u64, &ObjectMeta)> = numbered(objects).collect();
        snapshots.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        for (number, object) in snapshots {
            let modified = object.last_modified.timestamp_micros();
            if let Some(known) = &known
                && (known.number, known.modified) == (number, modified)
            {
                return Ok(Some(known.clone()));
            }
            if let Some(verdicts) = self.read_snapshot(object).await? {
                return Ok(Some(Snapshot { number, modified, verdicts: Arc::new(verdicts) }));
            }
        }
        Ok(None)
    }

    async fn read_snapshot(&self, object: &ObjectMeta) -> Result<Option<Vec<Verdict>>> {
        let unreadable = |error: &StoreError| self.unreadable("the verdicts", error);
        let got = self.objects.get(&object.location).await.map_err(|error| unreadable(&error))?;
        let bytes = got.bytes().await.map_err(|error| unreadable(&error))?;
        let read = blocking(move |_| {
            let decoder = zstd::Decoder::new(bytes.as_ref());
            Ok(decoder.map_err(|error| error.to_string()).and_then(|decoder| {
                serde_json::from_reader::<_, ListVerdictsResponse>(decoder)
                    .map_err(|error| error.to_string())
            }))
        });
        match read.await? {
            Ok(all) => Ok(Some(all.verdicts)),
            Err(error) => {
                tracing::warn!(object = %object.location, %error, "a snapshot of verdicts is damaged");
                Ok(None)
            }
        }
    }

    /// Makes snapshots where there are many decisions without one, and deletes what settled ones hold. Returns how many
    /// objects were written and deleted.
    ///
    /// # Errors
    /// `Unavailable`, `Output`.
    pub async fn sweep_verdicts(&self, now: Timestamp) -> Result<(u64, u64)> {
        self.check_present()?;
        let mut folders: BTreeMap<Path, Vec<ObjectMeta>> = BTreeMap::new();
        for object in self.verdict_objects(&self.verdicts).await? {
            let mut folder: Vec<_> = object.location.parts().collect();
            folder.pop();
            folders.entry(Path::from_iter(folder)).or_default().push(object);
        }
        let (mut written, mut deleted) = (0, 0);
        for (folder, objects) in folders {
            let held = numbered(&objects).map(|(number, _)| number).max().unwrap_or(0);
            let rest = objects.iter().filter_map(number).filter(|number| *number > held).count();
            if rest > DECISIONS {
                written += u64::from(self.write_snapshot(&folder).await?);
            }
            deleted += self.delete_held(&objects, now).await?;
        }
        Ok((written, deleted))
    }

    /// Returns whether there is a new one.
    async fn write_snapshot(&self, folder: &Path) -> Result<bool> {
        let job: CachedJob = self.job_verdicts(folder).await?;
        let all = ListVerdictsResponse { verdicts: job.verdicts() };
        let bytes = blocking(move |_| {
            let json = serde_json::to_vec(&all)
                .map_err(|error| Error::internal(format!("verdicts as JSON: {error}")))?;
            zstd::encode_all(json.as_slice(), LEVEL)
                .map_err(|error| Error::internal(format!("verdicts are not compressed: {error}")))
        });
        let bytes = bytes.await?;
        let path = folder.clone().join(format!("snapshot-{:08}.json.zst", job.last));
        match self.objects.put_opts(&path, bytes.into(), PutMode::Create.into()).await {
            Ok(_) => {}
            // Another replica was faster.
            Err(StoreError::AlreadyExists { .. }) => return Ok(false),
            Err(error) => return Err(self.unwritable(&error)),
        }
        // Verdicts that were deleted in the meantime do not come back.
        let others = self.verdict_objects(folder).await?;
        if others.iter().any(|object| object.location != path) {
            return Ok(true);
        }
        match self.objects.delete(&path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.unwritable(&error)),
        }
    }

    /// Deletes decisions and snapshots that a settled snapshot of the same folder holds; none that it lacks since they are
    /// damaged.
    async fn delete_held(&self, objects: &[ObjectMeta], now: Timestamp) -> Result<u64> {
        let age = i64::try_from(SETTLED.as_secs()).unwrap_or(i64::MAX);
        let is_settled = |object: &ObjectMeta| {
            now.as_second().saturating_sub(object.last_modified.timestamp()) > age
        };
        let settled = numbered(objects).filter(|(_, object)| is_settled(object));
        let Some((last, newest)) = settled.max_by_key(|(number, _)| *number) else { return Ok(0) };
        let older: Vec<Path> = numbered(objects)
            .filter(|(number, _)| *number < last)
            .map(|(_, object)| object.location.clone())
            .collect();
        let decisions: Vec<(u64, &ObjectMeta)> = objects
            .iter()
            .filter_map(|object| Some((number(object)?, object)))
            .filter(|(number, _)| *number <= last)
            .collect();
        if older.is_empty() && decisions.is_empty() {
            return Ok(0);
        }
        let Some(verdicts) = self.read_snapshot(newest).await? else { return Ok(0) };
        let holds = |number: u64| verdicts.iter().any(|verdict| verdict.number == number);
        let decisions = decisions.into_iter().filter(|(number, _)| holds(*number));
        let held: Vec<Path> =
            decisions.map(|(_, object)| object.location.clone()).chain(older).collect();
        let deleted = held.len() as u64;
        let held = stream::iter(held.into_iter().map(Ok)).boxed();
        match self.objects.delete_stream(held).try_collect::<Vec<Path>>().await {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(deleted),
            Err(error) => Err(self.unwritable(&error)),
        }
    }
}

/// Snapshots with the last number that they hold.
pub(super) fn numbered(objects: &[ObjectMeta]) -> impl Iterator<Item = (u64, &ObjectMeta)> {
    objects.iter().filter_map(|object| {
        let name = object.location.filename()?;
        let number = name.strip_prefix("snapshot-")?.strip_suffix(".json.zst")?.parse().ok()?;
        Some((number, object))
    })
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    fn verdict(note: String) -> Verdict {
        Verdict { note, keys: vec!["a".to_owned()], ..Verdict::default() }
    }

    struct Fixture {
        folder: tempfile::TempDir,
        store: Store,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::TempDir::new().unwrap();
            let store = Store::open(folder.path().to_str().unwrap()).unwrap();
            Self { folder, store }
        }

        /// Another process with the same store.
        fn other(&self) -> Store {
            Store::open(self.folder.path().to_str().unwrap()).unwrap()
        }

        async fn add(&self, numbers: impl Iterator<Item = u64>) {
            for number in numbers {
                let all = vec![verdict(format!("note {number}"))];
                self.store.add_verdicts("n", "j", number, all).await.unwrap().unwrap();
            }
        }

        fn names(&self) -> Vec<String> {
            // The store removes folders without objects.
            let folder = std::fs::read_dir(self.folder.path().join("verdicts/n/j"));
            let Ok(entries) = folder else { return Vec::new() };
            let mut names: Vec<String> =
                entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }

        fn damage(&self, name: &str) {
            std::fs::write(self.folder.path().join("verdicts/n/j").join(name), b"damaged").unwrap();
        }
    }

    fn in_days(days: i64) -> Timestamp {
        Timestamp::now() + (24 * days).hours()
    }

    const MANY: u64 = DECISIONS as u64 + 5;

    #[tokio::test]
    async fn a_snapshot_equals_its_objects_and_replaces_them_after_a_week() {
        let fixture = Fixture::new();
        fixture.add(1..=DECISIONS as u64).await;
        assert_eq!(fixture.store.sweep_verdicts(in_days(0)).await.unwrap(), (0, 0));
        fixture.add(DECISIONS as u64 + 1..=MANY).await;
        let before = fixture.store.verdicts("n", "j").await.unwrap();
        assert_eq!(before.len() as u64, MANY);
        assert_eq!(fixture.store.sweep_verdicts(in_days(0)).await.unwrap(), (1, 0));
        // Nothing more to do, and nothing to delete before it is settled.
        assert_eq!(fixture.store.sweep_verdicts(in_days(6)).await.unwrap(), (0, 0));
        assert_eq!(fixture.names().len() as u64, MANY + 1);
        for store in [&fixture.store, &fixture.other()] {
            assert_eq!(store.verdicts("n", "j").await.unwrap(), before);
            assert_eq!(store.next_decision("n", "j").await.unwrap(), MANY + 1);
        }
        fixture.add(MANY + 1..=MANY + 2).await;
        let before = fixture.other().verdicts("n", "j").await.unwrap();
        assert_eq!(fixture.store.sweep_verdicts(in_days(8)).await.unwrap(), (0, MANY));
        assert_eq!(
            fixture.names(),
            ["00001006.json", "00001007.json", "snapshot-00001005.json.zst"]
        );
        for store in [&fixture.store, &fixture.other()] {
            assert_eq!(store.verdicts("n", "j").await.unwrap(), before);
            assert_eq!(store.next_decision("n", "j").await.unwrap(), MANY + 3);
        }
        assert_eq!(fixture.store.delete_verdicts("n", "j").await.unwrap(), MANY + 2);
        assert!(fixture.names().is_empty());
        assert_eq!(fixture.store.next_decision("n", "j").await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_newer_snapshot_replaces_an_older_one() {
        let fixture = Fixture::new();
        fixture.add(1..=MANY).await;
        fixture.store.sweep_verdicts(in_days(0)).await.unwrap();
        fixture.store.sweep_verdicts(in_days(8)).await.unwrap();
        fixture.add(MANY + 1..=2 * MANY).await;
        // Made now, so it is settled in a week.
        assert_eq!(fixture.other().sweep_verdicts(in_days(0)).await.unwrap(), (1, 0));
        assert_eq!(fixture.other().sweep_verdicts(in_days(8)).await.unwrap(), (0, MANY + 1));
        assert_eq!(fixture.names(), ["snapshot-00002010.json.zst"]);
        let all = fixture.other().verdicts("n", "j").await.unwrap();
        let numbers: Vec<u64> = all.iter().map(|it| it.number).collect();
        assert_eq!(numbers, (1..=2 * MANY).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_is_damaged_is_neither_used_nor_deleted() {
        let fixture = Fixture::new();
        fixture.add(1..=MANY).await;
        fixture.damage("00000003.json");
        fixture.store.sweep_verdicts(in_days(0)).await.unwrap();
        // The object may still be mended by hand.
        assert_eq!(fixture.store.sweep_verdicts(in_days(8)).await.unwrap(), (0, MANY - 1));
        assert_eq!(fixture.names(), ["00000003.json", "snapshot-00001005.json.zst"]);
        fixture.add(MANY + 1..=2 * MANY).await;
        fixture.store.sweep_verdicts(in_days(0)).await.unwrap();
        // The older snapshot and the objects are still there.
        fixture.damage("snapshot-00002010.json.zst");
        let all = fixture.other().verdicts("n", "j").await.unwrap();
        assert_eq!(all.len() as u64, 2 * MANY - 1);
        assert_eq!(fixture.store.sweep_verdicts(in_days(8)).await.unwrap().1, 0);
        assert_eq!(fixture.other().next_decision("n", "j").await.unwrap(), 2 * MANY + 1);
    }
}
