//! What is learned of each row beside the model: what is usual of all rows as they were lately, and of each entity. Their
//! p-values and the model's are joined to one.

mod opinion;
mod rows;
mod silence;

use std::sync::{Arc, Mutex, PoisonError};

use anomal_core::{
    Batch, Error, Result,
    proto::{FeatureKind, Plan},
    words,
};
use anomal_detectors::online::{
    Calibration, Kind, OnlineForest, ProfileOptions, Profiles, SEGMENTS, Value,
};
use anomal_spec::{Online, StreamEntity, seconds};
use anomal_stream::{Objects, StateObject};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

pub use self::silence::SilentEntities;
pub(in crate::stream) use self::{opinion::Opinion, rows::entities};
use self::{rows::MemberRows, silence::silence};

/// How much the p-values count in the joint one.
const MODEL_WEIGHT: f64 = 2.0;
const ONLINE_WEIGHT: f64 = 1.0;
const ENTITY_WEIGHT: f64 = 1.0;
/// Rows that have a joint p-value before it is used.
const JOINT_ROWS: usize = 1_000;
/// Counts halve after so many rows where they have no times.
const HALF_LIFE_ROWS: i64 = 100_000;
/// A key gets a profile at its second row within an hour, or within so many rows.
const ADMIT_MICROS: i64 = 3_600_000_000;
const ADMIT_ROWS: i64 = 1_000_000;
/// A feature is named as unusual for an entity if at most such a share of its rows is as rare.
const NAMED: f64 = 0.01;
/// Rows of an entity that say what is unusual for it.
const TELLING: u64 = 20;
/// Characters of an entity's name.
const NAME: usize = 80;
/// Of rows that are too unusual to be learned, such a share is learned by profiles: an entity that stays different is usual in
/// the end.
const UNUSUAL_LEARNED: f64 = 0.1;
/// Features that are named.
const MOST_NAMED: usize = 3;

pub(super) struct Members {
    features: Vec<Feature>,
    /// The columns of [`Batch::raw`] that an entity is known by; none: there are no entities.
    by: Vec<String>,
    is_online: bool,
    /// None: frequencies are what is learned row by row.
    forest: Option<OnlineForest>,
    profiles: Profiles,
    online: Calibration,
    entity: Calibration,
    joint: Calibration,
    /// The shortest pause that is silence, in microseconds; none: it is not looked for.
    silence: Option<i64>,
    segments: SegmentParts,
}

/// The objects of each segment.
type SegmentParts = Arc<Mutex<Vec<Option<Parts>>>>;

/// The objects that a segment was saved as: all its entities, then those that had changed.
#[derive(Clone, Default)]
struct Parts {
    /// The segment's revision at the last one.
    revision: u64,
    names: Vec<String>,
    /// Bytes of the first, and of the others.
    whole: usize,
    changes: usize,
}

/// Changes are saved until they have half of the bytes of all.
const CHANGES: usize = 2;
/// Objects of a segment.
const MOST_PARTS: usize = 20;

/// What members have learned by one moment.
pub(super) struct FrozenMembers {
    profiles: Profiles,
    calibrations: [Calibration; 3],
    forest: Option<OnlineForest>,
    segments: SegmentParts,
}

impl FrozenMembers {
    /// What a checkpoint has of them: bytes, and the names of the objects of each segment.
    ///
    /// # Errors
    /// `Store`.
    pub fn save(
        self,
        objects: &mut dyn Objects,
    ) -> anomal_stream::Result<(Vec<Vec<u8>>, Vec<Vec<String>>)> {
        let mut known = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = Vec::with_capacity(SEGMENTS);
        for (segment, known) in known.iter_mut().enumerate() {
            let parts = match known.take() {
                Some(parts) => self.continued(segment, parts, objects)?,
                None => None,
            };
            let parts = match parts {
                Some(parts) => parts,
                None => self.whole(segment, objects)?,
            };
            names.push(parts.names.clone());
            *known = Some(parts);
        }
        let mut bytes: Vec<Vec<u8>> = self.calibrations.iter().map(Calibration::to_bytes).collect();
        bytes.push(self.profiles.to_bytes());
        bytes.extend(self.forest.as_ref().map(OnlineForest::to_bytes));
        Ok((bytes, names))
    }

