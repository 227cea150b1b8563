//! Progress for programs: a JSON object a line on standard error. Lines that are none are the log.

use std::{
    io::Write,
    sync::Mutex,
    time::{Duration, Instant},
};

use anomal_runner::{Observer, Stage, Summary};
use serde_json::{Value, json};

/// The least time between two lines within a stage.
const INTERVAL: Duration = Duration::from_millis(100);

#[derive(Default)]
pub struct ProgressEvents {
    last: Mutex<Option<Instant>>,
}

impl Observer for ProgressEvents {
    fn stage(&self, stage: Stage) {
        if let Ok(mut last) = self.last.lock() {
            *last = None;
        }
        print(&json!({"stage": stage.label()}));
    }

    fn progress(&self, rows: u64, done: u64, total: Option<u64>) {
        let Ok(mut last) = self.last.lock() else { return };
        if last.is_none_or(|last| last.elapsed() >= INTERVAL) {
            *last = Some(Instant::now());
            print(&json!({"rows": rows, "done": done, "total": total}));
        }
    }
}

/// The last line of a run that has succeeded.
pub fn print_summary(summary: &Summary) {
    print(&json!({"summary": summary}));
}

fn print(event: &Value) {
    let _ = writeln!(std::io::stderr(), "{event}");
}
