//! Flags over windows: the verdict on a row is that on the last row of the window that ends with it.
//!
//! A window is made of panes, which are aligned to the epoch, so that it does not depend on where a stream begins. What is
//! kept of a key is bounded, and depends on the rows before alone, in their order.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use anomal_core::{Cancel, Code, Error, FrozenStates, Result};
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64;

use crate::{flag_hits::FlagHits, inputs::Inputs};

/// The panes of a window.
pub const PANES: i64 = 60;
/// The most keys that a flag keeps; the half that was seen last stays where there are more.
pub const MAX_KEYS: usize = 500_000;
/// The bytes in memory for each encoded one, and for each key beside them: the places of maps and queues that are free, and what
/// the allocator needs.
const ENCODED_IN_MEMORY: u64 = 2;
const KEY_IN_MEMORY: u64 = 100;

/// The length of windows. The one that ends with a row has the row's pane and the 59 before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Microseconds.
    pane: i64,
}

impl Window {
    /// `length`: microseconds, at least 1. Panes are a sixtieth of it, rounded up.
    pub fn new(length: i64) -> Self {
        Self { pane: (length.max(1) - 1) / PANES + 1 }
    }

    /// Microseconds.
    pub fn length(self) -> i64 {
        self.pane.saturating_mul(PANES)
    }

    /// The number of the pane of a time in microseconds since the epoch.
    pub fn pane(self, time: i64) -> i64 {
        time.div_euclid(self.pane)
    }

    /// The first pane of the window that ends in a pane.
    pub fn first(pane: i64) -> i64 {
        pane.saturating_sub(PANES - 1)
    }
}

/// A row that takes part in windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedRow {
    /// Microseconds since the epoch.
    pub time: i64,
    /// Its position in the columns.
    pub row: usize,
}

/// A flag over windows, with the states of its keys.
pub trait FlagWindow: Send + Sync {
    /// The hits among `rows`, judged in their order. Columns as in [`AggregationFlag::hits`](crate::AggregationFlag::hits).
    ///
    /// # Errors
    /// `Cancelled`; `Internal`. The states are lost then.
    fn hits(&mut self, inputs: &Inputs<'_>, rows: &[TimedRow], cancel: &Cancel)
    -> Result<FlagHits>;

    /// The states of all keys.
    fn freeze(&self) -> FrozenStates;

    /// Continues from states that were encoded.
    ///
    /// # Errors
    /// `InvalidRequest` if it is damaged.
    fn restore(&mut self, states: &[u8]) -> Result<()>;

    /// The memory of all states in bytes, by [`memory_of_states`].
    ///
    /// # Errors
    /// `Internal`.
    fn memory(&self) -> Result<u64>;

    /// Forgets the half of the keys that were seen longest ago, and returns how many these are. A state that is bounded by
    /// itself stays.
    fn forget_half(&mut self) -> u64;
}

/// The memory that the states of so many keys take, in bytes, roughly: a function of what is in them, and not of how it came
/// there.
///
/// # Errors
/// `Internal`.
pub fn memory_of_states<T: Serialize>(states: &T, keys: usize) -> Result<u64> {
    // A count of bytes alone: nothing is written.
    let encoded = postcard::serialize_with_flavor(states, postcard::ser_flavors::Size::default())
        .map_err(|error| Error::internal(format!("cannot count states: {error}")))?;
    Ok(ENCODED_IN_MEMORY * encoded as u64 + KEY_IN_MEMORY * keys as u64)
}

/// States as bytes.
///
/// # Errors
/// `Internal`.
pub fn encode_states<T: Serialize>(states: &T) -> Result<Vec<u8>> {
    postcard::to_allocvec(states)
        .map_err(|error| Error::internal(format!("cannot encode states: {error}")))
}

/// States as they are now.
pub fn freeze_states<T: Serialize + Clone + Send + 'static>(states: &T) -> FrozenStates {
    let states = states.clone();
    FrozenStates::new(move || encode_states(&states))
}

/// # Errors
/// `InvalidRequest` if the bytes are damaged.
pub fn decode_states<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|error| {
        let message = format!("the states of keys are damaged: {error}");
        Error::new(Code::InvalidRequest, "STATES_DAMAGED", message)
    })
}

/// A hash of parts of a key; of 500,000 keys, two have the same one with a probability of 1e-8.
pub fn key_hash<const N: usize>(parts: [u64; N]) -> u64 {
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_le_bytes()).collect();
    xxh3_64(&bytes)
}

/// A hash of a text.
pub fn text_hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// The states of keys, by their hashes. Clones share the states that have not changed since. A key is forgotten when its last
/// row is two windows behind the newest one.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "StoredStates<S>", bound(deserialize = "S: Deserialize<'de>"))]
pub struct KeyStates<S> {
    newest: Option<i64>,
    max: usize,
    by_key: HashMap<u64, (i64, Arc<S>)>,
}

/// As stored: the newest pane, the bound of keys, and for each key its last pane and its state, in order.
#[derive(Serialize, Deserialize)]
struct StoredStates<S>(Option<i64>, usize, Vec<(u64, i64, S)>);

impl<S: Serialize> Serialize for KeyStates<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> std::result::Result<T::Ok, T::Error> {
        let keys = self.by_key.iter().map(|(key, (last, state))| (*key, *last, state.as_ref()));
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable_by_key(|(key, ..)| *key);
        StoredStates(self.newest, self.max, keys).serialize(serializer)
    }
}