    /// What was saved of a segment, and what has changed since; none where that is too much, or not stored.
    fn continued(
        &self,
        segment: usize,
        mut parts: Parts,
        objects: &mut dyn Objects,
    ) -> anomal_stream::Result<Option<Parts>> {
        let revision = self.profiles.revision(segment);
        let mut change = None;
        if revision != parts.revision {
            let changes = self.profiles.changes(segment, parts.revision);
            let fits = |bytes: &Vec<u8>| {
                (parts.changes + bytes.len()) * CHANGES <= parts.whole
                    && parts.names.len() < MOST_PARTS
            };
            let Some(bytes) = changes.filter(fits) else { return Ok(None) };
            change = Some(bytes);
        }
        if !parts.names.iter().all(|name| objects.reuse(name)) {
            return Ok(None);
        }
        if let Some(bytes) = change {
            parts.changes += bytes.len();
            let object = StateObject::new(bytes);
            objects.store(&object)?;
            parts.names.push(object.name().to_owned());
            parts.revision = revision;
        }
        Ok(Some(parts))
    }

    fn whole(&self, segment: usize, objects: &mut dyn Objects) -> anomal_stream::Result<Parts> {
        let object = StateObject::new(self.profiles.segment_bytes(segment));
        objects.store(&object)?;
        Ok(Parts {
            revision: self.profiles.revision(segment),
            names: vec![object.name().to_owned()],
            whole: object.bytes().len(),
            changes: 0,
        })
    }
}

/// The entities of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityCounts {
    /// Those that have a profile.
    pub known: u64,
    /// Those that were dropped since there were too many, or since they were not seen for long.
    pub evicted: u64,
}

pub(super) struct Feature {
    name: String,
    kind: Kind,
}

impl Members {
    /// None: neither is wanted.
    pub fn new(
        plan: &Plan,
        online: Online,
        entity: Option<&StreamEntity>,
        half_life: Option<i64>,
        seed: u64,
    ) -> Option<Self> {
        let is_online = online != Online::None;
        if !is_online && entity.is_none() {
            return None;
        }
        let kind = |kind| match kind {
            FeatureKind::Numeric => Kind::Number,
            _ => Kind::Category,
        };
        let features: Vec<Feature> = plan
            .features
            .iter()
            .map(|feature| Feature { name: feature.name.clone(), kind: kind(feature.kind()) })
            .collect();
        let weights: Vec<f64> = plan.features.iter().map(|feature| feature.weight).collect();
        let forest = (online == Online::OnlineIsolationForest)
            .then(|| OnlineForest::new(weights.clone(), seed));
        let forget_after = entity.and_then(|entity| seconds(&entity.forget_after));
        let forget_after = forget_after.and_then(|seconds| i64::try_from(seconds).ok());
        let options = ProfileOptions {
            features: features.iter().map(|feature| feature.kind).zip(weights).collect(),
            min_rows: entity.map_or(1.0, |entity| f64::from(entity.min_rows)),
            max: entity.map_or(0, |entity| entity.max),
            forget_after: half_life
                .and(forget_after)
                .map_or(i64::MAX, |seconds| seconds.saturating_mul(1_000_000)),
            half_life: half_life.unwrap_or(HALF_LIFE_ROWS),
            admit_within: if half_life.is_some() { ADMIT_MICROS } else { ADMIT_ROWS },
        };
        Some(Self {
            features,
            by: entity.map(|entity| entity.by.clone()).unwrap_or_default(),
            is_online,
            forest,
            profiles: Profiles::new(options),
            online: Calibration::default(),
            entity: Calibration::default(),
            joint: Calibration::default(),
            silence: entity.and_then(silence).filter(|_| half_life.is_some()),
            segments: Arc::new(Mutex::new(vec![None; SEGMENTS])),
        })
    }

