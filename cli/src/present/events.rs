//! Progress for programs: a JSON object a line on standard error. Lines that are none are the log.

use std::{
    io::Write,
    sync::Mutex,
    time::{Duration, Instant},
};

use anomal_core::FitStep;
use anomal_runner::{Observer, Stage, Summary};
use serde_json::{Value, json};

use super::progress::seconds_left;

/// The least time between two lines within a stage.
const INTERVAL: Duration = Duration::from_millis(100);

#[derive(Default)]
pub struct ProgressEvents {
    times: Mutex<Times>,
}

#[derive(Default)]
struct Times {
    /// Of the last line within the stage.
    last: Option<Instant>,
    /// Of the stage.
    since: Option<Instant>,
}

impl Observer for ProgressEvents {
    fn stage(&self, stage: Stage) {
        if let Ok(mut times) = self.times.lock() {
            *times = Times { last: None, since: Some(Instant::now()) };
        }
        print(&json!({"stage": stage.label()}));
    }

    fn progress(&self, rows: u64, done: u64, total: Option<u64>) {
        let Ok(mut times) = self.times.lock() else { return };
        if times.last.is_none_or(|last| last.elapsed() >= INTERVAL) {
            times.last = Some(Instant::now());
            print(&json!({"rows": rows, "done": done, "total": total}));
        }
    }

    fn step(&self, rows: u64, step: &FitStep) {
        let since = self.times.lock().ok().and_then(|times| times.since);
        let seconds = since.map_or(0.0, |since| since.elapsed().as_secs_f64());
        let total = Some(step.steps).filter(|steps| *steps > 0);
        print(&json!({
            "rows": rows, "done": step.done, "total": total, "step": step.words,
            "secondsLeft": seconds_left(step, seconds),
        }));
    }
}

/// The last line of a run that has succeeded.
pub fn print_summary(summary: &Summary) {
    print(&json!({"summary": summary}));
}

fn print(event: &Value) {
    let _ = writeln!(std::io::stderr(), "{event}");
}
