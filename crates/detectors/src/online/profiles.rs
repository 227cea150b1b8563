//! What is usual, of all rows and of each entity: how often each feature has which values, as it was lately.

mod categories;
mod doorkeeper;
mod entity;
mod grid;
mod numbers;

use std::{collections::HashMap, sync::Arc};

use anomal_core::{Error, Result};
use xxhash_rust::xxh3::xxh3_64;

use self::{
    categories::Frequencies, doorkeeper::Doorkeeper, entity::Entity, grid::Grid, numbers::Histogram,
};
use super::{
    bytes::{Reader, Writer},
    cut_forest::{self, Coordinate, CutForest, Displacement, OF_ENTITY},
};
use crate::random::mixed;

/// The rows whose numbers place the bins. None is judged before.
const GRID_ROWS: usize = 1_000;
/// Parts that are saved by themselves, by the first bits of an entity's hash.
pub const SEGMENTS: usize = 64;
const VERSION: u8 = 1;
/// The most bytes of an entity, of a number and of a category in its profile, and of its forest.
const ENTITY: u64 = 300;
const NUMBER: u64 = 50;
const CATEGORY: u64 = 100;
const FOREST: u64 = 64 << 10;

/// A value of a feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Missing,
    /// Not NaN.
    Number(f64),
    /// The hash of a text, by [`Value::text`].
    Category(u64),
}

impl Value {
    /// NaN is missing.
    pub fn number(number: f64) -> Self {
        if number.is_nan() { Self::Missing } else { Self::Number(number) }
    }

    pub fn text(text: &str) -> Self {
        Self::Category(xxh3_64(text.as_bytes()))
    }

    pub(super) fn write(self, to: &mut Writer) {
        let (kind, bits) = match self {
            Self::Missing => (0, 0),
            Self::Number(number) => (1, number.to_bits()),
            Self::Category(hash) => (2, hash),
        };
        to.count(kind);
        to.number(bits);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        match (from.count()?, from.number()?) {
            (0, _) => Some(Self::Missing),
            (1, bits) => Some(Self::number(f64::from_bits(bits))),
            (2, hash) => Some(Self::Category(hash)),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Number,
    Category,
}

/// What is known of an entity beside when it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntityParts {
    /// How often its features had which values.
    pub profile: bool,
    /// Which values go together, in a forest, for an entity that has `min_rows` rows: at most
    /// [`MOST_CUT_FEATURES`](super::MOST_CUT_FEATURES) features.
    pub forest: bool,
}

/// Times are in microseconds, or any other unit that the ages of rows are in.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileOptions {
    /// The kind of each feature, and its weight, at least 0.
    pub features: Vec<(Kind, f64)>,
    /// The rows of an entity at which it is judged half by itself and half by all.
    pub min_rows: f64,
    /// The most entities; of more, the half that was seen last stays.
    pub max: usize,
    /// An entity that was not seen for so long is forgotten.
    pub forget_after: i64,
    /// Counts halve in this time.
    pub half_life: i64,
    /// A key gets a profile at its second row within this time.
    pub admit_within: i64,
    pub parts: EntityParts,
    pub seed: u64,
}

/// How surprising a row is, at least 0: the sum over features of w times -ln p, where p is the share of rows whose value is at
/// most as frequent. Both have a part for each feature, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surprise {
    /// Among all rows.
    pub among_all: Vec<f64>,
    /// Among the rows of its entity, as far as there are any.
    pub for_entity: Vec<f64>,
    /// By the forest of its entity, if that has one which knows enough rows.
    pub by_forest: Option<Displacement>,
}

/// Counts by feature of all rows and of those of each entity.
///
/// Numbers fall into bins (as HBOS: Goldstein and Dengel 2012, "Histogram-based Outlier Score") that the first 1,000 rows
/// place. What is said by the rows of an entity, n, counts n / (n + `min_rows`), and what is said by all rows counts the rest
/// (logarithmic opinion pool: Genest and Zidek 1986, "Combining Probability Distributions", section 3).
/// All counts halve with time. The same rows in the same order give the same bytes. A clone shares the entities with its
/// original, until either of them changes one.
#[derive(Clone, Debug)]
pub struct Profiles {
    options: ProfileOptions,
    /// Of the features, for forests.
    weights: Arc<[f32]>,
    /// The bins of the row that is learned.
    bins: Vec<usize>,
    /// The first rows, until the bins are placed.
    waiting: Vec<(Option<u64>, Vec<Value>, i64)>,
    all: Option<All>,
    /// Shared with clones, until they change.
    segments: Vec<Arc<Segment>>,
    door: Doorkeeper,
    evicted: u64,
    /// Entities with a forest.
    forests: u64,
    /// The bytes that entities may have, and those that were dropped for them by this value.
    limit: u64,
    crowded: u64,
}

