//! A log, a store, sinks and a clock in memory, which fail as a seed says.

mod fakes;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use anomal_stream::{
    Cause, Checkpoints, ClockOptions, Error, NamedSink, PartitionClock, Shard, ShardOptions,
    ShardParts, Store,
};

use serde::{Deserialize, Serialize};

use self::fakes::{FakeJudge, FakeLog, FakeSaver, FakeStore, FileSink, IdSink};

pub type TestShard = Shard<FakeLog, FakeJudge>;

/// After so many records a judge uses a model, which is an object of its checkpoints.
const MODEL_AFTER: u64 = 50;
const PARTITIONS: u64 = 3;
/// A time passes with each record, and some of them have older or much later times.
const CLOCK: ClockOptions = ClockOptions { disorder: Some(3), lateness: 5, ahead: 2_000 };

/// What fails, in thousandths of calls.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    error: u64,
    outage: u64,
    crash: u64,
    damage: u64,
    /// Whether a process may go on after another has taken over. Only sinks with ids survive that.
    zombies: bool,
    /// Whether chunks are windows, whose ends are saved before they are read.
    windows: bool,
    /// Whether watermarks follow the time where nothing comes.
    rests: bool,
}

impl Faults {
    pub fn all() -> Self {
        Self {
            error: 30,
            outage: 3,
            crash: 4,
            damage: 300,
            zombies: false,
            windows: false,
            rests: false,
        }
    }

    pub fn windows() -> Self {
        Self { windows: true, ..Self::all() }
    }

    pub fn rests() -> Self {
        Self { rests: true, error: 10, outage: 0, crash: 1, ..Self::all() }
    }

    pub fn zombies() -> Self {
        Self { error: 10, outage: 0, crash: 0, damage: 0, zombies: true, ..Self::none() }
    }

    pub fn none() -> Self {
        Self {
            error: 0,
            outage: 0,
            crash: 0,
            damage: 0,
            zombies: false,
            windows: false,
            rests: false,
        }
    }
}

/// The result of a record: a value that depends on all records of its partition up to it, and on the model.
type Outcome = (u32, u64, u64);

struct Inner {
    random: u64,
    faults: Faults,
    now: Duration,
    crashed: bool,
    owner: u64,
    /// When each part works again.
    outages: BTreeMap<&'static str, Duration>,
    log: Vec<Vec<u64>>,
    /// By partition, the records that the log may have removed.
    released: Vec<u64>,
    objects: BTreeMap<String, Vec<u8>>,
    durable: Vec<Outcome>,
    buffered: Vec<Outcome>,
    by_id: BTreeMap<(u32, u64), u64>,
    /// The records of each window, by its partition and its first record.
    windows: BTreeMap<(u32, u64), u64>,
    /// The clock of a partition before each of its records.
    clocks: BTreeMap<(u32, u64), PartitionClock>,
    /// Whether the store does not answer.
    silent: bool,
    /// Whether documents stay on their way.
    held: bool,
}

impl Inner {
    fn random(&mut self) -> u64 {
        // `SplitMix64` (Steele, Lea and Flood, 2014).
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.random)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random() % bound.max(1)
    }

    fn per_mille(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// Whether a call of a part fails.
    fn fails(&mut self, part: &'static str) -> Result<(), Cause> {
        if self.per_mille(self.faults.crash) {
            self.crashed = true;
        }
        if self.crashed {
            return Err("the process has ended".into());
        }
        // The store is called seldom.
        let (often, long) = if part == "store" { (3, 10) } else { (1, 1) };
        let outage = self.faults.outage * long;
        if self.per_mille(outage) {
            let long = Duration::from_secs(self.below(400));
            self.outages.insert(part, self.now + long);
        }
        let away = self.outages.get(part).is_some_and(|until| self.now < *until);
        if away || self.per_mille(self.faults.error * often) {
            return Err(format!("{part} is away").into());
        }
        Ok(())
    }
}

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Inner>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }
}

pub struct World {
    seed: u64,
    shared: Shared,
    zombie: Rc<RefCell<bool>>,
}

