//! Verdicts of an engine: requests are checked, and stored unless others have decided in the meantime.

use anomal_core::{
    Code, Error, Result,
    proto::{JudgeRequest, JudgeResponse, Verdict},
};
use jiff::{ToSpan, civil::Date};

use super::LocalReportEngine;
use crate::{
    OpenReport,
    pages::format::text::truncate,
    verdicts::{Judgement, VerdictBook, keys, today},
};

/// Characters of a note, and of a name.
pub const NOTE: usize = 4_000;
pub const NAME: usize = 200;
/// Incidents that are judged at once.
const INCIDENTS: usize = 1_000;
/// Days for which a suppression may last.
const LONGEST: i64 = 366;
/// Tries while others write, each after the verdicts that it has found.
const TRIES: usize = 50;

impl LocalReportEngine {
    /// The verdicts of a job.
    ///
    /// # Errors
    /// `Unavailable` if the store can't be read.
    pub async fn verdict_book(&self, namespace: &str, job: &str) -> Result<VerdictBook> {
        Ok(VerdictBook::new(self.0.store.verdicts(namespace, job).await?))
    }

    pub(super) async fn store_verdicts(&self, request: JudgeRequest) -> Result<JudgeResponse> {
        let open = self.open(&request.report).await?;
        let verdicts = verdicts(&request, &open, today())?;
        let (namespace, job) = (open.report.namespace.as_str(), open.report.job.as_str());
        let about: Vec<String> =
            verdicts.iter().flat_map(|verdict| verdict.keys.iter().cloned()).collect();
        for _ in 0..TRIES {
            let number = self.0.store.next_decision(namespace, job).await?;
            let book = self.verdict_book(namespace, job).await?;
            let newer = book.after(&about, request.after);
            if !newer.is_empty() {
                return Ok(if is_repeated(&newer, &verdicts) {
                    JudgeResponse { stored: newer.into_iter().cloned().collect(), newer: vec![] }
                } else {
                    JudgeResponse { stored: vec![], newer: newer.into_iter().cloned().collect() }
                });
            }
            let stored =
                self.0.store.add_verdicts(namespace, job, number, verdicts.clone()).await?;
            if let Some(stored) = stored {
                return Ok(JudgeResponse { stored, newer: vec![] });
            }
        }
        let message = "many others are judging incidents of this job; try again";
        Err(Error::new(Code::Unavailable, "BUSY", message))
    }
}

/// Whether the same was sent twice, as by a second click.
fn is_repeated(stored: &[&Verdict], wanted: &[Verdict]) -> bool {
    let plain = |verdict: &Verdict| Verdict { number: 0, time: String::new(), ..verdict.clone() };
    stored.len() == wanted.len()
        && stored.iter().zip(wanted).all(|(stored, wanted)| plain(stored) == *wanted)
}

fn verdicts(request: &JudgeRequest, open: &OpenReport, day: Date) -> Result<Vec<Verdict>> {
    let judgement = Judgement::from_name(&request.verdict).ok_or_else(|| {
        let names = Judgement::ALL.map(Judgement::name).join(", ");
        invalid(format!("unknown verdict {:?}; it is one of {names}", shown(&request.verdict)))
    })?;
    if request.note.chars().count() > NOTE {
        return Err(invalid(format!("the note is longer than {NOTE} characters; shorten it")));
    }
    let until = end(request.until.trim(), judgement, day)?;
    if !until.is_empty() && request.note.trim().is_empty() {
        let message = "a suppression needs a reason: write it into the note".to_owned();
        return Err(invalid(message));
    }
    let mut numbers = request.incidents.clone();
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() || numbers.len() > INCIDENTS {
        return Err(invalid(format!("choose 1 to {INCIDENTS} incidents, not {}", numbers.len())));
    }
    let all = open.incidents.as_ref().map_or(&[][..], |all| &all.incidents);
    let verdict = |number: u64| {
        let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let incident = place.and_then(|place| all.get(place)).ok_or_else(|| {
            Error::not_found(format!("the report {} has no incident {number}", open.report.id))
        })?;
        Ok(Verdict {
            who: truncate(request.who.trim(), NAME).0.to_owned(),
            verified: request.verified,
            report: open.report.id.clone(),
            incident: number,
            title: incident.title.clone(),
            flags: incident.flags.clone(),
            rows: incident.rows,
            keys: keys(incident).to_vec(),
            verdict: judgement.name().to_owned(),
            note: request.note.trim().to_owned(),
            until: until.clone(),
            ..Verdict::default()
        })
    };
    numbers.into_iter().map(verdict).collect()
}

/// The day as it is stored.
fn end(until: &str, judgement: Judgement, day: Date) -> Result<String> {
    if until.is_empty() {
        return Ok(String::new());
    }
    if judgement == Judgement::Undecided {
        return Err(invalid(
            "nothing is quiet about what is undecided; leave the end out".to_owned(),
        ));
    }
    let end: Date = until.parse().map_err(|_| {
        invalid(format!("the end {:?} is not a day, such as 2026-04-01", shown(until)))
    })?;
    let last = day.saturating_add(LONGEST.days());
    if end <= day || end > last {
        return Err(invalid(format!(
            "the end {end} is not after today, {day}, and at most {last}"
        )));
    }
    Ok(end.to_string())
}

fn shown(text: &str) -> &str {
    truncate(text, 100).0
}

fn invalid(message: String) -> Error {
    Error::new(Code::InvalidRequest, "VERDICT", message)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn an_end_is_a_day_within_a_year() {
        let day = date(2026, 3, 2);
        let end = |until| end(until, Judgement::Benign, day).map_err(|error| error.message);
        assert_eq!(end(""), Ok(String::new()));
        assert_eq!(end("2026-03-03"), Ok("2026-03-03".to_owned()));
        assert_eq!(end("2027-03-03"), Ok("2027-03-03".to_owned()));
        for wrong in ["2026-03-02", "2027-03-04", "2020-01-01", "soon", "2026-02-30"] {
            assert!(end(wrong).is_err(), "{wrong}");
        }
        assert!(super::end("2026-03-03", Judgement::Undecided, day).is_err());
    }
}
