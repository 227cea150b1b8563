//! `anomal evaluate`: scores against labels.

use std::{fmt::Write, path::Path};

use anomal_connectors::text;
use anomal_core::proto::DataType;
use anomal_evaluation::{Estimate, Evaluation, evaluate as estimate};
use polars::prelude::{AnyValue, Column};

use super::{CommandResult, print};
use crate::{args::Evaluate, exit, present::error::Failure, results::ResultFile, settings};

/// Labels of rows that are not anomalies.
const NORMAL: [&str; 8] = ["", "-", "0", "0.0", "false", "no", "normal", "benign"];

pub fn evaluate(arguments: &Evaluate) -> CommandResult {
    let (file, label) = results(arguments)?;
    let mut results = ResultFile::open(&file, &[(arguments.score.as_str(), DataType::Float)])?;
    results.require_column(&label)?;
    let (mut rows, mut unscored) = (Vec::new(), 0_u64);
    while let Some(batch) = results.next()? {
        let scores = batch.typed.column(&arguments.score).map_err(anomal_core::Error::from)?;
        let labels = batch.raw.column(&label).map_err(anomal_core::Error::from)?;
        for row in 0..batch.height() {
            match scores.get(row).ok().and_then(|score| score.extract::<f64>()) {
                Some(score) => rows.push((score, is_anomaly(labels, row, &arguments.anomaly))),
                None => unscored += 1,
            }
        }
    }
    let anomalies = rows.iter().filter(|row| row.1).count();
    if anomalies == 0 || anomalies == rows.len() {
        let message = format!(
            "{}: of {} rows with a score, {anomalies} are anomalies by `{}`; both anomalies and other rows are \
             needed: set the label of anomalies with --anomaly",
            file,
            rows.len(),
            label
        );
        return Err(Failure::new(message, exit::INPUT));
    }
    let evaluation = estimate(&rows, arguments.seed);
    print(&if arguments.json { json(&evaluation, unscored) } else { text(&evaluation, unscored) })
}

/// The result file, and the column of the labels.
///
/// # Errors
/// If no column is named, or the job has no result file.
fn results(arguments: &Evaluate) -> Result<(String, String), Failure> {
    let named = arguments.label.clone();
    let path = Path::new(&arguments.results);
    let is_job =
        path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    if !is_job {
        let label = named.ok_or_else(|| {
            Failure::usage(format!(
                "which column of {} marks anomalies? Name it with --label COLUMN, or give the settings of the job, \
                 which have `labelColumn`",
                path.display()
            ))
        })?;
        return Ok((arguments.results.clone(), label));
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
    Ok((file, label))
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

fn text(evaluation: &Evaluation, unscored: u64) -> String {
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
    text + &line("AUROC", evaluation.auroc)
        + &line("average precision", evaluation.average_precision)
        + &line(&format!("precision at {}", evaluation.anomalies), evaluation.precision_at_n)
}

fn json(evaluation: &Evaluation, unscored: u64) -> String {
    let figure = |figure: Estimate| serde_json::json!({"value": figure.value, "low": figure.low, "high": figure.high});
    let all = serde_json::json!({
        "rows": evaluation.rows,
        "anomalies": evaluation.anomalies,
        "unscored": unscored,
        "auroc": figure(evaluation.auroc),
        "averagePrecision": figure(evaluation.average_precision),
        "precisionAtN": figure(evaluation.precision_at_n),
    });
    format!("{all:#}\n")
}
