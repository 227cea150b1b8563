//! Cuts groups of rows, which are in the order of their times, into findings.

use std::{borrow::Cow, collections::HashSet, iter::Peekable};

use anomal_core::Result;

use super::grouped::{GroupedRow, SCORE};
use crate::{
    incidents::input::{Code, IncidentInput, NONE},
    spool::{Sorter, Spool},
};

/// Rows of a pair of actor and target that no flag has hit are a burst from this number on, and fewer rows at the end of a
/// finding are no finding of their own.
const FEW: usize = 3;

/// So many rows in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub rows: usize,
    /// Whether they are a finding; else each is alike others.
    pub is_finding: bool,
}

/// How sorted rows are cut.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// Empty if there are more findings than were asked for.
    pub all: Vec<Segment>,
    /// Findings by cause; those of rows that are alike are among those of the score.
    pub findings: Vec<usize>,
}

impl Segments {
    pub fn count(&self) -> usize {
        self.findings.iter().sum()
    }
}

/// Cuts all rows, which are sorted. `pairs`: those of actor and target that a flag has hit, sorted; at most `most` findings
/// are kept, and all counted.
pub(super) fn segments(
    input: &IncidentInput,
    rows: &Spool<GroupedRow>,
    pairs: &Spool<(Code, Code)>,
    most: usize,
) -> Result<Segments> {
    let mut cutter = Cutter {
        input,
        most,
        is_full: false,
        count: 0,
        segments: Segments { all: Vec::new(), findings: vec![0; input.flags.len() + 1] },
        signatures: HashSet::new(),
    };
    let mut pairs = pairs.iter().peekable();
    // The one is a group ahead of the other.
    let (mut ahead, mut behind) = (rows.iter(), rows.iter());
    let mut next = ahead.next().transpose()?;
    while let Some(first) = next.take() {
        let mut pauses = Pauses::new(input, first.time());
        let mut length = 1;
        loop {
            next = ahead.next().transpose()?;
            match &next {
                Some(row) if row.is_with(&first) => {
                    length += 1;
                    pauses.add(row.time())?;
                }
                _ => break,
            }
        }
        let mut group = behind.by_ref().take(length);
        if first.cause == SCORE && !is_supported(&first, &mut pairs)? {
            let is_about = input.actor(first.evidence.actor) != NONE
                || input.target(first.evidence.target) != NONE;
            cutter.bursts(&mut group, is_about)?;
        } else {
            cutter.split(first.cause, &mut group, length, pauses)?;
        }
    }
    let Cutter { mut segments, signatures, is_full, .. } = cutter;
    segments.findings[SCORE as usize] += signatures.len();
    if is_full || segments.count() > most {
        segments.all = Vec::new();
    }
    Ok(segments)
}

/// Whether flagged rows are about the same pair. Groups come in the order of the pairs.
fn is_supported<'a>(
    group: &GroupedRow,
    pairs: &mut Peekable<impl Iterator<Item = Result<Cow<'a, (Code, Code)>>>>,
) -> Result<bool> {
    let wanted = (group.actor, group.target);
    if wanted.0 == NONE || wanted.1 == NONE {
        return Ok(false);
    }
    while let Some(pair) = pairs.next_if(|pair| pair.as_ref().map_or(true, |pair| **pair < wanted))
    {
        pair?;
    }
    Ok(pairs.peek().is_some_and(|pair| pair.as_ref().is_ok_and(|pair| **pair == wanted)))
}

/// The pauses of a group.
struct Pauses {
    last: Option<i64>,
    longest: i64,
    all: Sorter<i64, fn(&i64, &i64) -> std::cmp::Ordering>,
}

impl Pauses {
    fn new(input: &IncidentInput, first: Option<i64>) -> Self {
        Self { last: first, longest: 0, all: Sorter::new(input.memory / 4, i64::cmp) }
    }

    fn add(&mut self, time: Option<i64>) -> Result<()> {
        if let (Some(last), Some(time)) = (self.last, time) {
            let pause = time.saturating_sub(last);
            self.longest = self.longest.max(pause);
            self.all.push(pause)?;
        }
        self.last = time.or(self.last);
        Ok(())
    }

