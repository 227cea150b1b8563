//! A checkpoint and its bytes (ADR 29).
//!
//! Eight bytes that name the format and its version, the number of the checkpoint, the length of the rest and its XXH3
//! checksum, all little-endian, then the rest: two sections, each with its length before it, compressed by zstd. The first
//! is JSON with everything but the state of the judge, the second is that state. There is no code in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::positions::Positions;

const MAGIC: &[u8; 8] = b"ANOMALC1";
/// Before the sections: magic, number, length, checksum.
const HEADER: usize = 32;
/// A checkpoint beyond that is refused: states are megabytes.
const MAX_BYTES: usize = 4 << 30;
const LEVEL: i32 = 3;

/// How far a sink has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The next record of each partition whose results the sink has not made durable.
    pub positions: Positions,
    /// Where the sink is behind them; none: at its beginning.
    pub mark: Option<Vec<u8>>,
}

/// Everything from which a stream continues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// From 1.
    pub number: u64,
    /// The process that wrote it.
    pub owner: u64,
    /// The records that were judged.
    pub positions: Positions,
    /// As [`Log::place`](crate::Log::place).
    pub place: Vec<u8>,
    /// The sinks by name.
    pub cursors: BTreeMap<String, Cursor>,
    /// The bytes of the [`JudgeState`](crate::JudgeState), and the names of its objects.
    pub state: Vec<u8>,
    pub objects: Vec<String>,
}

/// Why bytes are not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("it is not a checkpoint of Anomal")]
    Magic,
    #[error("it was written by another version of Anomal")]
    Version,
    #[error("it is cut off")]
    Length,
    #[error("its checksum does not match")]
    Checksum,
    #[error("its contents are damaged")]
    Contents,
}

#[derive(Serialize, Deserialize)]
struct Head {
    owner: u64,
    positions: Positions,
    place: Vec<u8>,
    cursors: BTreeMap<String, Cursor>,
    objects: Vec<String>,
}

impl Checkpoint {
    /// # Errors
    /// `Contents` if it can't be written as JSON or compressed, which is a defect.
    pub fn encode(&self) -> Result<Vec<u8>, Damage> {
        let head = Head {
            owner: self.owner,
            positions: self.positions.clone(),
            place: self.place.clone(),
            cursors: self.cursors.clone(),
            objects: self.objects.clone(),
        };
        let head = serde_json::to_vec(&head).map_err(|_| Damage::Contents)?;
        let mut rest = Vec::new();
        for section in [&head, &self.state] {
            let packed = zstd::bulk::compress(section, LEVEL).map_err(|_| Damage::Contents)?;
            rest.extend_from_slice(&(section.len() as u64).to_le_bytes());
            rest.extend_from_slice(&(packed.len() as u64).to_le_bytes());
            rest.extend_from_slice(&packed);
        }
        let number = self.number.to_le_bytes();
        let length = (rest.len() as u64).to_le_bytes();
        let checksum = checksum(self.number, &rest).to_le_bytes();
        Ok([MAGIC.as_slice(), &number, &length, &checksum, &rest].concat())
    }

    /// # Errors
    /// Why the bytes are not a checkpoint.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        if bytes.len() < MAGIC.len() || bytes[..7] != MAGIC[..7] {
            return Err(Damage::Magic);
        }
        if bytes[..8] != MAGIC[..] {
            return Err(Damage::Version);
        }
        if bytes.len() < HEADER {
            return Err(Damage::Length);
        }
        let (header, rest) = bytes.split_at(HEADER);
        let [number, length, sum] = [8, 16, 24].map(|at| word(header, at).unwrap_or(0));
        if length != rest.len() as u64 {
            return Err(Damage::Length);
        }
        if checksum(number, rest) != sum {
            return Err(Damage::Checksum);
        }
        let (head, rest) = section(rest)?;
        let (state, rest) = section(rest)?;
        if !rest.is_empty() {
            return Err(Damage::Contents);
        }
        let head: Head = serde_json::from_slice(&head).map_err(|_| Damage::Contents)?;
        let Head { owner, positions, place, cursors, objects } = head;
        Ok(Self { number, owner, positions, place, cursors, state, objects })
    }
}

/// Of the number too, so that a checkpoint can't pass as another one.
fn checksum(number: u64, rest: &[u8]) -> u64 {
    xxh3_64(rest) ^ xxh3_64(&number.to_le_bytes())
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?.try_into().ok()?;
    Some(u64::from_le_bytes(bytes))
}

/// The first section, and the bytes behind it.
fn section(bytes: &[u8]) -> Result<(Vec<u8>, &[u8]), Damage> {
    let lengths = (word(bytes, 0), word(bytes, 8));
    let (Some(plain), Some(packed)) = lengths else { return Err(Damage::Contents) };
    let plain = usize::try_from(plain).ok().filter(|plain| *plain <= MAX_BYTES);
    let packed = usize::try_from(packed).ok().and_then(|packed| bytes[16..].get(..packed));
    let (Some(plain), Some(packed)) = (plain, packed) else { return Err(Damage::Contents) };
    // The length is a bound alone: a small file can't ask for much memory.
    let mut reader = zstd::stream::Decoder::new(packed).map_err(|_| Damage::Contents)?;
    let mut unpacked = Vec::new();
    let limited = &mut std::io::Read::take(&mut reader, plain as u64 + 1);
    std::io::Read::read_to_end(limited, &mut unpacked).map_err(|_| Damage::Contents)?;
    if unpacked.len() != plain {
        return Err(Damage::Contents);
    }
    Ok((unpacked, &bytes[16 + packed.len()..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checkpoint() -> Checkpoint {
        let positions: Positions = [(0, 7), (3, 1)].into_iter().collect();
        let cursor = Cursor { positions: positions.clone(), mark: Some(b"mark".to_vec()) };
        Checkpoint {
            number: 12,
            owner: u64::MAX,
            positions,
            place: b"\0place\xff".to_vec(),
            cursors: [("a".to_owned(), cursor), ("b".to_owned(), Cursor::default())].into(),
            state: vec![9; 1000],
            objects: vec!["m.model".to_owned()],
        }
    }

    #[test]
    fn damaged_checkpoints_are_refused() {
        let bytes = checkpoint().encode().unwrap();
        assert_eq!(Checkpoint::decode(&bytes).unwrap(), checkpoint());
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert!(Checkpoint::decode(&damaged).is_err(), "byte {place}");
            assert!(Checkpoint::decode(&bytes[..place]).is_err(), "cut at {place}");
        }
        assert!(Checkpoint::decode(&[bytes.as_slice(), b"x"].concat()).is_err());
        let mut newer = bytes;
        newer[7] = b'2';
        assert_eq!(Checkpoint::decode(&newer), Err(Damage::Version));
    }

    /// Bytes with a good checksum.
    fn signed(rest: &[u8]) -> Vec<u8> {
        let sum = checksum(1, rest).to_le_bytes();
        let length = (rest.len() as u64).to_le_bytes();
        [MAGIC.as_slice(), &1_u64.to_le_bytes(), &length, &sum, rest].concat()
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(rest in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Checkpoint::decode(&rest).is_err());
            prop_assert!(Checkpoint::decode(&signed(&rest)).is_err());
        }

        #[test]
        fn what_is_written_is_read(state in prop::collection::vec(any::<u8>(), 0..2000), number: u64) {
            let written = Checkpoint { number, state, ..checkpoint() };
            prop_assert_eq!(Checkpoint::decode(&written.encode().unwrap()).unwrap(), written);
        }
    }
}