/// What is known of all rows.
#[derive(Clone, Debug, PartialEq)]
struct All {
    features: Vec<Feature>,
    aged: i64,
}

#[derive(Clone, Debug, PartialEq)]
enum Feature {
    Number(Grid, Histogram),
    Category(Frequencies),
}

#[derive(Clone, Debug, Default)]
struct Segment {
    entities: HashMap<u64, Arc<Entity>>,
    /// Rises with each change.
    revision: u64,
    /// The revision at which an entity was removed last.
    removed: u64,
}

impl Profiles {
    pub fn new(options: ProfileOptions) -> Self {
        let weights = options.features.iter().map(|(_, weight)| *weight as f32).collect();
        Self {
            weights,
            door: Doorkeeper::new(options.admit_within),
            options,
            bins: Vec::new(),
            waiting: Vec::new(),
            all: None,
            segments: vec![Arc::default(); SEGMENTS],
            evicted: 0,
            forests: 0,
            limit: u64::MAX,
            crowded: 0,
        }
    }

    /// The most bytes of an entity, without and with its forest.
    pub fn entity_bytes(features: impl IntoIterator<Item = Kind>, parts: EntityParts) -> [u64; 2] {
        let of_feature = |kind| if kind == Kind::Number { NUMBER } else { CATEGORY };
        let profile = features.into_iter().map(of_feature).sum::<u64>();
        let without = ENTITY + if parts.profile { profile } else { 0 };
        [without, without + if parts.forest { FOREST } else { 0 }]
    }

    /// The most bytes of all entities as they are now: by their number, so that they are the same for the same rows.
    pub fn memory(&self) -> u64 {
        let [without, with] = Self::entity_bytes(kinds(&self.options), self.options.parts);
        self.entities() as u64 * without + self.forests * (with - without)
    }

    /// From now on, entities may have so many bytes; above, the half that was seen last stays, again and again.
    pub fn limit(&mut self, bytes: u64, now: i64) {
        self.limit = bytes;
        self.drop_crowded(now);
    }

    /// Entities that were dropped for the memory of others, by this value.
    pub fn crowded(&self) -> u64 {
        self.crowded
    }

    fn drop_crowded(&mut self, now: i64) {
        let before = self.evicted;
        while self.memory() > self.limit && self.entities() > 1 {
            self.evict(now, self.entities() / 2);
        }
        self.crowded += self.evicted - before;
    }

    /// Of each feature.
    pub fn weights(&self) -> impl Iterator<Item = f64> {
        self.options.features.iter().map(|(_, weight)| *weight)
    }

    /// Entities that have a profile.
    pub fn entities(&self) -> usize {
        self.segments.iter().map(|segment| segment.entities.len()).sum()
    }

    /// Entities that were dropped since there were too many.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The rows that the profile of an entity is made of; none without one.
    pub fn rows_of(&self, key: u64) -> Option<u64> {
        self.segments[segment_of(key)].entities.get(&key).map(|entity| entity.rows)
    }

    /// Judges a row by the rows that were learned before it; none of the first 1,000. `row` has a value for each feature.
    pub fn judge(&self, key: Option<u64>, row: &[Value]) -> Option<Surprise> {
        let all = self.all.as_ref()?;
        let entity = key.and_then(|key| self.segments[segment_of(key)].entities.get(&key));
        let parts = || Vec::with_capacity(row.len());
        let mut surprise = Surprise { among_all: parts(), for_entity: parts(), by_forest: None };
        for (place, (feature, value)) in all.features.iter().zip(row).enumerate() {
            let weight = self.options.features[place].1;
            let bin = feature.bin(*value);
            let among_all = -ln_share(feature.tail(bin, *value));
            let known = entity.filter(|_| self.options.parts.profile);
            let for_entity = known.map_or(among_all, |entity| {
                let (tail, rows) = entity.tail(place, bin, *value);
                let own = rows / (rows + self.options.min_rows);
                own * -ln_share((tail, rows)) + (1.0 - own) * among_all
            });
            surprise.among_all.push(weight * among_all);
            surprise.for_entity.push(weight * for_entity);
        }
        let forest = entity.and_then(|entity| entity.forest.as_ref());
        surprise.by_forest = forest.and_then(|forest| forest.judge(&all.coordinates(row)));
        Some(surprise)
    }