impl World {
    pub fn new(seed: u64, faults: Faults) -> Self {
        let inner = Inner {
            random: mix(seed + 1),
            faults,
            now: Duration::ZERO,
            crashed: false,
            owner: 0,
            outages: BTreeMap::new(),
            log: (0..PARTITIONS).map(|_| Vec::new()).collect(),
            released: (0..PARTITIONS).map(|_| 0).collect(),
            objects: BTreeMap::new(),
            durable: Vec::new(),
            buffered: Vec::new(),
            by_id: BTreeMap::new(),
            windows: BTreeMap::new(),
            clocks: BTreeMap::new(),
            silent: false,
            held: false,
        };
        Self { seed, shared: Shared(Arc::new(Mutex::new(inner))), zombie: Rc::default() }
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.shared.lock().below(bound)
    }

    pub fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn crashed(&self) -> bool {
        self.shared.lock().crashed
    }

    pub fn zombies_allowed(&self) -> bool {
        self.shared.lock().faults.zombies
    }

    pub fn end_faults(&self) {
        let mut inner = self.shared.lock();
        let Faults { zombies, windows, rests, .. } = inner.faults;
        inner.faults = Faults { zombies, windows, rests, ..Faults::none() };
        inner.outages.clear();
    }

    /// Time passes.
    pub fn tick(&self) -> Duration {
        let mut inner = self.shared.lock();
        let passed = inner.below(2_000);
        inner.now += Duration::from_millis(passed);
        inner.now
    }

    pub fn now(&self) -> Duration {
        self.shared.lock().now
    }

    /// Senders append records.
    pub fn grow(&self) {
        let mut inner = self.shared.lock();
        // Where watermarks follow the time, they pause for three minutes of four.
        if inner.faults.rests && !(inner.now.as_secs() / 60).is_multiple_of(4) {
            return;
        }
        for _ in 0..inner.below(12) {
            let (partition, value) = (inner.below(PARTITIONS), inner.random());
            inner.log[usize::try_from(partition).unwrap()].push(value);
        }
    }

    pub fn as_zombie(&self, work: impl FnOnce()) {
        *self.zombie.borrow_mut() = true;
        work();
        *self.zombie.borrow_mut() = false;
    }

    pub fn start(&self, options: ShardOptions) -> Result<TestShard, Error> {
        let mut inner = self.shared.lock();
        inner.owner += 1;
        let (owner, now) = (inner.owner, inner.now);
        let Faults { zombies, windows, .. } = inner.faults;
        drop(inner);
        let shared = || self.shared.clone();
        let saving = shared();
        let store: Box<dyn Store> = Box::new(FakeStore(shared()));
        let by_id = Box::new(IdSink::new(shared()));
        let mut sinks = vec![NamedSink { name: "ids".to_owned(), sink: by_id as _ }];
        if !zombies {
            let file = Box::new(FileSink(shared()));
            sinks.push(NamedSink { name: "file".to_owned(), sink: file as _ });
        }
        let parts = ShardParts {
            log: FakeLog::new(shared(), windows),
            judge: FakeJudge::new(shared()),
            sinks,
            checkpoints: Checkpoints::new(store, owner),
            saver: Box::new(move |checkpoints| Box::new(FakeSaver::new(saving, checkpoints))),
        };
        Shard::open(parts, options, now)
    }

    /// The number of the newest checkpoint.
    pub fn newest(&self) -> Result<Option<u64>, Error> {
        Checkpoints::newest(&FakeStore(self.shared.clone()))
    }

    /// The process has ended: some of what was not synchronised is lost, and the disk may have damaged the newest
    /// checkpoint. Whether it crashed.
    pub fn restart(&self, shard: Option<TestShard>) -> bool {
        drop(shard);
        let mut inner = self.shared.lock();
        let buffered = std::mem::take(&mut inner.buffered);
        let survive = inner.below(buffered.len() as u64 + 1);
        let survive = usize::try_from(survive).unwrap();
        inner.durable.extend_from_slice(&buffered[..survive]);
        let damage = inner.faults.damage;
        // The one before is sound: a disk that damages both has lost the state.
        let checkpoints = inner.objects.keys().filter(|name| name.ends_with(".ckpt")).count();
        if checkpoints > 2 && inner.crashed && inner.per_mille(damage) {
            let newest = inner.objects.keys().rev().find(|name| name.ends_with(".ckpt"));
            let newest = newest.unwrap().clone();
            let bytes = inner.objects[&newest].clone();
            // It may be cut off from the last time.
            let damaged = match if bytes.is_empty() { 0 } else { inner.below(3) } {
                0 => Vec::new(),
                1 => bytes[..bytes.len() / 2].to_vec(),
                _ => {
                    let mut bytes = bytes;
                    let place = usize::try_from(inner.below(bytes.len() as u64)).unwrap();
                    bytes[place] ^= 0x10;
                    bytes
                }
            };
            inner.objects.insert(newest, damaged);
            // The one that is damaged now is not the last sound one next time.
            inner.faults.damage = 0;
        } else {
            inner.faults.damage = damage.max(if inner.faults.crash > 0 { 300 } else { 0 });
        }
        std::mem::replace(&mut inner.crashed, false)
    }

