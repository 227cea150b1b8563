//! Progress: a bar on a terminal, a line every ten seconds elsewhere.

use std::{
    io::{IsTerminal, Write},
    sync::Mutex,
    time::{Duration, Instant},
};

use anomal_pipeline::{Observer, Stage};
use indicatif::{ProgressBar, ProgressStyle};

const EVERY: Duration = Duration::from_secs(10);

pub struct Progress {
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

struct State {
    stage: Stage,
    since: Instant,
    told: Instant,
}

impl Progress {
    pub fn new() -> Self {
        let now = Instant::now();
        let bar = std::io::stderr().is_terminal().then(ProgressBar::no_length);
        Self { bar, state: Mutex::new(State { stage: Stage::Plan, since: now, told: now }) }
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
        let Some(bar) = &self.bar else { return };
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
            let line = line(rows, done, total, seconds);
            let _ = writeln!(std::io::stderr(), "{}: {line}", state.stage.label());
        }
    }
}

fn line(rows: u64, done: u64, total: Option<u64>, seconds: f64) -> String {
    let share = total.filter(|total| *total > 0).map(|total| 100.0 * done as f64 / total as f64);
    let share = share.map(|share| format!(", {share:.0} %")).unwrap_or_default();
    let rate = if seconds > 0.0 { rows as f64 / seconds } else { 0.0 };
    format!("{rows} rows{share}, {rate:.0} rows/s")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_tells_rows_share_and_rate() {
        assert_eq!(super::line(500, 25, Some(100), 2.0), "500 rows, 25 %, 250 rows/s");
        assert_eq!(super::line(500, 25, None, 0.0), "500 rows, 0 rows/s");
    }
}