    pub fn has_entities(&self) -> bool {
        !self.by.is_empty()
    }

    /// None where there are none.
    pub fn entities(&self) -> Option<EntityCounts> {
        let (known, evicted) = (self.profiles.entities() as u64, self.profiles.evicted());
        self.has_entities().then_some(EntityCounts { known, evicted })
    }

    /// # Errors
    /// `Internal` for a batch without the features or columns.
    pub fn rows(&self, batch: &Batch) -> Result<MemberRows> {
        MemberRows::of(&self.features, &self.by, batch)
    }

    /// Judges a row by what was learned before it. `p`: by the model.
    pub fn judge(&self, rows: &MemberRows, place: usize, p: Option<f64>) -> Opinion {
        let row: Vec<Value> = rows.values.iter().map(|values| values[place]).collect();
        let name = rows.entities[place].as_deref();
        let key = name.map(|name| xxh3_64(name.as_bytes()));
        let kept = name.filter(|_| self.silence.is_some()).map(str::to_owned);
        let Some(surprise) = self.profiles.judge(key, &row) else {
            return Opinion { key, name: kept, row, p, ..Opinion::default() };
        };
        let sum = |parts: &[f64]| parts.iter().sum::<f64>();
        let (among_all, for_entity) = (sum(&surprise.among_all), sum(&surprise.for_entity));
        let numbers = self.forest.as_ref().map(|_| self.numbers(&row, &surprise.among_all));
        let online_score = match (&self.forest, &numbers) {
            (Some(forest), Some(numbers)) => forest.score(numbers),
            _ => among_all,
        };
        let online = self.is_online.then(|| self.online.p_value(online_score)).flatten();
        let own = self.has_entities().then(|| self.entity.p_value(for_entity)).flatten();
        let evidence = |p: Option<f64>, weight: f64| p.map(|p| -weight * p.ln());
        let online_evidence = evidence(online, ONLINE_WEIGHT).unwrap_or_default();
        let own_evidence = evidence(own, ENTITY_WEIGHT).unwrap_or_default();
        let is_whole = online.is_some() == self.is_online && own.is_some() == self.has_entities();
        let joint = evidence(p, MODEL_WEIGHT).filter(|_| is_whole);
        let joint = joint.map(|model| model + online_evidence + own_evidence);
        let is_used = self.joint.len() >= JOINT_ROWS;
        let joint_p = joint.filter(|_| is_used).and_then(|joint| self.joint.p_value(joint));
        let mut opinion = Opinion {
            key,
            name: kept,
            p: joint_p.or(p),
            scores: Some((online_score, for_entity)),
            numbers,
            joint,
            row,
            ..Opinion::default()
        };
        if let Some(all) = joint.filter(|all| joint_p.is_some() && *all > 0.0) {
            let part = |evidence: f64, part: f64, sum: f64| {
                if sum > 0.0 { evidence * part / sum / all } else { 0.0 }
            };
            // What a forest finds is explained by the model's contributions.
            let online_evidence = if self.forest.is_some() { 0.0 } else { online_evidence };
            let parts = surprise.among_all.iter().zip(&surprise.for_entity);
            opinion.shares = parts
                .map(|(all, own)| {
                    part(online_evidence, *all, among_all) + part(own_evidence, *own, for_entity)
                })
                .collect();
            opinion.weight = opinion.shares.iter().sum();
        }
        let seen = key.and_then(|key| self.profiles.rows_of(key)).unwrap_or_default();
        if let Some(name) = name.filter(|_| seen >= TELLING) {
            opinion.note = self.note(name, seen, &surprise.for_entity, &surprise.among_all);
        }
        opinion
    }

