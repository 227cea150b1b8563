//! SIGKILL at random moments, while the files are written and rotated. `ANOMAL_TEST_KILLS=50` kills more often.

use std::{
    fs,
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anomal_tests::{
    Workspace,
    ledger::{Moment, balance},
};

use super::{
    append, catch_up,
    job::{JOB, lines, results},
    summary,
};

/// Random numbers by `SplitMix64` (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ (value >> 31)) % bound
    }
}

fn start(workspace: &Workspace) -> Child {
    let mut command = workspace.command(&["run", "job.yaml", "-q"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Writes records in pieces that may end within a line, and rotates the file both ways, until `stop` is set.
/// Returns the number of records.
fn write(workspace: &Workspace, stop: &AtomicBool, mut number: u64) -> u64 {
    let mut random = Random(7);
    let mut rotations = 0;
    while !stop.load(Ordering::Relaxed) {
        let more = 1 + random.below(40);
        let text = lines(number..number + more);
        number += more;
        let cut = usize::try_from(random.below(text.len() as u64)).unwrap();
        append(workspace, "app.ndjson", &text[..cut]);
        std::thread::sleep(Duration::from_millis(random.below(15)));
        append(workspace, "app.ndjson", &text[cut..]);
        if random.below(30) == 0 {
            rotations += 1;
            let (current, old) =
                (workspace.path("app.ndjson"), workspace.path(&format!("app.ndjson.{rotations}")));
            if random.below(2) == 0 {
                fs::rename(&current, &old).unwrap();
                // The writer has it open still.
                append(workspace, &format!("app.ndjson.{rotations}"), &lines(number..number + 3));
                number += 3;
            } else {
                fs::copy(&current, &old).unwrap();
                fs::write(&current, "").unwrap();
            }
            // Files of one tick of the file system's clock have no order but that of their names.
            let pause = if random.below(4) == 0 { 2_000 } else { 20 };
            std::thread::sleep(Duration::from_millis(pause));
        }
    }
    assert!(rotations > 0);
    number
}

#[test]
fn a_stream_survives_kills() {
    let kills = std::env::var("ANOMAL_TEST_KILLS").ok().and_then(|kills| kills.parse().ok());
    let kills = kills.unwrap_or(8_u64);
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..1_500).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    // A stream begins with the file that has the name then, so none is rotated before.
    let mut child = start(&workspace);
    let since = Instant::now();
    while !workspace.path("state/0000000000000001.ckpt").exists() {
        assert!(since.elapsed() < Duration::from_mins(1), "{:?}", workspace.files());
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let stop = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(&workspace, &stop, 1_500));
        for kill in 0..kills {
            let mut child = start(&workspace);
            Moment::of_round(kill).wait(&workspace.path("state"), &workspace.path(""));
            child.kill().unwrap();
            let ended = child.wait_with_output().unwrap();
            let errors = String::from_utf8_lossy(&ended.stderr);
            assert_eq!((ended.status.code(), errors.as_ref()), (None, ""), "kill {kill}");
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    assert_eq!(summary(&last)["rows"], written);

    let undisturbed = Workspace::with_files(&[
        ("app.ndjson", lines(0..written).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    catch_up(&undisturbed).expect(0, &[]);
    let parts = |workspace: &Workspace| {
        let names = workspace.files().into_iter().filter(|name| name.starts_with("results-"));
        names.collect::<Vec<_>>()
    };
    assert_eq!(parts(&workspace), parts(&undisturbed));
    assert_eq!(results(&undisturbed).lines().count() as u64, written);
    let id = |row: &str| serde_json::from_str::<serde_json::Value>(row).unwrap()["id"].as_u64();
    let results = results(&workspace);
    balance(
        &[("SIGKILLs", kills)],
        written,
        &results.lines().map(|row| id(row).unwrap()).collect::<Vec<_>>(),
    );
    for part in parts(&workspace) {
        assert!(workspace.bytes(&part) == undisturbed.bytes(&part), "{part} differs");
    }
}
