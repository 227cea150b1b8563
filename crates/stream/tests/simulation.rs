//! The shard's loop on fakes that fail at random, by a seed: whatever fails whenever, each record has its result in each sink
//! once, and the results are those of an undisturbed run.
//!
//! `ANOMAL_SIMULATION_SEEDS=10000` runs more seeds than the tests do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "simulation/owners.rs"]
mod owners;
mod world;

use std::time::Duration;

use anomal_stream::{Error, Notice, ShardOptions};
use futures::executor::block_on;

use self::world::{Faults, World};

fn options() -> ShardOptions {
    ShardOptions {
        checkpoint_every: Duration::from_secs(10),
        outbox_bytes: 4_000,
        stale_after: Duration::from_secs(30),
        heartbeat: None,
    }
}

/// What happened in all seeds, so that a simulation in which nothing fails does not pass.
#[derive(Debug, Default)]
struct Totals {
    records: u64,
    crashes: u64,
    fenced: u64,
    damaged: u64,
    sink_outages: u64,
    store_outages: u64,
    log_outages: u64,
    stale: u64,
    released: u64,
    windows: u64,
    rests: u64,
}

impl Totals {
    fn note(&mut self, notices: Vec<Notice>) {
        for notice in notices {
            match notice {
                Notice::CheckpointDamaged { .. } => self.damaged += 1,
                Notice::SinkDown { .. } => self.sink_outages += 1,
                Notice::StoreDown { .. } => self.store_outages += 1,
                Notice::LogDown { .. } => self.log_outages += 1,
                Notice::CheckpointStale => self.stale += 1,
                Notice::Restored { .. }
                | Notice::LogUp
                | Notice::SinkUp { .. }
                | Notice::StoreUp => {}
            }
        }
    }
}

impl Totals {
    /// The books, for `cargo xtask soak`: they balance, or a seed has failed.
    #[expect(clippy::print_stdout, reason = "it is read from the output of the test")]
    fn print(&self) {
        let Self { records, crashes, fenced, damaged, released, windows, .. } = self;
        let outages = self.sink_outages + self.store_outages + self.log_outages;
        let faults = serde_json::json!({
            "seeds": seeds(), "crashes": crashes, "outages": outages, "damaged checkpoints": damaged,
            "fenced owners": fenced,
        });
        let books =
            serde_json::json!({"faults": faults, "records": records, "lost": 0, "doubled": 0});
        println!("ledger: {books}\n{released} released, {windows} windows, {} stops", self.stale);
    }
}

/// Runs a world to its end with faults, then without, and balances its books.
fn simulate(seed: u64, faults: Faults, totals: &mut Totals) {
    let world = World::new(seed, faults);
    let mut zombies: Vec<Option<world::TestShard>> = Vec::new();
    let lives = 3 + world.below(12);
    for life in 0..=lives {
        let last = life == lives;
        if last {
            world.end_faults();
        }
        let mut shard = match world.start(options()) {
            Ok(shard) => shard,
            // The store or a sink failed while it was opened.
            Err(Error::Store(_) | Error::Sink { .. }) if !last => {
                totals.crashes += u64::from(world.restart(None));
                continue;
            }
            Err(error) => panic!("seed {seed}: {error}"),
        };
        if last {
            // Those that are still there are fenced as soon as they save.
            for mut zombie in zombies.drain(..).flatten() {
                let fenced = (0..400).any(|_| {
                    world.grow();
                    matches!(block_on(zombie.step(world.tick())), Err(Error::Fenced { .. }))
                });
                assert!(fenced, "seed {seed}: two owners");
                totals.fenced += 1;
            }
        }
        let steps = if last { u64::MAX } else { world.below(400) };
        for step in 0..steps {
            if !last || step < 20 {
                world.grow();
            }
            match block_on(shard.step(world.tick())) {
                Ok(_) => {}
                Err(Error::Fenced { .. }) => panic!("seed {seed}: the only owner is fenced"),
                Err(error) => panic!("seed {seed}: {error}"),
            }
            // While it rests, it has not read what was appended since.
            let has_all = || shard.caught_up() && shard.progress().records >= world.records();
            if world.crashed() || last && step > 20 && has_all() {
                break;
            }
            assert!(step < 1_000_000, "seed {seed}: it never ends");
            // A process that was thought dead goes on.
            for zombie in &mut zombies {
                world.as_zombie(|| match block_on(step_zombie(zombie, world.now())) {
                    Ok(()) | Err(Error::Fenced { .. }) => {}
                    Err(error) => panic!("seed {seed}: zombie: {error}"),
                });
            }
        }
        if last || world.chance(20) {
            // SIGTERM.
            for _ in 0..1_000 {
                if shard.drain(world.tick()).unwrap() || world.crashed() {
                    break;
                }
            }
        }
        totals.note(shard.take_notices());
        if last {
            assert!(shard.caught_up(), "seed {seed}");
            assert_eq!(shard.progress().waiting, 0, "seed {seed}");
            totals.records += shard.progress().records;
        } else if world.zombies_allowed() && !world.crashed() && world.chance(30) {
            zombies.push(Some(shard));
            world.restart(None);
        } else {
            totals.crashes += u64::from(world.restart(Some(shard)));
        }
    }
    world.balance();
    totals.released += world.released();
    totals.windows += world.windows();
    totals.rests += world.rests();
}

/// Steps an owner that has lost its partitions until it is fenced.
async fn step_zombie(zombie: &mut Option<world::TestShard>, now: Duration) -> Result<(), Error> {
    let Some(shard) = zombie else { return Ok(()) };
    let stepped = shard.step(now).await.map(|_| ());
    if stepped.is_err() {
        *zombie = None;
    }
    stepped
}