    /// Learns a row of an age, a time that does not fall by much from row to row.
    pub fn learn(&mut self, key: Option<u64>, row: &[Value], age: i64) {
        let Some(all) = &mut self.all else {
            self.waiting.push((key, row.to_vec(), age));
            if self.waiting.len() == GRID_ROWS {
                self.place_bins();
            }
            return;
        };
        let half_life = self.options.half_life;
        let halvings = halvings(&mut all.aged, age, half_life);
        self.bins.clear();
        for (feature, value) in all.features.iter_mut().zip(row) {
            let bin = feature.bin(*value);
            feature.halve(halvings);
            feature.add(bin, *value);
            self.bins.push(bin);
        }
        let Some(key) = key else { return };
        let segment = &mut self.segments[segment_of(key)];
        let forget_after = self.options.forget_after;
        let is_known = |entity: &Arc<Entity>| age.saturating_sub(entity.seen) < forget_after;
        let is_new = !segment.entities.get(&key).is_some_and(is_known);
        // What is shared with a clone is copied for those alone that have a profile.
        if is_new && !self.door.admits(key, age) {
            return;
        }
        let segment = Arc::make_mut(segment);
        if is_new {
            let kinds = kinds(&self.options).into_iter();
            let before = segment.entities.insert(key, Entity::new(kinds, age).into());
            self.forests -= u64::from(before.is_some_and(|entity| entity.forest.is_some()));
        }
        let Some(entity) = segment.entities.get_mut(&key).map(Arc::make_mut) else { return };
        segment.revision += 1;
        entity.revision = segment.revision;
        entity.halve(age, half_life);
        if self.options.parts.profile {
            for (place, (bin, value)) in self.bins.iter().zip(row).enumerate() {
                entity.add(place, *bin, *value);
            }
        }
        entity.see(age);
        entity.rows += 1;
        let forests = self.forests;
        if self.options.parts.forest && entity.rows as f64 >= self.options.min_rows {
            let new = || {
                Box::new(CutForest::new(&OF_ENTITY, &self.weights, mixed(self.options.seed ^ key)))
            };
            self.forests += u64::from(entity.forest.is_none());
            entity.forest.get_or_insert_with(new).learn(&all.coordinates(row));
        }
        if is_new && self.entities() > self.options.max {
            self.evict(age, self.options.max / 2);
        }
        if is_new || self.forests > forests {
            self.drop_crowded(age);
        }
    }

    /// Takes a row of an entity into account that is not learned.
    pub fn see(&mut self, key: u64, age: i64) {
        self.change(key, |_| true, |entity| entity.see(age));
    }

    /// Names an entity that has a profile, for [`Profiles::silent`].
    pub fn name(&mut self, key: u64, name: &str) {
        self.change(key, |entity| entity.name.is_none(), |entity| entity.name = Some(name.into()));
    }

    /// Changes an entity, if it is there and it has to be: what is shared with a clone is copied then.
    fn change(&mut self, key: u64, has_to: fn(&Entity) -> bool, change: impl FnOnce(&mut Entity)) {
        let segment = &mut self.segments[segment_of(key)];
        if segment.entities.get(&key).is_some_and(|entity| has_to(entity)) {
            let segment = Arc::make_mut(segment);
            segment.revision += 1;
            segment.entities.entry(key).and_modify(|entity| {
                let entity = Arc::make_mut(entity);
                entity.revision = segment.revision;
                change(entity);
            });
        }
    }

    /// The named entities of at least `rows` rows that have paused at `now` for longer than `least` and than they ever did, with the
    /// ages of their newest rows; in no order.
    pub fn silent(&self, now: i64, least: i64, rows: u64) -> impl Iterator<Item = (&str, i64)> {
        let entities = self.segments.iter().flat_map(|segment| segment.entities.values());
        entities
            .filter(move |entity| entity.rows >= rows && entity.is_silent(now, least))
            .filter_map(|entity| Some((entity.name.as_deref()?, entity.seen)))
    }

    fn place_bins(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let feature = |(place, (kind, _)): (usize, &(Kind, f64))| match kind {
            Kind::Category => Feature::Category(Frequencies::default()),
            Kind::Number => {
                let numbers = waiting.iter().filter_map(|(_, row, _)| match row[place] {
                    Value::Number(number) => Some(number),
                    _ => None,
                });
                Feature::Number(Grid::of(numbers), Histogram::default())
            }
        };
        let features = self.options.features.iter().enumerate().map(feature).collect();
        let aged = waiting.first().map_or(0, |(.., age)| *age);
        self.all = Some(All { features, aged });
        for (key, row, age) in waiting {
            self.learn(key, &row, age);
        }
    }