    /// A row for the forest: categories are as far apart as they are rare.
    #[expect(clippy::cast_possible_truncation, reason = "the forest splits single precision")]
    fn numbers(&self, row: &[Value], among_all: &[f64]) -> Vec<f32> {
        let rarity = among_all.iter().zip(self.profiles.weights());
        let number = |(value, (surprise, weight)): (&Value, (&f64, f64))| match value {
            Value::Number(number) => *number as f32,
            Value::Category(_) if weight > 0.0 => (surprise / weight) as f32,
            _ => f32::NAN,
        };
        row.iter().zip(rarity).map(number).collect()
    }

    /// What is rarer for the entity than among all.
    fn note(&self, name: &str, seen: u64, own: &[f64], all: &[f64]) -> Option<String> {
        let features = self.features.iter().zip(self.profiles.weights());
        let mut rare: Vec<(f64, &str)> = features
            .zip(own.iter().zip(all))
            .filter(|((_, weight), (own, all))| **own > -weight * NAMED.ln() && own > all)
            .map(|((feature, _), (own, _))| (*own, feature.name.as_str()))
            .collect();
        if rare.is_empty() {
            return None;
        }
        rare.sort_by(|a, b| b.0.total_cmp(&a.0));
        let names: Vec<String> =
            rare.into_iter().take(MOST_NAMED).map(|(_, name)| name.to_owned()).collect();
        let (name, names) = (words::shortened(name, NAME), words::listed(&names));
        Some(format!("unusual for {name} ({} before): {names}", words::rows(seen)))
    }

    /// Learns a row. Scores of rows that are not `admitted` are not taken for usual. `chance`: a random number of the row,
    /// `0..1`.
    pub fn learn(&mut self, opinion: &Opinion, age: i64, admitted: bool, chance: f64) {
        if let Some((online, for_entity)) = opinion.scores.filter(|_| admitted) {
            if self.is_online {
                self.online.learn(online);
            }
            if self.has_entities() {
                self.entity.learn(for_entity);
            }
        }
        if let Some(joint) = opinion.joint.filter(|_| admitted) {
            self.joint.learn(joint);
        }
        let is_learned = admitted || chance < UNUSUAL_LEARNED;
        if is_learned {
            self.profiles.learn(opinion.key, &opinion.row, age);
            if let (Some(forest), Some(numbers)) = (&mut self.forest, &opinion.numbers) {
                forest.learn(numbers);
            }
        }
        let Some(key) = opinion.key else { return };
        if !is_learned {
            self.profiles.see(key, age);
        }
        if let Some(name) = &opinion.name {
            self.profiles.name(key, name);
        }
    }

    /// What they have learned by now.
    pub fn freeze(&self) -> FrozenMembers {
        FrozenMembers {
            profiles: self.profiles.clone(),
            calibrations: [&self.online, &self.entity, &self.joint].map(Clone::clone),
            forest: self.forest.clone(),
            segments: Arc::clone(&self.segments),
        }
    }

    /// # Errors
    /// `Internal` if they are damaged.
    pub fn restore(&mut self, bytes: &[Vec<u8>], segments: &[Vec<&StateObject>]) -> Result<()> {
        let [online, entity, joint, all, forest @ ..] = bytes else {
            return Err(Error::internal("the state has no profiles"));
        };
        self.online = Calibration::from_bytes(online)?;
        self.entity = Calibration::from_bytes(entity)?;
        self.joint = Calibration::from_bytes(joint)?;
        if let (Some(known), Some(forest)) = (&mut self.forest, forest.first()) {
            known.restore(forest)?;
        }
        let bytes = segments.iter().map(|parts| parts.iter().map(|object| object.bytes()));
        self.profiles.restore(all, bytes)?;
        let parts = |objects: &Vec<&StateObject>| {
            let lengths = || objects.iter().map(|object| object.bytes().len());
            Some(Parts {
                revision: 0,
                names: objects.iter().map(|object| object.name().to_owned()).collect(),
                whole: lengths().next().unwrap_or_default(),
                changes: lengths().skip(1).sum(),
            })
        };
        self.segments = Arc::new(Mutex::new(segments.iter().map(parts).collect()));
        Ok(())
    }
}
