//! The chain of numbered checkpoints in a store.
//!
//! The number is the fence: an owner that finds its next number taken by another has lost the stream and stops.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    checkpoint::{Checkpoint, Cursor},
    error::{Error, Result},
    judge::JudgeState,
    positions::Positions,
    store::Store,
};

const ENDING: &str = ".ckpt";
/// Checkpoints that are kept where a sink is far behind.
const MOST: usize = 16;

/// The checkpoints of a stream.
pub struct Checkpoints {
    store: Box<dyn Store>,
    owner: u64,
    /// The number of the next one.
    next: u64,
    /// What a later restore may need: the newest ones, oldest first.
    kept: Vec<Saved>,
}

struct Saved {
    /// Without place and state.
    checkpoint: Checkpoint,
    /// The number of the checkpoint from which a restore of this one replays.
    base: u64,
}

/// From where a stream continues.
#[derive(Clone, Debug)]
pub struct RestorePoint {
    /// Position and state: the newest checkpoint that no sink is behind.
    pub base: Checkpoint,
    pub state: JudgeState,
    /// The sinks as the newest checkpoint has them.
    pub cursors: BTreeMap<String, Cursor>,
    /// The records that were judged by then, and the place of the log.
    pub newest_positions: Positions,
    pub newest_place: Vec<u8>,
    /// Checkpoints behind the newest that could not be used, with the reason.
    pub damaged: Vec<(String, String)>,
}

impl Checkpoints {
    /// `owner` differs between processes.
    pub fn new(store: Box<dyn Store>, owner: u64) -> Self {
        Self { store, owner, next: 1, kept: Vec::new() }
    }

