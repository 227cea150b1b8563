//! `cargo xtask bench nab`: the series of the Numenta Anomaly Benchmark, each as a stream of its own.

mod score;

use std::{
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::score::{PROFILES, STANDARD, Series, Thresholds};
use crate::cargo::{build, cache, target};

/// Characters of a time without its fraction.
const TIME: usize = "2014-04-10 07:15:00".len();

#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the benchmark, with `data` and `labels`
    #[arg(long)]
    datasets: PathBuf,
    /// The settings of all series, which read `series.csv` (timestamp, value) and write `results.ndjson`
    #[arg(long, default_value = "xtask/bench/nab.yaml")]
    job: PathBuf,
    /// The member of results that is the score of a row
    #[arg(long, default_value = "anomal.features.alarm")]
    score: String,
}

/// A series and its name, such as `realTweets/Twitter_volume_KO.csv`.
struct Named {
    name: String,
    series: Series,
}

/// Prints the scores as tables of Markdown.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    build()?;
    let folder = cache().join(format!("nab/{}", std::process::id()));
    let windows = arguments.datasets.join("labels/combined_windows.json");
    let text = fs::read_to_string(&windows).with_context(|| windows.display().to_string())?;
    let Value::Object(windows) = serde_json::from_str(&text)? else {
        bail!("{} has no map of series", windows.display());
    };
    // In the order of their names, every second one has series of each kind.
    let mut windows: Vec<(String, Value)> = windows.into_iter().collect();
    windows.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut all = Vec::new();
    for (name, windows) in windows {
        let file = arguments.datasets.join("data").join(&name);
        let series = stream(arguments, &file, &windows, &folder.join(&name))
            .with_context(|| format!("series {name}"))?;
        all.push(Named { name, series });
    }
    fs::remove_dir_all(&folder)?;
    println(&scores(&all));
    println(&kinds(&all));
    Ok(ExitCode::SUCCESS)
}

/// The scores of a series, whose rows are judged by the program one after the other.
fn stream(arguments: &Arguments, file: &Path, windows: &Value, folder: &Path) -> Result<Series> {
    fs::create_dir_all(folder)?;
    let mut text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    // A stream waits for the end of the last line.
    if !text.ends_with('\n') {
        text.push('\n');
    }
    fs::write(folder.join("series.csv"), &text)?;
    fs::copy(&arguments.job, folder.join("job.yaml"))?;
    let mut command = Command::new(target().join("release/anomal"));
    command.args(["run", "job.yaml", "--until-caught-up", "--quiet"]).current_dir(folder);
    let output = command.output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let times: Vec<&str> = text.lines().skip(1).filter_map(|row| row.get(..TIME)).collect();
    let results = fs::read_to_string(folder.join("results-000001.ndjson"))?;
    let scores = results.lines().map(|row| score_of(row, &arguments.score));
    let scores = scores.collect::<Result<Vec<f64>>>()?;
    if scores.len() != times.len() {
        bail!("{} results of {} rows", scores.len(), times.len());
    }
    Ok(Series { scores, windows: rows_of(windows, &times)? })
}

/// NaN where it is missing, as in a warm-up.
fn score_of(result: &str, member: &str) -> Result<f64> {
    let row: Value = serde_json::from_str(result)?;
    match row.get(member) {
        Some(Value::Null) => Ok(f64::NAN),
        Some(Value::Bool(holds)) => Ok(f64::from(*holds)),
        Some(value) => value.as_f64().with_context(|| format!("{member} is no number: {value}")),
        None => bail!("a result has no member {member}: {result}"),
    }
}