    /// The pause beyond which rows are apart; none if there is no such one.
    fn ending(self, gap: i64) -> Result<Option<i64>> {
        if self.longest <= gap {
            return Ok(None);
        }
        let all = self.all.finish()?;
        let median = all.iter().nth((all.len() - 1) / 2).transpose()?;
        Ok(median.map(|median| gap.max(median.saturating_mul(3))))
    }
}

struct Cutter<'a> {
    input: &'a IncidentInput,
    most: usize,
    /// Whether there are more findings than that.
    is_full: bool,
    count: usize,
    segments: Segments,
    /// Those of rows that are alike.
    signatures: HashSet<Option<usize>>,
}

type Row<'a> = Result<Cow<'a, GroupedRow>>;

impl Cutter<'_> {
    fn finding(&mut self, cause: u32, rows: usize) {
        self.segments.findings[cause as usize] += 1;
        self.count += 1;
        self.is_full |= self.count > self.most;
        self.add(Segment { rows, is_finding: true });
    }

    fn alike(&mut self, rows: usize) {
        match self.segments.all.last_mut().filter(|last| !last.is_finding) {
            Some(last) => last.rows += rows,
            None => self.add(Segment { rows, is_finding: false }),
        }
    }

    fn add(&mut self, segment: Segment) {
        if self.is_full {
            self.segments.all = Vec::new();
        } else {
            self.segments.all.push(segment);
        }
    }

    /// Rows of one pair that are near in time are a finding; the others are alike others.
    fn bursts<'b>(
        &mut self,
        rows: &mut impl Iterator<Item = Row<'b>>,
        is_about: bool,
    ) -> Result<()> {
        let gap = self.input.gap;
        let (mut last, mut length) = (None, 0);
        let mut few: Vec<Option<usize>> = Vec::with_capacity(FEW);
        for row in rows {
            let row = row?;
            if !is_about {
                self.signatures.insert(row.evidence.signature.get());
                self.alike(1);
                continue;
            }
            if is_apart(&mut last, row.time(), gap) {
                self.burst(&mut few, length);
                length = 0;
            }
            length += 1;
            if length < FEW {
                few.push(row.evidence.signature.get());
            }
        }
        if length > 0 {
            self.burst(&mut few, length);
        }
        Ok(())
    }

    fn burst(&mut self, few: &mut Vec<Option<usize>>, length: usize) {
        if length >= FEW {
            self.finding(SCORE, length);
        } else {
            self.signatures.extend(few.iter());
            self.alike(length);
        }
        few.clear();
    }

    /// Parts of a group at pauses longer than the gap and three times the median pause. A few rows are no part of their own:
    /// they stay with those before, the first with those behind.
    fn split<'b>(
        &mut self,
        cause: u32,
        rows: &mut impl Iterator<Item = Row<'b>>,
        length: usize,
        pauses: Pauses,
    ) -> Result<()> {
        let pause = if length < 2 * FEW { None } else { pauses.ending(self.input.gap)? };
        let Some(pause) = pause else {
            rows.try_for_each(|row| row.map(drop))?;
            self.finding(cause, length);
            return Ok(());
        };
        let (mut before, mut part, mut last) = (0, 0, None);
        for row in rows {
            if is_apart(&mut last, row?.time(), pause) {
                self.part(cause, &mut before, part);
                part = 0;
            }
            part += 1;
        }
        self.part(cause, &mut before, part);
        self.finding(cause, before);
        Ok(())
    }

    /// Adds a part to the rows before it, or, if neither are few, makes these a finding.
    fn part(&mut self, cause: u32, before: &mut usize, part: usize) {
        if part < FEW || *before < FEW {
            *before += part;
        } else {
            self.finding(cause, *before);
            *before = part;
        }
    }
}

/// Whether a row is after a pause longer than `pause`. Rows without a time, which come first, are in the first part.
fn is_apart(last: &mut Option<i64>, time: Option<i64>, pause: i64) -> bool {
    let apart =
        matches!((*last, time), (Some(last), Some(time)) if time.saturating_sub(last) > pause);
    *last = time.or(*last);
    apart
}
