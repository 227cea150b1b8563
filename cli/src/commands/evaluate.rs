//! `anomal evaluate`: scores against labels.

use std::{collections::HashMap, fmt::Write, fs, path::Path};

use anomal_connectors::text;
use anomal_core::{
    ROW,
    proto::{DataType, ExportFormat, ExportReportRequest},
};
use anomal_evaluation::{Estimate, Evaluation, evaluate as estimate};
use polars::prelude::{AnyValue, Column};

use super::{CommandResult, print, report::exported};
use crate::{args::Evaluate, exit, present::error::Failure, results::ResultFile, settings};

/// Labels of rows that are not anomalies.
const NORMAL: [&str; 8] = ["", "-", "0", "0.0", "false", "no", "normal", "benign"];

/// Which rows are anomalies.
enum Labels {
    /// By a column of the file.
    Column(String),
    /// By their numbers; rows without a label are left out.
    Rows(HashMap<u64, bool>),
}

pub fn evaluate(arguments: &Evaluate) -> CommandResult {
    let (file, labels) = results(arguments)?;
    let (score, number) = (arguments.score.as_str(), ROW);
    let columns = match &labels {
        Labels::Column(_) => vec![(score, DataType::Float)],
        Labels::Rows(_) => vec![(score, DataType::Float), (number, DataType::Integer)],
    };
    let mut results = ResultFile::open(&file, &columns)?;
    if let Labels::Column(label) = &labels {
        results.require_column(label)?;
    }
    let (mut rows, mut unscored, mut unjudged) = (Vec::new(), 0_u64, 0_u64);
    while let Some(batch) = results.next()? {
        let scores = batch.typed.column(score).map_err(anomal_core::Error::from)?;
        let known = match &labels {
            Labels::Column(label) => batch.raw.column(label),
            Labels::Rows(_) => batch.typed.column(number),
        };
        let known = known.map_err(anomal_core::Error::from)?;
        for row in 0..batch.height() {
            let is_anomaly = match &labels {
                Labels::Column(_) => is_anomaly(known, row, &arguments.anomaly),
                Labels::Rows(judged) => {
                    let number = known.get(row).ok().and_then(|number| number.extract::<u64>());
                    match number.and_then(|number| judged.get(&number)) {
                        Some(is_anomaly) => *is_anomaly,
                        None => {
                            unjudged += 1;
                            continue;
                        }
                    }
                }
            };
            match scores.get(row).ok().and_then(|score| score.extract::<f64>()) {
                Some(score) => rows.push((score, is_anomaly)),
                None => unscored += 1,
            }
        }
    }
    let anomalies = rows.iter().filter(|row| row.1).count();
    if anomalies == 0 || anomalies == rows.len() {
        let remedy = match &labels {
            Labels::Column(label) => {
                format!("by `{label}`; both anomalies and other rows are needed: set the label of anomalies with --anomaly")
            }
            Labels::Rows(_) => "by verdicts; both anomalies and other rows are needed: judge incidents as true positives, \
                                and others as benign or false positives"
                .to_owned(),
        };
        let message = format!(
            "{file}: of {} rows with a score, {anomalies} are anomalies {remedy}",
            rows.len()
        );
        return Err(Failure::new(message, exit::INPUT));
    }
    let evaluation = estimate(&rows, arguments.seed);
    let unjudged = matches!(labels, Labels::Rows(_)).then_some(unjudged);
    print(&if arguments.json {
        json(&evaluation, unscored, unjudged)
    } else {
        text(&evaluation, unscored, unjudged)
    })
}

/// The result file, and its labels.
///
/// # Errors
/// If no labels are named, or the job has no result file.
fn results(arguments: &Evaluate) -> Result<(String, Labels), Failure> {
    let path = Path::new(&arguments.results);
    let is_job =
        path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    if arguments.labels.is_some() || arguments.verdicts.is_some() {
        let file = if is_job {
            settings::result_file(&settings::with_paths(path)?.job.spec, path)?
        } else {
            arguments.results.clone()
        };
        return Ok((file, Labels::Rows(judged_rows(arguments)?)));
    }
    let named = arguments.label.clone();
    if !is_job {
        let label = named.ok_or_else(|| {
            Failure::usage(format!(
                "which column of {} marks anomalies? Name it with --label COLUMN, or give the settings of the job, \
                 which have `labelColumn`",
                path.display()
            ))
        })?;
        return Ok((arguments.results.clone(), Labels::Column(label)));
    }
    let spec = settings::with_paths(path)?.job.spec;
    let label = named.or_else(|| spec.label_column.clone()).ok_or_else(|| {
        let message = format!(
            "{} has no `labelColumn`; add it, or name the column with --label COLUMN",
            path.display()
        );
        Failure::usage(message)
    })?;
    let file = settings::result_file(&spec, path)?;
    Ok((file, Labels::Column(label)))
}