    /// Finds where to continue; nothing if there is no checkpoint yet. `sinks`: those whose results are still wanted.
    ///
    /// # Errors
    /// `Store`; `NoCheckpoint` if there are checkpoints and none can be used.
    pub fn restore(&mut self, sinks: &[&str]) -> Result<Option<RestorePoint>> {
        let names = self.store.list().map_err(Error::Store)?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| number(name)).collect();
        numbers.sort_unstable();
        let Some(last) = numbers.last() else { return Ok(None) };
        self.next = last + 1;
        let (mut usable, mut damaged) = (Vec::new(), Vec::new());
        for number in numbers {
            match self.load(number)? {
                Ok(checkpoint) => usable.push(checkpoint),
                Err(why) => damaged.push((number, why)),
            }
        }
        let base = usable.last().and_then(|newest| base(&usable, newest, sinks));
        let (Some(newest), Some(base)) = (usable.last(), base) else {
            let each = damaged.iter().map(|(number, why)| format!("{}: {why}", name(*number)));
            let why = each.collect::<Vec<_>>().join("; ");
            return Err(Error::NoCheckpoint(why));
        };
        let mut state = JudgeState { bytes: base.state.clone(), objects: Vec::new() };
        for name in &base.objects {
            // `load` has seen it.
            let bytes = self.store.read(name).map_err(Error::Store)?.unwrap_or_default();
            state.objects.push((name.clone(), bytes));
        }
        // Those before it may have lost their objects already.
        damaged.retain(|(number, _)| *number > newest.number);
        let point = RestorePoint {
            cursors: newest.cursors.clone(),
            newest_positions: newest.positions.clone(),
            newest_place: newest.place.clone(),
            base: base.clone(),
            state,
            damaged: damaged.into_iter().map(|(number, why)| (name(number), why)).collect(),
        };
        let oldest = base.number;
        usable.retain(|checkpoint| checkpoint.number >= oldest);
        self.kept.clear();
        for checkpoint in usable {
            self.keep(checkpoint, oldest);
        }
        Ok(Some(point))
    }

    /// Reads a checkpoint; the inner error says why it is of no use.
    fn load(&self, number: u64) -> Result<std::result::Result<Checkpoint, String>> {
        let Some(bytes) = self.store.read(&name(number)).map_err(Error::Store)? else {
            return Ok(Err("it is gone".to_owned()));
        };
        let checkpoint = match Checkpoint::decode(&bytes) {
            Ok(checkpoint) if checkpoint.number == number => checkpoint,
            Ok(other) => return Ok(Err(format!("it is a copy of checkpoint {}", other.number))),
            Err(damage) => return Ok(Err(damage.to_string())),
        };
        for object in &checkpoint.objects {
            if self.store.read(object).map_err(Error::Store)?.is_none() {
                return Ok(Err(format!("{object}, which it names, is gone")));
            }
        }
        Ok(Ok(checkpoint))
    }

    /// Saves a checkpoint under the next number, then removes those that no restore needs any more. Its number and owner are
    /// set here.
    ///
    /// # Errors
    /// `Fenced`; `Store` if its outcome is unknown: the next call settles it.
    pub fn save(
        &mut self,
        mut checkpoint: Checkpoint,
        objects: &[(String, Vec<u8>)],
        sinks: &[&str],
    ) -> Result<u64> {
        for (name, bytes) in objects {
            let known = self.kept.iter().any(|saved| saved.checkpoint.objects.contains(name));
            if !known {
                self.store.create(name, bytes).map_err(Error::Store)?;
            }
        }
        checkpoint.owner = self.owner;
        checkpoint.objects = objects.iter().map(|(name, _)| name.clone()).collect();
        loop {
            checkpoint.number = self.next;
            let bytes = checkpoint.encode().map_err(|damage| Error::Store(damage.into()))?;
            if self.store.create(&name(self.next), &bytes).map_err(Error::Store)? {
                break;
            }
            // An earlier call may have created it although it failed.
            match self.load(self.next)? {
                Ok(found) if found.owner == self.owner => {
                    self.next += 1;
                    let base = self.base_of(&found, sinks);
                    self.keep(found, base);
                }
                _ => return Err(Error::Fenced { number: self.next }),
            }
        }
        let number = self.next;
        self.next += 1;
        let base = self.base_of(&checkpoint, sinks);
        self.keep(checkpoint, base);
        self.prune();
        Ok(number)
    }

    /// The positions before which no restore reads.
    pub fn released(&self) -> Positions {
        self.kept
            .first()
            .map_or_else(Positions::default, |saved| saved.checkpoint.positions.clone())
    }

    /// The number from which a restore of a checkpoint replays.
    fn base_of(&self, newest: &Checkpoint, sinks: &[&str]) -> u64 {
        let known = self.kept.iter().map(|saved| &saved.checkpoint).chain([newest]);
        base(known, newest, sinks).map_or(1, |base| base.number)
    }

    fn keep(&mut self, mut checkpoint: Checkpoint, base: u64) {
        (checkpoint.place, checkpoint.state) = (Vec::new(), Vec::new());
        self.kept.push(Saved { checkpoint, base });
    }

    /// Removes what neither the newest checkpoint nor the one before needs. What can't be removed now is removed later: the
    /// list of the store is the truth.
    fn prune(&mut self) {
        let newest = || self.kept.iter().rev().take(2);
        let needed = newest().flat_map(|saved| [saved.checkpoint.number, saved.base]);
        let needed: BTreeSet<u64> = needed.collect();
        let (Some(oldest), Some(last)) = (needed.first().copied(), needed.last().copied()) else {
            return;
        };
        let first = self.kept[0].checkpoint.number;
        if self.kept.len() < 3 || first >= oldest && self.kept.len() <= MOST {
            return;
        }
        self.kept.retain(|saved| saved.checkpoint.number >= oldest);
        if self.kept.len() > MOST {
            // A sink is away for long: from any of them it can be continued, and so from every second one.
            let mut stays = false;
            self.kept.retain(|saved| {
                stays = !stays;
                stays || needed.contains(&saved.checkpoint.number)
            });
        }
        let kept = self.kept.iter().map(|saved| saved.checkpoint.number);
        let numbers: BTreeSet<u64> = kept.collect();
        let kept = self.kept.iter().flat_map(|saved| &saved.checkpoint.objects);
        let objects: BTreeSet<&String> = kept.collect();
        let Ok(names) = self.store.list() else { return };
        for name in names {
            let gone = match number(&name) {
                // Those of another owner come behind the last one.
                Some(number) => number < last && !numbers.contains(&number),
                None => is_object(&name) && !objects.contains(&name),
            };
            if gone {
                // It stays for the next time.
                let _ = self.store.remove(&name);
            }
        }
    }
}

/// The newest checkpoint that no sink of `newest` is behind.
fn base<'a>(
    usable: impl IntoIterator<Item = &'a Checkpoint, IntoIter: DoubleEndedIterator>,
    newest: &Checkpoint,
    sinks: &[&str],
) -> Option<&'a Checkpoint> {
    let cursors = sinks.iter().filter_map(|sink| newest.cursors.get(*sink));
    let cursors: Vec<&Cursor> = cursors.collect();
    let covered = |checkpoint: &&Checkpoint| {
        checkpoint.number <= newest.number
            && cursors.iter().all(|cursor| cursor.positions.covers(&checkpoint.positions))
    };
    usable.into_iter().rev().find(covered)
}

fn name(number: u64) -> String {
    format!("{number:016}{ENDING}")
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(ENDING).filter(|digits| digits.len() == 16)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Whether a name is one of [`JudgeState::objects`].
fn is_object(name: &str) -> bool {
    name.ends_with(".object")
}
