//! The states of keys between the rows of one watermark and those of the next.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use anomal_components::{decode_states, encode_states, memory_of_states};
use anomal_core::{Error, FrozenStates, Result};
use serde::{Deserialize, Serialize, Serializer};

use super::{columns::KeyBytes, window::KeyState};

/// The states of all aggregates of a run, by the names of their features.
#[derive(Default)]
pub(crate) struct AggregateStates(BTreeMap<String, StepStates>);

impl AggregateStates {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn of_step(&mut self, feature: &str) -> &mut StepStates {
        self.0.entry(feature.to_owned()).or_default()
    }

    /// Forgets the keys without a row in the window of any time behind `watermark`.
    pub fn expire(&mut self, watermark: i64) {
        for states in self.0.values_mut() {
            if let StepStates::Live(states) = states {
                states.expire(watermark);
            }
        }
    }

    /// In bytes, without the keys that no row behind `expired` needs.
    ///
    /// # Errors
    /// `Internal`.
    pub fn memory(&mut self, expired: Option<i64>) -> Result<u64> {
        let of = |states: &mut StepStates| match states {
            StepStates::Empty => Ok(0),
            StepStates::Snapshot(bytes) => Ok(bytes.len() as u64),
            StepStates::Live(states) => states.memory(expired),
        };
        self.0.values_mut().map(of).sum()
    }

    /// Forgets the half of the keys of each aggregate that were seen longest ago, and returns how many these are.
    pub fn forget_half(&mut self) -> u64 {
        let live = self.0.values_mut().filter_map(|states| match states {
            StepStates::Live(live) => Some(live),
            _ => None,
        });
        live.map(|live| live.forget_half()).sum()
    }

    pub fn freeze(&self) -> FrozenStates {
        let states = self.0.iter().map(|(feature, states)| (feature.clone(), states.freeze()));
        frozen_by_name(states.collect())
    }

    /// # Errors
    /// `InvalidRequest` if it is damaged. The states of an aggregate are decoded with its first rows.
    pub fn restore(snapshot: &[u8]) -> Result<Self> {
        let states: Vec<(String, Vec<u8>)> = decode_states(snapshot)?;
        let states = states.into_iter();
        Ok(Self(states.map(|(feature, bytes)| (feature, StepStates::Snapshot(bytes))).collect()))
    }
}

/// The states of an aggregate.
#[derive(Default)]
pub(crate) enum StepStates {
    #[default]
    Empty,
    Snapshot(Vec<u8>),
    Live(Box<dyn AnyStates>),
}

impl StepStates {
    /// The states of an aggregate over windows of `window` microseconds.
    ///
    /// # Errors
    /// `InvalidRequest` if a snapshot is damaged; `Internal` if they are those of another aggregate.
    pub fn by_key<S: KeyState>(&mut self, window: Option<i64>) -> Result<&mut States<S>> {
        let by_key = match self {
            Self::Live(_) => None,
            Self::Empty => Some(HashMap::new()),
            Self::Snapshot(bytes) => {
                let states: Vec<(Box<[u8]>, StoredState<S>)> = decode_states(bytes)?;
                let shared = |(key, state): (Box<[u8]>, _)| (key.into(), Arc::new(state));
                Some(states.into_iter().map(shared).collect())
            }
        };
        if let Some(by_key) = by_key {
            *self = Self::Live(Box::new(States::<S> { window, by_key, expired: i64::MIN }));
        }
        let Self::Live(states) = self else { return Err(Error::internal("no states")) };
        let states: &mut dyn Any = states.as_mut();
        states.downcast_mut().ok_or_else(|| Error::internal("the states of another aggregate"))
    }

    fn freeze(&self) -> FrozenStates {
        match self {
            Self::Empty => FrozenStates::new(|| encode_states::<[(&[u8], ()); 0]>(&[])),
            Self::Snapshot(bytes) => {
                let bytes = bytes.clone();
                FrozenStates::new(move || Ok(bytes))
            }
            Self::Live(states) => states.freeze(),
        }
    }
}

/// [`States`] of any kind.
pub(crate) trait AnyStates: Any + Send + Sync {
    fn expire(&mut self, watermark: i64);
    fn memory(&mut self, expired: Option<i64>) -> Result<u64>;
    fn forget_half(&mut self) -> u64;
    fn freeze(&self) -> FrozenStates;
}

/// Shared with those that are frozen until they change.
type ByKey<S> = HashMap<KeyBytes, Arc<StoredState<S>>>;

/// The states of an aggregate by key.
pub(crate) struct States<S> {
    window: Option<i64>,
    by_key: ByKey<S>,
    /// Keys without a row behind this time were forgotten.
    expired: i64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredState<S> {
    /// The time of the key's newest row.
    pub last: i64,
    pub state: S,
}

impl<S> States<S> {
    pub fn take(&mut self, key: &[u8]) -> Option<Arc<StoredState<S>>> {
        self.by_key.remove(key)
    }

    pub fn store(&mut self, key: KeyBytes, state: Arc<StoredState<S>>) {
        self.by_key.insert(key, state);
    }
}

impl<S: KeyState> AnyStates for States<S> {
    fn expire(&mut self, watermark: i64) {
        let Some(window) = self.window else { return };
        let start = watermark.saturating_sub(window);
        // Small batches come often, and each time all keys are looked at.
        if start.saturating_sub(self.expired) < window / 64 {
            return;
        }
        self.expired = start;
        self.by_key.retain(|_, stored| stored.last > start);
    }

    fn memory(&mut self, expired: Option<i64>) -> Result<u64> {
        // All that can be forgotten, so that it does not matter when that was done last.
        if let (Some(window), Some(expired)) = (self.window, expired) {
            let start = expired.saturating_sub(window);
            self.by_key.retain(|_, stored| stored.last > start);
        }
        memory_of_states(&Stored(&self.by_key), self.by_key.len())
    }

    fn forget_half(&mut self) -> u64 {
        let mut ages: Vec<(i64, &KeyBytes)> =
            self.by_key.iter().map(|(key, stored)| (stored.last, key)).collect();
        if ages.is_empty() {
            return 0;
        }
        let middle = ages.len() / 2;
        let (last, key) = *ages.select_nth_unstable(middle).1;
        let (line, before) = ((last, key.clone()), self.by_key.len());
        self.by_key.retain(|key, stored| (stored.last, key) > (line.0, &line.1));
        (before - self.by_key.len()) as u64
    }

    fn freeze(&self) -> FrozenStates {
        let by_key = self.by_key.clone();
        FrozenStates::new(move || {
            let states = by_key.iter().map(|(key, state)| (key.as_ref(), state.as_ref()));
            let mut states: Vec<(&[u8], &StoredState<S>)> = states.collect();
            states.sort_by_key(|(key, _)| *key);
            encode_states(&states)
        })
    }
}

/// As they are encoded.
struct Stored<'a, S>(&'a ByKey<S>);

impl<S: Serialize> Serialize for Stored<'_, S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> std::result::Result<T::Ok, T::Error> {
        serializer.collect_map(self.0.iter().map(|(key, state)| (key.as_ref(), state.as_ref())))
    }
}

/// States of steps by their names, encoded together.
pub(crate) fn frozen_by_name(states: Vec<(String, FrozenStates)>) -> FrozenStates {
    FrozenStates::new(move || {
        let encoded = states.into_iter().map(|(name, states)| Ok((name, states.encode()?)));
        encode_states(&encoded.collect::<Result<Vec<_>>>()?)
    })
}
