//! The chain of numbered checkpoints in a store.
//!
//! The number is the fence: an owner that finds its next number taken by another, or a higher one, has lost the stream and stops.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::{
    checkpoint::{Checkpoint, Cursor},
    error::{Error, Result},
    positions::Positions,
    state::{FrozenState, JudgeState, Objects, StateObject},
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
    /// Objects that no kept checkpoint had when it was looked before.
    unused: HashSet<String>,
}

struct Saved {
    /// Without place, state and objects.
    checkpoint: Checkpoint,
    objects: HashSet<String>,
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
        Self { store, owner, next: 1, kept: Vec::new(), unused: HashSet::new() }
    }

    /// The number of the newest checkpoint, whoever has saved it; none if there is none.
    ///
    /// # Errors
    /// `Store`.
    pub fn newest(store: &dyn Store) -> Result<Option<u64>> {
        let names = store.list().map_err(Error::Store)?;
        Ok(names.iter().filter_map(|name| number(name)).max())
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
        let names: HashSet<String> = names.into_iter().collect();
        let (mut usable, mut damaged) = (Vec::new(), Vec::new());
        for number in numbers {
            match self.load(number)? {
                Ok(checkpoint) => match checkpoint.objects.iter().find(|it| !names.contains(*it)) {
                    None => usable.push(checkpoint),
                    Some(object) => damaged.push((number, gone(object))),
                },
                Err(why) => damaged.push((number, why)),
            }
        }
        let (newest, base, objects) = loop {
            let newest = usable.last().cloned();
            let base = newest.as_ref().and_then(|newest| base(&usable, newest, sinks)).cloned();
            let (Some(newest), Some(base)) = (newest, base) else {
                let each = damaged.iter().map(|(number, why)| format!("{}: {why}", name(*number)));
                let why = each.collect::<Vec<_>>().join("; ");
                return Err(Error::NoCheckpoint(why));
            };
            match self.objects(&base)? {
                Ok(objects) => break (newest, base, objects),
                Err(why) => {
                    usable.retain(|checkpoint| checkpoint.number != base.number);
                    damaged.push((base.number, why));
                }
            }
        };
        let state = JudgeState { bytes: base.state.clone(), objects };
        // Those before it may have lost their objects already.
        damaged.retain(|(number, _)| *number > base.number);
        let oldest = base.number;
        let point = RestorePoint {
            cursors: newest.cursors,
            newest_positions: newest.positions,
            newest_place: newest.place,
            base,
            state,
            damaged: damaged.into_iter().map(|(number, why)| (name(number), why)).collect(),
        };
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
        Ok(Ok(checkpoint))
    }

    /// Reads the objects of a checkpoint; the inner error says why they are of no use.
    fn objects(
        &self,
        checkpoint: &Checkpoint,
    ) -> Result<std::result::Result<Vec<StateObject>, String>> {
        let mut objects = Vec::with_capacity(checkpoint.objects.len());
        for name in &checkpoint.objects {
            let Some(bytes) = self.store.read(name).map_err(Error::Store)? else {
                return Ok(Err(gone(name)));
            };
            let object = StateObject::new(bytes);
            if object.name() != name {
                return Ok(Err(format!("{name}, which it names, is damaged")));
            }
            objects.push(object);
        }
        Ok(Ok(objects))
    }

    /// Whether an object is stored, as a part of a checkpoint that is kept.
    fn is_stored(&self, name: &str) -> bool {
        self.kept.iter().rev().any(|saved| saved.objects.contains(name))
    }

    /// Saves a checkpoint under the next number, then removes those that no restore needs any more. Its number and owner are
    /// set here.
    ///
    /// # Errors
    /// `Fenced`; `Store` if its outcome is unknown: the next call settles it; `Judge` for a state that can't be saved.
    pub fn save(
        &mut self,
        mut checkpoint: Checkpoint,
        state: FrozenState,
        sinks: &[&str],
    ) -> Result<u64> {
        let mut objects = NewObjects { checkpoints: self, names: Vec::new() };
        checkpoint.state = state.save(&mut objects)?;
        checkpoint.objects = objects.names;
        checkpoint.owner = self.owner;
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
        let saved = self.next;
        self.next += 1;
        let base = self.base_of(&checkpoint, sinks);
        self.keep(checkpoint, base);
        // It is looked at the next time otherwise.
        let Ok(names) = self.store.list() else { return Ok(saved) };
        let newest = names.iter().filter_map(|name| number(name)).max();
        match newest.filter(|newest| *newest > saved) {
            // Of an owner that was away for long, the other one may have removed the next number already.
            Some(newest) => Err(Error::Fenced { number: newest }),
            None => {
                self.prune(names);
                Ok(saved)
            }
        }
    }

    /// Stores an object. One of a process that was killed may be there already, and may be damaged.
    fn create(&self, object: &StateObject) -> Result<()> {
        let create = || self.store.create(object.name(), object.bytes()).map_err(Error::Store);
        if create()? {
            return Ok(());
        }
        let stored = self.store.read(object.name()).map_err(Error::Store)?;
        if stored.as_deref() != Some(object.bytes()) {
            self.store.remove(object.name()).map_err(Error::Store)?;
            create()?;
        }
        Ok(())
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
        let objects = std::mem::take(&mut checkpoint.objects).into_iter().collect();
        self.kept.push(Saved { checkpoint, objects, base });
    }

    /// Removes what neither the newest checkpoint nor the one before needs. What can't be removed now is removed later: the
    /// list of the store is the truth.
    fn prune(&mut self, names: Vec<String>) {
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
        let before = std::mem::take(&mut self.unused);
        for name in names {
            let gone = match number(&name) {
                // Those of another owner come behind the last one.
                Some(number) => number < last && !numbers.contains(&number),
                None if !StateObject::is_name(&name) || self.is_stored(&name) => false,
                // Another owner may just have stored it, for the checkpoint by which it takes the stream over.
                None => before.contains(&name) || !self.unused.insert(name.clone()),
            };
            if gone {
                // It stays for the next time.
                let _ = self.store.remove(&name);
            }
        }
    }
}

/// The objects of a checkpoint that is being saved.
struct NewObjects<'a> {
    checkpoints: &'a Checkpoints,
    names: Vec<String>,
}

impl NewObjects<'_> {
    fn add(&mut self, name: &str) {
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }
}

impl Objects for NewObjects<'_> {
    fn reuse(&mut self, name: &str) -> bool {
        let is_stored = self.checkpoints.is_stored(name);
        if is_stored {
            self.add(name);
        }
        is_stored
    }

    fn store(&mut self, object: &StateObject) -> Result<()> {
        if !self.reuse(object.name()) {
            self.checkpoints.create(object)?;
            self.add(object.name());
        }
        Ok(())
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

fn gone(object: &str) -> String {
    format!("{object}, which it names, is gone")
}

#[cfg(test)]
mod tests;
