//! A DNS log of queries and replies. Rows are written one after another, so that memory does not grow with their number.

mod clock;
mod intrusions;
mod record;
mod traffic;
mod world;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{Result, Write},
};

use self::{
    clock::Clock,
    intrusions::{Campaign, FAMILIES, Family},
    record::{HEADER, Query},
    traffic::{Update, visit},
    world::World,
};
use super::random::Random;

/// The share of intrusions in all rows.
const INTRUSIONS: f64 = 0.016;
/// For an office of 50 clients.
const ROWS_A_DAY: u64 = 5_000;
const QUERIES_A_CLIENT_AND_DAY: u64 = 100;

/// Something that happens at a point in time.
enum Event {
    Query(Query),
    /// The next regular call of a machine.
    Update(Update),
    /// The next query of an intruder.
    Campaign(Campaign),
}

/// Scheduled events, the earliest first; events at the same time in the order in which they were scheduled.
#[derive(Default)]
struct EventQueue {
    times: BinaryHeap<Reverse<(u64, u64, usize)>>,
    /// The events of the heap's entries, by index; free indices are reused.
    events: Vec<Option<Event>>,
    free: Vec<usize>,
    scheduled: u64,
}

impl EventQueue {
    fn schedule(&mut self, time: u64, event: Event) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[index] = Some(event);
        self.scheduled += 1;
        self.times.push(Reverse((time, self.scheduled, index)));
    }

    /// Removes the next event if its time is not after `by`.
    fn pop(&mut self, by: u64) -> Option<(u64, Event)> {
        let Reverse((time, _, index)) = *self.times.peek().filter(|next| next.0.0 <= by)?;
        self.times.pop();
        self.free.push(index);
        Some((time, self.events[index].take()?))
    }
}

/// Writes exactly this many rows, in order of time.
pub fn write(rows: u64, seed: u64, output: &mut impl Write) -> Result<()> {
    output.write_all(HEADER.as_bytes())?;
    let days = (rows / ROWS_A_DAY).clamp(1, 7);
    let clients = (rows / (days * QUERIES_A_CLIENT_AND_DAY)).max(50);
    let clock = Clock::new(usize::try_from(days).unwrap_or(1));
    let world = World::new()?;
    let mut random = Random::new(seed);
    let mut queue = EventQueue::default();

    let mut intrusions = 0;
    for (family, count) in quotas(rows) {
        intrusions += count;
        for size in sizes(count, family.usual_size()) {
            let campaign = Campaign::new(family, size, &world, clients, clock.span(), &mut random);
            queue.schedule(campaign.start, Event::Campaign(campaign));
        }
    }
    for update in Update::all(clients) {
        let first = random.below(update.pause(&mut Random::new(update.client)));
        queue.schedule(first, Event::Update(update));
    }

    let benign = rows - intrusions;
    let (mut written, mut written_benign) = (0, 0);
    while written < rows {
        // The time of day follows from the share of its traffic that is written.
        let now = clock.time_at(written_benign as f64 / benign.max(1) as f64);
        let Some((time, event)) = queue.pop(now) else {
            let client = random.below(clients);
            for (pause, query) in visit(&world, client, &mut random) {
                queue.schedule(now + pause, Event::Query(query));
            }
            continue;
        };
        let query = match event {
            Event::Query(query) => query,
            Event::Update(update) => {
                queue.schedule(time + update.pause(&mut random), Event::Update(update));
                update.query()
            }
            Event::Campaign(mut campaign) => {
                let (query, pause) = campaign.next(&mut random);
                if campaign.left > 0 {
                    let next = (time + pause).min(clock.span() - 1);
                    queue.schedule(next, Event::Campaign(campaign));
                }
                query
            }
        };
        if query.label.is_empty() {
            if written_benign == benign {
                continue;
            }
            written_benign += 1;
        }
        written += 1;
        query.write(stamp(time, &mut random), &mut random, output)?;
    }
    Ok(())
}

/// The time that is logged: one of two sensors is sometimes a little late.
fn stamp(time: u64, random: &mut Random) -> u64 {
    if random.chance(0.02) { time.saturating_sub(random.below(40)) } else { time }
}

/// The number of rows of each family; their sum is the share of intrusions.
fn quotas(rows: u64) -> Vec<(Family, u64)> {
    let share = |part: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of rows"
        )]
        let count = (part * INTRUSIONS * rows as f64 + 0.5) as u64;
        count
    };
    FAMILIES.iter().map(|(family, part)| (*family, share(*part))).collect()
}

/// Sizes of campaigns, about the usual size each, that add up to a count.
fn sizes(count: u64, usual: u64) -> impl Iterator<Item = u64> {
    let campaigns = (count / usual).max(u64::from(count > 0));
    (0..campaigns).map(move |n| count / campaigns + u64::from(n < count % campaigns))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn generated(rows: u64, seed: u64) -> String {
        let mut output = Vec::new();
        write(rows, seed, &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn the_number_of_rows_is_exact() {
        for rows in [0, 1, 60, 3_333] {
            assert_eq!(generated(rows, 9).lines().count() as u64, rows + 1);
        }
    }

    #[test]
    fn every_family_has_its_rows() {
        for seed in 1..=5 {
            let log = generated(5_000, seed);
            let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
            for line in log.lines().skip(1) {
                *labels.entry(line.rsplit(',').next().unwrap()).or_default() += 1;
            }
            let benign = labels.remove("").unwrap();
            assert!(labels.len() == 5 && labels.values().all(|rows| *rows >= 10), "{labels:?}");
            assert!((4_900..=4_950).contains(&benign), "{benign}");
        }
    }

    #[test]
    fn a_seed_is_a_log() {
        assert_eq!(generated(500, 1), generated(500, 1));
        assert_ne!(generated(500, 1), generated(500, 2));
    }

    #[test]
    fn rows_are_in_order_of_time_except_those_of_a_late_sensor() {
        let log = generated(5_000, 1);
        let times: Vec<&str> =
            log.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
        let back = times.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!((1..200).contains(&back), "{back}");
        assert!(times.iter().all(|time| time.starts_with("2026-03-02T")));
    }
}
