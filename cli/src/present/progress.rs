//! Progress: a bar on a terminal, a line every ten seconds elsewhere; in a cluster, where others read those lines, one
//! at the beginning of each stage too.

use std::{
    io::{IsTerminal, Write},
    sync::Mutex,
    time::{Duration, Instant},
};

use anomal_connectors::text::grouped;
use anomal_pipeline::{Observer, Stage};
use indicatif::{ProgressBar, ProgressStyle};

const EVERY: Duration = Duration::from_secs(10);

/// What a stage says that has nothing else to say yet.
const BEGUN: &str = "begun";

pub struct Progress {
    bar: Option<ProgressBar>,
    in_cluster: bool,
    state: Mutex<State>,
}

struct State {
    stage: Stage,
    since: Instant,
    told: Instant,
}

impl Progress {
    pub fn new(in_cluster: bool) -> Self {
        let now = Instant::now();
        let bar = std::io::stderr().is_terminal().then(ProgressBar::no_length);
        Self {
            bar,
            in_cluster,
            state: Mutex::new(State { stage: Stage::Plan, since: now, told: now }),
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn stage(&self, stage: Stage) {
        if let Ok(mut state) = self.state.lock() {
            let now = Instant::now();
            *state = State { stage, since: now, told: now };
        }
        let Some(bar) = &self.bar else {
            if self.in_cluster {
                tell(stage, BEGUN);
            }
            return;
        };
        bar.reset();
        bar.unset_length();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(stage.label());
        bar.enable_steady_tick(Duration::from_millis(120));
    }

    fn progress(&self, rows: u64, done: u64, total: Option<u64>) {
        let Ok(mut state) = self.state.lock() else { return };
        let seconds = state.since.elapsed().as_secs_f64();
        if let Some(bar) = &self.bar {
            bar.set_message(line(rows, done, total, seconds));
        } else if state.told.elapsed() >= EVERY {
            state.told = Instant::now();
            tell(state.stage, &line(rows, done, total, seconds));
        }
    }
}

fn tell(stage: Stage, line: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {line}", stage.label());
}

/// The progress that a line of a run's log tells, if it tells any.
pub fn read(line: &str) -> Option<&str> {
    let (stage, told) = line.trim_end().split_once(": ")?;
    let known = Stage::ALL.iter().any(|known| known.label() == stage);
    let rows = told.split_once(" rows").is_some_and(|(rows, _)| {
        !rows.is_empty() && rows.chars().all(|digit| digit.is_ascii_digit() || digit == ',')
    });
    (known && (rows || told == BEGUN)).then_some(line.trim_end())
}

fn line(rows: u64, done: u64, total: Option<u64>, seconds: f64) -> String {
    let share = total.filter(|total| *total > 0).map(|total| 100.0 * done as f64 / total as f64);
    let share = share.map(|share| format!(", {share:.0} %")).unwrap_or_default();
    let rate = if seconds > 0.0 { rows as f64 / seconds } else { 0.0 };
    format!("{} rows{share}, {} rows/s", grouped(rows), grouped(format!("{rate:.0}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_rows_share_and_rate() {
        assert_eq!(line(5_000, 25, Some(100), 2.0), "5,000 rows, 25 %, 2,500 rows/s");
        assert_eq!(line(500, 25, None, 0.0), "500 rows, 0 rows/s");
    }

    #[test]
    fn what_is_told_is_read_again() {
        for stage in Stage::ALL {
            let told = [line(5_000, 25, Some(100), 2.0), line(5, 25, None, 0.0), BEGUN.into()];
            for told in told {
                let whole = format!("{}: {told}", stage.label());
                assert_eq!(read(&format!("{whole}\n")), Some(whole.as_str()));
            }
        }
        for other in
            ["", "classify", "classify: ", "classify: rows", "classify: x rows", "warn: 5 rows"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
