//! What is usual of one entity.

use super::{Kind, Value, categories::Frequent, halvings, numbers::Histogram};
use crate::online::{
    bytes::{Reader, Writer},
    cut_forest::{CutForest, OF_ENTITY},
};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entity {
    /// Its newest row.
    pub seen: i64,
    /// The rows since it has a profile.
    pub rows: u64,
    /// The longest time between two of them.
    longest_pause: i64,
    /// Where it is asked for.
    pub name: Option<Box<str>>,
    /// The time to which its counts were halved.
    aged: i64,
    /// The revision of its segment at its last change; is not saved.
    pub revision: u64,
    /// None: what is usual of it is not known.
    features: Box<[Feature]>,
    /// Where it has so many rows that it is worth one.
    pub forest: Option<Box<CutForest>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Feature {
    Number(Histogram),
    Category(Frequent),
}

impl Entity {
    pub fn new(kinds: impl Iterator<Item = Kind>, age: i64) -> Self {
        let feature = |kind| match kind {
            Kind::Number => Feature::Number(Histogram::default()),
            Kind::Category => Feature::Category(Frequent::default()),
        };
        Self {
            seen: age,
            rows: 0,
            longest_pause: 0,
            name: None,
            aged: age,
            revision: 0,
            features: kinds.map(feature).collect(),
            forest: None,
        }
    }

    /// Its rows whose value of the feature is at most as frequent, and all.
    pub fn tail(&self, feature: usize, bin: usize, value: Value) -> (f64, f64) {
        match &self.features[feature] {
            Feature::Number(histogram) => histogram.tail(bin),
            Feature::Category(frequent) => frequent.tail(value),
        }
    }

    pub fn add(&mut self, feature: usize, bin: usize, value: Value) {
        match &mut self.features[feature] {
            Feature::Number(histogram) => histogram.add(bin),
            Feature::Category(frequent) => frequent.add(value),
        }
    }

    /// Takes a row of it into account that is of this age.
    pub fn see(&mut self, age: i64) {
        self.longest_pause = self.longest_pause.max(age.saturating_sub(self.seen));
        self.seen = self.seen.max(age);
    }

    /// Whether it has paused for longer than `least` and than it ever did.
    pub fn is_silent(&self, now: i64, least: i64) -> bool {
        now.saturating_sub(self.seen) > least.max(self.longest_pause)
    }

    pub fn halve(&mut self, now: i64, half_life: i64) {
        for _ in 0..halvings(&mut self.aged, now, half_life) {
            for feature in &mut self.features {
                match feature {
                    Feature::Number(histogram) => histogram.halve(),
                    Feature::Category(frequent) => frequent.halve(),
                }
            }
        }
    }

    pub fn write(&self, to: &mut Writer) {
        to.signed(self.seen);
        to.number(self.rows);
        to.signed(self.longest_pause);
        to.text(self.name.as_deref().unwrap_or_default());
        to.signed(self.aged);
        for feature in &self.features {
            match feature {
                Feature::Number(histogram) => histogram.write(to),
                Feature::Category(frequent) => frequent.write(to),
            }
        }
    }

    /// Its forest, which only those have that were asked for one.
    pub fn write_forest(&self, to: &mut Writer) {
        to.flag(self.forest.is_some());
        if let Some(forest) = &self.forest {
            forest.write(to);
        }
    }

    pub fn read_forest(&mut self, from: &mut Reader<'_>, weights: &[f32]) -> Option<()> {
        if from.flag()? {
            self.forest = Some(Box::new(CutForest::read(&OF_ENTITY, from, weights)?));
        }
        Some(())
    }

    pub fn read(from: &mut Reader<'_>, kinds: &[Kind]) -> Option<Self> {
        let (seen, rows, longest_pause) = (from.signed()?, from.number()?, from.signed()?);
        let name = Some(from.text()?).filter(|name| !name.is_empty()).map(Into::into);
        let aged = from.signed()?;
        let feature = |kind: &Kind| {
            Some(match kind {
                Kind::Number => Feature::Number(Histogram::read(from)?),
                Kind::Category => Feature::Category(Frequent::read(from)?),
            })
        };
        let features = kinds.iter().map(feature).collect::<Option<_>>()?;
        Some(Self { seen, rows, longest_pause, name, aged, revision: 0, features, forest: None })
    }
}
