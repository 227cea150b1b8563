//! What is known of the rows of a finding, row by row.

use anomal_core::{FactValue, Result};

use super::{EntityRows, SideRows};
use crate::incidents::{
    Evidence,
    input::{Code, IncidentInput, NONE},
    risk::rarity_of,
    span::{Span, SpanBuilder},
};

/// What is known of rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::incidents) struct Sums {
    pub rows: u64,
    /// Rows with a time.
    pub timed: usize,
    pub suspicious: u64,
    /// Rows that both a flag and the score have found.
    pub agreeing: u64,
    /// Flags that have hit them, by place.
    pub flags: Vec<usize>,
    /// The row with the highest score, of equal ones the first.
    pub top: Option<(f64, u64)>,
    /// The highest score of a suspicious row.
    pub highest: Option<f64>,
    /// Rows whose targets are common, neither, rare.
    pub rarity: [u64; 3],
    /// What the lead flag has measured.
    pub facts: CommonFacts,
}

/// The facts of rows that one flag leads: those that differ are missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::incidents) enum CommonFacts {
    #[default]
    NoRow,
    /// A row has none.
    None,
    Some(Vec<FactValue>),
}

impl CommonFacts {
    pub fn add(&mut self, facts: Option<&[FactValue]>) {
        match (&mut *self, facts) {
            (Self::None, _) => {}
            (_, None) => *self = Self::None,
            (Self::NoRow, Some(facts)) => *self = Self::Some(facts.to_vec()),
            (Self::Some(known), Some(facts)) => {
                for (known, fact) in known.iter_mut().zip(facts) {
                    if known != fact {
                        *known = FactValue::Missing;
                    }
                }
            }
        }
    }

    /// With those of other rows.
    pub fn merge(&mut self, other: &Self) {
        match other {
            Self::NoRow => {}
            Self::None => self.add(None),
            Self::Some(facts) => self.add(Some(facts)),
        }
    }
}

impl Sums {
    fn add(&mut self, input: &IncidentInput, row: &Evidence) {
        self.rows += 1;
        self.timed += usize::from(row.time.get().is_some());
        self.suspicious += u64::from(row.suspicious);
        self.agreeing += u64::from(row.suspicious && !row.hits.is_empty());
        self.add_flags(&row.hits);
        let score = row.score.get();
        self.add_top((score.unwrap_or(f64::NEG_INFINITY), row.row));
        self.add_highest(score.filter(|_| row.suspicious));
        self.rarity[rarity_of(input, row.target)] += 1;
        if !row.hits.is_empty() {
            self.facts.add(row.facts.as_deref());
        }
    }

    /// With those of other rows, but for facts, which are of one flag.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.timed += other.timed;
        self.suspicious += other.suspicious;
        self.agreeing += other.agreeing;
        self.add_flags(&other.flags);
        other.top.into_iter().for_each(|top| self.add_top(top));
        self.add_highest(other.highest);
        self.rarity.iter_mut().zip(other.rarity).for_each(|(own, other)| *own += other);
    }

    fn add_flags(&mut self, flags: &[usize]) {
        for flag in flags {
            if let Err(place) = self.flags.binary_search(flag) {
                self.flags.insert(place, *flag);
            }
        }
    }

    fn add_top(&mut self, (score, row): (f64, u64)) {
        let is_higher = self
            .top
            .is_none_or(|(known, of)| score.total_cmp(&known).then_with(|| of.cmp(&row)).is_gt());
        if is_higher {
            self.top = Some((score, row));
        }
    }

    fn add_highest(&mut self, score: Option<f64>) {
        self.highest = match (self.highest, score) {
            (Some(a), Some(b)) if b.total_cmp(&a).is_gt() => Some(b),
            (known, score) => known.or(score),
        };
    }
}

/// The sums of a finding whose rows come by time, those without one first.
pub(super) struct SumsBuilder<'a> {
    input: &'a IncidentInput,
    finding: u32,
    length: usize,
    sums: Sums,
    first_row: u64,
    span: Option<SpanBuilder>,
    /// The last values, with their numbers of rows one after another.
    sides: [Option<(Code, u64)>; 2],
}

impl<'a> SumsBuilder<'a> {
    /// Of so many rows.
    pub fn new(input: &'a IncidentInput, finding: u32, length: usize) -> Self {
        Self {
            input,
            finding,
            length,
            sums: Sums::default(),
            first_row: 0,
            span: None,
            sides: [None; 2],
        }
    }

    /// `entities` get the values of the rows.
    pub fn add(&mut self, row: &Evidence, entities: &mut EntityRows) -> Result<()> {
        if self.sums.rows == 0 {
            self.first_row = row.row;
        }
        if let Some(time) = row.time.get() {
            let timed = self.length - usize::try_from(self.sums.rows).unwrap_or(0);
            self.span.get_or_insert_with(|| SpanBuilder::new(timed)).add(time);
        }
        self.sums.add(self.input, row);
        for (side, code) in [row.actor, row.target].into_iter().enumerate() {
            match &mut self.sides[side] {
                Some((known, rows)) if *known == code => *rows += 1,
                _ => {
                    self.pass_on(side, entities)?;
                    self.sides[side] = Some((code, 1));
                }
            }
        }
        Ok(())
    }

    fn pass_on(&mut self, side: usize, entities: &mut EntityRows) -> Result<()> {
        match self.sides[side].take() {
            Some((code, rows)) if code != NONE => entities.push(SideRows {
                group: self.finding,
                side: u8::from(side == 1),
                code,
                rows,
            }),
            _ => Ok(()),
        }
    }

    /// The sums, the first row, and when they are.
    pub fn finish(mut self, entities: &mut EntityRows) -> Result<(Sums, u64, Option<Span>)> {
        self.pass_on(0, entities)?;
        self.pass_on(1, entities)?;
        Ok((self.sums, self.first_row, self.span.and_then(SpanBuilder::finish)))
    }
}