    /// Drops those that are forgotten anyway; where there are more than `most` still, those that were not seen for longest, but
    /// one.
    fn evict(&mut self, now: i64, most: usize) {
        let oldest = now.saturating_sub(self.options.forget_after);
        let entities = self.segments.iter().flat_map(|segment| &segment.entities);
        let seen = entities.map(|(key, entity)| (entity.seen, *key));
        let mut seen: Vec<(i64, u64)> = seen.filter(|(seen, _)| *seen > oldest).collect();
        let mut from = (oldest.saturating_add(1), 0);
        if seen.len() > most {
            let surplus = (seen.len() - most).min(seen.len() - 1);
            let (_, last, _) = seen.select_nth_unstable(surplus);
            from = from.max(*last);
        }
        let mut forests = 0;
        for segment in &mut self.segments {
            let segment = Arc::make_mut(segment);
            let before = segment.entities.len();
            segment.entities.retain(|key, entity| {
                let stays = (entity.seen, *key) >= from;
                forests += u64::from(!stays && entity.forest.is_some());
                stays
            });
            let gone = (before - segment.entities.len()) as u64;
            if gone > 0 {
                segment.revision += 1;
                segment.removed = segment.revision;
            }
            self.evicted += gone;
        }
        self.forests -= forests;
    }

    /// All but the entities, for [`Profiles::restore`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer::new(VERSION);
        to.number(self.evicted);
        to.length(self.waiting.len());
        for (key, row, age) in &self.waiting {
            to.optional(*key);
            to.signed(*age);
            row.iter().for_each(|value| value.write(&mut to));
        }
        to.flag(self.all.is_some());
        if let Some(all) = &self.all {
            to.signed(all.aged);
            for feature in &all.features {
                match feature {
                    Feature::Number(grid, histogram) => {
                        grid.write(&mut to);
                        histogram.write(&mut to);
                    }
                    Feature::Category(frequencies) => frequencies.write(&mut to),
                }
            }
        }
        self.door.write(&mut to);
        to.into_bytes()
    }

    /// Changes whenever the entities of a segment do. `segment < SEGMENTS`.
    pub fn revision(&self, segment: usize) -> u64 {
        self.segments[segment].revision
    }

    /// The entities of a segment that have changed since a revision; none if some were removed since then, so that all have to
    /// be saved.
    pub fn changes(&self, segment: usize, since: u64) -> Option<Vec<u8>> {
        let of = &self.segments[segment];
        (of.removed <= since).then(|| self.bytes(segment, |entity| entity.revision > since))
    }

    /// The entities of a segment.
    pub fn segment_bytes(&self, segment: usize) -> Vec<u8> {
        self.bytes(segment, |_| true)
    }

    fn bytes(&self, segment: usize, is_wanted: impl Fn(&Entity) -> bool) -> Vec<u8> {
        let entities = self.segments[segment].entities.iter();
        let mut entities: Vec<(&u64, &Arc<Entity>)> =
            entities.filter(|(_, entity)| is_wanted(entity)).collect();
        entities.sort_unstable_by_key(|(key, _)| **key);
        let mut to = Writer::new(VERSION);
        to.length(entities.len());
        for (key, entity) in entities {
            to.number(*key);
            entity.write(&mut to);
            if self.options.parts.forest {
                entity.write_forest(&mut to);
            }
        }
        to.into_bytes()
    }

    /// Continues from what was saved: of all, and of each segment its entities and what has changed since, in order.
    ///
    /// # Errors
    /// `Internal` if it is damaged, or of other features.
    pub fn restore<'a>(
        &mut self,
        all: &[u8],
        segments: impl IntoIterator<Item = impl IntoIterator<Item = &'a [u8]>>,
    ) -> Result<()> {
        let read = self.read(all, segments);
        read.ok_or_else(|| {
            Error::internal("the profiles are damaged, or were written by another version")
        })
    }

    fn read<'a>(
        &mut self,
        all: &[u8],
        segments: impl IntoIterator<Item = impl IntoIterator<Item = &'a [u8]>>,
    ) -> Option<()> {
        let mut from = Reader::new(all, VERSION)?;
        let kinds: Vec<Kind> = self.options.features.iter().map(|(kind, _)| *kind).collect();
        let evicted = from.number()?;
        let mut waiting = Vec::new();
        for _ in 0..from.length()? {
            let (key, age) = (from.optional()?, from.signed()?);
            let row = kinds.iter().map(|_| Value::read(&mut from)).collect::<Option<_>>()?;
            waiting.push((key, row, age));
        }
        let mut all = None;
        if from.flag()? {
            let aged = from.signed()?;
            let feature = |kind: &Kind| {
                Some(match kind {
                    Kind::Number => {
                        Feature::Number(Grid::read(&mut from)?, Histogram::read(&mut from)?)
                    }
                    Kind::Category => Feature::Category(Frequencies::read(&mut from)?),
                })
            };
            all = Some(All { features: kinds.iter().map(feature).collect::<Option<_>>()?, aged });
        }
        let door = Doorkeeper::read(&mut from, self.options.admit_within)?;
        from.end()?;
        let of_entity = self::kinds(&self.options);
        let mut read = Vec::with_capacity(SEGMENTS);
        for parts in segments {
            let mut segment = Segment::default();
            for bytes in parts {
                let mut from = Reader::new(bytes, VERSION)?;
                for _ in 0..from.length()? {
                    let key = from.number()?;
                    let mut entity = Entity::read(&mut from, &of_entity)?;
                    if self.options.parts.forest {
                        entity.read_forest(&mut from, &self.weights)?;
                    }
                    segment.entities.insert(key, entity.into());
                }
                from.end()?;
            }
            read.push(segment.into());
        }
        if read.len() != SEGMENTS {
            return None;
        }
        (self.waiting, self.all, self.door, self.evicted) = (waiting, all, door, evicted);
        self.segments = read;
        let entities = self.segments.iter().flat_map(|segment| segment.entities.values());
        self.forests = entities.filter(|entity| entity.forest.is_some()).count() as u64;
        Some(())
    }
}

