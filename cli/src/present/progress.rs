//! Progress: a bar on a terminal, else a line every ten seconds. In a cluster, where `anomal job status` reads these
//! lines from the log, each stage also starts with one.

use std::{
    io::{IsTerminal, Write},
    sync::Mutex,
    time::{Duration, Instant},
};

use anomal_core::{
    FitStep,
    words::{self, grouped},
};
use anomal_runner::{Observer, Stage};
use indicatif::{ProgressBar, ProgressStyle};

const INTERVAL: Duration = Duration::from_secs(10);

/// The first line of a stage.
const STARTED: &str = "started";

pub struct Progress {
    bar: Option<ProgressBar>,
    in_cluster: bool,
    state: Mutex<State>,
}

struct State {
    stage: Stage,
    since: Instant,
    last_line: Instant,
}

impl Progress {
    pub fn new(in_cluster: bool) -> Self {
        let now = Instant::now();
        let bar = std::io::stderr().is_terminal().then(ProgressBar::no_length);
        Self {
            bar,
            in_cluster,
            state: Mutex::new(State { stage: Stage::Plan, since: now, last_line: now }),
        }
    }

    /// Removes the bar.
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
            *state = State { stage, since: now, last_line: now };
        }
        let Some(bar) = &self.bar else {
            if self.in_cluster {
                print_line(stage, STARTED);
            }
            return;
        };
        bar.reset();
        bar.unset_length();
        bar.set_message("");
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
            bar.set_message(describe(rows, done, total, seconds));
        } else if state.last_line.elapsed() >= INTERVAL {
            state.last_line = Instant::now();
            print_line(state.stage, &describe(rows, done, total, seconds));
        }
    }

    fn step(&self, rows: u64, step: &FitStep) {
        let Ok(mut state) = self.state.lock() else { return };
        let text = describe_step(rows, step, state.since.elapsed().as_secs_f64());
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        } else if self.in_cluster || state.last_line.elapsed() >= INTERVAL {
            state.last_line = Instant::now();
            print_line(state.stage, &text);
        }
    }
}

/// The seconds that the steps of a fit take from now on, if they take as long as those before; none while that is not known.
pub fn seconds_left(step: &FitStep, seconds: f64) -> Option<f64> {
    let left = step.steps.checked_sub(step.done).filter(|_| step.done > 0)?;
    Some(seconds / step.done as f64 * left as f64)
}

/// What a fit is doing: `member 2 of 5 (KNN), about 12 s left`.
pub fn step_words(step: &str, seconds_left: Option<f64>) -> String {
    let left = seconds_left.map(|seconds| format!(", about {} left", words::about(seconds.ceil())));
    format!("{step}{}", left.unwrap_or_default())
}

fn describe_step(rows: u64, step: &FitStep, seconds: f64) -> String {
    let words = step_words(&step.words, seconds_left(step, seconds));
    format!("{}, {words}", words::rows(rows))
}

fn print_line(stage: Stage, text: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {text}", stage.label());
}

/// The line without its end if it is a line of progress, as [`Progress`] prints them.
pub fn parse_line(line: &str) -> Option<&str> {
    let line = line.trim_end();
    let (label, text) = line.split_once(": ")?;
    let is_stage = Stage::ALL.iter().any(|stage| stage.label() == label);
    let has_rows = text.split_once(" rows").is_some_and(|(rows, _)| {
        !rows.is_empty() && rows.chars().all(|digit| digit.is_ascii_digit() || digit == ',')
    });
    (is_stage && (has_rows || text == STARTED)).then_some(line)
}

fn describe(rows: u64, done: u64, total: Option<u64>, seconds: f64) -> String {
    let share = total.filter(|total| *total > 0).map(|total| 100.0 * done as f64 / total as f64);
    let share = share.map(|share| format!(", {share:.0} %")).unwrap_or_default();
    let rate = if seconds > 0.0 { rows as f64 / seconds } else { 0.0 };
    format!("{} rows{share}, {} rows/s", grouped(rows), grouped(format!("{rate:.0}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_rows_share_and_rate() {
        assert_eq!(describe(5_000, 25, Some(100), 2.0), "5,000 rows, 25 %, 2,500 rows/s");
        assert_eq!(describe(500, 25, None, 0.0), "500 rows, 0 rows/s");
    }

    #[test]
    fn a_step_has_rows_words_and_the_time_that_is_left() {
        let step = |done, steps| FitStep { words: "member 2 of 5 (KNN)".into(), done, steps };
        let words = |done, steps| describe_step(5_000, &step(done, steps), 2.0);
        assert_eq!(words(1, 14), "5,000 rows, member 2 of 5 (KNN), about 26 s left");
        assert_eq!(words(10, 400), "5,000 rows, member 2 of 5 (KNN), about 1 min left");
        // Before the end of a step, and where steps are not known or make no sense.
        for (done, steps) in [(0, 14), (0, 0), (3, 2)] {
            assert_eq!(words(done, steps), "5,000 rows, member 2 of 5 (KNN)");
        }
    }

    #[test]
    fn printed_lines_are_parsed() {
        for stage in Stage::ALL {
            let step = FitStep { words: "member 2 of 5 (KNN)".into(), done: 1, steps: 14 };
            let texts = [
                describe(5_000, 25, Some(100), 2.0),
                describe(5, 25, None, 0.0),
                describe_step(5_000, &step, 2.0),
                STARTED.into(),
            ];
            for text in texts {
                let line = format!("{}: {text}", stage.label());
                assert_eq!(parse_line(&format!("{line}\n")), Some(line.as_str()));
            }
        }
        for other in
            ["", "classify", "classify: ", "classify: rows", "classify: x rows", "warn: 5 rows"]
        {
            assert_eq!(parse_line(other), None, "{other}");
        }
    }
}