/// The rows of windows, which are pairs of times with both ends.
fn rows_of(windows: &Value, times: &[&str]) -> Result<Vec<RangeInclusive<usize>>> {
    let rows = |window: &Value| {
        let end = |place: usize| window.get(place)?.as_str()?.get(..TIME);
        let (start, end) = end(0).zip(end(1))?;
        let is_within = |time: &&str| (start..=end).contains(time);
        Some(times.iter().position(is_within)?..=times.iter().rposition(is_within)?)
    };
    let windows = windows.as_array().context("no list of windows")?;
    let rows =
        windows.iter().map(|window| rows(window).with_context(|| format!("no rows in {window}")));
    rows.collect()
}

fn scores(all: &[Named]) -> String {
    let mut lines = vec![
        "| profile | score, one threshold for all | threshold of half of the series | score of the other half |"
            .to_owned(),
        "| --- | --- | --- | --- |".to_owned(),
    ];
    let half = |place: usize| all.iter().skip(place).step_by(2).map(|named| &named.series);
    for profile in PROFILES {
        let whole = Thresholds::of(all.iter().map(|named| &named.series), profile);
        let best = Thresholds::of(half(0), profile).best();
        let other = Thresholds::of(half(1), profile).score(best);
        let score = whole.score(whole.best());
        lines.push(format!("| {} | {score:.1} | {best:.4} | {other:.1} |", profile.name));
    }
    lines.join("\n") + "\n"
}

/// What the best threshold of all finds in each folder.
fn kinds(all: &[Named]) -> String {
    let threshold = Thresholds::of(all.iter().map(|named| &named.series), STANDARD).best();
    let mut lines = vec![
        "| series | rows | windows | found | false alarms |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    let kind = |named: &Named| named.name.split('/').next().unwrap_or_default().to_owned();
    for series in all.chunk_by(|a, b| kind(a) == kind(b)) {
        let rows: usize = series.iter().map(|named| named.series.scores.len()).sum();
        let windows: usize = series.iter().map(|named| named.series.windows.len()).sum();
        let alarms = Thresholds::of(series.iter().map(|named| &named.series), STANDARD);
        let found = alarms.found(threshold);
        lines.push(format!(
            "| {} ({}) | {rows} | {windows} | {} | {} |",
            kind(&series[0]),
            series.len(),
            found.windows,
            found.false_alarms
        ));
    }
    lines.join("\n")
}

#[expect(clippy::print_stdout, reason = "the result, which goes to the documentation")]
fn println(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn windows_are_rows_between_two_times() {
        let times = ["2014-04-10 07:15:00", "2014-04-10 07:20:00", "2014-04-10 07:25:00"];
        let windows = json!([["2014-04-10 07:16:00.000000", "2014-04-10 07:25:00.000000"]]);
        assert_eq!(rows_of(&windows, &times).unwrap(), [1..=2]);
        let none = json!([["2015-04-10 07:16:00.000000", "2015-04-10 07:25:00.000000"]]);
        assert!(rows_of(&none, &times).unwrap_err().to_string().starts_with("no rows in"));
    }

    #[test]
    fn scores_are_members_of_results() {
        let row = r#"{"anomal.score": 1.5, "anomal.suspicious": true, "novelty": null}"#;
        assert_eq!(score_of(row, "anomal.score").unwrap(), 1.5);
        assert_eq!(score_of(row, "anomal.suspicious").unwrap(), 1.0);
        assert!(score_of(row, "novelty").unwrap().is_nan());
        assert!(score_of(row, "anomal.rank").is_err());
    }

    #[test]
    fn tables_have_what_the_best_threshold_finds() {
        let named = |name: &str, alarm: usize| {
            let mut scores = vec![0.0; 20];
            scores[alarm] = 1.0;
            Named { name: name.into(), series: Series { scores, windows: vec![10..=13] } }
        };
        let all = [named("a/1.csv", 10), named("a/2.csv", 10), named("b/1.csv", 5)];
        assert!(scores(&all).contains("| standard | 64.8 |"), "{}", scores(&all));
        assert!(kinds(&all).ends_with("| a (2) | 40 | 2 | 2 | 0 |\n| b (1) | 20 | 1 | 0 | 1 |"));
    }
}