/// The rows that verdicts are about, and whether they are anomalies.
fn judged_rows(arguments: &Evaluate) -> Result<HashMap<u64, bool>, Failure> {
    let (name, text) = match (&arguments.labels, &arguments.verdicts) {
        (Some(file), _) => {
            let text = fs::read_to_string(file)
                .map_err(|error| Failure::new(format!("{file}: {error}"), exit::INPUT))?;
            (file.as_str(), text)
        }
        (None, report) => {
            let request = ExportReportRequest {
                id: report.clone().unwrap_or_default(),
                format: ExportFormat::Labels.into(),
                ..ExportReportRequest::default()
            };
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let bytes = runtime.block_on(exported(&arguments.reports, request))?;
            ("the verdicts", String::from_utf8_lossy(&bytes).into_owned())
        }
    };
    parse_labels(&text).map_err(|message| Failure::new(format!("{name}: {message}"), exit::INPUT))
}

/// Row numbers and labels, the first two columns of what `anomal report labels` writes.
fn parse_labels(text: &str) -> Result<HashMap<u64, bool>, String> {
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    if head.split(',').take(2).collect::<Vec<_>>() != [ROW, "label"] {
        return Err(format!(
            "its first line is not `{ROW},label,…`; `anomal report labels REPORT` writes such a file"
        ));
    }
    let label = |(place, line): (usize, &str)| {
        let wrong = || format!("line {}: a row number and 0 or 1 are needed", place + 2);
        let mut cells = line.split(',').map(str::trim);
        let row = cells.next().and_then(|row| row.parse().ok()).ok_or_else(wrong)?;
        match cells.next() {
            Some("1") => Ok((row, true)),
            Some("0") => Ok((row, false)),
            _ => Err(wrong()),
        }
    };
    lines.enumerate().filter(|(_, line)| !line.trim().is_empty()).map(label).collect()
}

fn is_anomaly(labels: &Column, row: usize, named: &[String]) -> bool {
    let value = labels.get(row).unwrap_or(AnyValue::Null);
    let mut label = String::new();
    text::push(&mut label, &value);
    if named.is_empty() {
        !NORMAL.contains(&label.trim().to_lowercase().as_str())
    } else {
        named.contains(&label)
    }
}

fn text(evaluation: &Evaluation, unscored: u64, unjudged: Option<u64>) -> String {
    let line = |name: &str, figure: Estimate| {
        format!("{name:<20} {:.3}  ({:.3} to {:.3})\n", figure.value, figure.low, figure.high)
    };
    let share = 100.0 * evaluation.anomalies as f64 / evaluation.rows as f64;
    let mut text = format!(
        "{} rows, {} of them anomalies ({share:.2} %)\n",
        evaluation.rows, evaluation.anomalies
    );
    if unscored > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{unscored} rows without a score are left out");
    }
    if let Some(rows) = unjudged {
        let _ = writeln!(
            text,
            "{rows} rows that no verdict is about are left out: among the judged ones precision is known, recall is not"
        );
    }
    text + &line("AUROC", evaluation.auroc)
        + &line("average precision", evaluation.average_precision)
        + &line(&format!("precision at {}", evaluation.anomalies), evaluation.precision_at_n)
}

fn json(evaluation: &Evaluation, unscored: u64, unjudged: Option<u64>) -> String {
    let figure = |figure: Estimate| serde_json::json!({"value": figure.value, "low": figure.low, "high": figure.high});
    let mut all = serde_json::json!({
        "rows": evaluation.rows,
        "anomalies": evaluation.anomalies,
        "unscored": unscored,
        "auroc": figure(evaluation.auroc),
        "averagePrecision": figure(evaluation.average_precision),
        "precisionAtN": figure(evaluation.precision_at_n),
    });
    if let Some(rows) = unjudged {
        all["unjudged"] = rows.into();
    }
    format!("{all:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_row_numbers_with_zero_or_one() {
        let labels =
            parse_labels("anomal.row,label,verdict,incident\r\n3,1,x,1\r\n4,0,y,2\r\n\r\n");
        assert_eq!(labels.unwrap(), HashMap::from([(3, true), (4, false)]));
        assert!(parse_labels("anomal.row,label\n3,yes").unwrap_err().contains("line 2"));
        assert!(parse_labels("row,label\n").unwrap_err().contains("first line"));
        assert!(parse_labels("").is_err());
    }
}