/// The features of which an entity has counts.
fn kinds(options: &ProfileOptions) -> Vec<Kind> {
    let features = options.features.iter().filter(|_| options.parts.profile);
    features.map(|(kind, _)| *kind).collect()
}

impl All {
    /// A row as forests read it: numbers by their ranks among all, so that each scale is as good as any other.
    fn coordinates(&self, row: &[Value]) -> Vec<Coordinate> {
        let of = |(feature, value): (&Feature, &Value)| match (feature, value) {
            (Feature::Number(grid, _), Value::Number(number)) => {
                cut_forest::of_rank(grid.rank(*number))
            }
            (_, Value::Category(hash)) => cut_forest::of_category(*hash),
            _ => cut_forest::MISSING,
        };
        self.features.iter().zip(row).map(of).collect()
    }
}

impl Feature {
    /// The rows of all whose value is at most as frequent as this one, and all.
    fn tail(&self, bin: usize, value: Value) -> (f64, f64) {
        match self {
            Self::Number(_, histogram) => histogram.tail(bin),
            Self::Category(frequencies) => frequencies.tail(value),
        }
    }

    fn bin(&self, value: Value) -> usize {
        match (self, value) {
            (Self::Number(grid, _), Value::Number(number)) => grid.bin(number),
            _ => grid::MISSING,
        }
    }

    fn add(&mut self, bin: usize, value: Value) {
        match self {
            Self::Number(_, histogram) => histogram.add(bin),
            Self::Category(frequencies) => frequencies.add(value),
        }
    }

    fn halve(&mut self, times: u32) {
        for _ in 0..times {
            match self {
                Self::Number(_, histogram) => histogram.halve(),
                Self::Category(frequencies) => frequencies.halve(),
            }
        }
    }
}

/// The logarithm of a share of rows, at most 0; what was never seen was half seen.
fn ln_share((part, rows): (f64, f64)) -> f64 {
    ((part + 0.5) / (rows + 1.0)).ln().min(0.0)
}

fn segment_of(key: u64) -> usize {
    usize::try_from(key >> 58).unwrap_or_default()
}

/// How often counts halve between the time to which they were halved and this one, at most 17: then nothing is left of them.
fn halvings(aged: &mut i64, now: i64, half_life: i64) -> u32 {
    let times = now.saturating_sub(*aged) / half_life.max(1);
    if times <= 0 {
        return 0;
    }
    *aged = aged.saturating_add(times.saturating_mul(half_life.max(1)));
    u32::try_from(times).unwrap_or(u32::MAX).min(17)
}

#[cfg(test)]
mod tests;
