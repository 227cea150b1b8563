//! A DNS log: who asked for what, and what came back. Rows come one after another, so that any number of
//! them takes the memory of what is going on at one time.

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
use super::dice::Dice;

/// Of all rows.
const INTRUSIONS: f64 = 0.016;
/// Of an office of 50.
const ROWS_A_DAY: u64 = 5_000;
const QUERIES_A_CLIENT_AND_DAY: u64 = 100;

/// What happens at a time.
enum Event {
    Query(Query),
    /// A machine's next regular call.
    Update(Update),
    /// An intruder's next query.
    Campaign(Campaign),
}

/// What is still to come, the earliest first; what comes at the same time comes in the order it was planned.
#[derive(Default)]
struct Agenda {
    times: BinaryHeap<Reverse<(u64, u64, usize)>>,
    /// Places of the heap's entries; those that are done are used again.
    events: Vec<Option<Event>>,
    free: Vec<usize>,
    planned: u64,
}

impl Agenda {
    fn plan(&mut self, time: u64, event: Event) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[place] = Some(event);
        self.planned += 1;
        self.times.push(Reverse((time, self.planned, place)));
    }

    /// The next event if it comes by this time.
    fn next(&mut self, by: u64) -> Option<(u64, Event)> {
        let Reverse((time, _, place)) = *self.times.peek().filter(|next| next.0.0 <= by)?;
        self.times.pop();
        self.free.push(place);
        Some((time, self.events[place].take()?))
    }
}

/// Exactly this many rows, in the order of time.
pub fn write(rows: u64, seed: u64, output: &mut impl Write) -> Result<()> {
    output.write_all(HEADER.as_bytes())?;
    let days = (rows / ROWS_A_DAY).clamp(1, 7);
    let clients = (rows / (days * QUERIES_A_CLIENT_AND_DAY)).max(50);
    let clock = Clock::new(usize::try_from(days).unwrap_or(1));
    let world = World::new()?;
    let mut dice = Dice::new(seed);
    let mut agenda = Agenda::default();

    let mut intrusions = 0;
    for (family, count) in quotas(rows) {
        intrusions += count;
        for size in sizes(count, family.usual_size()) {
            let campaign = Campaign::new(family, size, &world, clients, clock.span(), &mut dice);
            agenda.plan(campaign.start, Event::Campaign(campaign));
        }
    }
    for update in Update::all(clients) {
        let first = dice.below(update.pause(&mut Dice::new(update.client)));
        agenda.plan(first, Event::Update(update));
    }

    let benign = rows - intrusions;
    let (mut written, mut written_benign) = (0, 0);
    while written < rows {
        // How far the day is follows from how much of its traffic has been seen.
        let now = clock.when(written_benign as f64 / benign.max(1) as f64);
        let Some((time, event)) = agenda.next(now) else {
            let client = dice.below(clients);
            for (pause, query) in visit(&world, client, &mut dice) {
                agenda.plan(now + pause, Event::Query(query));
            }
            continue;
        };
        let query = match event {
            Event::Query(query) => query,
            Event::Update(update) => {
                agenda.plan(time + update.pause(&mut dice), Event::Update(update));
                update.query()
            }
            Event::Campaign(mut campaign) => {
                let (query, pause) = campaign.next(&mut dice);
                if campaign.left > 0 {
                    let next = (time + pause).min(clock.span() - 1);
                    agenda.plan(next, Event::Campaign(campaign));
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
        query.write(stamp(time, &mut dice), &mut dice, output)?;
    }
    Ok(())
}

/// Two sensors write into one log, and one of them is a little late now and then.
fn stamp(time: u64, dice: &mut Dice) -> u64 {
    if dice.chance(0.02) { time.saturating_sub(dice.below(40)) } else { time }
}

/// How many rows of each family; they add up to the share of intrusions.
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

/// A count cut into campaigns of about the usual size.
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
    fn there_are_as_many_rows_as_asked_for() {
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
    fn rows_are_in_the_order_of_time_but_for_a_late_sensor() {
        let log = generated(5_000, 1);
        let times: Vec<&str> =
            log.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
        let back = times.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!((1..200).contains(&back), "{back}");
        assert!(times.iter().all(|time| time.starts_with("2026-03-02T")));
    }
}
