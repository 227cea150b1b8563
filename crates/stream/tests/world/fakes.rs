//! The parts of a shard, in memory.

use std::collections::{BTreeMap, VecDeque};

use anomal_stream::{
    Cause, Checkpoints, Chunk, Error, Flushed, FrozenState, Judge, JudgeState, Log, Objects,
    Positions, Results, SaveWork, Saved, Saver, StateObject, Store, StreamSink,
};
use async_trait::async_trait;

use super::{CLOCK, Outcome, PARTITIONS, PartitionState, Shared};

pub struct FakeLog {
    pub(super) shared: Shared,
    pub(super) positions: Vec<u64>,
    pub(super) empty: bool,
    /// Whether chunks are windows, whose ends are saved before they are read.
    pub(super) windows: bool,
    /// Those whose ends are known, in the order in which they were found.
    pub(super) known: Vec<Window>,
    /// Of the last one: the checkpoints that have its end, while they are too few.
    pub(super) saves: Option<u32>,
    /// Whether the checkpoint that is being saved has it.
    saving: bool,
}

/// Records that are read together.
#[derive(Clone, Copy)]
pub struct Window {
    partition: u64,
    first: u64,
    count: u64,
}

/// The checkpoints that have the end of a window before it is read: one may be damaged.
const SAVES: u32 = 2;

impl FakeLog {
    pub(super) fn new(shared: Shared, windows: bool) -> Self {
        let positions = vec![0; 3];
        Self {
            shared,
            positions,
            empty: false,
            windows,
            known: Vec::new(),
            saves: None,
            saving: false,
        }
    }

    /// The next records of a partition, which are there.
    fn take(&mut self, partition: u64, count: u64) -> Chunk<Vec<u64>> {
        let mut inner = self.shared.lock();
        let place = usize::try_from(partition).unwrap();
        let first = self.positions[place];
        let range = usize::try_from(first).unwrap()..usize::try_from(first + count).unwrap();
        let records = inner.log[place][range].to_vec();
        let partition = u32::try_from(partition).unwrap();
        if self.windows {
            let known = *inner.windows.entry((partition, first)).or_insert(count);
            assert_eq!(known, count, "a replay has other windows");
        }
        self.positions[place] += count;
        self.empty = false;
        Chunk { partition, first, count, records }
    }
}

impl Log for FakeLog {
    type Records = Vec<u64>;

    fn read(&mut self) -> Result<Option<Chunk<Vec<u64>>>, Cause> {
        let shared = self.shared.clone();
        let mut inner = shared.lock();
        inner.fails("log")?;
        if self.saves.is_some() {
            return Ok(None);
        }
        let is_next = |window: &&Window| {
            window.first >= self.positions[usize::try_from(window.partition).unwrap()]
        };
        if let Some(window) = self.known.iter().find(is_next).copied() {
            drop(inner);
            return Ok(Some(self.take(window.partition, window.count)));
        }
        let start = inner.below(PARTITIONS);
        for partition in (0..PARTITIONS).map(|partition| (partition + start) % PARTITIONS) {
            let place = usize::try_from(partition).unwrap();
            let first = self.positions[place];
            // A process that was thought dead reads on where it was.
            let is_there = first >= inner.released[place] || inner.faults.zombies;
            assert!(is_there, "a record is read again that was released");
            let left = inner.log[place].len() as u64 - first;
            if left == 0 {
                continue;
            }
            let count = 1 + inner.below(left.min(20));
            drop(inner);
            if self.windows {
                self.known.push(Window { partition, first, count });
                self.saves = Some(0);
                self.empty = false;
                return Ok(None);
            }
            return Ok(Some(self.take(partition, count)));
        }
        self.empty = true;
        Ok(None)
    }

    fn place(&self) -> Result<Vec<u8>, Cause> {
        let window = |window: &Window| [window.partition, window.first, window.count];
        let windows = self.known.iter().flat_map(window);
        Ok(self.positions.iter().copied().chain(windows).flat_map(u64::to_le_bytes).collect())
    }

    fn restore(&mut self, place: &[u8]) -> Result<(), Cause> {
        let words = place.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
        self.positions = words.take(3).collect();
        self.replays_to(place)
    }

    fn replays_to(&mut self, newest: &[u8]) -> Result<(), Cause> {
        let words = newest.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
        let words: Vec<u64> = words.skip(3).collect();
        let window =
            |words: &[u64]| Window { partition: words[0], first: words[1], count: words[2] };
        self.known = words.chunks(3).map(window).collect();
        self.saves = None;
        Ok(())
    }

    fn caught_up(&self) -> bool {
        self.empty
    }

    fn must_save(&self) -> bool {
        self.saves.is_some()
    }

    fn saving(&mut self) {
        self.saving = self.saves.is_some();
    }