    /// Each record has its result, in each sink, once.
    pub fn balance(&self) {
        let seed = self.seed;
        let inner = self.shared.lock();
        let expected = expected(&inner.log, &inner.clocks);
        assert_eq!(inner.by_id.len(), expected.len(), "seed {seed}: results by id");
        assert!(inner.by_id == expected, "seed {seed}: results by id");
        if inner.faults.zombies {
            return;
        }
        let mut next = [0; 3];
        for (partition, offset, outcome) in &inner.durable {
            let next = &mut next[*partition as usize];
            assert_eq!(*offset, *next, "seed {seed}: in order in the file");
            assert_eq!(expected[&(*partition, *offset)], *outcome, "seed {seed}: in the file");
            *next += 1;
        }
        for (partition, next) in next.iter().enumerate() {
            assert_eq!(*next, inner.log[partition].len() as u64, "seed {seed}: all in the file");
        }
    }

    /// Records that senders have appended.
    pub fn records(&self) -> u64 {
        self.shared.lock().log.iter().map(|records| records.len() as u64).sum()
    }

    /// How often a watermark has followed the time between two records.
    pub fn rests(&self) -> u64 {
        let inner = self.shared.lock();
        let mut rests = 0;
        for (partition, records) in inner.log.iter().zip(0..) {
            let mut judge = PartitionState::default();
            for record in partition {
                let clock = inner.clocks.get(&(records, judge.count));
                rests += u64::from(clock.is_some_and(|clock| *clock != judge.clock));
                judge.clock = clock.unwrap_or(&judge.clock).clone();
                judge.judge(*record);
            }
        }
        rests
    }

    /// Records that the log may have removed.
    pub fn released(&self) -> u64 {
        self.shared.lock().released.iter().sum()
    }

    /// Whether the store answers from now on.
    pub fn silence_store(&self, silent: bool) {
        self.shared.lock().silent = silent;
    }

    /// Whether documents stay on their way from now on.
    pub fn hold_documents(&self, held: bool) {
        self.shared.lock().held = held;
    }

    /// Windows that were read.
    pub fn windows(&self) -> u64 {
        self.shared.lock().windows.len() as u64
    }

    pub fn lose_a_result(&self) {
        self.shared.lock().durable.pop().unwrap();
    }
}

/// The results of an undisturbed run, in which the clocks were such before records.
fn expected(
    log: &[Vec<u64>],
    clocks: &BTreeMap<(u32, u64), PartitionClock>,
) -> BTreeMap<(u32, u64), u64> {
    let mut results = BTreeMap::new();
    for (partition, records) in log.iter().enumerate() {
        let partition = u32::try_from(partition).unwrap();
        let mut judge = PartitionState::default();
        for record in records {
            let offset = judge.count;
            judge.clock = clocks.get(&(partition, offset)).unwrap_or(&judge.clock).clone();
            results.insert((partition, offset), judge.judge(*record));
        }
    }
    results
}

/// What is known of a partition.
#[derive(Clone, Default, Serialize, Deserialize)]
struct PartitionState {
    count: u64,
    hash: u64,
    /// An object of its own; 0: none yet.
    #[serde(skip)]
    model: u64,
    clock: PartitionClock,
}

impl PartitionState {
    fn judge(&mut self, record: u64) -> u64 {
        self.count += 1;
        let passed = i64::try_from(self.count).unwrap();
        let time = match record % 16 {
            0 => None,
            1 => Some(passed + 5_000),
            behind => Some(passed - i64::try_from(behind).unwrap()),
        };
        let timing = self.clock.take(&CLOCK, time, 0);
        let timing = (u64::from(timing.late) << 1) | u64::from(timing.skewed);
        self.hash = mix(self.hash ^ record ^ timing);
        if self.count == MODEL_AFTER {
            self.model = self.hash;
        }
        self.hash ^ self.model
    }
}
