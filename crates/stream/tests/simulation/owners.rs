//! Two processes that both take the same partitions for theirs: one of them owns them, the other stands by.

use std::time::Duration;

use anomal_stream::{Error, ShardOptions, Standby};
use futures::executor::block_on;

use super::{
    options, seeds,
    world::{Faults, TestShard, World},
};

const HEARTBEAT: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_mins(3);

enum Process {
    Gone,
    Owner(Box<TestShard>),
    StandBy(Standby),
}

/// What happened.
#[derive(Debug, Default)]
struct Totals {
    /// Owners that lost the partitions to the other process.
    fenced: u64,
    /// Take-overs by a process that stood by.
    taken: u64,
    kills: u64,
}

impl Process {
    /// Takes the partitions, as a process does that begins, or that has seen the owner go.
    fn take(&mut self, world: &World) {
        let options = ShardOptions { heartbeat: Some(HEARTBEAT), ..options() };
        *self = match world.start(options) {
            Ok(shard) => Self::Owner(Box::new(shard)),
            // It is tried again.
            Err(Error::Store(_) | Error::Sink { .. } | Error::Fenced { .. }) => Self::Gone,
            Err(error) => panic!("{error}"),
        };
    }

    fn step(&mut self, world: &World, totals: &mut Totals) {
        match self {
            Self::Gone => {}
            Self::Owner(shard) => match block_on(shard.step(world.now())) {
                Ok(_) => {}
                Err(Error::Fenced { .. }) => {
                    totals.fenced += 1;
                    *self = Self::StandBy(Standby::new(PATIENCE, world.now()));
                }
                Err(error) => panic!("{error}"),
            },
            Self::StandBy(standby) => {
                let is_gone = world.newest().is_ok_and(|newest| standby.look(newest, world.now()));
                if is_gone {
                    totals.taken += 1;
                    self.take(world);
                }
            }
        }
    }
}

#[test]
fn two_processes_with_the_same_partitions_end_with_one_owner() {
    let mut totals = Totals::default();
    for seed in 0..seeds() {
        simulate(seed, &mut totals);
    }
    assert!(totals.fenced > seeds() && totals.kills > seeds(), "{totals:?}");
    assert!(totals.taken > seeds() / 2, "{totals:?}");
}

fn simulate(seed: u64, totals: &mut Totals) {
    let world = World::new(seed, Faults::zombies());
    let mut processes = [Process::Gone, Process::Gone];
    for _ in 0..2_000 {
        world.tick();
        world.grow();
        let process = &mut processes[usize::from(world.chance(50))];
        match process {
            Process::Gone if world.chance(10) => process.take(&world),
            Process::Owner(_) | Process::StandBy(_) if world.below(500) == 0 => {
                *process = Process::Gone;
                totals.kills += 1;
            }
            process => process.step(&world, totals),
        }
    }
    // Both live on, and there is nothing to read for a long time.
    world.end_faults();
    for process in &mut processes {
        while matches!(process, Process::Gone) {
            process.take(&world);
        }
    }
    let mut settled = Totals::default();
    for _ in 0..2_000 {
        world.tick();
        for process in &mut processes {
            process.step(&world, &mut settled);
        }
    }
    let is_owner = |process: &&Process| matches!(process, Process::Owner(_));
    assert_eq!(processes.iter().filter(is_owner).count(), 1, "seed {seed}: {settled:?}");
    assert!(settled.fenced <= 1 && settled.taken == 0, "seed {seed}: they fight: {settled:?}");
    // The owner goes, and the other one reads what comes then.
    let place = usize::from(!is_owner(&&processes[0]));
    processes[place] = Process::Gone;
    let other = &mut processes[1 - place];
    let before = world.now();
    while matches!(other, Process::StandBy(_)) {
        world.tick();
        world.grow();
        other.step(&world, &mut settled);
        assert!(world.now() < before + 2 * PATIENCE, "seed {seed}: nobody takes over");
    }
    let Process::Owner(shard) = other else { panic!("seed {seed}: it can't take over") };
    for step in 0.. {
        block_on(shard.step(world.tick())).unwrap();
        if step > 20 && shard.caught_up() {
            break;
        }
        assert!(step < 100_000, "seed {seed}: it never ends");
    }
    while !shard.drain(world.tick()).unwrap() {}
    drop(processes);
    world.balance();
    totals.taken += settled.taken;
}
