//! What a run is quiet about: a file of suppressions, and verdicts in the store of reports.

use std::{collections::HashSet, fs, sync::Arc};

use anomal_core::{Code, Error, ReportEngine, Result, proto::Verdict};
use anomal_report::verdicts::{Judgement, is_before_end, today};
use anomal_runner::{Suppression, SuppressionList};
use anomal_spec::Suppressions;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Suppressions of a run, and bytes of their file.
const MOST: usize = 10_000;
const MAX_BYTES: u64 = 16 << 20;

/// A file of suppressions.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SuppressionFile {
    suppressions: Vec<Suppression>,
}

/// The suppressions that the settings of a job name. `engine`: that of its reports, which is asked for verdicts only if they
/// want these.
///
/// # Errors
/// `InvalidSettings` if the file is wrong or there are very many; those of the engine.
pub async fn load(
    settings: &Suppressions,
    engine: &dyn ReportEngine,
    namespace: &str,
    job: &str,
) -> Result<Arc<SuppressionList>> {
    let day = today();
    let mut items = match &settings.path {
        Some(path) => read(path)?,
        None => Vec::new(),
    };
    if settings.report {
        items.extend(from_verdicts(&engine.list_verdicts(namespace, job).await?));
    }
    if items.len() > MOST {
        let message = format!("there are {} suppressions; at most {MOST} are used", items.len());
        return Err(Error::settings("suppressions", "TOO_MANY_SUPPRESSIONS", message));
    }
    Ok(Arc::new(SuppressionList { items, day }))
}

fn read(path: &str) -> Result<Vec<Suppression>> {
    let wrong = |message: String| {
        Error::settings("suppressions.path", "SUPPRESSIONS", format!("{path}: {message}"))
    };
    let unreadable = |error: std::io::Error| {
        wrong(format!("{error}; `anomal verdicts suppressions --job NAME` prints such a file"))
    };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_BYTES {
        return Err(wrong(format!("it has {size} bytes; at most {MAX_BYTES} are read")));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let file: SuppressionFile =
        serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    for (place, item) in file.suppressions.iter().enumerate() {
        if let Some(problem) = item.problem() {
            return Err(wrong(format!("suppressions[{place}]: {problem}")));
        }
    }
    Ok(file.suppressions)
}

/// The newest verdict about each key, where it has an end. Those whose end has passed are reported as such.
fn from_verdicts(verdicts: &[Verdict]) -> Vec<Suppression> {
    let mut known = HashSet::new();
    let mut items = Vec::new();
    for verdict in verdicts.iter().rev() {
        let keys: Vec<String> =
            verdict.keys.iter().filter(|key| known.insert((*key).clone())).cloned().collect();
        let is_decision =
            Judgement::from_name(&verdict.verdict).is_some_and(|it| it != Judgement::Undecided);
        if keys.is_empty() || verdict.until.is_empty() || !is_decision {
            continue;
        }
        let item = Suppression {
            keys,
            title: verdict.title.clone(),
            reason: verdict.note.clone(),
            who: verdict.who.clone(),
            until: verdict.until.clone(),
            rows: Some(verdict.rows),
            flags: verdict.flags.clone(),
            ..Suppression::default()
        };
        if item.problem().is_none() {
            items.push(item);
        }
    }
    items.reverse();
    items
}

/// The suppressions that are active on a day, as a file.
///
/// # Errors
/// `Internal`.
pub fn to_yaml(verdicts: &[Verdict], day: Date) -> Result<String> {
    let mut suppressions = from_verdicts(verdicts);
    suppressions.retain(|item| is_before_end(&item.until, day));
    serde_saphyr::to_string(&SuppressionFile { suppressions }).map_err(|error| {
        Error::new(Code::Internal, "SUPPRESSIONS", format!("suppressions as YAML: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(number: u64, keys: &[&str], verdict: &str, until: &str) -> Verdict {
        Verdict {
            number,
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            verdict: verdict.to_owned(),
            until: until.to_owned(),
            note: "a: \"b\"\n# c".to_owned(),
            rows: 3,
            ..Verdict::default()
        }
    }

    #[test]
    fn the_newest_verdict_about_a_key_suppresses_it() {
        let all = [
            verdict(1, &["a", "b"], "benign", "2026-04-01"),
            verdict(2, &["b"], "true-positive", ""),
            verdict(3, &["c"], "benign", "2026-04-01"),
            verdict(4, &["c"], "undecided", ""),
            verdict(5, &["d"], "false-positive", "2026-03-01"),
        ];
        let keys: Vec<Vec<String>> = from_verdicts(&all).into_iter().map(|it| it.keys).collect();
        assert_eq!(keys, [["a"], ["d"]]);
        let yaml = to_yaml(&all, jiff::civil::date(2026, 3, 2)).unwrap();
        let file: SuppressionFile = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(file.suppressions.len(), 1, "{yaml}");
        assert_eq!(file.suppressions[0], from_verdicts(&all)[0]);
    }
}
