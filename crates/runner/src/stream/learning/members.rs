//! What is learned of each row beside the model: what is usual of all rows as they were lately, and of each entity. Their
//! p-values and the model's are joined to one.

mod notes;
mod opinion;
mod rows;
mod saved;
mod silence;

use anomal_core::{
    Batch, Result,
    proto::{FeatureKind, Plan},
};
use anomal_detectors::online::{
    Calibration, EntityParts, Kind, OnlineForest, ProfileOptions, Profiles, Value,
};
use anomal_spec::{EntityModel, Online, StreamEntity, seconds};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

pub(super) use self::saved::FrozenMembers;
pub use self::silence::SilentEntities;
pub(in crate::stream) use self::{opinion::Opinion, rows::entities};
use self::{opinion::Scores, rows::MemberRows, saved::SegmentParts, silence::silence};

/// How much the p-values count in the joint one.
const MODEL_WEIGHT: f64 = 2.0;
const ONLINE_WEIGHT: f64 = 1.0;
const ENTITY_WEIGHT: f64 = 1.0;
/// As much as the model: it is about all features together, too.
const FOREST_WEIGHT: f64 = 2.0;
/// What -ln p is on average where nothing happens: for a row whose entity has no forest yet.
const NEUTRAL: f64 = 1.0;
/// Rows that have a joint p-value before it is used.
const JOINT_ROWS: usize = 1_000;
/// Counts halve after so many rows where they have no times.
const HALF_LIFE_ROWS: i64 = 100_000;
/// A key gets a profile at its second row within an hour, or within so many rows.
const ADMIT_MICROS: i64 = 3_600_000_000;
const ADMIT_ROWS: i64 = 1_000_000;
/// Rows of an entity that say what is unusual for it.
const TELLING: u64 = 20;
/// Of rows that are too unusual to be learned, such a share is learned by profiles: an entity that stays different is usual in
/// the end.
const UNUSUAL_LEARNED: f64 = 0.1;

pub(super) struct Members {
    features: Vec<Feature>,
    has_entities: bool,
    /// What is known of each.
    parts: EntityParts,
    is_online: bool,
    /// None: frequencies are what is learned row by row.
    forest: Option<OnlineForest>,
    profiles: Profiles,
    online: Calibration,
    entity: Calibration,
    entity_forest: Calibration,
    joint: Calibration,
    /// The shortest pause that is silence, in microseconds; none: it is not looked for.
    silence: Option<i64>,
    segments: SegmentParts,
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
        let model = entity.map_or(EntityModel::None, |entity| entity.model);
        let parts = EntityParts {
            profile: model != EntityModel::None,
            forest: model == EntityModel::Forest,
        };
        let options = ProfileOptions {
            features: features.iter().map(|feature| feature.kind).zip(weights).collect(),
            min_rows: entity.map_or(1.0, |entity| f64::from(entity.min_rows)),
            max: entity.map_or(0, |entity| entity.max),
            forget_after: half_life
                .and(forget_after)
                .map_or(i64::MAX, |seconds| seconds.saturating_mul(1_000_000)),
            half_life: half_life.unwrap_or(HALF_LIFE_ROWS),
            admit_within: if half_life.is_some() { ADMIT_MICROS } else { ADMIT_ROWS },
            parts,
            seed,
        };
        Some(Self {
            features,
            has_entities: entity.is_some(),
            parts,
            is_online,
            forest,
            profiles: Profiles::new(options),
            online: Calibration::default(),
            entity: Calibration::default(),
            entity_forest: Calibration::default(),
            joint: Calibration::default(),
            silence: entity.and_then(silence).filter(|_| half_life.is_some()),
            segments: SegmentParts::default(),
        })
    }

    /// None where there are none.
    pub fn entities(&self) -> Option<EntityCounts> {
        let (known, evicted) = (self.profiles.entities() as u64, self.profiles.evicted());
        self.has_entities.then_some(EntityCounts { known, evicted })
    }

    /// # Errors
    /// `Internal` for a batch without the features.
    pub fn rows<'a>(&self, batch: &Batch, names: &'a [Option<String>]) -> Result<MemberRows<'a>> {
        MemberRows::of(&self.features, names, batch)
    }

    /// Judges a row by what was learned before it. `p`: by the model.
    pub fn judge(&self, rows: &MemberRows<'_>, place: usize, p: Option<f64>) -> Opinion {
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
        let online = match (&self.forest, &numbers) {
            (Some(forest), Some(numbers)) => forest.score(numbers),
            _ => among_all,
        };
        let by_forest = surprise.by_forest.as_ref();
        let scores =
            Scores { online, profile: for_entity, forest: by_forest.map(|found| found.score) };
        let online = self.is_online.then(|| self.online.p_value(scores.online)).flatten();
        let own = self.parts.profile.then(|| self.entity.p_value(for_entity)).flatten();
        let forest = scores.forest.and_then(|score| self.entity_forest.p_value(score));
        let evidence = |p: Option<f64>, weight: f64| p.map(|p| -weight * p.ln());
        let online_evidence = evidence(online, ONLINE_WEIGHT).unwrap_or_default();
        let own_evidence = evidence(own, ENTITY_WEIGHT).unwrap_or_default();
        let forest_evidence = evidence(forest, FOREST_WEIGHT).unwrap_or_default();
        let is_whole = online.is_some() == self.is_online && own.is_some() == self.parts.profile;
        let neutral =
            if self.parts.forest && forest.is_none() { FOREST_WEIGHT * NEUTRAL } else { 0.0 };
        let beside = online_evidence + own_evidence + forest_evidence + neutral;
        let joint = evidence(p, MODEL_WEIGHT).filter(|_| is_whole).map(|model| model + beside);
        let is_used = self.joint.len() >= JOINT_ROWS;
        let joint_p = joint.filter(|_| is_used).and_then(|joint| self.joint.p_value(joint));
        let mut opinion = Opinion {
            key,
            name: kept,
            p: joint_p.or(p),
            scores: Some(scores),
            by_forest: forest,
            numbers,
            joint,
            row,
            ..Opinion::default()
        };
        if let Some(all) = joint.filter(|all| joint_p.is_some() && *all > 0.0) {
            let part = |evidence: f64, part: f64, sum: f64| {
                if sum > 0.0 { evidence * part / sum / all } else { 0.0 }
            };
            // What a forest of all finds is explained by the model's contributions.
            let online_evidence = if self.forest.is_some() { 0.0 } else { online_evidence };
            let parts = surprise.among_all.iter().zip(&surprise.for_entity).enumerate();
            opinion.shares = parts
                .map(|(feature, (all, own))| {
                    let of_forest = by_forest.map_or(0.0, |found| {
                        part(forest_evidence, found.parts[feature], found.score)
                    });
                    part(online_evidence, *all, among_all)
                        + part(own_evidence, *own, for_entity)
                        + of_forest
                })
                .collect();
            opinion.weight = opinion.shares.iter().sum();
        }
        opinion.surprise = surprise;
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

    /// Learns a row. Scores of rows that are not `admitted` are not taken for usual. `chance`: a random number of the row,
    /// `0..1`.
    pub fn learn(&mut self, opinion: &Opinion, age: i64, admitted: bool, chance: f64) {
        if let Some(scores) = opinion.scores.filter(|_| admitted) {
            if self.is_online {
                self.online.learn(scores.online);
            }
            if self.parts.profile {
                self.entity.learn(scores.profile);
            }
            if let Some(score) = scores.forest {
                self.entity_forest.learn(score);
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
}
