//! The evidence of a run: in memory up to a bound, and beyond it in a temporary file, so that it takes no memory from the rows
//! that are still being read. Incidents are made of all of it at once, from memory.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
    sync::Arc,
};

use anomal_core::{Code, Error, FactValue, Facts, Result};

use crate::incidents::{Evidence, HitKey};

/// Bytes of rows in memory while more come.
const IN_MEMORY: usize = 64 << 20;
/// Bytes of the buffers of the file.
const BUFFER: usize = 1 << 20;
/// Marks what is missing.
const MISSING: u32 = u32::MAX;

/// Rows in the order in which they were added.
#[derive(Default)]
pub(crate) struct EvidenceSpool {
    /// Those that are not in the file.
    rows: Vec<Evidence>,
    file: Option<SpoolFile>,
    bound: Option<usize>,
}

impl EvidenceSpool {
    /// With at most so many rows in memory.
    #[cfg(test)]
    fn with_bound(rows: usize) -> Self {
        Self { bound: Some(rows), ..Self::default() }
    }

    /// # Errors
    /// `Output` if they can't be written.
    pub fn push(&mut self, evidence: Evidence) -> Result<()> {
        if self.rows.len() == self.rows.capacity() {
            // By a quarter and not to twice as much.
            self.rows.reserve_exact((self.rows.len() / 4).max(1_024));
        }
        self.rows.push(evidence);
        if self.rows.len() < self.bound.unwrap_or(IN_MEMORY / size_of::<Evidence>()) {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            empty => empty.insert(SpoolFile::create().map_err(|error| failed(&error))?),
        };
        self.rows.drain(..).try_for_each(|row| file.write(&row)).map_err(|error| failed(&error))
    }

    /// All rows.
    ///
    /// # Errors
    /// `Output` if they can't be read again.
    pub fn into_rows(self) -> Result<Vec<Evidence>> {
        match self.file {
            None => Ok(self.rows),
            Some(file) => file.into_rows(self.rows).map_err(|error| failed(&error)),
        }
    }
}

fn failed(error: &io::Error) -> Error {
    let message = format!(
        "cannot keep the rows that stand out in a temporary file: {error}; free some space there, or set TMPDIR to a folder \
         with more space"
    );
    Error::new(Code::Output, "SPOOL_FAILED", message)
}

/// Equal lists once, by their place.
struct Lists<T> {
    all: Vec<Arc<[T]>>,
    places: HashMap<Arc<[T]>, u32>,
}

impl<T: Eq + std::hash::Hash> Lists<T> {
    fn new() -> Self {
        Self { all: Vec::new(), places: HashMap::new() }
    }

    fn place(&mut self, list: &Arc<[T]>) -> u32 {
        if let Some(place) = self.places.get(list) {
            return *place;
        }
        let place = u32::try_from(self.all.len()).unwrap_or(MISSING);
        self.all.push(Arc::clone(list));
        self.places.insert(Arc::clone(list), place);
        place
    }

    fn get(&self, place: u32) -> Option<Arc<[T]>> {
        self.all.get(usize::try_from(place).ok()?).cloned()
    }
}

struct SpoolFile {
    file: BufWriter<File>,
    rows: usize,
    hits: Lists<usize>,
    groups: Lists<HitKey>,
}