    fn saved(&mut self, _: &Positions) {
        if !std::mem::take(&mut self.saving) {
            return;
        }
        self.saves = self.saves.map(|saves| saves + 1).filter(|saves| *saves < SAVES);
    }

    fn keeps_records(&self) -> bool {
        true
    }

    fn released(&mut self, positions: &Positions) {
        let mut inner = self.shared.lock();
        for (released, partition) in inner.released.iter_mut().zip(0..) {
            *released = positions.next(partition).max(*released);
        }
        self.known.retain(|window| {
            let partition = u32::try_from(window.partition).unwrap();
            window.first + window.count > positions.next(partition)
        });
    }
}

/// Results of consecutive records.
#[derive(Clone)]
pub struct Outcomes(Vec<Outcome>);

impl Results for Outcomes {
    fn bytes(&self) -> usize {
        self.0.len() * 16
    }

    fn starting_at(&self, offset: u64) -> Result<Self, Cause> {
        Ok(Self(self.0.iter().filter(|outcome| outcome.1 >= offset).copied().collect()))
    }
}

pub struct FakeJudge {
    shared: Shared,
    partitions: BTreeMap<u32, PartitionState>,
}

impl FakeJudge {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, partitions: BTreeMap::new() }
    }
}

#[async_trait]
impl Judge for FakeJudge {
    type Records = Vec<u64>;
    type Results = Outcomes;

    async fn judge(&mut self, chunk: Chunk<Vec<u64>>) -> Result<Outcomes, Cause> {
        let state = self.partitions.entry(chunk.partition).or_default();
        assert_eq!(state.count, chunk.first, "state and position differ");
        let mut inner = self.shared.lock();
        if inner.faults.rests {
            let place = (chunk.partition, chunk.first);
            let clock = state.clock.clone();
            let known = inner.clocks.entry(place).or_insert_with(|| clock.clone());
            assert_eq!(*known, clock, "a replay has another watermark");
        }
        drop(inner);
        let judged = chunk.records.iter().zip(chunk.first..);
        Ok(Outcomes(
            judged
                .map(|(record, offset)| (chunk.partition, offset, state.judge(*record)))
                .collect(),
        ))
    }

    fn rest(&mut self) -> bool {
        let mut inner = self.shared.lock();
        if !inner.faults.rests || inner.below(4) > 0 {
            return false;
        }
        let mut rests = false;
        for state in self.partitions.values_mut() {
            let now = i64::try_from(state.count + inner.below(40)).unwrap();
            rests |= state.clock.rest(&CLOCK, 2, now);
        }
        rests
    }

    fn freeze(&self) -> Result<FrozenState, Cause> {
        let bytes = serde_json::to_vec(&self.partitions)?;
        let models = self.partitions.iter().filter(|(_, state)| state.model != 0);
        let object = |(partition, state): (&u32, &PartitionState)| {
            let words = [u64::from(*partition), state.model];
            StateObject::new(words.into_iter().flat_map(u64::to_le_bytes).collect::<Vec<u8>>())
        };
        let made: Vec<StateObject> = models.map(object).collect();
        Ok(FrozenState::new(move |objects: &mut dyn Objects| {
            for object in made {
                if !objects.reuse(object.name()) {
                    objects.store(&object)?;
                }
            }
            Ok(bytes)
        }))
    }

    fn restore(&mut self, state: JudgeState) -> Result<(), Cause> {
        self.partitions = serde_json::from_slice(&state.bytes)?;
        for object in state.objects {
            let words = object.bytes().chunks(8);
            let words: Vec<u64> =
                words.map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
            let partition = u32::try_from(words[0]).unwrap();
            self.partitions.get_mut(&partition).unwrap().model = words[1];
        }
        Ok(())
    }
}

pub(super) struct FakeStore(pub(super) Shared);

impl Store for FakeStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, Cause> {
        let mut inner = self.0.lock();
        inner.fails("store")?;
        let created = !inner.objects.contains_key(name);
        if created {
            inner.objects.insert(name.to_owned(), bytes.to_vec());
        }
        // The answer may get lost.
        inner.fails("store")?;
        Ok(created)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Cause> {
        let mut inner = self.0.lock();
        inner.fails("store")?;
        Ok(inner.objects.get(name).cloned())
    }

