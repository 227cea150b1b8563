//! What is learned of each row beside the model: what is usual of all rows as they were lately, and of each entity. Their
//! p-values and the model's are joined to one.

mod notes;
mod opinion;
mod row_by_row;
mod rows;
mod saved;
mod silence;

use anomal_core::{
    Batch, Result,
    proto::{FeatureKind, Plan},
};
use anomal_detectors::online::{Calibration, EntityParts, Kind, ProfileOptions, Profiles, Value};
use anomal_spec::{EntityModel, Online, StreamEntity, seconds};
use polars::prelude::StringChunked;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

pub(super) use self::saved::FrozenMembers;
pub use self::silence::SilentEntities;
pub(in crate::stream) use self::{opinion::Opinion, rows::entities};
use self::{
    opinion::{Evidence, Scores},
    row_by_row::RowByRow,
    rows::MemberRows,
    saved::SegmentParts,
    silence::silence,
};
use crate::stream::online::weighted;

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

pub(super) struct Members {
    features: Vec<Feature>,
    has_entities: bool,
    /// What is known of each.
    parts: EntityParts,
    row_by_row: RowByRow,
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
        if online == Online::None && entity.is_none() {
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
            row_by_row: RowByRow::new(online, &weighted(plan), seed),
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

    pub fn entity_bytes(&self) -> u64 {
        self.profiles.memory()
    }

    pub fn limit_entities(&mut self, bytes: u64, age: i64) {
        self.profiles.limit(bytes, age);
    }

    pub fn crowded(&self) -> u64 {
        self.profiles.crowded()
    }

    /// # Errors
    /// `Internal` for a batch without the features.
    pub fn rows<'a>(&self, batch: &Batch, names: &'a StringChunked) -> Result<MemberRows<'a>> {
        MemberRows::new(&self.features, names, batch)
    }

    /// Judges a row by what was learned before it. `p`: by the model.
    pub fn judge(&self, rows: &MemberRows<'_>, place: usize, p: Option<f64>) -> Opinion {
        let row: Vec<Value> = rows.values.iter().map(|values| values[place]).collect();
        let name = rows.entities.get(place);
        let key = name.map(|name| xxh3_64(name.as_bytes()));
        let name = name.filter(|_| self.silence.is_some()).map(str::to_owned);
        let opinion = Opinion { key, name, row, p, ..Opinion::default() };
        match self.profiles.judge(key, &opinion.row) {
            Some(surprise) => self.joined(Opinion { surprise, ..opinion }),
            None => opinion,
        }
    }

    /// The opinion on a row with the evidence of all.
    fn joined(&self, mut opinion: Opinion) -> Opinion {
        let (row, surprise) = (&opinion.row, &opinion.surprise);
        let for_entity = surprise.for_entity.iter().sum::<f64>();
        let online = self.row_by_row.judge(row, surprise, self.profiles.weights());
        let scores = Scores {
            online: online.as_ref().map(|found| found.score),
            profile: for_entity,
            forest: surprise.by_forest.as_ref().map(|found| found.score),
        };
        let own = self.parts.profile.then(|| self.entity.p_value(for_entity)).flatten();
        let forest = scores.forest.and_then(|score| self.entity_forest.p_value(score));
        let is_whole = own.is_some() == self.parts.profile;
        let online_p = scores.online.and_then(|score| self.online.p_value(score));
        let is_whole = is_whole && online_p.is_some() == self.row_by_row.is_something();
        let evidence = |p: Option<f64>, weight: f64| p.map(|p| -weight * p.ln());
        let found = Evidence {
            online: evidence(online_p, ONLINE_WEIGHT).unwrap_or_default(),
            profile: evidence(own, ENTITY_WEIGHT).unwrap_or_default(),
            forest: evidence(forest, FOREST_WEIGHT).unwrap_or_default(),
        };
        let neutral =
            if self.parts.forest && forest.is_none() { FOREST_WEIGHT * NEUTRAL } else { 0.0 };
        let beside = found.online + found.profile + found.forest + neutral;
        let model = evidence(opinion.p, MODEL_WEIGHT).filter(|_| is_whole);
        let joint = model.map(|model| model + beside);
        let is_used = self.joint.len() >= JOINT_ROWS;
        let joint_p = joint.filter(|_| is_used).and_then(|joint| self.joint.p_value(joint));
        opinion.online_parts = online.map(|found| found.parts).unwrap_or_default();
        opinion.is_joint = joint_p.is_some();
        opinion.p = joint_p.or(opinion.p);
        (opinion.scores, opinion.evidence) = (Some(scores), found);
        (opinion.by_forest, opinion.joint) = (forest, joint);
        opinion
    }

    /// The share of each feature in what they found unusual of a row, together how much they count beside the model, `0..=1`;
    /// empty where they do not.
    pub fn shares(&self, opinion: &Opinion) -> Vec<f64> {
        let Some(all) = opinion.joint.filter(|all| opinion.is_joint && *all > 0.0) else {
            return Vec::new();
        };
        let (surprise, evidence) = (&opinion.surprise, &opinion.evidence);
        let share = |evidence: f64, parts: &[f64], sum: f64, feature: usize| {
            let part = parts.get(feature).copied().unwrap_or_default();
            if sum > 0.0 { evidence * part / sum / all } else { 0.0 }
        };
        let sum = |parts: &[f64]| parts.iter().sum::<f64>();
        let (online, own) = (&opinion.online_parts, &surprise.for_entity);
        let (of_online, of_own) = (sum(online), sum(own));
        let of = |feature: usize| {
            let of_forest = surprise
                .by_forest
                .as_ref()
                .map_or(0.0, |found| share(evidence.forest, &found.parts, found.score, feature));
            share(evidence.online, online, of_online, feature)
                + share(evidence.profile, own, of_own, feature)
                + of_forest
        };
        (0..self.features.len()).map(of).collect()
    }

    /// Learns a row, if it is to be. Scores of rows that are not `admitted` are not taken for usual.
    pub fn learn(&mut self, opinion: &Opinion, age: i64, admitted: bool, is_learned: bool) {
        if let Some(scores) = opinion.scores.filter(|_| admitted) {
            if let Some(score) = scores.online {
                self.online.learn(score);
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
        if is_learned {
            self.profiles.learn(opinion.key, &opinion.row, age);
            self.row_by_row.learn(&opinion.row, &opinion.surprise, self.profiles.weights());
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
