//! Rows that have scores are judged, then learned.

use anomal_core::{Batch, Result};
use anomal_detectors::online::Admission;
use anomal_spec::LearnSuspects;
use polars::prelude::{DataFrame, StringChunked};

use super::{
    CHALLENGER, Learned, Learner, Mark, learned::Found, line::Seen, members::Opinion, phases::Phase,
};
use crate::stream::event_time::RowTimes;

/// The rows that a model has scored before its p-values are taken to be uniform.
const MATURE: u64 = 5_000;
/// Of rows that are too unusual to be learned, such a share is learned by profiles and what is learned row by row.
const UNUSUAL_LEARNED: f64 = 0.1;

impl Learner {
    /// Judges rows that have scores, and learns them: all, or to the one at which the records are seen to have changed.
    /// `names` are those of their entities, `marks` what else is known of them.
    ///
    /// # Errors
    /// `Internal`.
    pub fn learn(
        &mut self,
        batch: &Batch,
        times: &RowTimes,
        names: &StringChunked,
        marks: &[Mark],
    ) -> Result<Learned> {
        let offsets = batch.offsets();
        let scored = Scored::of(&batch.scores)?;
        let challenged = batch.scores.column(CHALLENGER[0]).is_ok();
        let challenged =
            challenged.then(|| Scored::named(&batch.scores, CHALLENGER)).transpose()?;
        let mut learned = Learned::default();
        let rows = self.members.as_ref().map(|members| members.rows(batch, names)).transpose()?;
        let (mut places, mut ages, mut chances) = (Vec::new(), Vec::new(), Vec::new());
        for (row, offset) in offsets.iter().enumerate() {
            let time = times.of(*offset).time;
            self.progress.rate.add(time);
            self.progress.see(time);
            let chance = self.chance(batch.partition, *offset);
            let (score, own) = scored.row(row);
            let model_p = score.and_then(|score| self.calibration.p_value(score));
            let opinion = match (&self.members, &rows) {
                (Some(members), Some(rows)) => members.judge(rows, row, model_p),
                _ => Opinion::of_model(model_p),
            };
            let p = opinion.p;
            let suspicious = self.line.is_suspicious(Seen { score, p, own }, &self.progress.rate);
            let by_model = Seen { score, p: model_p, own };
            let by_model = self.line.by_model(by_model, suspicious, &self.progress.rate);
            let mut found = Found { p, suspicious, ..Found::default() };
            if let Some(members) = &self.members
                && (suspicious || marks[row].written)
            {
                found.shares = members.shares(&opinion);
                let name = names.get(row).filter(|_| suspicious);
                found.note = name.and_then(|name| members.note(name, &opinion));
            }
            learned.found.push(found);
            if let Some(score) = score {
                learned.changed = self.is_change(score, chance);
                if let Some(challenged) = &challenged {
                    self.compare(
                        &challenged.row(row),
                        (score, model_p, by_model),
                        chance,
                        marks[row].witness,
                    );
                }
                let seen = Admitted { p, suspicious, is_sure: self.line.is_sure(p) };
                let admitted = seen.by(self.suspects, &mut self.admission);
                if let Some(members) = &mut self.members {
                    // An entity that stays different is usual in the end.
                    let trimmed = self.suspects == LearnSuspects::Trimmed;
                    let is_learned = admitted || (trimmed && chance < UNUSUAL_LEARNED);
                    members.learn(&opinion, self.progress.age(), admitted, is_learned);
                }
                if admitted {
                    self.calibration.learn(score);
                    places.push(u32::try_from(row).unwrap_or(u32::MAX));
                    ages.push((self.progress.rows, self.progress.newest));
                    chances.push(chance);
                }
            }
            self.progress.rows += 1;
            if learned.changed {
                break;
            }
        }
        self.sample.offer(&batch.features, &places, &ages, &chances)?;
        Ok(learned)
    }

    fn is_change(&mut self, score: f64, chance: f64) -> bool {
        let watched = self.refit.as_ref().is_some_and(|schedule| schedule.on_drift);
        let progress = &mut self.progress;
        let watched = watched && matches!(self.phase, Phase::Steady) && !progress.drifted;
        if !watched || progress.rows - progress.in_use_since < MATURE {
            return false;
        }
        let p = self.calibration.smoothed(score, chance);
        let changed = p.is_some_and(|p| progress.change.is_change(p));
        progress.drifted |= changed;
        progress.counts.drifts += u32::from(changed);
        progress.counts.drifted |= changed;
        changed
    }

    /// Judges a row by the model on trial, too.
    fn compare(
        &mut self,
        (score, own): &(Option<f64>, bool),
        champion: (f64, Option<f64>, bool),
        chance: f64,
        witness: bool,
    ) {
        let (Phase::Trial { challenger, .. }, Some(score)) = (&mut self.phase, score) else {
            return;
        };
        let p = challenger.calibration.p_value(*score);
        let seen = Seen { score: Some(*score), p, own: *own };
        let suspicious = challenger.line.is_suspicious(seen, &self.progress.rate);
        let smoothed = (
            self.calibration.smoothed(champion.0, chance),
            challenger.calibration.smoothed(*score, chance),
        );
        let expected = self.line.expected(&self.progress.rate);
        challenger.trial.add(
            smoothed,
            (champion.1, p),
            (champion.2, suspicious),
            expected,
            witness,
        );
        // Its p-values begin with these rows: the one in use knows more.
        let is_sure = challenger.line.is_sure(p) || challenger.line.is_sure(champion.1);
        let seen = Admitted { p, suspicious, is_sure };
        if seen.by(self.suspects, &mut challenger.admission) {
            challenger.calibration.learn(*score);
        }
    }
}

/// A row that may be learned from.
struct Admitted {
    p: Option<f64>,
    suspicious: bool,
    /// It is hardly a false alarm, or only where the world has changed.
    is_sure: bool,
}

impl Admitted {
    /// Whether it is learned from.
    fn by(&self, suspects: LearnSuspects, admission: &mut Admission) -> bool {
        match suspects {
            LearnSuspects::All => true,
            LearnSuspects::None => !self.suspicious,
            LearnSuspects::Trimmed => {
                let admitted = self.p.is_none_or(|p| admission.admit(p));
                admitted && (!self.is_sure || admission.has_changed())
            }
        }
    }
}

/// Scores and verdicts of an engine.
struct Scored {
    scores: Vec<Option<f64>>,
    suspicious: Vec<bool>,
}

impl Scored {
    fn of(scores: &DataFrame) -> Result<Self> {
        Self::named(scores, ["score", "suspicious"])
    }

    fn named(scores: &DataFrame, [score, suspicious]: [&str; 2]) -> Result<Self> {
        let verdicts = scores.column(suspicious)?.bool()?;
        Ok(Self {
            scores: scores.column(score)?.f64()?.iter().collect(),
            suspicious: verdicts.iter().map(|verdict| verdict.unwrap_or(false)).collect(),
        })
    }

    fn row(&self, row: usize) -> (Option<f64>, bool) {
        (self.scores[row], self.suspicious[row])
    }
}