    fn list(&self) -> Result<Vec<String>, Cause> {
        let mut inner = self.0.lock();
        inner.fails("store")?;
        Ok(inner.objects.keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> Result<(), Cause> {
        let mut inner = self.0.lock();
        inner.fails("store")?;
        inner.objects.remove(name);
        Ok(())
    }
}

/// Saves a while later; of a process that crashes meanwhile, it may have saved or not.
pub(super) struct FakeSaver {
    shared: Shared,
    checkpoints: Checkpoints,
    work: Option<SaveWork>,
    outcome: Option<Result<Saved, Error>>,
}

impl FakeSaver {
    pub(super) fn new(shared: Shared, checkpoints: Checkpoints) -> Self {
        Self { shared, checkpoints, work: None, outcome: None }
    }

    fn save(&mut self) {
        let outcome = self.work.take().map(|work| self.checkpoints.save_work(work));
        self.outcome = outcome.or(self.outcome.take());
    }
}

impl Saver for FakeSaver {
    fn begin(&mut self, work: SaveWork) {
        assert!(self.work.is_none() && self.outcome.is_none(), "two are saved at once");
        self.work = Some(work);
    }

    fn poll(&mut self) -> Option<Result<Saved, Error>> {
        let (saves, answers) = {
            let mut inner = self.shared.lock();
            if inner.silent {
                return None;
            }
            (inner.below(3) > 0, inner.below(3) > 0)
        };
        if saves {
            self.save();
        }
        self.outcome.take_if(|_| answers)
    }

    fn wait(&mut self) -> Result<Saved, Error> {
        self.save();
        self.outcome.take().unwrap()
    }
}

/// Appends, and is cut back to its mark; what was not synchronised may be lost.
pub(super) struct FileSink(pub(super) Shared);

impl StreamSink for FileSink {
    type Results = Outcomes;

    fn write(&mut self, results: &Outcomes) -> Result<(), Cause> {
        let mut inner = self.0.lock();
        for outcome in &results.0 {
            inner.fails("file")?;
            inner.buffered.push(*outcome);
        }
        Ok(())
    }

    fn flush(&mut self, _: bool) -> Result<Flushed, Cause> {
        let mut inner = self.0.lock();
        inner.fails("file")?;
        let buffered = std::mem::take(&mut inner.buffered);
        inner.durable.extend(buffered);
        inner.fails("file")?;
        Ok(Flushed::all((inner.durable.len() as u64).to_le_bytes().to_vec()))
    }

    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), Cause> {
        let mut inner = self.0.lock();
        inner.fails("file")?;
        assert!(mark.is_some() || inner.durable.is_empty(), "a stream begins twice");
        let length = mark.map_or(0, |mark| u64::from_le_bytes(mark.try_into().unwrap()));
        let length = usize::try_from(length).unwrap();
        assert!(inner.durable.len() >= length, "the file is shorter than its mark");
        inner.buffered.clear();
        inner.durable.truncate(length);
        Ok(())
    }
}

/// Creates documents by id, as Elasticsearch does: it answers later and in any order, and what was sent may arrive although
/// nothing waits for it any more.
pub(super) struct IdSink {
    pub(super) shared: Shared,
    /// The writes that are on their way, with what has not arrived.
    sent: VecDeque<Vec<Outcome>>,
    arrived: u64,
}

impl IdSink {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, sent: VecDeque::new(), arrived: 0 }
    }

    /// Some documents arrive.
    fn deliver(&mut self, most: u64) {
        let mut inner = self.shared.lock();
        let most = if inner.held { 0 } else { most };
        for _ in 0..inner.below(most) {
            let write = inner.below(self.sent.len() as u64);
            let Some(write) = self.sent.get_mut(usize::try_from(write).unwrap()) else { break };
            if !write.is_empty() {
                let place = inner.below(write.len() as u64);
                let (partition, offset, outcome) =
                    write.swap_remove(usize::try_from(place).unwrap());
                let known = *inner.by_id.entry((partition, offset)).or_insert(outcome);
                assert_eq!(known, outcome, "a replay gives another result");
            }
        }
        while self.sent.front().is_some_and(Vec::is_empty) {
            self.sent.pop_front();
            self.arrived += 1;
        }
    }
}

impl StreamSink for IdSink {
    type Results = Outcomes;

    fn ready(&mut self) -> Result<bool, Cause> {
        self.shared.lock().fails("ids")?;
        self.deliver(30);
        Ok(self.sent.len() < 5)
    }

    fn write(&mut self, results: &Outcomes) -> Result<(), Cause> {
        self.shared.lock().fails("ids")?;
        assert!(self.sent.len() < 5, "it was not ready");
        self.sent.push_back(results.0.clone());
        Ok(())
    }

    fn flush(&mut self, _: bool) -> Result<Flushed, Cause> {
        self.shared.lock().fails("ids")?;
        self.deliver(30);
        Ok(Flushed { writes: Some(self.arrived), mark: Vec::new() })
    }

    fn restore(&mut self, _: Option<&[u8]>) -> Result<(), Cause> {
        self.shared.lock().fails("ids")?;
        self.deliver(100);
        self.sent.clear();
        self.arrived = 0;
        Ok(())
    }
}

impl Drop for IdSink {
    fn drop(&mut self) {
        self.deliver(100);
    }
}