fn seeds() -> u64 {
    let seeds = std::env::var("ANOMAL_SIMULATION_SEEDS");
    seeds.ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(200)
}

#[test]
fn books_balance_whatever_fails() {
    let mut totals = Totals::default();
    for seed in 0..seeds() {
        simulate(seed, Faults::all(), &mut totals);
    }
    totals.print();
    let outages = [totals.sink_outages, totals.store_outages, totals.log_outages];
    assert!(outages.iter().all(|count| *count > seeds() / 2), "{totals:?}");
    assert!(totals.records > 300 * seeds() && totals.crashes > seeds(), "{totals:?}");
    assert!(totals.damaged > seeds() / 20 && totals.stale > seeds() / 20, "{totals:?}");
    assert!(totals.released > totals.records / 2, "{totals:?}");
}

#[test]
fn a_replay_has_the_same_windows_whatever_fails() {
    let mut totals = Totals::default();
    for seed in 0..seeds() {
        simulate(seed, Faults::windows(), &mut totals);
    }
    totals.print();
    assert!(totals.records > 200 * seeds() && totals.crashes > seeds() / 2, "{totals:?}");
    assert!(totals.windows > 20 * seeds() && totals.damaged > seeds() / 20, "{totals:?}");
    assert!(totals.released > totals.records / 2, "{totals:?}");
}

#[test]
fn a_replay_has_the_same_watermarks_whatever_fails() {
    let mut totals = Totals::default();
    for seed in 0..seeds() {
        simulate(seed, Faults::rests(), &mut totals);
    }
    totals.print();
    assert!(totals.records > 50 * seeds() && totals.crashes > seeds() / 2, "{totals:?}");
    assert!(totals.rests > 3 * seeds() && totals.damaged > seeds() / 20, "{totals:?}");
}

#[test]
fn a_second_owner_is_fenced_and_doubles_nothing() {
    let mut totals = Totals::default();
    for seed in 0..seeds() {
        simulate(seed, Faults::zombies(), &mut totals);
    }
    totals.print();
    assert!(totals.fenced > 20, "{totals:?}");
}

#[test]
fn reading_goes_on_while_a_checkpoint_waits_for_documents() {
    let world = World::new(1, Faults::none());
    let mut shard = world.start(options()).unwrap();
    let mut step = |at: Duration| {
        world.grow();
        block_on(shard.step(at)).unwrap();
        shard.progress()
    };
    let since = world.now();
    world.hold_documents(true);
    for _ in 0..10 {
        step(since);
    }
    let due = since + options().checkpoint_every;
    let begun = step(due).records;
    let mut last = begun;
    for wait in (0..1_000).step_by(100).map(Duration::from_millis) {
        let progress = step(due + wait);
        assert_eq!(progress.checkpoint, 1);
        last = progress.records;
    }
    assert!(last > begun + 20, "{begun} to {last}");
    // It waits no longer, and the next one is saved when the documents are there.
    let mut waits = (1_000..1_100).map(Duration::from_millis);
    assert!(waits.any(|wait| step(due + wait).checkpoint == 2));
    let due = due + 2 * options().checkpoint_every;
    step(due);
    world.hold_documents(false);
    let mut waits = (0..900).map(Duration::from_millis);
    assert!(waits.any(|wait| step(due + wait).checkpoint == 3));
    while !shard.caught_up() || !shard.drain(world.tick()).unwrap() {
        block_on(shard.step(world.tick())).unwrap();
    }
    drop(shard);
    world.restart(None);
    world.balance();
}

#[test]
fn all_records_are_released_though_no_more_come() {
    let world = World::new(1, Faults::none());
    while world.records() < 20 {
        world.grow();
    }
    let mut shard = world.start(options()).unwrap();
    let mut steps = 0;
    while world.released() < world.records() {
        block_on(shard.step(world.tick())).unwrap();
        steps += 1;
        assert!(steps < 1_000, "{} of {}", world.released(), world.records());
    }
    // Then nothing is saved any more.
    let last = shard.progress().checkpoint;
    for _ in 0..100 {
        block_on(shard.step(world.tick())).unwrap();
    }
    assert_eq!(shard.progress().checkpoint, last);
}

#[test]
fn a_store_that_does_not_answer_stops_reading_only_when_checkpoints_are_stale() {
    let world = World::new(1, Faults::none());
    let mut shard = world.start(options()).unwrap();
    world.silence_store(true);
    let (since, mut records) = (world.now(), 0);
    while world.now() < since + options().stale_after {
        world.grow();
        block_on(shard.step(world.tick())).unwrap();
        records = shard.progress().records;
    }
    assert_eq!((shard.progress().checkpoint, records > 20), (1, true));
    for _ in 0..100 {
        world.grow();
        block_on(shard.step(world.tick())).unwrap();
    }
    assert!(shard.take_notices().contains(&Notice::CheckpointStale));
    assert!(shard.progress().records < world.records() / 2);
    world.silence_store(false);
    while !shard.caught_up() || shard.progress().records < world.records() {
        block_on(shard.step(world.tick())).unwrap();
    }
    while !shard.drain(world.tick()).unwrap() {}
    drop(shard);
    world.restart(None);
    world.balance();
}

#[test]
fn books_that_do_not_balance_are_noticed() {
    let world = World::new(1, Faults::none());
    world.grow();
    let mut shard = world.start(options()).unwrap();
    while !shard.caught_up() || shard.progress().records == 0 {
        block_on(shard.step(world.tick())).unwrap();
    }
    while !shard.drain(world.tick()).unwrap() {}
    drop(shard);
    world.balance();
    world.lose_a_result();
    let balance = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.balance()));
    assert!(balance.is_err());
}
