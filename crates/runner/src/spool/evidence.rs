//! Rows that stand out, in a file.

use std::sync::Arc;

use anomal_core::FactValue;

use super::Spilled;
use crate::incidents::{Evidence, HitKey, KeyPart};

/// Marks what is missing.
const MISSING: u32 = u32::MAX;

impl Spilled for Evidence {
    fn size(&self) -> usize {
        let list = |bytes: usize| if bytes == 0 { 0 } else { bytes + 2 * size_of::<usize>() };
        let group = self.group.as_ref().map_or(0, |group| group.len() * size_of::<HitKey>());
        let facts = self.facts.as_ref().map_or(0, |facts| facts.iter().map(of_fact).sum());
        size_of::<Self>() + list(self.hits.len() * size_of::<usize>()) + list(group) + list(facts)
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.row.write(out);
        self.time.get().unwrap_or(i64::MIN).write(out);
        self.score.get().unwrap_or(f64::NAN).write(out);
        self.actor.write(out);
        self.target.write(out);
        let signature = self.signature.get().and_then(|place| u32::try_from(place).ok());
        signature.unwrap_or(MISSING).write(out);
        u8::from(self.suspicious).write(out);
        length(self.hits.len()).write(out);
        self.hits.iter().for_each(|flag| length(*flag).write(out));
        self.group.as_ref().map_or(MISSING, |group| length(group.len())).write(out);
        for key in self.group.iter().flat_map(|group| group.iter()) {
            key.code.write(out);
            (key.part as u8).write(out);
        }
        self.facts.as_ref().map_or(MISSING, |facts| length(facts.len())).write(out);
        self.facts.iter().flat_map(|facts| facts.iter()).for_each(|fact| write_fact(fact, out));
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        let (row, time, score) = (u64::read(input)?, i64::read(input)?, f64::read(input)?);
        let (actor, target, signature) = (u32::read(input)?, u32::read(input)?, u32::read(input)?);
        Some(Self {
            row,
            time: Some(time).into(),
            actor,
            target,
            suspicious: u8::read(input)? == 1,
            score: Some(score).into(),
            hits: list(input, |input| u32::read(input).map(|flag| flag as usize))?
                .0
                .unwrap_or_default(),
            group: list(input, read_key)?.0,
            facts: list(input, read_fact)?.0,
            signature: usize::try_from(signature).ok().filter(|_| signature != MISSING).into(),
        })
    }
}

fn length(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(MISSING - 1)
}

/// A list, or none.
struct List<T>(Option<Arc<[T]>>);

/// A list with its length before it.
fn list<T>(input: &mut &[u8], read: impl Fn(&mut &[u8]) -> Option<T>) -> Option<List<T>> {
    match u32::read(input)? {
        MISSING => Some(List(None)),
        0 => Some(List(Some(Arc::default()))),
        length => {
            (0..length).map(|_| read(input)).collect::<Option<_>>().map(|all| List(Some(all)))
        }
    }
}

fn read_key(input: &mut &[u8]) -> Option<HitKey> {
    let code = u32::read(input)?;
    let part = match u8::read(input)? {
        0 => KeyPart::Actor,
        1 => KeyPart::Target,
        _ => KeyPart::Other,
    };
    Some(HitKey { code, part })
}

/// Bytes in memory.
fn of_fact(fact: &FactValue) -> usize {
    let text = if let FactValue::Text(text) = fact { text.len() } else { 0 };
    size_of::<FactValue>() + text
}

fn write_fact(fact: &FactValue, out: &mut Vec<u8>) {
    match fact {
        FactValue::Missing => 0_u8.write(out),
        FactValue::Number(number) => {
            1_u8.write(out);
            number.write(out);
        }
        FactValue::Text(text) => {
            2_u8.write(out);
            length(text.len()).write(out);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

fn read_fact(input: &mut &[u8]) -> Option<FactValue> {
    Some(match u8::read(input)? {
        0 => FactValue::Missing,
        1 => FactValue::Number(f64::read(input)?),
        _ => {
            let length = u32::read(input)? as usize;
            let text = std::str::from_utf8(input.split_off(..length)?).ok()?;
            FactValue::Text(text.into())
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{incidents::NONE, spool::Spool};

    fn any_fact() -> impl Strategy<Value = FactValue> {
        prop_oneof![
            Just(FactValue::Missing),
            any::<i32>().prop_map(|number| FactValue::Number(f64::from(number) / 7.0)),
            ".{0,12}".prop_map(|text| FactValue::Text(text.into())),
        ]
    }

    fn any_evidence() -> impl Strategy<Value = Evidence> {
        let times = proptest::option::of(-1_000_i64..1_000);
        let scores = proptest::option::of(0.0..1.0);
        let codes = (prop_oneof![Just(NONE), 0..9_u32], prop_oneof![Just(NONE), 0..9_u32]);
        let hits = prop::collection::vec(0..4_usize, 0..3);
        let group = proptest::option::of(prop::collection::vec(0..9_u32, 0..3));
        let facts = proptest::option::of(prop::collection::vec(any_fact(), 0..3));
        let one = (any::<u64>(), times, scores, codes, any::<bool>(), hits, group, facts);
        (one, proptest::option::of(0..5_usize)).prop_map(|(one, signature)| {
            let (row, time, score, (actor, target), suspicious, hits, group, facts) = one;
            let key = |code| HitKey { code, part: KeyPart::Target };
            Evidence {
                row,
                time: time.into(),
                actor,
                target,
                suspicious,
                score: score.into(),
                hits: hits.into(),
                group: group.map(|codes| codes.into_iter().map(key).collect()),
                facts: facts.map(Into::into),
                signature: signature.into(),
            }
        })
    }

    proptest! {
        #[test]
        fn rows_come_back_in_their_order(rows in prop::collection::vec(any_evidence(), 0..40), bound in 1_usize..5_000) {
            let mut spool = Spool::new(bound);
            for row in &rows {
                spool.push(row.clone()).unwrap();
            }
            prop_assert_eq!(spool.len(), rows.len());
            prop_assert!(spool.is_in_memory() || rows.iter().map(Spilled::size).sum::<usize>() >= bound);
            let found: Vec<Evidence> = spool.iter().map(|row| row.unwrap().into_owned()).collect();
            prop_assert_eq!(found, rows);
        }
    }

    #[test]
    fn rows_take_little_memory() {
        // A million rows without facts of their own take less than 100 MB.
        assert!(size_of::<Evidence>() <= 88, "{}", size_of::<Evidence>());
    }
}