impl SpoolFile {
    fn create() -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER, tempfile::tempfile()?);
        Ok(Self { file, rows: 0, hits: Lists::new(), groups: Lists::new() })
    }

    fn write(&mut self, evidence: &Evidence) -> io::Result<()> {
        let group = evidence.group.as_ref().map_or(MISSING, |group| self.groups.place(group));
        let signature = evidence.signature.get().and_then(|place| u32::try_from(place).ok());
        let numbers = [
            evidence.actor,
            evidence.target,
            self.hits.place(&evidence.hits),
            group,
            signature.unwrap_or(MISSING),
            u32::from(evidence.suspicious),
        ];
        let out = &mut self.file;
        out.write_all(&evidence.row.to_le_bytes())?;
        out.write_all(&evidence.time.get().unwrap_or(i64::MIN).to_le_bytes())?;
        out.write_all(&evidence.score.get().unwrap_or(f64::NAN).to_le_bytes())?;
        for number in numbers {
            out.write_all(&number.to_le_bytes())?;
        }
        let facts = encoded(evidence.facts.as_ref());
        out.write_all(&u32::try_from(facts.len()).unwrap_or(0).to_le_bytes())?;
        out.write_all(&facts)?;
        self.rows += 1;
        Ok(())
    }

    /// Its rows, and those that come after them.
    fn into_rows(self, rest: Vec<Evidence>) -> io::Result<Vec<Evidence>> {
        let Self { file, rows, hits, groups } = self;
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let mut input = BufReader::with_capacity(BUFFER, file);
        let mut all = Vec::with_capacity(rows + rest.len());
        let mut known: HashMap<Vec<u8>, Option<Facts>> = HashMap::new();
        for _ in 0..rows {
            let (row, time, score) =
                (number(&mut input)?, number(&mut input)?, number(&mut input)?);
            let mut codes = [0; 6];
            for code in &mut codes {
                *code = u32::from_le_bytes(bytes(&mut input)?);
            }
            let [actor, target, of_hits, group, signature, suspicious] = codes;
            let length = u32::from_le_bytes(bytes(&mut input)?);
            let mut facts = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            input.read_exact(&mut facts)?;
            let facts = match known.get(&facts) {
                Some(known) => known.clone(),
                None => {
                    let read = decoded(&facts);
                    known.insert(facts, read.clone());
                    read
                }
            };
            all.push(Evidence {
                row,
                time: Some(time.cast_signed()).into(),
                actor,
                target,
                suspicious: suspicious == 1,
                score: Some(f64::from_bits(score)).into(),
                hits: hits.get(of_hits).unwrap_or_default(),
                group: groups.get(group),
                facts,
                signature: usize::try_from(signature).ok().filter(|_| signature != MISSING).into(),
            });
        }
        all.extend(rest);
        Ok(all)
    }
}

fn bytes<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn number(input: &mut impl Read) -> io::Result<u64> {
    Ok(u64::from_le_bytes(bytes(input)?))
}

/// Nothing where there are none; else a mark, then each value with its kind before it.
fn encoded(facts: Option<&Facts>) -> Vec<u8> {
    let Some(facts) = facts else { return Vec::new() };
    let mut out = vec![1];
    for fact in facts.iter() {
        match fact {
            FactValue::Missing => out.push(0),
            FactValue::Number(number) => {
                out.push(1);
                out.extend(number.to_le_bytes());
            }
            FactValue::Text(text) => {
                out.push(2);
                out.extend((text.len() as u64).to_le_bytes());
                out.extend(text.as_bytes());
            }
        }
    }
    out
}

fn decoded(encoded: &[u8]) -> Option<Facts> {
    let (_, mut rest) = encoded.split_first()?;
    let mut facts = Vec::new();
    while let Some((kind, values)) = rest.split_first() {
        rest = values;
        if *kind == 0 {
            facts.push(FactValue::Missing);
            continue;
        }
        let (number, values) = rest.split_first_chunk()?;
        rest = values;
        if *kind == 1 {
            facts.push(FactValue::Number(f64::from_le_bytes(*number)));
            continue;
        }
        let (text, values) =
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*number)).ok()?)?;
        rest = values;
        facts.push(FactValue::Text(std::str::from_utf8(text).ok()?.into()));
    }
    Some(facts.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::incidents::{KeyPart, NONE};

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
        fn rows_come_back_in_their_order(rows in prop::collection::vec(any_evidence(), 0..40), bound in 1..50_usize) {
            let mut spool = EvidenceSpool::with_bound(bound);
            for row in &rows {
                spool.push(row.clone()).unwrap();
            }
            prop_assert_eq!(spool.file.is_some(), rows.len() >= bound);
            prop_assert_eq!(spool.into_rows().unwrap(), rows);
        }
    }

    #[test]
    fn memory_holds_no_more_than_the_bound() {
        let mut spool = EvidenceSpool::with_bound(1_000);
        for row in 0..10_500 {
            spool.push(Evidence { row, ..Evidence::default() }).unwrap();
            assert!(spool.rows.len() < 1_000 && spool.rows.capacity() < 1_500);
        }
        let rows = spool.into_rows().unwrap();
        assert!(rows.iter().map(|row| row.row).eq(0..10_500));
        // A million rows without facts of their own take less than 100 MB.
        assert!(size_of::<Evidence>() <= 88, "{}", size_of::<Evidence>());
    }
}
