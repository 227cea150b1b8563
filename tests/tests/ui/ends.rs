//! However a run or the interface ends.

use std::time::{Duration, Instant};

use super::support::{endless, ends_soon, found, kill, start, workspace};

#[test]
fn a_run_is_cancelled_and_killed_and_the_interface_goes_on() {
    let workspace = endless();
    let mut terminal = start(&workspace, &["ui", "--report-store", "reports", "job.yaml"]);
    terminal.wait_for("can be read only once");
    terminal.keys("r").wait_for("[6 Run]>");
    let drawing = found(terminal.process(), "ui");
    let run = found(drawing, "run");
    terminal.keys("x").wait_for("Stopped. No result was written");
    ends_soon(run);
    assert!(!workspace.path("out.csv").exists());
    terminal.keys("r").wait_for("[6 Run]>");
    kill("-KILL", found(drawing, "run"));
    terminal.wait_for("ended by the system");
    // Leaving asks first, and takes the run along.
    terminal.keys("r").wait_for("[6 Run]>");
    let run = found(drawing, "run");
    terminal.keys("q").wait_for("A run is going on");
    assert_eq!(terminal.keys("\r").ends(), 0);
    ends_soon(run);
    terminal.assert_restored();
}

#[test]
fn the_terminal_is_restored_however_it_ends() {
    for (signal, whom) in [
        ("-TERM", "guard"),
        ("-HUP", "guard"),
        ("-INT", "guard"),
        ("-TERM", "drawing"),
        ("-KILL", "drawing"),
        ("-KILL", "guard"),
    ] {
        let workspace = workspace();
        workspace.anomal(&["init", "access.csv", "-o", "job.yaml", "--no-trial"]).expect(0, &[]);
        let mut terminal = start(&workspace, &["ui", "job.yaml"]);
        terminal.wait_for("Used as");
        // Something to lose.
        terminal.keys("2+").wait_for("Weight 2");
        let (guard, drawing) = (terminal.process(), found(terminal.process(), "ui"));
        if signal == "-KILL" {
            // The draft is written after half a second.
            let drafts = workspace.path(".home/.local/state/anomal/ui/drafts");
            let until = Instant::now() + Duration::from_secs(20);
            while std::fs::read_dir(&drafts).map_or(0, Iterator::count) == 0 {
                assert!(Instant::now() < until, "no draft");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        kill(signal, if whom == "guard" { guard } else { drawing });
        let code = terminal.ends();
        ends_soon(drawing);
        terminal.assert_restored();
        assert_ne!(code, 0, "{signal} {whom}");
        let mut again = start(&workspace, &[]);
        again.wait_for("draft, not written yet");
        assert_eq!(again.keys("q").ends(), 0, "{signal} {whom}");
        assert!(!workspace.read("job.yaml").contains("multiplier: 2}"));
    }
}

#[test]
fn a_draft_is_taken_up_again() {
    let workspace = workspace();
    workspace.anomal(&["init", "access.csv", "-o", "job.yaml", "--no-trial"]).expect(0, &[]);
    let mut terminal = start(&workspace, &["ui", "job.yaml"]);
    terminal.wait_for("Used as");
    terminal.keys("2+").wait_for("Weight 2");
    kill("-TERM", terminal.process());
    assert_ne!(terminal.ends(), 0);
    assert!(!workspace.read("job.yaml").contains("multiplier: 2}"));
    let mut again = start(&workspace, &[]);
    again.wait_for("draft, not written yet");
    again.keys("/job.yaml\r").wait_for("with job.yaml");
    again.keys("gj").wait_until("the draft is selected", |text| {
        text.lines().any(|line| line.contains("> job.yaml") && line.contains("draft"))
    });
    again.keys("\r").wait_for("A draft that was not written");
    again.keys("2").wait_for("multiplier: 2}");
    assert_eq!(again.keys("q").ends(), 0);
}