impl<S> From<StoredStates<S>> for KeyStates<S> {
    fn from(StoredStates(newest, max, keys): StoredStates<S>) -> Self {
        let by_key =
            keys.into_iter().map(|(key, last, state)| (key, (last, Arc::new(state)))).collect();
        Self { newest, max, by_key }
    }
}

impl<S> Default for KeyStates<S> {
    fn default() -> Self {
        Self::with_max(MAX_KEYS)
    }
}

impl<S> KeyStates<S> {
    /// `max`: the most keys, at least 1.
    pub fn with_max(max: usize) -> Self {
        Self { newest: None, max, by_key: HashMap::new() }
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Forgets the keys that are behind, where this pane is the first of its number. By panes, not by calls: what is kept
    /// does not depend on how rows come in batches.
    pub fn advance(&mut self, pane: i64) {
        if self.newest.is_some_and(|newest| pane <= newest) {
            return;
        }
        self.newest = Some(pane);
        let oldest = pane.saturating_sub(2 * PANES);
        self.by_key.retain(|_, (last, _)| *last >= oldest);
    }

    /// Forgets the half that was seen longest ago, and returns how many these are.
    pub fn forget_half(&mut self) -> u64 {
        let mut ages: Vec<(i64, u64)> =
            self.by_key.iter().map(|(key, (last, _))| (*last, *key)).collect();
        if ages.is_empty() {
            return 0;
        }
        let middle = ages.len() / 2;
        let line = *ages.select_nth_unstable(middle).1;
        self.by_key.retain(|key, (last, _)| (*last, *key) > line);
        (ages.len() - self.by_key.len()) as u64
    }
}

impl<S: Clone + Default> KeyStates<S> {
    /// The state of a key for a row in this pane.
    pub fn entry(&mut self, key: u64, pane: i64) -> &mut S {
        self.advance(pane);
        if self.by_key.len() >= self.max && !self.by_key.contains_key(&key) {
            self.forget_half();
        }
        let (last, state) = self.by_key.entry(key).or_insert_with(|| (pane, Arc::default()));
        *last = pane.max(*last);
        Arc::make_mut(state)
    }
}

/// What a key has in each of its last panes, the oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Panes<T>(VecDeque<(i64, T)>);

impl<T> Default for Panes<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Default> Panes<T> {
    /// The contents of a pane. Those two windows behind the newest pane are forgotten.
    pub fn at(&mut self, pane: i64) -> &mut T {
        let place = self.0.iter().rposition(|(known, _)| *known <= pane);
        let is_known = place.is_some_and(|place| self.0[place].0 == pane);
        let mut place = place.map_or(0, |place| place + usize::from(!is_known));
        if !is_known {
            self.0.insert(place, (pane, T::default()));
        }
        let newest = self.0.back().map_or(pane, |(newest, _)| *newest);
        let oldest = newest.saturating_sub(2 * PANES).min(pane);
        while self.0.front().is_some_and(|(known, _)| *known < oldest) {
            self.0.pop_front();
            place -= 1;
        }
        &mut self.0[place].1
    }

    /// The contents of the panes of the window that ends in this one.
    pub fn window(&self, pane: i64) -> impl Iterator<Item = &T> {
        let panes = Window::first(pane)..=pane;
        self.0.iter().filter(move |(known, _)| panes.contains(known)).map(|(_, content)| content)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn panes_are_aligned_to_the_epoch() {
        let window = Window::new(3_600_000_000);
        assert_eq!(window.length(), 3_600_000_000);
        let panes = [-60_000_001, -60_000_000, -1, 0, 59_999_999, 60_000_000];
        assert_eq!(panes.map(|time| window.pane(time)), [-2, -1, -1, 0, 0, 1]);
        assert_eq!(Window::first(60), 1);
        assert_eq!((Window::new(0).length(), Window::new(61).length()), (60, 120));
        assert_eq!(Window::new(i64::MAX).pane(i64::MIN), -60);
    }

    #[test]
    fn of_too_many_keys_those_seen_last_stay() {
        let mut states: KeyStates<u8> = KeyStates::with_max(4);
        for key in 0..4 {
            *states.entry(key, 10 + i64::from(key == 0)) = 7;
        }
        *states.entry(9, 11) += 1;
        assert_eq!(states.len(), 2);
        assert_eq!((*states.entry(0, 11), *states.entry(9, 11), *states.entry(1, 11)), (7, 1, 0));
        let memory = memory_of_states(&states, states.len()).unwrap();
        assert_eq!((states.forget_half(), states.len()), (2, 1));
        assert!(memory_of_states(&states, states.len()).unwrap() < memory - KEY_IN_MEMORY);
        assert_eq!((states.forget_half(), states.forget_half()), (1, 0));
        states.entry(0, 11);
        // Two windows later all are forgotten.
        states.advance(11 + 2 * PANES + 1);
        assert!(states.is_empty());
    }

    proptest! {
        #[test]
        fn panes_hold_what_was_put_in_them(rows in prop::collection::vec(0..200_i64, 1..80)) {
            let mut panes: Panes<u32> = Panes::default();
            let mut seen: Vec<i64> = Vec::new();
            for pane in rows {
                *panes.at(pane) += 1;
                seen.push(pane);
                let newest = *seen.iter().max().unwrap();
                // Panes near the newest are whole.
                if pane >= newest - PANES {
                    let expected = seen.iter().filter(|p| (Window::first(pane)..=pane).contains(p));
                    prop_assert_eq!(panes.window(pane).sum::<u32>() as usize, expected.count());
                }
                let restored: Panes<u32> =
                    decode_states(&encode_states(&panes).unwrap()).unwrap();
                prop_assert_eq!(&restored.0, &panes.0);
            }
        }
    }
}
